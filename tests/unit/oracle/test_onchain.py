# ruff: noqa: E501 - tables of bodies and cases read better in one line each
"""On-chain sources: what they ask, and what they make of any answer."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from eth_abi.abi import decode as abi_decode
from eth_abi.abi import encode as abi_encode
from eth_utils.crypto import keccak

from oracle import multicall
from oracle.errors import Unreadable
from oracle.model import Refused, Ticker
from oracle.onchain import EthCall, Reader, Sample, View, read
from oracle.params import Params
from oracle.reasons import Reason
from oracle.rules.sequencer import sequencer_down
from oracle.samples import KEEP_S, Samples
from oracle.sources import chainlink, curve, pyth, uniswap_v2, uniswap_v3
from oracle.sources.chainlink import Chainlink, phase_and_round
from oracle.sources.curve import Curve
from oracle.sources.pyth import Pyth
from oracle.sources.uniswap_v2 import Q112, UniswapV2
from oracle.sources.uniswap_v3 import UniswapV3
from oracle.ticks import sqrt_ratio_at_tick

D = Decimal
A, B = b"\x11" * 20, b"\x22" * 20
NOW = 1_800_000_000


def enc(types: str, *values: Any) -> bytes:
    return abi_encode(types.split(), values)


def view(
    *answers: bytes | None, more: tuple[bytes | None, ...] = (), past: tuple[Sample, ...] = (), at: int = NOW
) -> View:
    return View(answers, 100, at, float(at), more, past)


def price_of(reader: Reader, seen: View) -> Ticker:
    outcome = read(reader, seen, 120)
    assert isinstance(outcome, Ticker), outcome
    return outcome


def refusal_of(reader: Reader, seen: View) -> Refused:
    outcome = read(reader, seen, 120)
    assert isinstance(outcome, Refused), outcome
    return outcome


def rounds(answer: int, updated_at: int = NOW - 10, started_at: int = NOW - 10) -> bytes:
    return enc("uint80 int256 uint256 uint256 uint80", 18446744073709562776, answer, started_at, updated_at, 1)


SELECTORS = [
    (chainlink.LATEST_ROUND_DATA, "latestRoundData()"), (chainlink.DECIMALS, "decimals()"),
    (chainlink.DESCRIPTION, "description()"), (pyth.GET_PRICE_UNSAFE, "getPriceUnsafe(bytes32)"),
    (uniswap_v3.SLOT0, "slot0()"), (uniswap_v3.OBSERVE, "observe(uint32[])"), (uniswap_v3.TOKEN0, "token0()"),
    (uniswap_v3.OBSERVATIONS, "observations(uint256)"), (uniswap_v3.TOKEN1, "token1()"),
    (uniswap_v2.GET_RESERVES, "getReserves()"), (uniswap_v2.PRICE0_CUMULATIVE, "price0CumulativeLast()"),
    (uniswap_v2.PRICE1_CUMULATIVE, "price1CumulativeLast()"), (curve.PRICE_ORACLE_I, "price_oracle(uint256)"),
    (curve.PRICE_ORACLE, "price_oracle()"), (curve.LAST_PRICE_I, "last_price(uint256)"), (curve.LAST_PRICE, "last_price()"),
    (multicall.AGGREGATE3, "aggregate3((address,bool,bytes)[])"),
]  # fmt: skip


@pytest.mark.parametrize(("selector", "signature"), SELECTORS)
def test_selectors(selector: str, signature: str) -> None:
    """A selector is the first four bytes of the signature's hash."""
    assert selector == keccak(text=signature)[:4].hex()


def test_chainlink_reads_decimals_and_description() -> None:
    """The price has the contract's decimals, its own time, its round id, and says which pair it is."""
    seen = view(rounds(200012345678), enc("uint8", 8), enc("string", "ETH / USD"))
    ticker = price_of(Chainlink(A), seen)
    assert ticker.price == D("2000.12345678")
    assert ticker.time_s == NOW - 10
    assert (ticker.claims, ticker.sequence) == ("ETH / USD", "18446744073709562776")


def test_chainlink_with_other_decimals_than_declared() -> None:
    """18 decimals where the configuration says 8 is refused as a matter of scale, not read as a price."""
    seen = view(rounds(2000 * 10**18), enc("uint8", 18), enc("string", "ETH / USD"))
    assert refusal_of(Chainlink(A, decimals=8), seen).reason is Reason.SCALE
    assert price_of(Chainlink(A), seen).price == 2000


@pytest.mark.parametrize(
    ("answers", "reason"),
    [
        ((None, enc("uint8", 8), enc("string", "x")), Reason.REVERTED),
        ((b"", b"", b""), Reason.REVERTED),
        ((rounds(1)[:64], enc("uint8", 8), enc("string", "x")), Reason.MALFORMED),
        ((rounds(1), enc("uint256", 10**30), enc("string", "x")), Reason.MALFORMED),
        ((rounds(1), enc("uint8", 8), b"\xff" * 64), Reason.MALFORMED),
        ((rounds(1), enc("uint8", 8), enc("uint256 uint256", 32, 1000)), Reason.MALFORMED),
    ],
)
def test_chainlink_answers_that_are_none(answers: tuple[bytes | None, ...], reason: Reason) -> None:
    """A refused call, an empty address, a short or absurd answer: each its reason."""
    assert refusal_of(Chainlink(A), view(*answers)).reason is reason


def test_proxy_round_ids() -> None:
    """A proxy's round id is its phase and the aggregator's own round (docs.chain.link, historical data)."""
    assert phase_and_round(92233720368547771158) == (5, 13078)
    assert phase_and_round(73786976294838206465) == (4, 1)


@pytest.mark.parametrize(
    ("answer", "started_s_ago", "says"),
    [
        (1, 99999, "down"),
        (0, None, "not initialised"),
        (0, 3600, "up for 3600 s"),
        (0, 10, "up for 10 s"),
        (0, 3601, None),
    ],
)
def test_the_sequencer(answer: int, started_s_ago: int | None, says: str | None) -> None:
    """Down, not initialised, or back for no longer than the grace: refused. Just beyond the grace: recovered."""
    started = 0 if started_s_ago is None else NOW - started_s_ago
    seen = view(rounds(1), enc("uint8", 8), enc("string", "x"), rounds(answer, started_at=started))
    outcome = read(Chainlink(A, sequencer=B), seen, 120)
    if says is None:
        assert isinstance(outcome, Ticker)
    else:
        assert isinstance(outcome, Refused)
        assert outcome.reason is Reason.SEQUENCER_DOWN
        assert says in outcome.detail
    assert sequencer_down(0, NOW - 3601, NOW, 3600) is None


def test_an_old_block_is_no_state_to_trust() -> None:
    """A node that answers from a block beyond the limit is refused; exactly the limit passes; the next block recovers."""
    seen = View((rounds(1), enc("uint8", 8), enc("string", "x")), 7, NOW - 121, NOW)
    assert refusal_of(Chainlink(A), seen).reason is Reason.OLD_BLOCK
    assert isinstance(read(Chainlink(A), View(seen.answers, 8, NOW - 120, NOW), 120), Ticker)


def test_pyth_on_chain() -> None:
    """Price and confidence carry the answer's own exponent."""
    answer = enc("int64 uint64 int32 uint256", 6140993501000, 3287868567, -8, NOW - 3)
    ticker = price_of(Pyth(A, b"\x01" * 32), view(answer))
    assert (ticker.price, ticker.confidence, ticker.time_s) == (D("61409.93501"), D("32.87868567"), NOW - 3)
    absurd = enc("int64 uint64 int256 uint256", 1, 1, -(2**200), NOW)
    assert refusal_of(Pyth(A, b"\x01" * 32), view(absurd)).reason is Reason.MALFORMED
    assert price_of(Pyth(A, b"\x01" * 32), view(enc("int64 uint64 int32 uint256", -5, 1, 0, NOW))).price == -5


def pool(tick: int = 76012, spot: int | None = None, cardinality: int = 100, oldest_s: int = 3600,
         liquidity: int = 10**18, window: int = 1800, initialised: bool = True) -> View:  # fmt: skip
    slot0 = enc("uint160 int24 uint16 uint16 uint16 uint8 bool",
                sqrt_ratio_at_tick(tick if spot is None else spot), tick, 4, cardinality, cardinality, 0, True)  # fmt: skip
    observed = enc("int56[] uint160[]", [0, tick * window], [0, (window << 128) // liquidity])
    old = enc("uint32 int56 uint160 bool", NOW - oldest_s, 0, 0, initialised)
    first = enc("uint32 int56 uint160 bool", NOW - oldest_s, 0, 0, True)
    tokens = (enc("address", "0x" + "33" * 20), enc("address", "0x" + "44" * 20))
    return view(slot0, observed, *tokens, more=(old, first, enc("uint8", 18), enc("uint8", 6)))


def test_v3_average_spot_and_liquidity() -> None:
    """The average over the window, the spot beside it, the harmonic mean of liquidity, at the block's time."""
    ticker = price_of(UniswapV3(A), pool(tick=-200311, spot=-200211))
    assert ticker.price == pytest.approx(D("1.0001") ** -200311 * 10**12, rel=D("1e-15"))
    assert ticker.spot is not None
    assert ticker.spot / ticker.price == pytest.approx(D("1.0001") ** 100, rel=D("1e-15"))
    assert ticker.liquidity == pytest.approx(D(10**18), rel=D("1e-15"))
    assert ticker.time_s == NOW


def test_v3_asks_for_the_oldest_observation() -> None:
    """The oldest observation is the one behind the newest in the ring, or the first when the ring is not full."""
    more = UniswapV3(A).more(pool())
    assert [int.from_bytes(call.data[4:], "big") for call in more[:2]] == [5, 0]
    assert [call.to.hex() for call in more[2:]] == ["33" * 20, "44" * 20]
    assert price_of(UniswapV3(A), pool(initialised=False)).price > 0


def test_v3_without_a_window_behind_it() -> None:
    """One observation, or too young a ring: no average, and never spot in its stead; with its window full it recovers."""
    assert refusal_of(UniswapV3(A), pool(cardinality=1)).reason is Reason.WINDOW
    young = refusal_of(UniswapV3(A), pool(oldest_s=1799))
    assert (young.reason, young.detail) == (Reason.WINDOW, "the oldest observation is 1799 s old, the window 1800 s")
    assert isinstance(read(UniswapV3(A), pool(oldest_s=1800), 120), Ticker)


def test_v3_inverse_side() -> None:
    """With the base as token1 the price is the reciprocal, exactly to the digits kept."""
    one = price_of(UniswapV3(A, base_is_token0=True), pool()).price
    other = price_of(UniswapV3(A, base_is_token0=False), pool()).price
    assert one * other == pytest.approx(D(1), rel=D("1e-30"))


def test_v3_garbage() -> None:
    """No slot0, a root of zero, ticks beyond the extremes, other decimals than declared."""
    assert UniswapV3(A).more(view(None, None, None, None)) == ()
    assert refusal_of(UniswapV3(A), view(None, None, None, None)).reason is Reason.REVERTED
    seen = pool()
    wild = View(
        (seen.answers[0], enc("int56[] uint160[]", [0, 2**54], [0, 1]), *seen.answers[2:]), 1, NOW, NOW, seen.more
    )
    assert refusal_of(UniswapV3(A), wild).reason is Reason.MALFORMED
    assert refusal_of(UniswapV3(A, base_decimals=6), pool()).reason is Reason.SCALE


def reserves(r0: int, r1: int, last: int) -> bytes:
    return enc("uint112 uint112 uint32", r0, r1, last % 2**32)


def test_v2_refuses_until_the_window_has_elapsed() -> None:
    """Inverse Finance: an average without its whole window is no price. From the window on it is exact."""
    reader = UniswapV2(A, 18, 6, window_s=600)
    r0, r1 = 10 * 10**18, 20_000 * 10**6
    start = view(reserves(r0, r1, NOW - 50), enc("uint256", 5 * Q112))
    first = reader.note(start)
    assert first is not None
    assert first.value == 5 * Q112 + (r1 * Q112 // r0) * 50
    assert refusal_of(reader, start).reason is Reason.WINDOW
    for elapsed, enough in ((599, False), (600, True)):
        at = NOW + elapsed
        later = view(reserves(r0, r1, NOW - 50), enc("uint256", 5 * Q112), past=(first,), at=at)
        outcome = read(reader, View(later.answers, 1, at, at, past=(first,)), 120)
        assert isinstance(outcome, Ticker) is enough
        if isinstance(outcome, Ticker):
            assert outcome.price == pytest.approx(D(2000), rel=D("1e-20"))
            assert outcome.spot == D(2000)


def test_v2_cumulatives_wrap_on_purpose() -> None:
    """A cumulative that ran over 2^256 gives the same average; block times wrap at 2^32."""
    reader = UniswapV2(A, 18, 18, window_s=100)
    before = Sample(NOW - 100, 2**256 - 50 * Q112)
    seen = view(reserves(10**18, 3 * 10**18, NOW + 2**32), enc("uint256", 250 * Q112), past=(before,))
    assert price_of(reader, seen).price == 3


def test_v2_an_empty_pool() -> None:
    """Reserves of zero are illiquid, not a division by zero."""
    assert refusal_of(UniswapV2(A, 18, 18), view(reserves(0, 0, 0), enc("uint256", 0))).reason is Reason.ILLIQUID
    assert UniswapV2(A, 18, 18).note(view(None, None)) is None


def test_samples_are_spaced_and_forgotten() -> None:
    """Samples too near each other add nothing; those older than two days are let go; new ones wait to be stored."""
    samples = Samples([("p", Sample(NOW - KEEP_S - 100, 1))])
    samples.add("p", Sample(NOW, 2))
    samples.add("p", Sample(NOW + 1, 3))
    assert list(samples.of("p")) == [Sample(NOW, 2)]
    assert samples.take() == [("p", Sample(NOW, 2))]
    assert samples.take() == []


def test_curve() -> None:
    """18 decimals relative to coin 0, and inverted on demand."""
    assert price_of(Curve(A), view(enc("uint256", 5 * 10**17), enc("uint256", 6 * 10**17))).price == D("0.5")
    inverted = price_of(Curve(A, inverted=True), view(enc("uint256", 5 * 10**17), None))
    assert (inverted.price, inverted.spot) == (2, None)
    assert refusal_of(Curve(A), view(None, None)).reason is Reason.REVERTED
    assert price_of(Curve(A, inverted=True), view(enc("uint256", 0), None)).price == 0


def test_curve_pools_with_the_broken_average() -> None:
    """A pool from before the fix whose coins have not all 18 decimals is refused when the configuration is read."""
    table = {"pool": "0x" + "11" * 20, "deployed": "2023-11-01", "coin_decimals": [18, 6]}
    params = Params(table)
    curve.reader(params)
    assert [key for key, _, _ in params.problems] == ["deployed"]
    for better in ({"deployed": "2024-01-05"}, {"coin_decimals": [18, 18]}):
        params = Params({**table, **better})
        curve.reader(params)
        assert params.problems == []


def test_multicall_is_what_the_abi_says() -> None:
    """Our encoding equals the ABI's, and any well-formed answer is taken apart."""
    calls = [EthCall(A, b"\x01\x02\x03\x04"), EthCall(B, b"\x05" * 36)]
    expected = abi_encode(["(address,bool,bytes)[]"], [[("0x" + one.to.hex(), True, one.data) for one in calls]])
    assert multicall.encode(calls)[4:] == expected
    assert abi_decode(["(address,bool,bytes)[]"], multicall.encode(calls)[4:])[0][1][2] == b"\x05" * 36
    answer = abi_encode(["(bool,bytes)[]"], [[(True, b"\x07" * 33), (False, b"nope")]])
    assert multicall.decode(answer, 2) == [b"\x07" * 33, None]
    with pytest.raises(Unreadable):
        multicall.decode(answer, 3)
