"""From quotes to one observation."""

from __future__ import annotations

from decimal import Decimal

import pytest

from oracle.aggregate import Memory
from oracle.limits import Terms
from oracle.reasons import Reason
from oracle.rules.quorum import confidence, counted
from tests.unit.oracle.feeds import USDT_USD, feed, later, leg, observe, quote, terms, verdicts, via_usdt

D = Decimal


def test_one_beyond_the_limit_fails() -> None:
    """Exactly 150 bps between two sources pass, one part in 10^18 more fails."""
    two = feed("a", "b")
    # median m, spread 2d: 2d/m = 150 bps
    assert observe(two, {"a": "9925", "b": "10075"})[0].spread_bps == 150
    assert observe(two, {"a": "9925", "b": "10075"})[0].price == 10000
    assert observe(two, {"a": "9925", "b": "10075.000000000000000001"})[0].reason is Reason.DEVIATION


def test_exactly_at_the_band_of_three_passes() -> None:
    """Of three sources one at exactly 150 bps from the median agrees; beyond it is dropped."""
    three = feed("a", "b", "c")
    assert verdicts(observe(three, {"a": "100", "b": "100", "c": "101.5"})[0])["c"] == "used"
    assert verdicts(observe(three, {"a": "100", "b": "100", "c": "101.5000000000000001"})[0])["c"] == "deviation"


def test_even_numbers_take_the_mean_of_the_middle_two() -> None:
    """The median of four is between the second and the third."""
    seen, _ = observe(feed("a", "b", "c", "d"), {"a": 100, "b": "100.1", "c": "100.2", "d": "100.9"})
    assert seen.price == D("100.15")


def test_no_minority_rules() -> None:
    """Two that agree out of five are no majority."""
    prices: dict[str, object] = {"a": 100, "b": 100, "c": 120, "d": 140, "e": 160}
    seen, _ = observe(feed(*prices), prices)
    assert (seen.result, seen.reason) == ("refused", Reason.DEVIATION)
    assert all(one.verdict == "dropped" for one in seen.inputs)


def test_two_camps_of_equal_size_are_refused() -> None:
    """Two against two, each within the band of the median between them, do not agree."""
    seen, _ = observe(feed("a", "b", "c", "d"), {"a": 100, "b": 100, "c": 102, "d": 102})
    assert seen.reason is Reason.DEVIATION


def test_two_liars_on_opposite_sides_do_not_stop_three_that_agree() -> None:
    """Those farthest from the median go until the rest agree."""
    prices: dict[str, object] = {"a": "98.6", "b": "99.9", "c": "100", "d": "100.1", "e": "101.4"}
    seen, _ = observe(feed(*prices), prices)
    assert verdicts(seen) == {"a": "deviation", "b": "used", "c": "used", "d": "used", "e": "deviation"}


def test_refuse_means_refuse() -> None:
    """With on_outlier = refuse one outlier stops the feed."""
    seen, _ = observe(feed("a", "b", "c", on_outlier="refuse"), {"a": 1, "b": 1, "c": 2})
    assert (seen.result, seen.reason) == ("refused", Reason.DEVIATION)


@pytest.mark.parametrize(("count", "sure"), [(1, "0.5"), (2, "0.7"), (3, "0.9"), (5, "0.9")])
def test_confidence_by_groups(count: int, sure: str) -> None:
    """0.5, 0.7, 0.9 for one, two, three and more independent groups."""
    names = [f"s{i}" for i in range(count)]
    seen, _ = observe(feed(*names), dict.fromkeys(names, 1))
    assert seen.confidence == D(sure)


def test_every_market_in_usdt_is_one_group() -> None:
    """Five venues quoted in USDT share one risk and count once."""
    names = ("binance", "okx", "bybit", "gate", "kucoin")
    seen, _ = observe(feed(*map(via_usdt, names)), dict.fromkeys(names, 2000), legs={USDT_USD: leg(1)})
    assert seen.groups == ("via USDT/USD",)
    assert seen.confidence == D("0.5")
    short, _ = observe(feed(*map(via_usdt, names), min_sources=2), dict.fromkeys(names, 2000), legs={USDT_USD: leg(1)})
    assert short.reason is Reason.QUORUM


def test_derivative_and_manual_never_add() -> None:
    """CoinGecko repeats exchanges, a person is no market: neither adds to an independent group nor to each other."""
    gecko, person = terms("coingecko", standing="derivative"), terms("manual", standing="manual", timing="update")
    both, _ = observe(feed("kraken", gecko, person), {"kraken": 1, "coingecko": 1, "manual": 1})
    assert (both.groups, both.confidence) == (("kraken",), D("0.5"))
    alone, _ = observe(feed(gecko, person), {"coingecko": 1, "manual": 1})
    assert (alone.groups, alone.confidence) == (("derivative",), D("0.5"))
    assert counted([]) == ()
    assert confidence(()) == 0


def test_quorum_counts_groups() -> None:
    """Too few independent groups refuse the round; the median they would have had is not told."""
    seen, _ = observe(feed("a", "b", min_sources=2), {"a": 1, "b": Reason.TIMEOUT})
    assert (seen.result, seen.reason, seen.price) == ("refused", Reason.QUORUM, None)
    assert seen.detail == "1 of 2 independent groups: a"


def test_the_cache_is_marked_decays_and_ends() -> None:
    """A refused round repeats the last good price for at most 300 s, ever less sure, and never as fresh."""
    two = feed("a", "b", min_sources=2)
    good, memory = observe(two, {"a": 100, "b": 100})
    lost = {"a": Reason.TIMEOUT, "b": Reason.TIMEOUT}
    seen, memory = observe(two, dict(lost), memory, later(150))
    assert (seen.result, seen.reason, seen.price) == ("cached", Reason.NO_QUOTES, good.price)
    assert seen.confidence == D("0.35")
    assert seen.oldest_input_at_s == good.oldest_input_at_s
    assert observe(two, dict(lost), memory, later(300))[0].result == "cached"
    over, _ = observe(two, dict(lost), memory, later(300.5))
    assert (over.result, over.price, over.confidence) == ("refused", None, 0)


def test_a_cached_price_does_not_renew_itself() -> None:
    """Repeating the last good price does not make it younger."""
    two = feed("a", "b", min_sources=2)
    _, memory = observe(two, {"a": 100, "b": 100})
    for i in range(1, 61):
        seen, memory = observe(two, {"a": Reason.TIMEOUT, "b": Reason.TIMEOUT}, memory, later(5 * i))
        assert seen.result == "cached"
    assert observe(two, {"a": Reason.TIMEOUT, "b": Reason.TIMEOUT}, memory, later(305))[0].result == "refused"


def test_the_derivation_is_whole() -> None:
    """An observation names every source with its verdict, its price, its distance, its group and its age."""
    sources: list[Terms | str] = ["a", via_usdt("b"), "c", "d"]
    stated = {"a": quote("a", 2000, time_s=1_799_999_990.0), "b": 2001, "c": 2100, "d": Reason.AUTH}
    seen, _ = observe(feed(*sources), stated, legs={USDT_USD: leg("0.9995")})
    by_name = {one.source: one for one in seen.inputs}
    assert list(by_name) == ["a", "b", "c", "d"]
    assert by_name["b"].price == D("1999.9995")
    assert by_name["b"].group == "via USDT/USD"
    assert by_name["c"].detail.startswith("500.0 bps from the median")
    assert by_name["d"].reason is Reason.AUTH
    assert seen.oldest_input_at_s == 1_799_999_990.0
    assert set(seen.legs) == {USDT_USD}


def test_a_feed_forgets_nothing_of_silent_sources() -> None:
    """A source that gives nothing for a round keeps its track, so that a freeze cannot hide behind a timeout."""
    three = feed("a", "b", "c")
    _, memory = observe(three, {"a": 100, "b": 100, "c": 100})
    _, memory = observe(three, {"a": Reason.TIMEOUT, "b": 100, "c": 100}, memory, later(30))
    seen, _ = observe(three, {"a": 100, "b": 101, "c": 101}, memory, later(60))
    assert verdicts(seen)["a"] == "frozen"
    assert Memory().good is None
