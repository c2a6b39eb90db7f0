"""Five objectives over 30 days, and the alerts on how fast their budgets burn.

Freshness is measured over time, not over events: a stalled worker has no events to count. Windows and factors are those
of the Site Reliability Workbook, chapter "Alerting on SLOs".
"""

from __future__ import annotations

from dataclasses import dataclass

from monitoring.model import Alert, Group, Recording, Severity

WINDOWS = ("5m", "30m", "1h", "2h", "6h", "1d", "3d")
API_LATENCY_S = 0.5
BUSINESS_FRESH_S = 600
PROBES = 'route!~"/metrics.*|/healthz|/readyz"'


@dataclass(frozen=True, slots=True)
class Objective:
    """One objective: `ratio` is the share that must be good; `error` the share that was bad over `%s`.

    `by` is the label that tells its series apart, `service` the label of its alerts where the series has none.
    """

    slo: str
    ratio: float
    by: str | None
    service: str | None
    error: str
    meaning: str

    @property
    def budget(self) -> float:
        """The share that may be bad."""
        return round(1 - self.ratio, 6)

    @property
    def prefix(self) -> str:
        """What the alerts' names begin with: ApiAvailability."""
        return "".join(word.capitalize() for word in self.slo.split("-"))


@dataclass(frozen=True, slots=True)
class Burn:
    """Alert when the budget burns at `factor` over the long and the short window."""

    word: str
    factor: float
    long: str
    short: str
    severity: Severity
    hold: str


BURNS = (
    Burn("Fast", 14.4, "1h", "5m", "critical", "2m"),
    Burn("Medium", 6, "6h", "30m", "critical", "15m"),
    Burn("Slow", 3, "1d", "2h", "warning", "1h"),
    Burn("Creeping", 1, "3d", "6h", "warning", "3h"),
)

_REQUESTS = f"sum by (service) (rate(usdx_http_requests_total{{{PROBES}%s}}[%%s]))"
_LATENCY = f"sum by (service) (rate(usdx_http_request_duration_seconds_%s{{{PROBES}%s}}[%%s]))"
_ALL, _FAILED = _REQUESTS % "", _REQUESTS % ',status=~"5.."'
_ANSWERED, _QUICK = _LATENCY % ("count", ""), _LATENCY % ("bucket", f',le="{API_LATENCY_S}"')

OBJECTIVES = (
    Objective(
        "api-availability",
        0.999,
        "service",
        None,
        f"({_FAILED} or 0 * {_ALL}) / ({_ALL} > 0)",
        "of the requests are answered without a 5xx status",
    ),
    Objective(
        "api-latency",
        0.99,
        "service",
        None,
        f"1 - {_QUICK} / ({_ANSWERED} > 0)",
        f"of the requests are answered within {API_LATENCY_S} s",
    ),
    Objective(
        "indexer-freshness",
        0.995,
        "chain",
        "indexer",
        "1 - avg_over_time(chain:usdx_indexer_fresh:bool[%s])",
        "of the time the newest block is younger than the chain's lag threshold",
    ),
    Objective(
        "oracle-freshness",
        0.999,
        "asset",
        "oracle",
        "1 - avg_over_time(asset:usdx_oracle_fresh:bool[%s])",
        "of the time the price is younger than the asset's heartbeat",
    ),
    Objective(
        "business-freshness",
        0.99,
        None,
        "business",
        "1 - avg_over_time(usdx_business_fresh:bool[%s])",
        f"of the time the business metrics are younger than {BUSINESS_FRESH_S} s",
    ),
)

FRESHNESS = Group(
    "usdx-slo-freshness",
    (
        Recording(
            "chain:usdx_indexer_fresh:bool",
            "min by (chain) (usdx_indexer_lag_seconds)"
            " <= bool on (chain) max by (chain) (usdx_indexer_lag_threshold_seconds)",
        ),
        Recording(
            "asset:usdx_oracle_fresh:bool",
            "min by (asset) (time() - usdx_oracle_last_update_timestamp_seconds)"
            " <= bool on (asset) max by (asset) (usdx_oracle_heartbeat_seconds)",
        ),
        Recording(
            "usdx_business_fresh:bool",
            f"time() - max(usdx_business_metrics_last_success_timestamp_seconds) <= bool {BUSINESS_FRESH_S}",
        ),
    ),
)


def recorded(window: str) -> str:
    """The name of the error ratio over a window."""
    return f"slo:usdx_error:ratio_rate{window}"


def _ratios(objective: Objective) -> tuple[Recording, ...]:
    labels = {"slo": objective.slo}
    ratios = (Recording(recorded(window), objective.error.replace("%s", window), labels) for window in WINDOWS)
    return (*ratios, Recording("slo:usdx_objective:ratio", f"vector({objective.ratio})", labels))


def _burning(objective: Objective, burn: Burn) -> Alert:
    limit = f"{burn.factor} * {objective.budget}"
    where = f'{{slo="{objective.slo}"}}'
    who = f"{{{{ $labels.{objective.by} }}}}: " if objective.by else ""
    return Alert(
        f"{objective.prefix}Burn{burn.word}",
        burn.severity,
        objective.service,
        burn.hold,
        f"{recorded(burn.long)}{where} > {limit} and {recorded(burn.short)}{where} > {limit}",
        f"{who}the {objective.slo} budget burns at {burn.factor:g} times its rate",
        f"The objective is that {objective.ratio:.1%} {objective.meaning}. Over {burn.long} and {burn.short} "
        f"{{{{ $value | humanizePercentage }}}} did not, more than {burn.factor:g} times what 30 days allow.",
        "usdx-slo",
        labels={"slo": objective.slo},
        page=f"{objective.prefix}Burn",
    )


GROUPS: tuple[Group, ...] = (
    FRESHNESS,
    *(Group(f"usdx-slo-{one.slo}", _ratios(one)) for one in OBJECTIVES),
    *(Group(f"usdx-slo-{one.slo}-burn", tuple(_burning(one, burn) for burn in BURNS)) for one in OBJECTIVES),
)
ALERTS: tuple[Alert, ...] = tuple(rule for group in GROUPS for rule in group.rules if isinstance(rule, Alert))
