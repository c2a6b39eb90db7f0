"""Count what is asked of endpoints, and show what is known about them."""

from __future__ import annotations

from collections import Counter as Tally
from collections.abc import Iterator
from contextlib import contextmanager

from prometheus_client import Histogram

from shared.endpoint import Endpoint
from shared.metrics import OTHER, RPC, Family, Registry, Sample
from shared.pool import Pool
from shared.rpc import Exchange
from shared.rpc_errors import Kind

_WHO = ("chain", "provider")

REQUESTS = Family(
    "usdx_rpc_requests_total",
    "counter",
    "JSON-RPC requests by provider, method and outcome.",
    (*_WHO, "method", "outcome"),
)
SECONDS = Family(
    "usdx_rpc_request_duration_seconds", "histogram", "JSON-RPC request latency.", _WHO, "seconds", buckets=RPC
)
UP = Family("usdx_rpc_provider_up", "gauge", "1 when the provider passes its health probe.", _WHO, fold="min")
HEAD = Family("usdx_rpc_provider_head_block", "gauge", "Head block number reported by the provider.", _WHO)
FAILOVERS = Family("usdx_rpc_failovers_total", "counter", "Switches of the primary provider.", ("chain",))
COST = Family("usdx_rpc_compute_units_total", "counter", "Provider compute units consumed (cost model input).", _WHO)
ERRORS = Family(
    "usdx_rpc_errors_total", "counter", "JSON-RPC requests that failed, by what the failure means.", (*_WHO, "reason")
)
LIES = Family(
    "usdx_rpc_contradictions_total",
    "counter",
    "Answers refused because they contradict themselves or the chain, by check.",
    (*_WHO, "check"),
)
HEAD_LAG = Family(
    "usdx_rpc_provider_head_lag_blocks", "gauge", "Blocks that the provider is behind the agreed tip.", _WHO
)
LATENCY = Family(
    "usdx_rpc_provider_latency_seconds", "gauge", "Running mean of the provider's latency.", _WHO, "seconds"
)
BYTES = Family("usdx_rpc_response_bytes_total", "counter", "Bytes of JSON-RPC answers.", _WHO, "bytes")
RANGE_LIMIT = Family(
    "usdx_rpc_provider_range_limit_blocks", "gauge", "Widest log range the provider is known to allow.", _WHO
)
ABILITY = Family(
    "usdx_rpc_provider_ability",
    "gauge",
    "1 when the provider can, 0 when it cannot; absent while unknown.",
    (*_WHO, "ability"),
)
STATE_DEPTH = Family(
    "usdx_rpc_provider_state_depth_blocks",
    "gauge",
    "Blocks below the provider's head of which it is known to keep the state.",
    _WHO,
)
THROTTLED = Family(
    "usdx_rpc_throttled_seconds_total",
    "counter",
    "Time spent waiting for the provider's request budget.",
    _WHO,
    "seconds",
)
DOUBTED_HEADS = Family(
    "usdx_rpc_doubted_heads_total", "counter", "Heads far beyond all others that were not believed.", ("chain",)
)
HINTS = Family("usdx_rpc_hints_total", "counter", "New heads heard of over a WebSocket.", _WHO)
HINTS_LOST = Family(
    "usdx_rpc_hints_lost_total", "counter", "WebSockets given up, by how: broken or silent.", (*_WHO, "how")
)
HINTS_CONNECTED = Family("usdx_rpc_hints_connected", "gauge", "1 while the WebSocket for hints is open.", _WHO)
FAMILIES = (
    REQUESTS,
    SECONDS,
    UP,
    HEAD,
    FAILOVERS,
    COST,
    ERRORS,
    LIES,
    HEAD_LAG,
    LATENCY,
    BYTES,
    RANGE_LIMIT,
    ABILITY,
    STATE_DEPTH,
    THROTTLED,
    DOUBTED_HEADS,
    HINTS,
    HINTS_LOST,
    HINTS_CONNECTED,
)

SUMS = (REQUESTS, ERRORS, COST, BYTES)
STATES = (UP, HEAD, FAILOVERS, LIES, HEAD_LAG, LATENCY, RANGE_LIMIT, ABILITY, STATE_DEPTH, THROTTLED, DOUBTED_HEADS)
SOCKETS = (HINTS, HINTS_LOST, HINTS_CONNECTED)

OK = "ok"
ABILITIES = ("batches", "finalized_tag", "block_receipts", "log_timestamps", "archive", "history")
REASONS = (*(kind.value for kind in Kind), "reverted", "inconsistent", "left_out")
METHODS = (
    "eth_getLogs",
    "eth_getBlockByNumber",
    "eth_getBlockReceipts",
    "eth_getTransactionReceipt",
    "eth_chainId",
    "eth_call",
    "eth_getCode",
)
COMPUTE_UNITS = {
    "eth_chainId": 0,
    "web3_clientVersion": 5,
    "eth_blockNumber": 10,
    "eth_getBlockByNumber": 20,
    "eth_getLogs": 60,
    "eth_getBlockReceipts": 20,
    "eth_getTransactionReceipt": 20,
    "eth_call": 26,
    "eth_getCode": 20,
    "eth_getBalance": 20,
    "eth_getStorageAt": 20,
}  # as Alchemy prices them; other providers differ, their order seldom
USUAL_UNITS = 20


class RpcMeter:
    """The metrics of one chain's endpoints. `observe` is handed to every endpoint.

    It is called for every hundredth header of a backfill, so it only adds up; scrapes make series of the sums.
    """

    def __init__(self, registry: Registry, chain: str) -> None:
        self._chain = chain
        self._registry = registry
        self._seconds = registry.histogram(SECONDS)
        self._latency: dict[str, Histogram] = {}
        self._bytes: Tally[str] = Tally()
        self._calls: Tally[tuple[str, str, str]] = Tally()  # by endpoint, method and outcome
        registry.collector(self._sums, *SUMS)

    def observe(self, exchange: Exchange) -> None:
        """Count one HTTP exchange: its latency once, its calls by method and outcome."""
        one = exchange.endpoint
        if one not in self._latency:
            self._latency[one] = self._seconds.of(self._chain, one)
        self._latency[one].observe(exchange.seconds)
        self._bytes[one] += exchange.size_bytes
        first, count = exchange.methods[0], len(exchange.methods)
        if exchange.methods.count(first) == count and not any(exchange.outcomes):
            self._calls[one, first, OK] += count
            return
        for method, error in zip(exchange.methods, exchange.outcomes, strict=True):
            self._calls[one, method, OK if error is None else error.reason] += 1

    def _sums(self) -> Iterator[Sample]:
        requests: Tally[tuple[str, str, str]] = Tally()
        errors: Tally[tuple[str, str]] = Tally({(one, reason): 0 for one in list(self._bytes) for reason in REASONS})
        cost: Tally[str] = Tally()
        for (one, method, outcome), count in list(self._calls.items()):
            requests[one, method if method in METHODS else OTHER, outcome] += count
            cost[one] += COMPUTE_UNITS.get(method, USUAL_UNITS) * count
            if outcome != OK:
                errors[one, outcome] += count
        for one, size_bytes in list(self._bytes.items()):
            yield Sample(BYTES, size_bytes, (self._chain, one))
            yield Sample(COST, cost[one], (self._chain, one))
        for (one, method, outcome), count in requests.items():
            yield Sample(REQUESTS, count, (self._chain, one, method, outcome))
        for (one, reason), count in errors.items():
            yield Sample(ERRORS, count, (self._chain, one, reason))

    @contextmanager
    def reading(self, pool: Pool) -> Iterator[None]:
        """Start every known series at 0 and read the pool at scrapes, until the end."""
        for endpoint in pool.endpoints:
            self._start(endpoint.name)
        states = self._registry.collector(lambda: states_of(pool), *STATES)
        sockets = self._registry.collector(lambda: sockets_of(pool), *SOCKETS)
        try:
            yield
        finally:
            states.close()
            sockets.close()

    def _start(self, one: str) -> None:
        self._seconds.start(self._chain, one)
        self._bytes[one] += 0
        for method in (*METHODS, OTHER):
            self._calls[one, method, OK] += 0


def sockets_of(pool: Pool) -> Iterator[Sample]:
    """What the pool's WebSockets do."""
    for socket in pool.news.sockets:
        who = (pool.chain, socket.endpoint)
        yield Sample(HINTS, socket.hints, who)
        yield Sample(HINTS_LOST, socket.breaks, (*who, "broken"))
        yield Sample(HINTS_LOST, socket.silences, (*who, "silent"))
        yield Sample(HINTS_CONNECTED, socket.connected, who)


def states_of(pool: Pool) -> Iterator[Sample]:
    """What is known about a pool and its endpoints now. Reads memory only."""
    yield Sample(FAILOVERS, pool.switches, (pool.chain,))
    yield Sample(DOUBTED_HEADS, pool.heads.doubted, (pool.chain,))
    for endpoint in pool.endpoints:
        yield from _states_of(pool, endpoint)


def _states_of(pool: Pool, endpoint: Endpoint) -> Iterator[Sample]:
    who = (pool.chain, endpoint.name)
    health, head, tip = endpoint.health, endpoint.health.head, pool.heads.tip
    yield Sample(UP, endpoint.health.up(), who)
    yield Sample(THROTTLED, endpoint.waited_s, who)
    if head is not None:
        yield Sample(HEAD, head.number, who)
    if head is not None and tip is not None:
        yield Sample(HEAD_LAG, max(0, tip.number - head.number), who)
    if health.latency_s is not None:
        yield Sample(LATENCY, health.latency_s, who)
    if endpoint.ceiling.blocks is not None:
        yield Sample(RANGE_LIMIT, endpoint.ceiling.blocks, who)
    if endpoint.abilities.state_blocks is not None:
        yield Sample(STATE_DEPTH, endpoint.abilities.state_blocks, who)
    for check, count in endpoint.lies.items():
        yield Sample(LIES, count, (*who, check))
    for ability in ABILITIES:
        can = getattr(endpoint.abilities, ability)
        if can is not None:
            yield Sample(ABILITY, can, (*who, ability))
