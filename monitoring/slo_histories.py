"""How each budget burns: a history that raises each burn alert, and the ones that must not."""

from __future__ import annotations

from monitoring.histories import A, C, Case, E, errors, latency

HTTP = f'{A},method="GET",route="/api/v1/pools"'


def requests(bad_percent: float, steps: int = 1000) -> dict[str, str]:
    return errors(f"0+{bad_percent}x{steps}", f"0+{100 - bad_percent}x{steps}")


def slow(bad_percent: float, steps: int = 1000) -> dict[str, str]:
    under = f"0+{100 - bad_percent}x{steps}"
    return latency("usdx_http_request_duration_seconds", HTTP, "0.5", under, "1.0", f"0+100x{steps}")


def lagging(pattern: str, steps: int) -> dict[str, str]:
    return {
        f"usdx_indexer_lag_seconds{{{C}}}": pattern,
        f"usdx_indexer_lag_threshold_seconds{{{C}}}": f"300x{steps}",
    }


def aged(pattern: str, steps: int) -> dict[str, str]:
    return {
        f"usdx_oracle_last_update_timestamp_seconds{{{E}}}": pattern,
        f"usdx_oracle_heartbeat_seconds{{{E}}}": f"60x{steps}",
    }


def refreshed(pattern: str) -> dict[str, str]:
    return {f"usdx_business_metrics_last_success_timestamp_seconds{{{A}}}": pattern}


STEPS = {"Fast": "1m", "Medium": "5m", "Slow": "15m", "Creeping": "30m"}
SOON = {"Fast": "10m", "Medium": "1h", "Slow": "4h", "Creeping": "10h"}
LATE = {"Fast": "1h20m", "Medium": "7h", "Slow": "27h", "Creeping": "80h"}


def burns(prefix: str, worst: dict[str, str], fine: dict[str, str], fresh: str | None = None) -> tuple[Case, ...]:
    """Each of the four alerts soon on a history that is bad throughout, and never on one that is good throughout.

    `fresh` is the recorded series that such a history leaves at 0.
    """
    recorded = {fresh: "0x1000"} if fresh else {}
    loud = (
        Case(f"{prefix}Burn{word}", True, worst, SOON[word], "bad throughout", step, recorded)
        for word, step in STEPS.items()
    )
    calm = (
        Case(f"{prefix}Burn{word}", False, fine, LATE[word], "good throughout", step) for word, step in STEPS.items()
    )
    return (*loud, *calm)


SLO_CASES = (
    *burns("ApiAvailability", requests(50), requests(0)),
    *burns("ApiLatency", slow(50), slow(0)),
    *burns(
        "IndexerFreshness",
        lagging("900x1000", 1000),
        lagging("1x1000", 1000),
        'chain:usdx_indexer_fresh:bool{chain="base"}',
    ),
    *burns(
        "OracleFreshness",
        aged("-999999x1000", 1000),
        aged("99999999x1000", 1000),
        'asset:usdx_oracle_fresh:bool{asset="ETH"}',
    ),
    *burns("BusinessFreshness", refreshed("-99999x1000"), refreshed("99999999x1000"), "usdx_business_fresh:bool"),
    Case("ApiAvailabilityBurnMedium", True, requests(0.7), "7h", "0.7 % of failures burn six times too fast", "5m"),
    Case("ApiAvailabilityBurnFast", False, requests(0.7), "7h", "0.7 % of failures are no fast burn", "5m"),
    Case(
        "ApiAvailabilityBurnFast",
        False,
        errors("0+50x60 3000x60", "0+50x60 3000+100x60"),
        "1h20m",
        "a fast burn ends soon after the failures do",
        "1m",
    ),
    Case(
        "ApiAvailabilityBurnFast",
        False,
        {f'usdx_http_requests_total{{{A},method="GET",route="/readyz",status="503"}}': "0+100x100"},
        "1h20m",
        "probes are no users",
        "1m",
    ),
    Case(
        "IndexerFreshnessBurnFast",
        False,
        lagging("900x3 1x100", 103),
        "1h20m",
        "three stale minutes in an hour are within the budget's pace",
        "1m",
    ),
)
