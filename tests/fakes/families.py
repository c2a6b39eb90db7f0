"""The habits and limits of the providers, one family each, in their own words."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from tests.fakes.chain import Block


class Refusal(Exception):
    """A JSON-RPC error with the HTTP status it travels under."""

    def __init__(self, code: int, text: str, status: int = 200) -> None:
        super().__init__(text)
        self.error = {"code": code, "message": text}
        self.status = status


Range = tuple[int, int]


@dataclass(frozen=True)
class Family:
    """One kind of provider. `max_blocks` counts inclusively; texts get (asked range, allowed count)."""

    name: str
    max_blocks: int | None = None
    too_wide: Callable[[Range], Refusal] | None = None
    max_results: int | None = None
    too_many: Callable[[Range, Range], Refusal] | None = None  # asked range, range that would work
    max_filters: int | None = None
    too_long: Callable[[int], Refusal] | None = None
    max_batch: int | None = None
    batch_text: tuple[int, str] = (-32600, "batch too large")
    finalized_tag: bool = True
    timestamps: bool = True
    refuses_future: bool = False
    silent_socket: bool = False
    lacks: frozenset[str] = frozenset()

    def check_range(self, first: int, last: int, head: int) -> None:
        """Refuse what is too wide, or beyond the head for those that mind."""
        if self.max_blocks is not None and last - first + 1 > self.max_blocks:
            assert self.too_wide
            raise self.too_wide((first, last))
        if self.refuses_future and last > head:
            raise Refusal(-32602, "block range extends beyond current head block")

    def check_filter(self, query: dict[str, Any]) -> None:
        """Refuse too many addresses and topics."""
        address = query.get("address") or []
        count = (1 if isinstance(address, str) else len(address)) + sum(
            len(one or ()) for one in query.get("topics", ())
        )
        if self.max_filters is not None and count > self.max_filters:
            assert self.too_long
            raise self.too_long(count)

    def check_results(self, found: Sequence[dict[str, Any]], blocks: Sequence[Block]) -> None:
        """Refuse too many results, naming the longest prefix that would work."""
        if self.max_results is None or len(found) <= self.max_results or len(blocks) == 1:
            return
        assert self.too_many
        first, last = blocks[0].number, blocks[-1].number
        works = max(int(found[self.max_results]["blockNumber"], 16) - 1, first)
        raise self.too_many((first, last), (first, works))

    def refuses_batch(self, length: int) -> Refusal | None:
        """The refusal of a batch that is too long."""
        if self.max_batch is None or length <= self.max_batch:
            return None
        return Refusal(*self.batch_text)

    def trim(self, log: dict[str, Any]) -> dict[str, Any]:
        """A log with the fields this family sends."""
        return log if self.timestamps else {key: value for key, value in log.items() if key != "blockTimestamp"}


def _wide(code: int, text: str, status: int = 200) -> Callable[[Range], Refusal]:
    """A text with {first}, {last}, {span}, and {hint} as the provider's bracketed pair of the first 500 blocks."""

    def refuse(asked: Range) -> Refusal:
        first, last = asked
        return Refusal(code, text.format(first=first, last=last, span=last - first), status)

    return refuse


def _alchemy(blocks: int) -> Callable[[Range], Refusal]:
    def refuse(asked: Range) -> Refusal:
        hint = f"[{asked[0]:#x}, {asked[0] + blocks - 1:#x}]"
        text = f"You can make eth_getLogs requests with up to a {blocks} block range. "
        return Refusal(-32600, text + f"Based on your parameters, this block range should work: {hint}", 400)

    return refuse


def _hinted(code: int, text: str, status: int = 200, *, inverted: bool = False) -> Callable[[Range, Range], Refusal]:
    def refuse(asked: Range, works: Range) -> Refusal:
        first, last = works[::-1] if inverted else works
        return Refusal(code, text.format(hex=f"[{first:#x}, {last:#x}]", dec=f"{first}-{last}"), status)

    return refuse


def _stubborn(asked: Range, works: Range) -> Refusal:
    """Reth once suggested the very range that it had refused."""
    return Refusal(-32602, f"query exceeds max results 300, retry with the range {asked[0]}-{asked[1]}")


def _filters(text: str) -> Callable[[int], Refusal]:
    return lambda count: Refusal(-32602, text.format(count=count))


NO_RECEIPTS = frozenset({"eth_getBlockReceipts"})

GETH = Family("geth", refuses_future=True)
GETH_LIMITED = Family(
    "geth-limited",
    max_blocks=1_001,
    too_wide=_wide(-32602, "exceed maximum block range 1000"),
    max_filters=1_000,
    too_long=_filters("exceed max addresses or topics per search position"),
    refuses_future=True,
)
ALCHEMY = Family(
    "alchemy",
    max_blocks=500,
    too_wide=_alchemy(500),
    max_results=300,
    too_many=_hinted(
        -32602,
        "Log response size exceeded. You can make eth_getLogs requests with up to a 2K block range and no limit on the "
        "response size. Based on your parameters and the response size limit, this block range should work: {hex}",
        400,
    ),
)
ALCHEMY_FREE = Family("alchemy-free", max_blocks=10, too_wide=_alchemy(10))
ALCHEMY_INVERTED = Family(
    "alchemy-inverted",
    max_results=300,
    too_many=_hinted(-32602, "Log response size exceeded. this block range should work: {hex}", 400, inverted=True),
)
INFURA = Family(
    "infura",
    max_blocks=10_000,
    too_wide=lambda asked: Refusal(-32602, f"range {asked[1] - asked[0] + 1} exceeds limit of 10000"),
    max_results=300,
    too_many=_hinted(-32005, "query returned more than 300 results. Try with this block range {hex}."),
    max_filters=50,
    too_long=_filters("This query contains {count} filters. The current limit is 50."),
)
QUICKNODE = Family(
    "quicknode", max_blocks=1_001, too_wide=_wide(-32614, "eth_getLogs is limited to a 1,000 range", 413)
)
ANKR = Family("ankr", max_blocks=3_000, too_wide=_wide(-32600, "block range is too wide"), timestamps=False)
BSC = Family("bsc", max_blocks=5_000, too_wide=_wide(-32005, "limit exceeded"), timestamps=False, lacks=NO_RECEIPTS)
ZKSYNC = Family(
    "zksync",
    max_results=300,
    too_many=_hinted(-32602, "Query returned more than 300 results. Try with this block range {hex}."),
    timestamps=False,
)
ERIGON = Family(
    "erigon",
    max_blocks=1_000,
    too_wide=_wide(-32602, "query block range exceeds server limit, narrow your filter: 1000"),
    max_results=300,
    too_many=_hinted(-32602, "query returns too many logs, narrow your filter: 300"),
)
RETH = Family(
    "reth",
    max_blocks=2_000,
    too_wide=_wide(-32602, "query exceeds max block range 2000"),
    max_results=300,
    too_many=_hinted(-32602, "query exceeds max results 300, retry with the range {dec}"),
)
RETH_STUBBORN = Family("reth-stubborn", max_results=300, too_many=_stubborn)
TRON = Family(
    "tron",
    max_blocks=5_001,
    too_wide=_wide(-32602, "exceed max block range: 5000"),
    max_results=300,
    too_many=_hinted(-32005, "query returned more than 300 results"),
    finalized_tag=False,
    timestamps=False,
    lacks=NO_RECEIPTS,
)
CLOUDFLARE = Family("cloudflare", max_blocks=799, too_wide=_wide(-32047, "Max range: 800"))
BESU = Family("besu", max_blocks=5_001, too_wide=_wide(-32005, "Requested range exceeds maximum RPC range limit"))
DRPC = Family(
    "drpc",
    max_blocks=10_000,
    too_wide=_wide(35, "ranges over 10000 blocks are not supported on freetier"),
    max_batch=3,
    batch_text=(
        31,
        "Batch of more than 3 requests are not allowed on free tier, to use this feature register paid account",
    ),
)
NO_BATCH = Family("no-batch", max_batch=0, batch_text=(-32600, "batch requests are not supported"))
SHORT_BATCH = Family("proxyd", max_batch=10, batch_text=(-32014, "too many RPC calls in batch request"))
GATEWAY = Family(
    "gateway",
    max_blocks=800,
    too_wide=lambda asked: Refusal(-32000, "<html><h1>504 Gateway Time-out</h1></html>", 504),
)
SLOW_PLAN = Family(
    "slow-plan", max_blocks=2_000, too_wide=_wide(30, "Request timeout on the free tier, please upgrade your tier", 408)
)
ODD_WORDS = Family("odd-words", max_blocks=700, too_wide=_wide(-32602, "flurb exceeds the wibble"))
BASE_BATCH = Family("base-batch", max_batch=10, batch_text=(-32014, "maximum 10 calls in 1 batch"))
ARBITRUM = Family(
    "arbitrum",
    max_results=300,
    too_many=_hinted(-32000, "logs matched by query exceeds limit of 300"),
    timestamps=False,
)

FAMILIES: tuple[Family, ...] = (
    GETH,
    GETH_LIMITED,
    ALCHEMY,
    ALCHEMY_FREE,
    ALCHEMY_INVERTED,
    INFURA,
    QUICKNODE,
    ANKR,
    BSC,
    ZKSYNC,
    ERIGON,
    RETH,
    RETH_STUBBORN,
    TRON,
    CLOUDFLARE,
    BESU,
    DRPC,
    NO_BATCH,
    SHORT_BATCH,
    ARBITRUM,
    GATEWAY,
    SLOW_PLAN,
    ODD_WORDS,
    BASE_BATCH,
)
