"""What nodes and providers say when they refuse, one row a text, first match wins.

Rows are matched against the lower-cased message and data with white space squeezed. `{N}` is the number a text carries;
`plus` turns it into a count of blocks (`to - from <= n` allows n + 1 blocks, a node that tests with `>=` allows n - 1)
and is the limit itself where the text carries none. The comment says who was seen to write it.
"""

import re
from dataclasses import dataclass
from enum import StrEnum


class Kind(StrEnum):
    """What a failure means, and by that what to do: the nine reasons a node can have."""

    STRUCTURAL = "structural_limit"  # the range is wider than this endpoint ever allows: shrink and remember
    DENSITY = "density"  # this range holds too much: shrink now, forget later
    FILTER = "filter_size"  # too many addresses or topics: split the filter, not the range
    BEHIND = "behind_head"  # the node has not seen these blocks yet: wait, or ask another
    MISSING = "missing_data"  # the node has not kept this: ask another
    RATE = "rate_limit"  # too fast: wait
    BILLING = "billing"  # the account is empty: ask another for a long time
    TRANSPORT = "transport"  # the way there broke: ask another, or again
    PERMANENT = "permanent"  # asking again changes nothing


@dataclass(frozen=True, slots=True)
class Text:
    """One text of the catalogue: `unit` is what is too many, `doubt` what the text may mean as well."""

    kind: Kind
    pattern: re.Pattern[str]
    plus: int = 0
    unit: str = ""
    doubt: Kind | None = None


N = r"(?P<n>\d[\d.,_]*\s?[km]?)\b"


def _row(kind: Kind, pattern: str, *, plus: int = 0, unit: str = "", doubt: Kind | None = None) -> Text:
    return Text(kind, re.compile(pattern.replace("{N}", N)), plus, unit, doubt)


def _blocks(pattern: str, plus: int = 0) -> Text:
    return _row(Kind.STRUCTURAL, pattern, plus=plus, unit="blocks")


def _results(pattern: str) -> Text:
    return _row(Kind.DENSITY, pattern, unit="results")


def _bytes(pattern: str) -> Text:
    return _row(Kind.DENSITY, pattern, unit="bytes")


def _filters(pattern: str) -> Text:
    return _row(Kind.FILTER, pattern, unit="filters")


def _calls(pattern: str, plus: int = 0) -> Text:
    return _row(Kind.DENSITY, pattern, plus=plus, unit="calls")


BATCH = (  # the batch is too long, whatever it asks
    _calls(r"batch of more than {N} (requests|calls)"),  # dRPC
    _calls(r"batch (size|limit|length)\D{0,40}{N}"),  # Ankr, erigon
    _calls(r"max(imum)? {N} (calls|requests) in (\d+|a|one) batch"),  # Base
    _calls(r"batch request (was|is) too large(.{0,20}max limit of {N})?"),  # jsonrpsee
    _calls(r"too many (rpc )?(calls|requests) in (the )?batch|batch (is )?too (large|big|long)"),  # proxyd, geth
    _calls(
        r"batch\w* (requests? |calls? )?(is |are )?(not |un)(supported|allowed|enabled)|batch.{0,20}disabled", plus=1
    ),
)


FILTER_SIZE = (
    _filters(r"query contains [\d,]+ filters?\. the current limit is {N}"),  # Infura
    _filters(r"exceeds? the maximum of {N} addresses or topics"),  # erigon
    _filters(r"exceed(s|ed)? max (addresses|topics): {N}"),  # java-tron
    _filters(r"exceed(s|ed)? max (addresses or topics|addresses|topics)"),  # geth, Alchemy, dRPC
    _filters(r"specify less number of address|too many (addresses|topics)"),  # BSC
    _row(  # what we sent is too large
        Kind.FILTER, r"(entity|payload|content length) too large", unit="filters", doubt=Kind.DENSITY
    ),
)

SPEED = (  # before density: "Exceeded max limit of 100 requests per second" reads like jsonrpsee's size text
    _row(Kind.BILLING, r"\b(daily|monthly)\b.{0,40}(count|quota|capacity|limit|usage|allowance)"),  # Infura, Alchemy
    _row(
        Kind.RATE, r"(requests?|calls?|units?|credits?|cus?)\b.{0,40}(\bper |/ ?)(1 ?)?(s|sec|second|min|minute|hour)\b"
    ),
    _row(
        Kind.RATE, r"/ ?(s|sec|second|minute)\b.{0,20} limit|\brps\b|frequency limit"
    ),  # QuickNode, Chainstack, TronGrid
    _row(Kind.RATE, r"\b(requests?|call) (rate )?limit|requests limited to|concurrent requests"),  # NodeReal, Blast
)

DENSITY = (
    _row(Kind.DENSITY, r"log response size exceeded"),  # Alchemy; its "up to a 2K block range" is no ceiling
    _results(r"query returned more than {N} (results|logs)"),  # Infura, zkSync, Tenderly, java-tron
    _results(r"exceeds max results:? {N}"),  # reth, LlamaRPC, Ankr, Altitude
    _results(r"logs matched by query exceeds limit of {N}"),  # Arbitrum
    _results(r"more than {N} (logs|results) (were )?(returned|in the range)"),  # HyperRPC
    _results(r"too many logs, narrow your filter: {N}"),  # erigon
    _results(r"too many logs"),  # dRPC, erigon
    _bytes(r"response size (should not|must not|should be|exceeds?)\D{0,30}{N} ?bytes"),  # 1RPC
    _bytes(r"response is too (big|large)(.*exceeded max limit of {N})?"),  # jsonrpsee: reth, Moonbeam
    _bytes(r"exceeded max limit of {N}"),  # jsonrpsee's data alone
    _row(Kind.DENSITY, r"response (size )?(is )?(too large|too big|exceeded|limit exceeded)"),  # Optimism proxyd
    _row(Kind.DENSITY, r"response (size )?is (larger|bigger|greater) than"),
    _row(Kind.DENSITY, r"too many results|try paginating|logs over more|result set (is )?too large"),  # QuickNode
    _row(
        Kind.DENSITY, r"(log )?query (timed ?out|timeout)|timed ?out.{0,60}(reduc|narrow|smaller).{0,20}range"
    ),  # Arbitrum, Alchemy
    _row(Kind.DENSITY, r"error decoding response body"),  # proxies that cut a long answer
)

RANGE = (
    _blocks(r"narrow your filter: {N}"),  # erigon: "query block range exceeds server limit"
    _blocks(r"up to an? {N} block range"),  # Alchemy, Aurora
    _blocks(r"range [\d,]+ exceeds limit of {N}"),  # Infura
    _blocks(r"limited to \d+ ?- ?{N} blocks? range"),  # 1RPC
    _blocks(r"limited to (an? )?{N} blocks?( range)?"),  # 1RPC, BlockPI, Etherlink
    _blocks(r"limited to (an? )?{N} range", plus=1),  # QuickNode, Blast: to - from <= n
    _blocks(r"blocks distance: {N}"),  # Ankr TAC
    _blocks(r"too large, max range: {N}"),  # cdk-erigon, Polygon zkEVM
    _blocks(r"^max range: {N}", plus=-1),  # Cloudflare
    _blocks(r"maximum allowed number of requested blocks is {N}"),  # Thirdweb
    _blocks(r"limit the query to at most {N} blocks", plus=-1),  # Coinbase
    _blocks(r"exceed maximum block range: {N}"),  # PublicNode, BSC dataseed
    _blocks(r"exceed maximum block range {N}", plus=1),  # geth: end - begin <= n
    _blocks(r"exceed max block range: {N}", plus=-1),  # java-tron
    _blocks(r"exceeds max block range:? {N}"),  # reth, Hyperliquid
    _blocks(r"exceeds the range allowed for your plan \([\d,]+ > {N}\)"),  # Blast, paid
    _blocks(r"max is {N} blocks"),  # Merkle
    _blocks(r"ranges over {N} blocks are not supported"),  # dRPC
    _blocks(r"maximum allowed is {N} blocks"),  # Sei
    _blocks(r"too many blocks from \w+ to \w+, maximum is set to {N}", plus=-1),  # Avalanche
    _blocks(r"block range (is )?(greater than|exceeds) {N}"),  # Swell, Somnia
    _blocks(r"must be smaller than size {N}"),  # Harmony
    _blocks(r"max allowed of rounds in logs query is: {N}"),  # Oasis
    _blocks(r"too wide \(maximum {N}\)"),  # Moonbeam, Moonriver
    _blocks(r"max block range = {N}"),  # Morph
    _blocks(r"range .{0,60}must not exceed {N}"),
    _blocks(r"number of blocks exceeds? (the )?limit( of|:) {N}"),
    _blocks(r"smaller range \(max(imum)? {N}\)"),
    _blocks(r"exceed(s|ed)? (the )?max(imum)? (allowed )?(block )?range of {N}"),
    _blocks(r"block range.{0,40}\b(max(imum)?|limit)\b\D{0,24}{N}"),
    _blocks(r"(max(imum)?|limit|at most)\b\D{0,24}{N} blocks"),
    _blocks(
        r"block range (is )?(too (wide|large|high|big)|limit exceeded|bigger than|larger than|exceeds)"
    ),  # Ankr, Chainstack, Monad
    _blocks(
        r"range (is )?too (large|wide|big)|range threshold exceeded|exceeded max allowed"
    ),  # Optimism, Altitude, erpc
    _blocks(r"range exceeds maximum rpc range limit"),  # Besu
    _blocks(r"exceed(s|ed)? (the )?max(imum)? (allowed )?(block )?range"),
    _row(Kind.DENSITY, r"try with this block range|block range should work|retry with the range"),  # Thirdweb
)

BEHIND_HEAD = (
    _row(Kind.BEHIND, r"beyond current head|block ?out ?of ?range"),  # geth, anvil
    _row(Kind.BEHIND, r"cannot query unfinalized data|after last accepted block"),  # Avalanche
    _row(Kind.BEHIND, r"blocks specified in filter .*cannot be found"),  # Nethermind, OpenEthereum
    _row(Kind.BEHIND, r"height is not available|invalid block height"),  # Cosmos EVM, Hyperliquid
    _row(Kind.BEHIND, r"greater than (the )?(latest|head|current)|height.{0,30} must be less than or equal"),
    _row(Kind.BEHIND, r"invalid block range|block .*(in the future|not (yet )?(produced|mined))"),
)

MISSING_DATA = (
    _row(Kind.PERMANENT, r"state-sync transaction"),  # Polygon bor, erigon: for ever, for this method
    _row(Kind.PERMANENT, r"not a supported commitment|malformed block ?number"),  # the tag, not the block
    _row(Kind.MISSING, r"missing trie node|header (for hash )?not found|could not find block|unknown block"),
    _row(Kind.MISSING, r"block .{0,80}not found|block not found|finalized block not found"),
    _row(Kind.MISSING, r"genesis is not traceable|transaction not found|no state available|receipts? not found"),
    _row(Kind.MISSING, r"(historical|old|requested) (state|data|block|logs).{0,80}(not|un)\s?available"),
    _row(Kind.MISSING, r"only the last \d+ blocks"),
    _row(
        Kind.MISSING, r"unable to recover receipts|not currently canonical|pruned|missing (block|receipts?|state|data)"
    ),
    _row(Kind.MISSING, r"archive (node|mode)|archive\b.{0,40}\b(data|requests?|access)\b"),
    _row(Kind.MISSING, r"state (0x)?[0-9a-f]{8,64} (is )?not available|state histor\w+ .{0,60}indexed"),  # geth
    _row(Kind.MISSING, r"(world )?state (is )?unavailable"),  # Besu
)

SLOW = (  # before money: "Request timeout on the free tier, please upgrade your tier"
    _row(Kind.TRANSPORT, r"request time(d )?-?out", doubt=Kind.DENSITY),  # dRPC
)

MONEY = (
    _row(Kind.BILLING, r"monthly capacity|free tier|your current plan|/billing|payment required"),  # Alchemy, Infura
    _row(
        Kind.BILLING,
        r"out of (credits|cus)|insufficient (credits?|balance)|subscription|exhausted.{0,20}(credits|plan)",
    ),
)

PACE = (
    _row(Kind.RATE, r"too many requests|rate.?limit|throttl|request limit reached|error code:? ?1015|error 1015"),
    _row(Kind.RATE, r"exceeded the quota|upgrade your (tier|plan)|capacity exceeded|slow down|compute units"),
    _row(Kind.RATE, r"under too much load|no server available|server (is )?(busy|overloaded)|try again (in|later)"),
    _row(Kind.STRUCTURAL, r"^limit exceeded$", unit="blocks", doubt=Kind.RATE),  # BSC means the range, Infura the rate
    _row(Kind.RATE, r"has exceeded|limit exceeded|concurren\w+ (requests?|limit)"),
)

WAY = (
    _row(Kind.TRANSPORT, r"no backend is currently healthy|backend is (down|offline)"),  # Base
    _row(Kind.TRANSPORT, r"bad gateway|time(d )?-?out|deadline exceeded|context cancell?ed", doubt=Kind.DENSITY),
    _row(Kind.TRANSPORT, r"internal (server |json-rpc )?error", doubt=Kind.DENSITY),
    _row(Kind.TRANSPORT, r"service (temporarily )?unavailable|upstream|origin (is )?unreachable"),
    _row(Kind.TRANSPORT, r"connection (was )?(refused|reset|closed)|unexpected eof|broken pipe|temporar(y|ily)"),
)

FOR_EVER = (
    _row(
        Kind.PERMANENT, r"execution reverted|vm exception|revert(ed)?$|invalid opcode|out of gas|stack (under|over)flow"
    ),
    _row(Kind.PERMANENT, r"method .{0,80}(not (found|available|supported|allowed|enabled|whitelisted)|does not exist)"),
    _row(Kind.PERMANENT, r"method .{0,80}(disabled|unavailable)"),
    _row(Kind.PERMANENT, r"(unsupported|unknown|invalid|no such) method|method not (found|supported)"),
    _row(
        Kind.PERMANENT,
        r"unauthori[sz]ed|forbidden|must be authenticated|authentication|(invalid|missing|wrong) (api|project|access)",
    ),
    _row(Kind.PERMANENT, r"(invalid|missing|unexpected) (argument|value|params?|request|type|length|hex|json)"),
    _row(Kind.PERMANENT, r"cannot unmarshal|parse error"),
)

# Filter size and speed come first because their texts contain the words of the later groups.
TEXTS: tuple[Text, ...] = (
    *BATCH,
    *FILTER_SIZE,
    *SPEED,
    _blocks(r"range exceeds server limit, narrow your filter: {N}"),  # erigon, before its own density text
    *DENSITY,
    *RANGE,
    *BEHIND_HEAD,
    *MISSING_DATA,
    *SLOW,
    *MONEY,
    *PACE,
    *WAY,
    *FOR_EVER,
)
