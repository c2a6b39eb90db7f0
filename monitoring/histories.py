"""For every alert at least one history that raises it and one, on the near side of its limit, that does not.

Histories are promtool's: time begins at 0, `a+bxn` is n more samples a step of b apart, `_` is a missing one.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

W = 'job="usdx-indexer",instance="i:9101",service="indexer"'
A = 'job="usdx-aggregator",instance="a:3001",service="aggregator"'
O = 'job="usdx-oracle",instance="o:9102",service="oracle"'  # noqa: E741
C = f'chain="base",{W}'
S = f'stream="wexel/vault",{C}'


@dataclass(frozen=True)
class Case:
    """A history, and whether the alert fires at `at`. `every` is the distance of samples and evaluations.

    `recorded` are series that rules record; promtool computes them, a replay must be given them.
    """

    alert: str
    fires: bool
    series: Mapping[str, str]
    at: str
    law: str
    every: str = "15s"
    recorded: Mapping[str, str] = field(default_factory=dict)


def pair(
    alert: str,
    loud: Mapping[str, str],
    quiet: Mapping[str, str],
    at: str,
    laws: tuple[str, str],
    every: str = "15s",
) -> tuple[Case, Case]:
    """The firing case and the quiet one beside it."""
    return Case(alert, True, loud, at, laws[0], every), Case(alert, False, quiet, at, laws[1], every)


def errors(failed: str, good: str) -> dict[str, str]:
    return {
        f'usdx_http_requests_total{{{A},method="GET",route="/api/v1/pools",status="500"}}': failed,
        f'usdx_http_requests_total{{{A},method="GET",route="/api/v1/pools",status="200"}}': good,
    }


def lag(seconds: str, backfill: str = "0x80", threshold: str = "300x80") -> dict[str, str]:
    return {
        f"usdx_indexer_lag_seconds{{{C}}}": seconds,
        f"usdx_indexer_lag_threshold_seconds{{{C}}}": threshold,
        f"usdx_indexer_backfill_active{{{C}}}": backfill,
    }


def latency(metric: str, labels: str, under: str, limit: str, over: str, total: str) -> dict[str, str]:
    """A histogram of two buckets around a limit: how many a step stay under it, how many there are in all."""
    return {
        f'{metric}_bucket{{{labels},le="{under}"}}': limit,
        f'{metric}_bucket{{{labels},le="{over}"}}': total,
        f'{metric}_bucket{{{labels},le="+Inf"}}': total,
        f"{metric}_count{{{labels}}}": total,
    }


def only(series: str, values: str) -> dict[str, str]:
    return {series: values}


def violations(missing: str = "0x40", wrong: str = "0x40", invented: str = "0x40") -> dict[str, str]:
    """Open violations by kind, beside some that were repaired."""
    found = {"missing": missing, "wrong": wrong, "invented": invented}
    opened = {f'usdx_indexer_audit_violations{{{S},kind="{kind}",state="open"}}': one for kind, one in found.items()}
    return opened | {f'usdx_indexer_audit_violations{{{S},kind="missing",state="repaired"}}': "2x40"}


def figures(broken: str | None, limit: str = "900x40") -> dict[str, str]:
    """Two business figures, one of them always young; `broken` is when the other was last read, None for never."""
    success, ages = "usdx_business_figure_last_success_timestamp_seconds", "usdx_business_figure_max_age_seconds"
    found = {
        f'{success}{{{A},gauge="usdx_total_users_count"}}': "0+60x40",
        f'{ages}{{{A},gauge="usdx_total_users_count"}}': "900x40",
        f'{ages}{{{A},gauge="usdx_total_value_locked"}}': limit,
    }
    return found if broken is None else found | {f'{success}{{{A},gauge="usdx_total_value_locked"}}': broken}


RARE = " ".join(f"{number}x7" for number in range(12))
"""One more every two minutes."""
HTTP = f'{A},method="GET",route="/api/v1/pools"'
DB = f'{A},operation="select",table="wexels"'

WORKERS = (
    *pair(
        "ServiceDown",
        only(f"up{{{W}}}", "0x20"),
        only(f"up{{{W}}}", "0x2 1 0x2 1x15"),
        "3m",
        ("a worker that does not answer for a minute is down", "a worker that missed two scrapes is not"),
    ),
    *(
        case
        for service, labels, others in (("indexer", W, (A, O)), ("oracle", O, (A, W)), ("aggregator", A, (W, O)))
        for case in pair(
            "ServiceMissing",
            {f"up{{{other}}}": "1x20" for other in others},
            {f"up{{{other}}}": "1x20" for other in (*others, labels)},
            "3m",
            (f"a job {service} without a target is missing", f"a job {service} with a target is not"),
        )
    ),
    *pair(
        "ServiceFlapping",
        only(f"process_start_time_seconds{{{W}}}", "0x9 60x9 120x9 180x9"),
        only(f"process_start_time_seconds{{{W}}}", "0x9 60x9 120x20"),
        "10m",
        ("three restarts in 15 minutes are flapping", "two are not"),
    ),
    *pair(
        "WorkerHeartbeatStale",
        {
            f'usdx_worker_heartbeat_timestamp_seconds{{{W},loop="follow"}}': "0x40",
            f'usdx_worker_heartbeat_max_age_seconds{{{W},loop="follow"}}': "60x40",
        },
        {
            f'usdx_worker_heartbeat_timestamp_seconds{{{W},loop="follow"}}': "0+15x40",
            f'usdx_worker_heartbeat_max_age_seconds{{{W},loop="follow"}}': "60x40",
        },
        "4m",
        ("a loop that stands still is reported while its process answers", "a loop that beats is not"),
    ),
    *pair(
        "WorkerTaskRestarting",
        only(f'usdx_worker_task_restarts_total{{{W},task="chain base"}}', "0 1 2 3 4 5 6x60"),
        only(f'usdx_worker_task_restarts_total{{{W},task="chain base"}}', "0 1 2 2x60"),
        "10m",
        ("a task that keeps being restarted is reported", "two restarts are not"),
    ),
    *pair(
        "EventLoopBlocked",
        latency("usdx_event_loop_lag_seconds", W, "0.5", "0+7x60", "1.0", "0+15x60"),
        latency("usdx_event_loop_lag_seconds", W, "0.5", "0+15x60", "1.0", "0+15x60"),
        "12m",
        ("a loop late by more than half a second is blocked", "a loop late by less is not"),
    ),
    *pair(
        "DependencyDown",
        only(f'usdx_dependency_up{{{W},dependency="node"}}', "0x40"),
        only(f'usdx_dependency_up{{{W},dependency="postgres"}}', "0x40"),
        "8m",
        ("a dependency that is away for five minutes is reported", "Postgres has an alert of its own"),
    ),
)

API = (
    *pair(
        "HighErrorRate",
        errors("0+6x60", "0+94x60"),
        errors("0+5x60", "0+95x60"),
        "12m",
        ("more than 5 % of failures is an outage", "exactly 5 % is not"),
    ),
    Case("HighErrorRate", False, errors("0x60", "0x60"), "12m", "no traffic raises nothing"),
    Case("HighErrorRate", False, errors("0x20 1x40", "0x20 1x40"), "8m", "one failure of two requests raises nothing"),
    Case("HighErrorRate", False, errors(RARE, "0x90"), "12m", "a failure every two minutes is too little traffic"),
    Case("ElevatedErrorRate", False, errors(RARE, "0x90"), "18m", "a failure every two minutes is too little traffic"),
    Case(
        "HighErrorRate",
        False,
        {
            f'usdx_http_requests_total{{{A},method="GET",route="/",status="200"}}': "0+90x60",
            f'usdx_http_requests_total{{{W},method="GET",route="/metrics",status="200"}}': "0+1x60",
        },
        "12m",
        "a service that never failed has a ratio of 0, not none",
    ),
    Case(
        "HighErrorRate",
        False,
        {
            f'usdx_http_requests_total{{{W},method="GET",route="/readyz",status="503"}}': "0+60x60",
            f'usdx_http_requests_total{{{W},method="GET",route="/metrics",status="200"}}': "0+60x60",
        },
        "12m",
        "a worker that says it is not ready does not fail its callers",
    ),
    *pair(
        "ElevatedErrorRate",
        errors("0+2x80", "0+98x80"),
        errors("0+1x80", "0+99x80"),
        "18m",
        ("more than 1 % of failures is elevated", "exactly 1 % is not"),
    ),
    *pair(
        "HighResponseTime",
        latency("usdx_http_request_duration_seconds", HTTP, "3.0", "0+94x60", "5.0", "0+100x60"),
        latency("usdx_http_request_duration_seconds", HTTP, "3.0", "0+96x60", "5.0", "0+100x60"),
        "12m",
        ("a p95 beyond the limit is slow", "a p95 within it is not"),
    ),
)

DATABASE = (
    *pair(
        "DatabaseDown",
        only(f'usdx_dependency_up{{{W},dependency="postgres"}}', "0x20"),
        {
            f'usdx_dependency_up{{{W},dependency="postgres"}}': "0x20",
            'usdx_dependency_up{job="usdx-indexer",instance="j:9101",service="indexer",dependency="postgres"}': "1x20",
        },
        "3m",
        ("a service that cannot reach Postgres is reported", "one replica that reaches it is enough"),
    ),
    *pair(
        "SlowDatabaseQueries",
        latency("usdx_db_query_duration_seconds", DB, "1.0", "0+94x60", "2.5", "0+100x60"),
        latency("usdx_db_query_duration_seconds", DB, "1.0", "0+96x60", "2.5", "0+100x60"),
        "12m",
        ("a p95 beyond a second is slow", "a p95 within it is not"),
    ),
    *pair(
        "DatabaseErrors",
        {
            f'usdx_db_errors_total{{{A},operation="select",kind="timeout"}}': "0+2x60",
            f"usdx_db_queries_total{{{DB}}}": "0+100x60",
        },
        {
            f'usdx_db_errors_total{{{A},operation="select",kind="timeout"}}': "0+1x60",
            f"usdx_db_queries_total{{{DB}}}": "0+101x60",
        },
        "12m",
        ("2 % of failed statements are too many", "less than 1 % is not"),
    ),
    Case(
        "DatabaseErrors",
        False,
        {
            f'usdx_db_errors_total{{{A},operation="select",kind="timeout"}}': "0x60",
            f"usdx_db_queries_total{{{DB}}}": "0x60",
        },
        "12m",
        "an idle database raises nothing",
    ),
    *pair(
        "DatabasePoolExhausted",
        {
            f'usdx_db_pool_connections{{{A},state="used"}}': "10x40",
            f"usdx_db_pool_max_connections{{{A}}}": "10x40",
        },
        {
            f'usdx_db_pool_connections{{{A},state="used"}}': "9x40",
            f"usdx_db_pool_max_connections{{{A}}}": "10x40",
        },
        "8m",
        ("a pool with no connection left is exhausted", "a pool with one left is not"),
    ),
)

INDEXER = (
    *pair(
        "IndexerHighLag",
        lag("301x80"),
        lag("300x80"),
        "15m",
        ("a lag beyond the chain's threshold is high", "a lag at the threshold is not"),
    ),
    Case("IndexerHighLag", False, lag("90000x80", "1x80"), "15m", "a backfill is behind by its nature"),
    Case(
        "IndexerHighLag",
        False,
        lag("301x80")
        | {'usdx_indexer_lag_seconds{chain="base",job="usdx-indexer",instance="j:9101",service="indexer"}': "2x80"},
        "15m",
        "one replica at the tip is enough",
    ),
    *pair(
        "IndexerCriticalLag",
        lag("1801x80"),
        lag("1800x80"),
        "10m",
        ("six times the threshold is critical", "exactly six times is not"),
    ),
    Case("IndexerCriticalLag", False, lag("90000x80", "1x80"), "10m", "a backfill is behind by its nature"),
    *pair(
        "IndexerStalled",
        {
            f"usdx_indexer_blocks_processed_total{{{C}}}": "100x80",
            f"usdx_indexer_chain_head_block{{{C}}}": "100+1x80",
        },
        {
            f"usdx_indexer_blocks_processed_total{{{C}}}": "100x80",
            f"usdx_indexer_chain_head_block{{{C}}}": "100x80",
        },
        "16m",
        ("a chain that grows and is not committed has stalled", "a chain that stands still is no stall of ours"),
    ),
    Case(
        "IndexerStalled",
        False,
        {
            f"usdx_indexer_blocks_processed_total{{{C}}}": "100+1x80",
            f"usdx_indexer_chain_head_block{{{C}}}": "100+1x80",
        },
        "16m",
        "a chain that is being committed has not stalled",
    ),
    *pair(
        "IndexerLagUnknown",
        only(f"usdx_indexer_lag_threshold_seconds{{{C}}}", "300x60"),
        lag("1x60"),
        "12m",
        ("a chain that never committed has no lag, which is told", "a chain that has a lag is known"),
    ),
    *pair(
        "IndexerHalted",
        only(f"usdx_indexer_halted{{{C}}}", "1x4"),
        only(f"usdx_indexer_halted{{{C}}}", "0x4"),
        "30s",
        ("a halt is told at once", "a running chain has not halted"),
    ),
    *pair(
        "ChainHeadStale",
        only(f"usdx_indexer_chain_head_fetched_timestamp_seconds{{{C}}}", "0x40"),
        only(f"usdx_indexer_chain_head_fetched_timestamp_seconds{{{C}}}", "0+15x40"),
        "6m",
        ("a head that nobody tells is stale", "a head that is told is not"),
    ),
    *pair(
        "ChainHalted",
        {
            f"usdx_indexer_chain_head_timestamp_seconds{{{C}}}": "0x60",
            f"usdx_indexer_chain_head_fetched_timestamp_seconds{{{C}}}": "0+15x60",
        },
        {
            f"usdx_indexer_chain_head_timestamp_seconds{{{C}}}": "0x60",
            f"usdx_indexer_chain_head_fetched_timestamp_seconds{{{C}}}": "0x60",
        },
        "12m",
        ("a chain whose nodes answer and that makes no block has halted", "a dead node is not a halted chain"),
    ),
    *pair(
        "IndexerBackfillStalled",
        {
            f"usdx_indexer_backfill_active{{{C}}}": "1x100",
            f"usdx_indexer_blocks_processed_total{{{C}}}": "100x100",
        },
        {
            f"usdx_indexer_backfill_active{{{C}}}": "1x100",
            f"usdx_indexer_blocks_processed_total{{{C}}}": "100+1x100",
        },
        "22m",
        ("a backfill that commits nothing stands still", "a backfill that commits does not"),
    ),
    Case(
        "IndexerBackfillStalled",
        False,
        {
            f"usdx_indexer_backfill_active{{{C}}}": "0x100",
            f"usdx_indexer_blocks_processed_total{{{C}}}": "100x100",
        },
        "22m",
        "without a backfill there is none to stall",
    ),
    *pair(
        "DeepReorg",
        {
            f'usdx_indexer_reorg_depth_blocks_bucket{{{C},le="8.0"}}': "0x40",
            f'usdx_indexer_reorg_depth_blocks_bucket{{{C},le="+Inf"}}': "0x20 1x20",
        },
        {
            f'usdx_indexer_reorg_depth_blocks_bucket{{{C},le="8.0"}}': "0x20 1x20",
            f'usdx_indexer_reorg_depth_blocks_bucket{{{C},le="+Inf"}}': "0x20 1x20",
        },
        "7m",
        ("a reorganisation deeper than eight blocks is told", "a shallow one is not"),
    ),
    *pair(
        "IndexerDecodeErrors",
        only(f"usdx_indexer_decode_errors_total{{{C}}}", "0x20 1x20"),
        only(f"usdx_indexer_decode_errors_total{{{C}}}", "7x40"),
        "7m",
        ("a log that cannot be decoded is told", "old ones are not told again"),
    ),
    *pair(
        "IndexerUnknownImplementation",
        only(f"usdx_indexer_unknown_implementations{{{S}}}", "0x8 1x40"),
        only(f"usdx_indexer_unknown_implementations{{{S}}}", "0x8 1x18 0x22"),
        "9m",
        ("an upgrade that nobody answers for five minutes is told", "one whose ABI is given sooner is not"),
    ),
    Case(
        "IndexerUnknownImplementation",
        False,
        only(f"usdx_indexer_unknown_implementations{{{S}}}", "0x40"),
        "9m",
        "a proxy whose implementation is known raises nothing",
    ),
    *pair(
        "AuditViolationsOpen",
        violations(missing="0x8 1x40"),
        violations(missing="0x8 1x18 0x22"),
        "9m",
        ("one row that differs and stays so is told", "one that is repaired within five minutes is not"),
    ),
    *(
        Case("AuditViolationsOpen", True, violations(**{kind: "1x40"}), "9m", f"{kind} rows are told")
        for kind in ("wrong", "invented")
    ),
    Case("AuditViolationsOpen", False, violations(), "9m", "what was repaired is not open any more"),
)

P = f'chain="base",provider="alchemy",{W}'
Q = f'chain="base",provider="public",{W}'
NODES = (
    *pair(
        "RpcAllProvidersDown",
        {f"usdx_rpc_provider_up{{{P}}}": "0x20", f"usdx_rpc_provider_up{{{Q}}}": "0x20"},
        {f"usdx_rpc_provider_up{{{P}}}": "0x20", f"usdx_rpc_provider_up{{{Q}}}": "1x20"},
        "3m",
        ("a chain without an endpoint is down", "one healthy endpoint is enough"),
    ),
    *pair(
        "RpcProviderDown",
        {f"usdx_rpc_provider_up{{{P}}}": "0x40", f"usdx_rpc_provider_up{{{Q}}}": "1x40"},
        {f"usdx_rpc_provider_up{{{P}}}": "0x10 1x30", f"usdx_rpc_provider_up{{{Q}}}": "1x40"},
        "7m",
        ("an endpoint down for five minutes is told", "one that came back is not"),
    ),
    *pair(
        "RpcErrorRateHigh",
        {
            f'usdx_rpc_requests_total{{{P},method="eth_getLogs",outcome="transport"}}': "0+11x80",
            f'usdx_rpc_requests_total{{{P},method="eth_getLogs",outcome="ok"}}': "0+89x80",
        },
        {
            f'usdx_rpc_requests_total{{{P},method="eth_getLogs",outcome="transport"}}': "0+10x80",
            f'usdx_rpc_requests_total{{{P},method="eth_getLogs",outcome="ok"}}': "0+90x80",
        },
        "17m",
        ("more than 10 % of failed requests are too many", "exactly 10 % is not"),
    ),
    *pair(
        "RpcProviderLagging",
        {f"usdx_rpc_provider_head_block{{{P}}}": "100x40", f"usdx_rpc_provider_head_block{{{Q}}}": "121x40"},
        {f"usdx_rpc_provider_head_block{{{P}}}": "101x40", f"usdx_rpc_provider_head_block{{{Q}}}": "121x40"},
        "7m",
        ("an endpoint more than 20 blocks behind lags", "exactly 20 is not"),
    ),
)

E = f'asset="ETH",{O}'
ORACLE = (
    *pair(
        "OraclePriceUpdateFailures",
        {
            f'usdx_oracle_errors_total{{{O},source="kraken",kind="timeout"}}': "0+1x60",
            f'usdx_oracle_fetches_total{{{O},source="kraken"}}': "0+1x60",
        },
        {
            f'usdx_oracle_errors_total{{{O},source="kraken",kind="timeout"}}': "0+1x60",
            f'usdx_oracle_fetches_total{{{O},source="kraken"}}': "0+3x60",
        },
        "12m",
        ("a source that fails every time is told at any rate", "a third of failures at a low rate is not"),
    ),
    Case(
        "OraclePriceUpdateFailures",
        True,
        {
            f'usdx_oracle_errors_total{{{O},source="kraken",kind="timeout"}}': "0+1x15",
            f'usdx_oracle_fetches_total{{{O},source="kraken"}}': "0+1x15",
        },
        "12m",
        "a dead oracle that asks once a minute is told",
        "1m",
    ),
    *pair(
        "OraclePriceStale",
        {
            f"usdx_oracle_last_update_timestamp_seconds{{{E}}}": "0x40",
            f"usdx_oracle_heartbeat_seconds{{{E}}}": "60x40",
        },
        {
            f"usdx_oracle_last_update_timestamp_seconds{{{E}}}": "0+15x40",
            f"usdx_oracle_heartbeat_seconds{{{E}}}": "60x40",
        },
        "4m",
        ("a price older than its heartbeat is stale", "a price that is updated is not"),
    ),
    *pair(
        "OraclePriceMissing",
        only(f"usdx_oracle_heartbeat_seconds{{{E}}}", "60x40"),
        {
            f"usdx_oracle_heartbeat_seconds{{{E}}}": "60x40",
            f"usdx_oracle_last_update_timestamp_seconds{{{E}}}": "0x40",
        },
        "7m",
        ("an asset that never had a price is missing", "an asset with an old one is not missing"),
    ),
    *pair(
        "OracleQuorumLost",
        {
            f"usdx_oracle_sources_healthy{{{E}}}": "1x20",
            f"usdx_oracle_sources_required{{{E}}}": "2x20",
        },
        {
            f"usdx_oracle_sources_healthy{{{E}}}": "2x20",
            f"usdx_oracle_sources_required{{{E}}}": "2x20",
        },
        "3m",
        ("fewer sources than the quorum are too few", "the quorum itself is enough"),
    ),
    *pair(
        "OracleCircuitBreakerOpen",
        only(f"usdx_oracle_circuit_breaker_open{{{E}}}", "1x4"),
        only(f"usdx_oracle_circuit_breaker_open{{{E}}}", "0x4"),
        "30s",
        ("a price held back is told at once", "a published one is not"),
    ),
    *pair(
        "OracleSourceFailing",
        {
            f'usdx_oracle_errors_total{{{O},source="kraken",kind="timeout"}}': "0+2x80",
            f'usdx_oracle_fetches_total{{{O},source="kraken"}}': "0+3x80",
        },
        {
            f'usdx_oracle_errors_total{{{O},source="kraken",kind="timeout"}}': "0+1x80",
            f'usdx_oracle_fetches_total{{{O},source="kraken"}}': "0+2x80",
        },
        "17m",
        ("a source that fails more often than not is told", "one that fails half the time is not"),
    ),
    *pair(
        "OraclePriceDeviation",
        only(f"usdx_oracle_deviation_ratio{{{E}}}", "0.021x40"),
        only(f"usdx_oracle_deviation_ratio{{{E}}}", "0.02x40"),
        "8m",
        ("a source more than 2 % off is told", "exactly 2 % is not"),
    ),
    *pair(
        "OraclePriceJump",
        only(f"usdx_oracle_median_price{{{E}}}", "2000x30 2210x10"),
        only(f"usdx_oracle_median_price{{{E}}}", "2000x30 2190x10"),
        "9m",
        ("a move of more than 10 % in five minutes is a jump", "a smaller one is not"),
    ),
    *pair(
        "StablecoinDepeg",
        only(f'usdx_oracle_median_price{{{O},asset="USDT"}}', "0.98x60"),
        only(f'usdx_oracle_median_price{{{O},asset="USDT"}}', "0.995x60"),
        "12m",
        ("a stablecoin 2 % off the dollar has lost its peg", "half a per cent is not"),
    ),
    Case(
        "StablecoinDepeg",
        False,
        only(f'usdx_oracle_median_price{{{O},asset="ETH"}}', "2000x60"),
        "12m",
        "nobody promised that ETH is a dollar",
    ),
)

BUSINESS = (
    *pair(
        "TVLDropped",
        only(f"usdx_total_value_locked{{{A}}}", "1000x60 899x40"),
        only(f"usdx_total_value_locked{{{A}}}", "1000x60 901x40"),
        "1h15m",
        ("a fall of more than 10 % in an hour is told", "a smaller one is not"),
        "1m",
    ),
    Case(
        "TVLDropped",
        False,
        only(f"usdx_total_value_locked{{{A}}}", "1000x5 _x60 800x40"),
        "1h20m",
        "after a gap there is nothing to compare with",
        "1m",
    ),
    Case(
        "TVLDropped",
        False,
        {
            f"usdx_total_value_locked{{{A}}}": "1000x60 _x40",
            'usdx_total_value_locked{job="usdx-aggregator",instance="b:3001",service="aggregator"}': "1000x100",
        },
        "1h20m",
        "two replicas are not added up, so losing one loses nothing",
        "1m",
    ),
    *pair(
        "NoDepositsDetected",
        only(f'usdx_last_deposit_timestamp_seconds{{{A},chain="base"}}', "0x60"),
        only(f'usdx_last_deposit_timestamp_seconds{{{A},chain="base"}}', "7200x60"),
        "4h20m",
        ("four hours without a deposit are told", "a deposit two hours ago is not"),
        "5m",
    ),
    Case(
        "NoDepositsDetected",
        True,
        only(f"usdx_business_metrics_last_success_timestamp_seconds{{{A}}}", "0+60x40"),
        "20m",
        "no deposit at all is told once a refresh has worked",
        "1m",
    ),
    Case(
        "NoDepositsDetected",
        False,
        only(f"up{{{A}}}", "1x40"),
        "20m",
        "before the first refresh nobody knows",
        "1m",
    ),
    *pair(
        "LowActiveWexels",
        only(f"usdx_active_wexels_count{{{A}}}", "100x288 79x20"),
        only(f"usdx_active_wexels_count{{{A}}}", "100x288 81x20"),
        "24h30m",
        ("a fall of more than 20 % in a day is told", "a smaller one is not"),
        "5m",
    ),
    *pair(
        "NoTradesDetected",
        only(f'usdx_last_trade_timestamp_seconds{{{A},chain="base"}}', "0x310"),
        only(f'usdx_last_trade_timestamp_seconds{{{A},chain="base"}}', "43200x310"),
        "24h20m",
        ("a day without a trade is told", "a trade half a day ago is not"),
        "5m",
    ),
    *pair(
        "BusinessMetricsStale",
        only(f"usdx_business_metrics_last_success_timestamp_seconds{{{A}}}", "0x40"),
        only(f"usdx_business_metrics_last_success_timestamp_seconds{{{A}}}", "0x10 600x30"),
        "18m",
        ("figures older than 15 minutes are stale", "younger ones are not"),
        "1m",
    ),
    *pair(
        "BusinessFigureStale",
        figures(broken="0x40"),
        figures(broken="0x10 600x30"),
        "18m",
        ("one figure older than its own limit is told, however young the others are", "a younger one is not"),
        "1m",
    ),
    Case(
        "BusinessFigureStale",
        False,
        figures(broken="0x40", limit="3600x40"),
        "18m",
        "a figure that is asked once in a while has a limit of its own",
        "1m",
    ),
    *pair(
        "BusinessFigureMissing",
        figures(broken=None),
        figures(broken="0x40"),
        "18m",
        ("a figure that never had a value is told", "one that has one is not"),
        "1m",
    ),
    *pair(
        "UndercollateralizedLoans",
        {
            f"usdx_loans_collateral_value_usd{{{A}}}": "119x60",
            f"usdx_total_loans_outstanding_usd{{{A}}}": "100x60",
        },
        {
            f"usdx_loans_collateral_value_usd{{{A}}}": "120x60",
            f"usdx_total_loans_outstanding_usd{{{A}}}": "100x60",
        },
        "12m",
        ("loans covered less than 120 % are told", "exactly 120 % is not"),
    ),
    Case(
        "UndercollateralizedLoans",
        False,
        {f"usdx_loans_collateral_value_usd{{{A}}}": "0x60", f"usdx_total_loans_outstanding_usd{{{A}}}": "0x60"},
        "12m",
        "without loans there is nothing to cover",
    ),
    *pair(
        "MetricsInconsistent",
        {
            f'usdx_pool_value_locked_usd{{{A},chain="base",pool="1"}}': "500x80",
            f'usdx_pool_value_locked_usd{{{A},chain="base",pool="2"}}': "498x80",
            f"usdx_total_value_locked{{{A}}}": "1000x80",
        },
        {
            f'usdx_pool_value_locked_usd{{{A},chain="base",pool="1"}}': "500x80",
            f'usdx_pool_value_locked_usd{{{A},chain="base",pool="2"}}': "500x80",
            f"usdx_total_value_locked{{{A}}}": "1000x80",
        },
        "18m",
        ("pools that do not add up are told", "pools that do are not"),
    ),
)

PROM = 'job="prometheus",instance="p:9090"'
META = (
    Case("Watchdog", True, {}, "15s", "the watchdog always fires"),
    *pair(
        "WatchdogMissing",
        only(f"usdx_alertmanager_watchdog_last_received_timestamp_seconds{{{A}}}", "0x40"),
        only(f"usdx_alertmanager_watchdog_last_received_timestamp_seconds{{{A}}}", "0+15x40"),
        "7m",
        ("a silent watchdog is told", "one that arrives is not"),
    ),
    *pair(
        "AlertUnacknowledged",
        only(f'usdx_alerts_unacknowledged_since_timestamp_seconds{{{A},severity="critical"}}', "0x80"),
        only(f'usdx_alerts_unacknowledged_since_timestamp_seconds{{{A},severity="warning"}}', "0x80"),
        "17m",
        ("a critical alert nobody takes is escalated", "a warning is not"),
    ),
    *pair(
        "AggregatorTargetDown",
        only(f'usdx_aggregator_target_up{{{A},target="oracle"}}', "0x20"),
        only(f'usdx_aggregator_target_up{{{A},target="oracle"}}', "1x20"),
        "4m",
        ("a worker that the aggregator cannot read is told", "one that it can is not"),
    ),
    *pair(
        "MetricsMergeConflict",
        only(f"usdx_aggregator_merge_conflicts_total{{{A}}}", "0x10 1x20"),
        only(f"usdx_aggregator_merge_conflicts_total{{{A}}}", "1x30"),
        "5m",
        ("a new conflict is told", "an old one is not"),
    ),
    *pair(
        "MetricsReadFailing",
        only(f"usdx_metrics_read_errors_total{{{A}}}", "0x10 1+1x20"),
        only(f"usdx_metrics_read_errors_total{{{A}}}", "1x30"),
        "5m",
        ("a read that fails is told", "one that failed long ago is not"),
    ),
    *pair(
        "MetricsLabelOverflow",
        only(f'usdx_metrics_label_overflow_total{{{A},label="pool"}}', "0x10 1x20"),
        only(f'usdx_metrics_label_overflow_total{{{A},label="pool"}}', "1x30"),
        "5m",
        ("an overflow is told", "an old one is not"),
    ),
    *pair(
        "AlertmanagerNotificationsFailing",
        only('alertmanager_notifications_failed_total{job="alertmanager",integration="email"}', "0+1x60"),
        only('alertmanager_notifications_failed_total{job="alertmanager",integration="email"}', "3x60"),
        "12m",
        ("a channel that keeps failing is told", "one that failed long ago is not"),
    ),
    *pair(
        "PrometheusNotConnectedToAlertmanager",
        only(f"prometheus_notifications_alertmanagers_discovered{{{PROM}}}", "0x40"),
        only(f"prometheus_notifications_alertmanagers_discovered{{{PROM}}}", "1x40"),
        "7m",
        ("a Prometheus without an Alertmanager is told", "one that has one is not"),
    ),
    *pair(
        "PrometheusNotificationsDropped",
        only(f"prometheus_notifications_dropped_total{{{PROM}}}", "0x10 1x20"),
        only(f"prometheus_notifications_dropped_total{{{PROM}}}", "1x30"),
        "5m",
        ("a dropped notification is told", "an old one is not"),
    ),
    *pair(
        "PrometheusRuleFailures",
        only(f'prometheus_rule_evaluation_failures_total{{{PROM},rule_group="usdx"}}', "0x10 1x20"),
        only(f'prometheus_rule_evaluation_failures_total{{{PROM},rule_group="usdx"}}', "1x30"),
        "5m",
        ("a failing rule is told", "an old failure is not"),
    ),
    *pair(
        "PrometheusConfigReloadFailed",
        only(f"prometheus_config_last_reload_successful{{{PROM}}}", "0x40"),
        only(f"prometheus_config_last_reload_successful{{{PROM}}}", "1x40"),
        "7m",
        ("a refused configuration is told", "an accepted one is not"),
    ),
    *pair(
        "AlertmanagerConfigReloadFailed",
        only('alertmanager_config_last_reload_successful{job="alertmanager"}', "0x40"),
        only('alertmanager_config_last_reload_successful{job="alertmanager"}', "1x40"),
        "7m",
        ("a refused configuration is told", "an accepted one is not"),
    ),
)

OPS = (
    *pair(
        "BackupTooOld",
        only(f'usdx_backup_last_success_timestamp_seconds{{{A},target="postgres"}}', "0x330"),
        only(f'usdx_backup_last_success_timestamp_seconds{{{A},target="postgres"}}', "7200x330"),
        "26h20m",
        ("a backup older than 26 hours is too old", "a younger one is not"),
        "5m",
    ),
    *pair(
        "CertificateExpiringSoon",
        only(f'usdx_tls_certificate_not_after_timestamp_seconds{{{A},endpoint="metrics"}}', "1209600x20"),
        only(f'usdx_tls_certificate_not_after_timestamp_seconds{{{A},endpoint="metrics"}}', "1219600x20"),
        "12m",
        ("a certificate with less than 14 days left is told", "one with more is not"),
        "1m",
    ),
)

CASES = (*WORKERS, *API, *DATABASE, *INDEXER, *NODES, *ORACLE, *BUSINESS, *META, *OPS)
