"""Judge whether all is well, and say in words what is not."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

from aggregator.status.model import (
    AlertStatus,
    ChainStatus,
    Concern,
    FeedStatus,
    FigureStatus,
    Level,
    Verdict,
    WorkerStatus,
)

CRITICAL_LAG = 6  # times the threshold, as in the alert IndexerCriticalLag
LATE_PERIODS = 3
UNDECODED_COUNTED = 1000
WATCHDOG_SILENCE_S = 300.0
LEVELS: dict[str, Level] = {"critical": "trouble", "warning": "attention"}  # what an alert's severity means
_ORDER: dict[Level, int] = {"trouble": 0, "attention": 1, "note": 2}


def judge_chain(chain: ChainStatus, now: datetime) -> Iterable[Concern]:
    """What is wrong with a chain."""
    about = f"chain {chain.chain}"
    if chain.phase == "halted":
        yield Concern("trouble", about, "The indexer stopped on an error that only a person can mend.")
    elif chain.block_time is None:
        yield Concern("attention", about, "Nothing is stored yet.")
    elif chain.phase == "catching up":
        yield Concern("note", about, f"Catching up{_eta(chain.eta_s)}.")
    elif (lag_s := (now - chain.block_time).total_seconds()) > chain.lag_threshold_s:
        level: Level = "trouble" if lag_s > CRITICAL_LAG * chain.lag_threshold_s else "attention"
        yield Concern(level, about, f"The last stored block is {duration(lag_s)} old.")
    if chain.undecoded:
        more = " or more" if chain.undecoded >= UNDECODED_COUNTED else ""
        logs = "log" if chain.undecoded == 1 else "logs"
        yield Concern("attention", about, f"{chain.undecoded:,}{more} {logs} could not be decoded; they are kept.")


def judge_feed(feed: FeedStatus, now: datetime) -> Iterable[Concern]:
    """What is wrong with a feed."""
    about, level = f"feed {feed.feed}", "trouble" if feed.required else "attention"
    age_s = (now - feed.observed_at).total_seconds() if feed.observed_at is not None else None
    if age_s is None:
        yield Concern(level, about, "There has never been a price.")  # type: ignore[arg-type]
    elif age_s > feed.heartbeat_s:
        yield Concern(level, about, f"Nothing was heard for {duration(age_s)}.")  # type: ignore[arg-type]
    elif feed.result == "refused":
        yield Concern(level, about, f"No price: {_why(feed)}.")  # type: ignore[arg-type]
    elif feed.result == "cached":
        yield Concern("attention", about, f"The price is an earlier one: {_why(feed)}.")


def judge_figure(figure: FigureStatus, now: datetime) -> Iterable[Concern]:
    """What is wrong with a business figure."""
    about = f"figure {figure.title}"
    if figure.error is not None:
        yield Concern("attention", about, f"Its query fails: {figure.error}")
    elif figure.read_at is not None:
        age_s = (now - figure.read_at).total_seconds()
        if age_s > LATE_PERIODS * figure.period_s + 10:
            yield Concern("attention", about, f"It was read {duration(age_s)} ago.")


def judge_worker(worker: WorkerStatus) -> Iterable[Concern]:
    """What is wrong with a worker."""
    if not worker.up:
        yield Concern("trouble", f"worker {worker.service}", f"{worker.instance} does not answer: {worker.detail}.")


def judge_alerts(alerts: Sequence[AlertStatus], watchdog_at: datetime | None, now: datetime) -> Iterable[Concern]:
    """What the active alerts mean, and whether the chain that delivers them still works."""
    for alert in alerts:
        if alert.severity in LEVELS:
            yield Concern(LEVELS[alert.severity], f"alert {alert.alertname}", alert.summary or "It is firing.")
    if watchdog_at is not None and (silence_s := (now - watchdog_at).total_seconds()) > WATCHDOG_SILENCE_S:
        yield Concern("attention", "alerting", f"The watchdog has been silent for {duration(silence_s)}.")


def sorted_concerns(concerns: Iterable[Concern]) -> list[Concern]:
    """The worst first."""
    return sorted(concerns, key=lambda one: _ORDER[one.level])


def verdict_of(concerns: Sequence[Concern], unseen: Mapping[Level, int]) -> tuple[Verdict, str]:
    """One word and one sentence for all of it, and for as many more of each level as are not told one by one."""
    troubles = sum(one.level == "trouble" for one in concerns) + unseen.get("trouble", 0)
    attentions = sum(one.level == "attention" for one in concerns) + unseen.get("attention", 0)
    if troubles:
        rest = f", {_things(attentions)} more to look at" if attentions else ""
        return "trouble", f"{_things(troubles).capitalize()} {'is' if troubles == 1 else 'are'} broken{rest}."
    if attentions:
        return "attention", f"{_things(attentions).capitalize()} to look at."
    return "well", "All is well."


def duration(seconds: float) -> str:
    """A duration for a person, such as `3 s`, `5 min` or `2.5 h`."""
    if seconds < 120:
        return f"{max(0, seconds):.0f} s"
    if seconds < 7200:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3600:.1f} h" if seconds < 172_800 else f"{seconds / 86400:.1f} d"


def _things(count: int) -> str:
    return "one thing" if count == 1 else f"{count:,} things"


def _eta(eta_s: float | None) -> str:
    return f", done in about {duration(eta_s)}" if eta_s else ""


def _why(feed: FeedStatus) -> str:
    return ": ".join(part for part in (feed.reason or "no reason given", feed.detail or "") if part)
