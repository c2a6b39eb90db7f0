"""What providers say is understood."""

import pytest

from shared.errors import Inconsistent, Permanent, TooLarge, Transient
from shared.rpc_errors import Kind, classify, failed

STRUCTURAL, DENSITY, FILTER = Kind.STRUCTURAL, Kind.DENSITY, Kind.FILTER
BEHIND, MISSING, RATE = Kind.BEHIND, Kind.MISSING, Kind.RATE
BILLING, TRANSPORT, PERMANENT = Kind.BILLING, Kind.TRANSPORT, Kind.PERMANENT

# provider, HTTP status, code, text, kind, limit, suggested range
ALCHEMY_2K = (
    "Log response size exceeded. You can make eth_getLogs requests with up to a 2K block range and no limit on the "
    "response size, or you can request any block range with a cap of 10K logs in the response. Based on your "
    "parameters and the response size limit, this block range should work: [0x11a3e5f, 0x11a3fff]"
)
STRUCTURAL_TEXTS = [
    ("between", 200, -32602, "The range between fromBlock and toBlock must not exceed 1000", 1_000, None),
    ("count", 200, -32602, "number of blocks exceed limit: 500", 500, None),
    ("advice", 200, -32602, "please use a smaller range (max 2,000)", 2_000, None),
    ("allowed", 200, -32602, "exceeds the maximum allowed block range of 10,000", 10_000, None),
    (
        "Alchemy",
        400,
        -32600,
        "You can make eth_getLogs requests with up to a 500 block range. Based on your parameters, this block range "
        "should work: [0x3d7773, 0x3d7966]",
        500,
        (0x3D7773, 0x3D7966),
    ),
    (
        "Alchemy, free",
        400,
        -32600,
        "Under the Free tier plan, you can make eth_getLogs requests with up to a 10 block range. Based on your "
        "parameters, this block range should work: [0x30a4365, 0x30a436e]. Upgrade to PAYG for expanded block range.",
        10,
        (0x30A4365, 0x30A436E),
    ),
    ("Infura", 200, -32602, "range 1000000 exceeds limit of 10000", 10_000, None),
    ("QuickNode", 413, -32614, "eth_getLogs is limited to a 10,000 range", 10_001, None),
    ("QuickNode, dotted", 413, -32614, "eth_getLogs is limited to a 10.000 range", 10_001, None),
    (
        "QuickNode, newer",
        200,
        -32614,
        "eth_getLogs and eth_newFilter are limited to a 10,000 blocks range",
        10_000,
        None,
    ),
    ("1RPC", 200, -32602, "eth_getLogs is limited to a 1000 blocks range", 1_000, None),
    ("1RPC, other", 200, -32602, "eth_getLogs is limited to 0 - 50 blocks range", 50, None),
    (
        "BlockPI",
        200,
        -32602,
        "eth_getLogs is limited to 1024 block range. Please check the parameter requirements",
        1_024,
        None,
    ),
    ("Etherlink", 200, -32602, "eth_getLogs is limited to 50 blocks", 50, None),
    ("Ankr", 200, -32600, "block range is too wide", None, None),
    ("Ankr TAC, Kava", 200, -32000, "maximum [from, to] blocks distance: 10000", 10_000, None),
    (
        "Chainstack",
        403,
        -32602,
        "Block range limit exceeded. See more details at https://docs.chainstack.com/docs/limits#evm-range-limits",
        None,
        None,
    ),
    ("Cloudflare", 200, -32047, "Max range: 800", 799, None),
    ("Thirdweb", 200, -32602, "Maximum allowed number of requested blocks is 3500", 3_500, None),
    ("Coinbase", 200, -32602, "please limit the query to at most 1000 blocks", 999, None),
    ("PublicNode", 200, -32701, "exceed maximum block range: 50000", 50_000, None),
    ("BSC dataseed", 200, -32000, "exceed maximum block range: 5000", 5_000, None),
    ("BSC dataseed, bare", 200, -32005, "limit exceeded", None, None),
    ("geth --rpc.rangelimit", 200, -32602, "exceed maximum block range 5000", 5_001, None),
    ("Blast", 200, -32000, "eth_getLogs is limited to a 10,000 range", 10_001, None),
    (
        "Blast, paid",
        200,
        -32000,
        "block range exceeds the range allowed for your plan (5000 > 3000)",
        3_000,
        None,
    ),
    ("Merkle", 200, -32600, "eth_getLogs range is too large, max is 10k blocks", 10_000, None),
    ("Merkle, smaller", 200, -32600, "eth_getLogs range is too large, max is 1k blocks", 1_000, None),
    ("dRPC", 200, 35, "ranges over 10000 blocks are not supported on freetier", 10_000, None),
    ("Base", 200, -32000, "block range too large", None, None),
    ("Optimism", 200, -32020, "Block range is too large", None, None),
    ("Sei", 200, -32000, "block range too large (2000), maximum allowed is 1000 blocks", 1_000, None),
    (
        "Avalanche",
        200,
        -32000,
        "requested too many blocks from 50331648 to 51380224, maximum is set to 2048",
        2_047,
        None,
    ),
    ("Hyperliquid", 200, -32602, "query exceeds max block range 50", 50, None),
    ("reth", 200, -32602, "query exceeds max block range 100000", 100_000, None),
    ("Swell", 200, -32600, "block range greater than 1000 max", 1_000, None),
    ("Somnia", 200, -32600, "block range exceeds 1000", 1_000, None),
    ("Harmony", 200, -32000, "GetLogs query must be smaller than size 1024", 1_024, None),
    ("Moonbeam", 200, -32603, "block range is too wide (maximum 1024)", 1_024, None),
    ("Aurora", 200, -32005, "up to a 2000 block range", 2_000, None),
    ("java-tron", 200, -32602, "exceed max block range: 5000", 4_999, None),
    ("Scroll", 200, -32000, "block range is bigger than maxBlockRange", None, None),
    (
        "Morph",
        200,
        -32000,
        "block range is larger than max block range, block range = 5120, max block range = 5000",
        5_000,
        None,
    ),
    ("cdk-erigon", 200, -32005, "block range too large, max range: 1000", 1_000, None),
    ("Candle", 200, -32600, "block range too high", None, None),
    ("Altitude", 200, -32000, "allowed block range threshold exceeded", None, None),
    ("erpc", 200, -32012, "getLogs request exceeded max allowed range", None, None),
    ("Arc", 200, -32012, "requested range too large", None, None),
    ("Besu", 200, -32005, "Requested range exceeds maximum RPC range limit", None, None),
    ("erigon", 200, -32602, "query block range exceeds server limit, narrow your filter: 1000", 1_000, None),
    ("Oasis", 200, -32000, "invalid request: max allowed of rounds in logs query is: 100", 100, None),
]
DENSITY_TEXTS = [
    ("Alchemy", 400, -32602, ALCHEMY_2K, None, (0x11A3E5F, 0x11A3FFF)),
    (
        "Alchemy, pair inverted",
        400,
        -32602,
        "Log response size exceeded. this block range should work: [0x20, 0x10]",
        None,
        (0x20, 0x10),
    ),
    (
        "Alchemy, slow",
        400,
        -32000,
        "Query timeout exceeded. Consider reducing your block range. Based on your parameters and the response size "
        "limit, this block range should work: [0x0, 0x133571]",
        None,
        (0x0, 0x133571),
    ),
    (
        "Infura",
        200,
        -32005,
        "query returned more than 10000 results. Try with this block range [0x6B91AD, 0x6B9E61].",
        10_000,
        (0x6B91AD, 0x6B9E61),
    ),
    (
        "zkSync Era",
        200,
        -32602,
        "Query returned more than 10000 results. Try with this block range [0x1, 0xff].",
        10_000,
        (1, 255),
    ),
    ("Tenderly", 400, -32602, "try with this block range [0x10, 0x1F]", None, (16, 31)),
    ("zkEVM", 200, -32005, "query returned more than 10000 results", 10_000, None),
    (
        "reth",
        200,
        -32602,
        "query exceeds max results 20000, retry with the range 6000000-6000509",
        20_000,
        (6_000_000, 6_000_509),
    ),
    (
        "Arc",
        200,
        -32602,
        "request exceeded max allowed range: query exceeds max results 2000, retry with the range 64862334-64862849",
        2_000,
        (64_862_334, 64_862_849),
    ),
    ("Arbitrum", 200, -32000, "logs matched by query exceeds limit of 10000", 10_000, None),
    ("Arbitrum, slow", 200, -32000, "log query timed out", None, None),
    ("dRPC", 200, -32602, "query returns too many logs", None, None),
    ("erigon", 200, -32602, "query returns too many logs, narrow your filter: 20000", 20_000, None),
    ("HyperRPC", 200, -32000, "More than 50000 logs returned", 50_000, None),
    ("1RPC", 200, -32600, "response size should not greater than 10000000 bytes", 10_000_000, None),
    ("jsonrpsee", 200, -32008, "Response is too big Exceeded max limit of 167772160", 167_772_160, None),
    ("jsonrpsee, data alone", 200, -32008, "Exceeded max limit of 167772160", 167_772_160, None),
    ("Optimism proxyd", 500, -32020, "backend response too large", None, None),
    ("QuickNode", 200, -32007, "too many results, try paginating", None, None),
    ("java-tron", 200, -32005, "query returned more than 10000 results", 10_000, None),
    ("Base, batch", 200, -32014, "maximum 10 calls in 1 batch", 10, None),
    ("jsonrpsee, batch", 200, -32000, "The batch request was too large Exceeded max limit of 50", 50, None),
    ("logs in the range", 200, -32602, "more than 10000 logs in the range", 10_000, None),
    ("by bytes", 200, -32602, "Response size is larger than 150MB limit", None, None),
    ("a proxy that cuts", 200, -32000, "error decoding response body: operation was aborted", None, None),
    ("proxyd, batch", 200, -32014, "too many RPC calls in batch request", None, None),
    (
        "dRPC, batch",
        200,
        31,
        "Batch of more than 3 requests are not allowed on free tier, to use this feature register paid account",
        3,
        None,
    ),
    ("batch refused", 400, -32600, "batch requests are not supported", 1, None),
    ("geth, batch", 200, -32600, "batch too large", None, None),
    ("geth, long batch", 200, -32003, "response too large", None, None),
]
FILTER_TEXTS = [
    ("a proxy", 413, None, "Request Entity Too Large", None, None),
    ("a proxy's page", 413, None, "<html><title>413 Request Entity Too Large</title></html>", None, None),
    ("geth", 200, -32602, "exceed max addresses or topics per search position", None, None),
    ("erigon", 200, -32602, "query exceeds the maximum of 1000 addresses or topics per search position", 1_000, None),
    ("Infura", 200, -32602, "This query contains 5006 filters. The current limit is 5000.", 5_000, None),
    ("BSC", 200, -32005, "please specify less number of addresses", None, None),
    ("java-tron", 200, -32602, "exceed max topics: 1000", 1_000, None),
    ("java-tron, addresses", 200, -32602, "exceed max addresses: 1000", 1_000, None),
]
BEHIND_TEXTS = [
    ("geth", 200, -32602, "block range extends beyond current head block", None, None),
    ("Avalanche", 200, -32000, "cannot query unfinalized data", None, None),
    ("Avalanche, head", 200, -32000, "requested block 9999999 after last accepted block 9999990", None, None),
    (
        "Nethermind",
        200,
        -32001,
        "One of the blocks specified in filter (fromBlock, toBlock or blockHash) cannot be found.",
        None,
        None,
    ),
    (
        "Cosmos EVM",
        200,
        -32000,
        "height is not available (requested height: 138913957, base height: 155251499)",
        None,
        None,
    ),
    (
        "Cosmos EVM, head",
        200,
        -32000,
        "height 20 must be less than or equal to the current blockchain height 10",
        None,
        None,
    ),
    ("Hyperliquid", 200, -32603, "invalid block height: 7", None, None),
    ("anvil", 200, -32602, "BlockOutOfRangeError: block height is 0 but requested was 1", None, None),
    ("OpenEthereum", 200, -32000, "toBlock is greater than latest block", None, None),
]
MISSING_TEXTS = [
    ("geth, by path", 200, -32000, f"state 0x{'ab' * 32} is not available", None, None),
    ("geth, indexing", 200, -32000, "state histories haven't been fully indexed yet", None, None),
    ("Besu", 200, -32000, "World state unavailable", None, None),
    (
        "a plan",
        200,
        -32600,
        "Archive, Debug and Trace requests are not available on your current plan",
        None,
        None,
    ),
    ("another plan", 200, -32600, "This method requires archive access. Please upgrade your plan", None, None),
    ("geth", 200, -32000, "missing trie node 6a1b (path ) <nil>", None, None),
    ("geth, header", 200, -32000, "header not found", None, None),
    ("geth, by hash", 200, -32000, "unknown block", None, None),
    ("geth, young", 200, -39001, "finalized block not found", None, None),
    ("geth, pruned", 200, 4444, "pruned history unavailable", None, None),
    ("reth", 200, -32000, "block not found: number 0x112", None, None),
    ("reth, fork", 200, -32001, "block 0xab is not currently canonical", None, None),
    ("Nethermind", 200, -32000, "Unable to recover receipts for block 17 (0xab)", None, None),
    ("erigon", 200, -32000, "requested data is not available", None, None),
    ("Nethermind, state", 200, -32002, "No state available for block 0xab", None, None),
    ("reth, state", 200, -32000, "historical state 0xab is not available", None, None),
    ("Ankr", 200, -32000, "this request requires an archive node", None, None),
    ("a light node", 200, -32000, "only the last 128 blocks are available", None, None),
    ("a snapshot node", 200, -32000, "historical logs are not available on this node", None, None),
]
RATE_TEXTS = [
    ("plain", 429, None, "", None, None),
    (
        "Alchemy",
        429,
        429,
        "Your app has exceeded its compute units per second capacity. If you have retries enabled",
        None,
        None,
    ),
    ("Alchemy, old", 429, None, "Your app has exceeded its concurrent requests capacity", None, None),
    (
        "Cloudflare page",
        429,
        None,
        "<html><title>Access denied | error 1015</title><body>You are being rate limited</body></html>",
        None,
        None,
    ),
    (
        "QuickNode",
        429,
        -32007,
        "50/second request limit reached - reduce calls per second or upgrade your account",
        None,
        None,
    ),
    ("the jsonrpsee trap", 200, -32005, "Exceeded max limit of 100 requests per second", None, None),
    ("Infura", 429, -32005, "project ID request rate exceeded", None, None),
    ("Base", 429, -32016, "over rate limit", None, None),
    ("proxyd", 429, -32012, "backend is over capacity", None, None),
    ("BlockPI", 200, -32000, "Exceeded the quota usage", None, None),
    ("Blast", 200, -32097, "requests limited to 25", None, None),
    ("Ankr", 200, -32000, "reached request rate limit, upgrade your tier", None, None),
    ("Omnia", 200, -32000, "node is under too much load", None, None),
    ("Pokt", 200, -32000, "No server available to handle the request", None, None),
    ("Tenderly", 429, -32005, "rate limit exceeded", None, None),
    ("Chainstack", 200, -32005, "You've exceeded the RPS limit available on the current plan", None, None),
    ("aws", 503, None, "request throttled", None, None),
    ("an HTTP 429 with a bare text", 429, -32005, "limit exceeded", None, None),
    (
        "TronGrid",
        403,
        None,
        "The key exceeds the frequency limit(15), and the query server is suspended for 1s",
        None,
        None,
    ),
]
BILLING_TEXTS = [
    ("plain", 402, None, "Payment Required", None, None),
    (
        "Alchemy",
        429,
        429,
        "Monthly capacity limit exceeded. Visit https://dashboard.alchemy.com/settings/billing",
        None,
        None,
    ),
    ("Infura", 429, -32005, "daily request count exceeded, request rate limited", None, None),
    ("QuickNode", 200, -32001, "You have reached the free tier limit", None, None),
    ("NodeReal", 200, -32005, "exceed the limit for your current plan", None, None),
    ("GetBlock", 200, -32000, "monthly quota exceeded", None, None),
    ("dRPC", 200, 35, "insufficient balance", None, None),
]
TRANSPORT_TEXTS = [
    (
        "nginx",
        502,
        None,
        "<html><head><title>502 Bad Gateway</title></head><body><center>nginx</center></body></html>",
        None,
        None,
    ),
    ("nginx, slow", 504, None, "<html><h1>504 Gateway Time-out</h1></html>", None, None),
    ("nothing", 200, None, "", None, None),
    ("nothing at all", 503, None, "", None, None),
    ("Base", 200, -32011, "no backend is currently healthy to serve traffic", None, None),
    ("geth", 200, -32000, "context deadline exceeded", None, None),
    ("internal", 200, -32603, "Internal error", None, None),
    ("a bare string", 500, None, "upstream connect error or disconnect/reset before headers", None, None),
]
PERMANENT_TEXTS = [
    ("geth", 200, -32601, "the method eth_getBlockReceipts does not exist/is not available", None, None),
    ("Infura", 401, None, "invalid project id", None, None),
    ("Ankr", 200, -32000, "Unauthorized: You must authenticate your request with an API key.", None, None),
    ("Alchemy", 401, -32600, "Must be authenticated!", None, None),
    ("Polygon bor", 200, -32000, "ReceiptGen.GetReceipt: txn is a state-sync transaction", None, None),
    ("Cosmos EVM", 200, -32602, "finalized is not a supported commitment", None, None),
    ("Harmony", 200, -32000, "malformed blocknumber", None, None),
    ("geth, call", 200, 3, "execution reverted: Ownable: caller is not the owner", None, None),
    ("geth, params", 200, -32602, "invalid argument 0: hex string without 0x prefix", None, None),
    ("geth, missing", 200, -32602, "missing value for required argument 1", None, None),
]


def cases() -> list[object]:
    """Every row as a test case that carries its provider's name."""
    groups = {
        STRUCTURAL: STRUCTURAL_TEXTS,
        DENSITY: DENSITY_TEXTS,
        FILTER: FILTER_TEXTS,
        BEHIND: BEHIND_TEXTS,
        MISSING: MISSING_TEXTS,
        RATE: RATE_TEXTS,
        BILLING: BILLING_TEXTS,
        TRANSPORT: TRANSPORT_TEXTS,
        PERMANENT: PERMANENT_TEXTS,
    }
    return [pytest.param(kind, *row[1:], id=f"{kind.value}: {row[0]}") for kind, rows in groups.items() for row in rows]


@pytest.mark.parametrize(("kind", "status", "code", "text", "limit", "suggested"), cases())
def test_text(
    kind: Kind, status: int, code: int | None, text: str, limit: int | None, suggested: tuple[int, int] | None
) -> None:
    """A provider's text has the kind, the limit and the suggested range that it means."""
    failure = classify(status, code, text)
    assert (failure.kind, failure.limit, failure.suggested) == (kind, limit, suggested)
    assert failure.known


def test_enough_texts() -> None:
    """The catalogue is tried with more texts than any peer knows."""
    assert len(cases()) >= 140


@pytest.mark.parametrize(
    ("status", "code", "text", "kind"),
    [
        (200, -32602, "flurb exceeds the wibble", PERMANENT),
        (200, -32000, "flurb exceeds the wibble", TRANSPORT),
        (200, -32005, "flurb", RATE),
        (400, None, "flurb", PERMANENT),
        (200, None, "flurb", TRANSPORT),
    ],
)
def test_unknown_texts(status: int, code: int | None, text: str, kind: Kind) -> None:
    """A text that no row knows is judged by status and code, and is marked for the catalogue."""
    failure = classify(status, code, text)
    assert (failure.kind, failure.known) == (kind, False)


@pytest.mark.parametrize(
    ("text", "wait_s"),
    [
        ("rate limit exceeded, retry in 5s", 5.0),
        ("Too many requests, try again in 250ms", 0.25),
        ('request rate limited {"backoff_seconds": 30}', None),
        ("too many requests", None),
    ],
)
def test_pauses_in_words(text: str, wait_s: float | None) -> None:
    """A pause that the words name is read in seconds."""
    assert classify(429, -32005, text).retry_after_s == wait_s


def test_numbers_as_people_write_them() -> None:
    """Thousands may be set off, or be called K."""
    for text in ("10,000", "10.000", "10_000", "10000", "10k", "10K"):
        assert classify(200, -32000, f"max is {text} blocks").limit == 10_000


def test_a_bare_limit_is_doubted() -> None:
    """The bare "limit exceeded" means the range in one house and the rate in another."""
    assert classify(200, -32005, "limit exceeded").doubt is RATE


@pytest.mark.parametrize(
    ("status", "code", "text"),
    [
        (500, None, ""),
        (502, None, "<html><h1>502 Bad Gateway</h1></html>"),
        (504, None, "<html><h1>504 Gateway Time-out</h1></html>"),
        (524, None, "error"),
        (200, -32603, "Internal error"),
        (200, -32000, "context deadline exceeded"),
        (200, -32000, "timeout of 30000ms exceeded"),
        (408, 30, "Request timeout on the free tier, please upgrade your tier to the paid one"),
    ],
)
def test_what_took_too_long_may_be_too_much(status: int, code: int | None, text: str) -> None:
    """Where an answer did not come in time the range may be why; of another method it is only the way."""
    failure = classify(status, code, text)
    assert (failure.kind, failure.doubt) == (TRANSPORT, DENSITY)
    error = failed("a", "eth_call", failure, text, code)
    assert (error.failure.kind, error.failure.doubt) == (TRANSPORT, None)


@pytest.mark.parametrize(("status", "text"), [(503, ""), (200, "no backend is currently healthy to serve traffic")])
def test_an_outage_is_not_the_range(status: int, text: str) -> None:
    """Nobody narrows a range because nobody is there."""
    assert classify(status, None, text).doubt is None


def test_a_bare_limit_of_another_method_is_the_rate() -> None:
    """Where no range can be meant, "limit exceeded" is the rate."""
    error = failed("bsc", "eth_call", classify(200, -32005, "limit exceeded"), "limit exceeded", -32005)
    assert error.failure.kind is RATE


@pytest.mark.parametrize(
    ("kind", "answer"),
    [
        (STRUCTURAL, TooLarge),
        (DENSITY, TooLarge),
        (FILTER, TooLarge),
        (BEHIND, Transient),
        (MISSING, Inconsistent),
        (RATE, Transient),
        (BILLING, Transient),
        (TRANSPORT, Transient),
        (PERMANENT, Permanent),
    ],
)
def test_every_kind_says_what_to_do(kind: Kind, answer: type[Exception]) -> None:
    """Each kind of failure is raised as an error that tells the caller what to do."""
    failure = classify(200, -1, "")
    error = failed("node", "eth_getLogs", type(failure)(kind), "words")
    assert isinstance(error, answer)
    assert error.reason == kind.value


def test_long_pages_are_read_fast() -> None:
    """A page of a million characters costs no more than its beginning."""
    assert classify(502, None, "<html>" + "<div>x</div>" * 100_000).kind is TRANSPORT
    assert classify(200, None, "[0x" + "0" * 1_000_000).kind is TRANSPORT
