# ruff: noqa: E501 - tables of bodies and cases read better in one line each
"""Each venue's documented bodies are read to the last digit, and each documented trap ends in its reason.

Origins are named beside the bodies: vendors' documents as collected for this project. Where a document shows only
part of a body, fields that are not read are left out.
"""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import pytest

from oracle.model import Pair, Refused, Ticker
from oracle.reasons import Reason
from oracle.sources import VENUES, generic
from oracle.sources.kraken import plain
from oracle.venue import Frame, read, read_frame

D = Decimal
BTC_ID = "e62df6c8b4a85fe1a67db44dc12de5db330f7ac66b72dc658afedf0f4a415b43"

# docs.cdp.coinbase.com, get product ticker
COINBASE = b"""{"ask":"73369.19","bid":"73360.34","volume":"1207.50668151","trade_id":18502105,"price":"73367.8",
"size":"0.00730812","time":"2024-03-13T11:10:41.270099Z","rfq_volume":"7.669923"}"""
# docs.kraken.com, get ticker information
KRAKEN = b"""{"error":[],"result":{"XXBTZUSD":{"a":["64587.50000","2","2.000"],"b":["64587.40000","11","11.000"],
"c":["64587.40000","0.01026127"],"v":["1.0","2.5"],"p":["64487.45123","64670.54770"],"t":[56819,62596],"o":"67600.0"}}}"""
# developers.binance.com, symbol price ticker
BINANCE = b'[{"symbol":"BTCUSDT","price":"46707.03000000"},{"symbol":"ETHUSDT","price":"3100.10"}]'
# www.okx.com/docs-v5, get ticker
OKX = b"""{"code":"0","msg":"","data":[{"instType":"SPOT","instId":"BTC-USDT","last":"31500.1","vol24h":"7.5",
"ts":"1626526618762"}]}"""
# bybit-exchange.github.io/docs/v5/market/tickers
BYBIT = b"""{"retCode":0,"retMsg":"OK","result":{"category":"spot","list":[{"symbol":"BTCUSDT","bid1Price":"20517.96",
"ask1Price":"20527.77","lastPrice":"20533.13","usdIndexPrice":"20784.12009279"}]},"retExtInfo":{},"time":1672376496682}"""
# www.bitstamp.net/api, ticker
BITSTAMP = b"""{"timestamp":"1710328241","open":"71448","high":"73656","low":"68626","last":"73285","volume":"135.29692054",
"vwap":"70853","bid":"73353","ask":"73367","side":"0","open_24":"72144","percent_change_24":"1.58"}"""
# www.gate.com/docs/developers/apiv4, currency pair ticker
GATE = b"""[{"currency_pair":"KFC_USDT","last":"7.255","lowest_ask":"7.298","highest_bid":"7.218",
"change_percentage":"-1.18","base_volume":"1219.05","quote_volume":"8807.40","high_24h":"7.262","low_24h":"7.095"}]"""
# www.kucoin.com/docs, get ticker
KUCOIN = b"""{"code":"200000","data":{"time":1634641987564,"sequence":"1621383371852","price":"62162.9","size":"0.008",
"bestBid":"62162.9","bestBidSize":"1","bestAsk":"62163","bestAskSize":"1"}}"""
# docs.coingecko.com, simple price; the second coin without its time, as the first version of the document shows it
COINGECKO = b'{"bitcoin":{"usd":43808.30302432908,"last_updated_at":1710328241}}'
# pyth developer hub, fetch price updates; the second id is ETH/BTC although the page's text says ETH/USD
HERMES = json.dumps({"binary": {"encoding": "hex", "data": ["504e41550100000003b801"]}, "parsed": [
    {"id": BTC_ID, "price": {"price": "6140993501000", "conf": "3287868567", "expo": -8, "publish_time": 1714746101},
     "ema_price": {"price": "6094004700000", "conf": "3792887800", "expo": -8, "publish_time": 1714746101},
     "metadata": {"slot": 138881186, "proof_available_time": 1714746103, "prev_publish_time": 1714746101}}]}).encode()  # fmt: skip

GOOD: list[tuple[str, str, bytes, Ticker]] = [
    ("coinbase", "BTC-USD", COINBASE,
     Ticker(D("73367.8"), time_s=1710328241.270099, sequence="18502105", volume=D("1207.50668151"))),
    ("kraken", "XBTUSD", KRAKEN, Ticker(D("64587.40000"), volume=D("2.5"))),
    ("binance", "ETHUSDT", BINANCE, Ticker(D("3100.10"))),
    ("okx", "BTC-USDT", OKX, Ticker(D("31500.1"), time_s=1626526618.762, volume=D("7.5"))),
    ("bybit", "BTCUSDT", BYBIT, Ticker(D("20533.13"), server_time_s=1672376496.682)),
    ("bitstamp", "btcusd", BITSTAMP, Ticker(D("73285"), server_time_s=1710328241.0, volume=D("135.29692054"))),
    ("gate", "KFC_USDT", GATE, Ticker(D("7.255"), volume=D("1219.05"))),
    ("kucoin", "BTC-USDT", KUCOIN, Ticker(D("62162.9"), time_s=1634641987.564, sequence="1621383371852")),
    ("coingecko", "bitcoin:usd", COINGECKO, Ticker(D("43808.30302432908"), time_s=1710328241.0)),
    ("hermes", "0x" + BTC_ID.upper(), HERMES.replace(b"0X", b"0x"),
     Ticker(D("61409.93501000"), time_s=1714746101.0, confidence=D("32.87868567"))),
]  # fmt: skip


@pytest.mark.parametrize(("venue", "symbol", "body", "expected"), GOOD, ids=[one[0] for one in GOOD])
def test_documented_bodies(venue: str, symbol: str, body: bytes, expected: Ticker) -> None:
    """Price, the venue's own time, sequence, volume and confidence come out exactly as written."""
    symbol = symbol.replace(BTC_ID.upper(), BTC_ID)
    assert read(VENUES[venue], [symbol], 200, body) == {symbol: expected}


BAD: list[tuple[str, str, int, bytes, Reason]] = [
    ("coinbase", "XXX-USD", 404, b'{"message":"NotFound"}', Reason.UNKNOWN_SYMBOL),
    ("coinbase", "BTC-USD", 200, b'{"message":"Internal"}', Reason.VENUE_ERROR),
    ("coinbase", "BTC-USD", 200, b'{"price":"$46707.03","time":"2024-03-13T11:10:41Z","trade_id":1}', Reason.MALFORMED),
    ("coinbase", "BTC-USD", 200, b'{"price":null,"time":"2024-03-13T11:10:41Z","trade_id":1}', Reason.MALFORMED),
    ("coinbase", "BTC-USD", 200, b'{"price":"1","time":"yesterday","trade_id":1}', Reason.MALFORMED),
    ("coinbase", "BTC-USD", 200, b'{"price":"1","time":"2024-03-13T11:10:41","trade_id":1}', Reason.MALFORMED),
    ("coinbase", "BTC-USD", 200, b'{"price":"1","price":"1000","time":"2024-03-13T11:10:41Z"}', Reason.MALFORMED),
    ("coinbase", "BTC-USD", 200, b"<html><body>Access denied</body></html>", Reason.MALFORMED),
    ("coinbase", "BTC-USD", 200, b"", Reason.MALFORMED),
    ("coinbase", "BTC-USD", 200, b'{"price":"73367.8","ti', Reason.MALFORMED),
    ("coinbase", "BTC-USD", 200, b'{"price":NaN,"time":"2024-03-13T11:10:41Z","trade_id":1}', Reason.NOT_FINITE),
    ("coinbase", "BTC-USD", 200, b'{"price":"Infinity","time":"2024-03-13T11:10:41Z","trade_id":1}', Reason.NOT_FINITE),
    ("coinbase", "BTC-USD", 200, b'{"price":1e999999,"time":"2024-03-13T11:10:41Z","trade_id":1}', Reason.MALFORMED),
    ("coinbase", "BTC-USD", 401, b"", Reason.AUTH),
    ("coinbase", "BTC-USD", 403, b"<html>", Reason.AUTH),
    ("coinbase", "BTC-USD", 429, b"", Reason.RATE_LIMITED),
    ("coinbase", "BTC-USD", 502, COINBASE, Reason.HTTP_STATUS),
    ("coinbase", "BTC-USD", 302, b"", Reason.HTTP_STATUS),
    ("coinbase", "BTC-USD", 400, COINBASE, Reason.HTTP_STATUS),
    ("kraken", "NOPE", 200, b'{"error":["EQuery:Unknown asset pair"]}', Reason.UNKNOWN_SYMBOL),
    ("kraken", "XBTUSD", 200, b'{"error":["EGeneral:Too many requests"]}', Reason.RATE_LIMITED),
    ("kraken", "XBTUSD", 200, b'{"error":["EService:Unavailable"]}', Reason.MAINTENANCE),
    ("kraken", "ETHUSD", 200, KRAKEN, Reason.UNKNOWN_SYMBOL),
    ("kraken", "XBTUSD", 200, b'{"error":[],"result":{"XXBTZUSD":{"c":[]}}}', Reason.MALFORMED),
    ("binance", "NOPE", 400, b'{"code":-1121,"msg":"Invalid symbol."}', Reason.UNKNOWN_SYMBOL),
    ("binance", "BTCUSDT", 418, b'{"code":-1003,"msg":"Way too much request weight used"}', Reason.RATE_LIMITED),
    ("binance", "BTCUSDT", 451, b'{"code":0,"msg":"Service unavailable from a restricted location"}', Reason.GEO_BLOCKED),
    ("binance", "BTCUSDT", 200, b"[]", Reason.UNKNOWN_SYMBOL),
    ("binance", "BTCUSDT", 200, b'[{"symbol":"BTCUSDT","price":"1"},{"symbol":"BTCUSDT","price":"2"}]', Reason.MALFORMED),
    ("binance", "BTCUSDT", 200, b'["BTCUSDT"]', Reason.MALFORMED),
    ("okx", "NOPE", 200, b'{"code":"51001","msg":"Instrument ID does not exist","data":[]}', Reason.UNKNOWN_SYMBOL),
    ("okx", "BTC-USDT", 200, b'{"code":"50011","msg":"Rate limit reached","data":[]}', Reason.RATE_LIMITED),
    ("okx", "BTC-USDT", 200, b'{"code":"0","msg":"","data":[]}', Reason.UNKNOWN_SYMBOL),
    ("okx", "BTC-USDT", 200, b'{"code":"0","msg":"","data":[{"instId":"BTC-USDT","last":"","ts":"1626526618762"}]}',
     Reason.MALFORMED),
    ("bybit", "NOPE", 200, b'{"retCode":10001,"retMsg":"Not supported symbols","result":{},"time":1672376496682}',
     Reason.UNKNOWN_SYMBOL),
    ("bybit", "BTCUSDT", 403, b"<html>", Reason.RATE_LIMITED),
    ("bitstamp", "btcusd", 200, b'{"last":"1","timestamp":"1"}', Reason.MALFORMED),
    ("gate", "NOPE_USDT", 400, b'{"label":"INVALID_CURRENCY_PAIR","message":"Invalid"}', Reason.UNKNOWN_SYMBOL),
    ("gate", "BTC_USDT", 200, b"[]", Reason.UNKNOWN_SYMBOL),
    ("kucoin", "NOPE", 200, b'{"code":"200000","data":null}', Reason.UNKNOWN_SYMBOL),
    ("kucoin", "BTC-USDT", 200, b'{"code":"429000","msg":"Too Many Requests"}', Reason.RATE_LIMITED),
    ("coingecko", "nope:usd", 200, b"{}", Reason.UNKNOWN_SYMBOL),
    ("coingecko", "bitcoin:usd", 200, b'{"bitcoin":{"usd":1}}', Reason.MALFORMED),
    ("coingecko", "bitcoin:usd", 200, b'{"status":{"error_code":429,"error_message":"limit"}}', Reason.RATE_LIMITED),
    ("hermes", BTC_ID, 200, b'{"parsed":[]}', Reason.UNKNOWN_SYMBOL),
    ("hermes", BTC_ID, 401, b"", Reason.AUTH),
    ("hermes", BTC_ID, 200, HERMES.replace(b"-8", b"-80000"), Reason.MALFORMED),
]  # fmt: skip


@pytest.mark.parametrize(("venue", "symbol", "status", "body", "reason"), BAD)
def test_traps(venue: str, symbol: str, status: int, body: bytes, reason: Reason) -> None:
    """An answer without a price ends in the reason that says why, never in a price and never in an exception."""
    outcome = read(VENUES[venue], [symbol], status, body)[symbol]
    assert isinstance(outcome, Refused)
    assert outcome.reason is reason, outcome


def test_scientific_notation_and_plain_numbers() -> None:
    """A JSON number and a number in text are the same Decimal, digit by digit."""
    body = b'{"bitcoin":{"usd":1.0e-5,"last_updated_at":1710328241}}'
    assert read(VENUES["coingecko"], ["bitcoin:usd"], 200, body)["bitcoin:usd"] == Ticker(D("0.000010"), 1710328241.0)
    long = b'{"bitcoin":{"usd":0.1000000000000000055511151231257827,"last_updated_at":1710328241}}'
    outcome = read(VENUES["coingecko"], ["bitcoin:usd"], 200, long)["bitcoin:usd"]
    assert isinstance(outcome, Ticker)
    assert str(outcome.price) == "0.1000000000000000055511151231257827"


def test_the_exponent_comes_from_the_message() -> None:
    """The same digits under another exponent are another price (Pyth, September 2021)."""
    outcome = read(VENUES["hermes"], [BTC_ID], 200, HERMES.replace(b'"expo": -8', b'"expo": -5'))[BTC_ID]
    assert isinstance(outcome, Ticker)
    assert outcome.price == D("61409935.01000")


def test_keys_that_differ_by_case_are_different() -> None:
    """Binance's trade frame has both `t` and `T`, `m` and `M`."""
    frame = b'{"e":"aggTrade","E":1672515782136,"s":"BNBBTC","a":12345,"p":"0.001","q":"100","f":100,"l":105,"T":1672515782136,"m":true,"M":true}'
    stream = VENUES["binance"].stream
    assert stream is not None
    assert read_frame(stream, frame) == Frame({"BNBBTC": Ticker(D("0.001"), 1672515782.136, sequence="12345")})


def test_one_symbol_spoils_no_other() -> None:
    """In a joint answer a row that cannot be read is refused alone."""
    body = b'[{"symbol":"A","price":"oops"},{"symbol":"B","price":"2"}]'
    found = read(VENUES["binance"], ["A", "B", "C"], 200, body)
    assert found["B"] == Ticker(D(2))
    assert [type(found[s]) for s in "AC"] == [Refused, Refused]


@pytest.mark.parametrize(("name", "expected"), [("XXBTZUSD", "XBTUSD"), ("XETHZUSD", "ETHUSD"), ("USDTZUSD", "USDTUSD"),
                                                ("XETHXXBT", "ETHXBT"), ("DAIUSD", "DAIUSD"), ("XXDGZUSD", "XDGUSD"),
                                                ("XTZUSD", "XTZUSD")])  # fmt: skip
def test_krakens_own_names(name: str, expected: str) -> None:
    """The letters of asset classes go, those of names stay."""
    assert plain(name) == expected


JOINT = [
    ("okx", ["BTC-USDT", "X-USDT"], {"code": "0", "data": [{"instId": "BTC-USDT", "last": "2", "ts": "1626526618762"}]}),
    ("bybit", ["BTCUSDT", "X"], {"retCode": 0, "result": {"list": [{"symbol": "BTCUSDT", "lastPrice": "2"}]}}),
    ("bitstamp", ["btcusd", "xusd"], [{"pair": "BTC/USD", "last": "2", "timestamp": "1710328241"}]),
    ("gate", ["BTC_USDT", "X_USDT"], [{"currency_pair": "BTC_USDT", "last": "2"}]),
    ("kucoin", ["BTC-USDT", "X-USDT"],
     {"code": "200000", "data": {"time": 1634641987564, "ticker": [{"symbol": "BTC-USDT", "last": "2"}]}}),
]  # fmt: skip


@pytest.mark.parametrize(("venue", "symbols", "body"), JOINT, ids=[one[0] for one in JOINT])
def test_joint_answers(venue: str, symbols: list[str], body: Any) -> None:
    """Several symbols are asked in one question; the one that is missing is unknown."""
    found = read(VENUES[venue], symbols, 200, json.dumps(body).encode())
    first, second = found[symbols[0]], found[symbols[1]]
    assert isinstance(first, Ticker)
    assert first.price == 2
    assert isinstance(second, Refused)
    assert second.reason is Reason.UNKNOWN_SYMBOL


REQUESTS = [
    ("coinbase", "/products/ETH-USD/ticker", ()),
    ("kraken", "/0/public/Ticker", (("pair", "ETHUSD"),)),
    ("binance", "/api/v3/ticker/price", (("symbol", "ETHUSD"),)),
    ("okx", "/api/v5/market/ticker", (("instId", "ETH-USD"),)),
    ("bybit", "/v5/market/tickers", (("category", "spot"), ("symbol", "ETHUSD"))),
    ("bitstamp", "/api/v2/ticker/ethusd/", ()),
    ("gate", "/api/v4/spot/tickers", (("currency_pair", "ETH_USD"),)),
    ("kucoin", "/api/v1/market/orderbook/level1", (("symbol", "ETH-USD"),)),
]


@pytest.mark.parametrize(("venue", "path", "query"), REQUESTS, ids=[one[0] for one in REQUESTS])
def test_requests(venue: str, path: str, query: tuple[tuple[str, str], ...]) -> None:
    """A pair becomes the venue's own symbol at the venue's own place."""
    request = VENUES[venue].request([VENUES[venue].symbol(Pair("ETH", "USD"))])
    assert (request.path, request.query) == (path, query)


def test_kraken_calls_bitcoin_xbt() -> None:
    """Symbols are the venue's, not ours."""
    assert VENUES["kraken"].symbol(Pair("BTC", "USD")) == "XBTUSD"
    assert VENUES["coingecko"].symbol(Pair("BTC", "USD")) == "bitcoin:usd"


FRAMES: list[tuple[str, Any, Any]] = [
    ("coinbase", {"type": "ticker", "sequence": 12042642428, "product_id": "BTC-USD", "price": "9380.55",
                  "time": "2020-02-01T01:40:16.253563Z", "trade_id": 82062566, "last_size": "0.41969131"},
     Frame({"BTC-USD": Ticker(D("9380.55"), 1580521216.253563, sequence="82062566")})),
    ("coinbase", {"type": "heartbeat", "last_trade_id": 20, "product_id": "BTC-USD"}, Frame()),
    ("coinbase", {"type": "error", "message": "Failed to subscribe"}, Reason.VENUE_ERROR),
    ("kraken", {"channel": "ticker", "type": "snapshot", "data": [{"symbol": "BTC/USD", "last": 108359.8, "volume": 2158.3}]},
     Frame({"BTC/USD": Ticker(D("108359.8"), volume=D("2158.3"))})),
    ("kraken", {"channel": "heartbeat"}, Frame()),
    ("kraken", {"channel": "status", "type": "update", "data": [{"system": "cancel_only"}]},
     Frame(unhealthy=Refused(Reason.MAINTENANCE, "cancel_only"))),
    ("kraken", {"channel": "status", "type": "update", "data": [{"system": "online"}]}, Frame(healthy=True)),
    ("kraken", {"method": "subscribe", "success": False, "error": "Currency pair not supported"}, Reason.VENUE_ERROR),
    ("binance", {"e": "serverShutdown", "E": 1}, Frame(reconnect=True)),
    ("binance", {"result": None, "id": 1}, Frame()),
    ("okx", b"pong", Frame()),
    ("okx", {"event": "subscribe", "arg": {"channel": "tickers", "instId": "BTC-USDT"}}, Frame()),
    ("okx", {"event": "notice", "code": "64008", "msg": "upgrade soon"}, Frame(reconnect=True)),
    ("okx", {"event": "error", "code": "60012", "msg": "Invalid request"}, Reason.VENUE_ERROR),
    ("okx", {"arg": {"channel": "tickers", "instId": "BTC-USDT"},
             "data": [{"instId": "BTC-USDT", "last": "9999.99", "ts": "1597026383085"}]},
     Frame({"BTC-USDT": Ticker(D("9999.99"), 1597026383.085)})),
    ("bybit", {"topic": "tickers.BTCUSDT", "ts": 1673853746002, "type": "snapshot", "cs": 2588407389,
               "data": {"symbol": "BTCUSDT", "lastPrice": "21109.77"}},
     Frame({"BTCUSDT": Ticker(D("21109.77"), 1673853746.002, sequence="2588407389")})),
    ("bybit", {"topic": "tickers.BTCUSDT", "ts": 1, "type": "delta", "data": {"symbol": "BTCUSDT", "markPrice": "1"}}, Frame()),
    ("bybit", {"success": False, "ret_msg": "Invalid symbol", "op": "subscribe"}, Reason.VENUE_ERROR),
    ("bitstamp", {"event": "trade", "channel": "live_trades_btcusd", "data": {
        "microtimestamp": "1612185600000000", "price_str": "100000.00", "price": 100000.00, "id": 123456789}},
     Frame({"btcusd": Ticker(D("100000.00"), 1612185600.0, sequence="123456789")})),
    ("bitstamp", {"event": "bts:request_reconnect", "channel": "", "data": ""}, Frame(reconnect=True)),
    ("gate", {"time": 1649326221, "channel": "spot.tickers", "event": "update",
              "result": {"currency_pair": "BTC_USDT", "last": "43444.82"}},
     Frame({"BTC_USDT": Ticker(D("43444.82"), server_time_s=1649326221.0)})),
    ("gate", {"time": 1, "channel": "spot.pong", "event": "", "error": None}, Frame()),
    ("kucoin", {"type": "message", "topic": "/market/ticker:BTC-USDT", "subject": "trade.ticker", "data": {
        "bestAsk": "62163", "price": "62162.9", "sequence": "1621383371852", "time": 1634641987564}},
     Frame({"BTC-USDT": Ticker(D("62162.9"), 1634641987.564, sequence="1621383371852")})),
    ("kucoin", {"id": "1", "type": "welcome"}, Frame()),
    ("hermes", json.loads(HERMES), Frame({BTC_ID: Ticker(D("61409.93501"), 1714746101.0, confidence=D("32.87868567"))})),
    ("okx", b"\x00\xff", Reason.MALFORMED),
    ("coinbase", b"hello", Reason.MALFORMED),
]  # fmt: skip


@pytest.mark.parametrize(("venue", "message", "expected"), FRAMES)
def test_frames(venue: str, message: Any, expected: Frame | Reason) -> None:
    """Data, heartbeats, pongs, notices and errors of a stream are told apart."""
    stream = VENUES[venue].stream
    assert stream is not None
    found = read_frame(stream, message if isinstance(message, bytes) else json.dumps(message).encode())
    if isinstance(expected, Reason):
        assert isinstance(found, Refused)
        assert found.reason is expected
    else:
        assert found == expected


def test_kucoins_address_is_asked_for() -> None:
    """The bullet's answer becomes the URL to connect to."""
    stream = VENUES["kucoin"].stream
    assert stream is not None
    assert stream.bootstrap is not None
    body = b'{"code":"200000","data":{"token":"t0k","instanceServers":[{"endpoint":"wss://ws-api-spot.kucoin.com/"}]}}'
    assert stream.bootstrap.url(body, "me") == "wss://ws-api-spot.kucoin.com/?token=t0k&connectId=me"


def test_a_source_in_configuration_alone() -> None:
    """Paths lead to price, time, volume, sequence and the symbol's echo; a wrong echo is a wrong pair."""
    described = generic.Description(
        price="data.0.last", path="/t/{symbol}", time="data.0.t", time_unit="ms", echo="data.0.s", sequence="data.0.n"
    )
    venue = generic.venue("mycex", "https://example.org", described)
    assert venue.request(["ETH/USD"]).path == "/t/ETH%2FUSD"
    body = b'{"data":[{"s":"ETHUSD","last":"2000.5","t":1672376496682,"n":7}]}'
    assert read(venue, ["ETHUSD"], 200, body) == {"ETHUSD": Ticker(D("2000.5"), 1672376496.682, sequence="7")}
    other = read(venue, ["BTCUSD"], 200, body)["BTCUSD"]
    assert isinstance(other, Refused)
    assert other.reason is Reason.WRONG_PAIR


def test_every_source_names_its_document() -> None:
    """A venue says which page it follows, where it is, and how much it allows."""
    for venue in VENUES.values():
        assert venue.spec.startswith("https://")
        assert venue.base_url.startswith("https://")
        assert venue.budget.requests > 0
