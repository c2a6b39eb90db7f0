# ruff: noqa: E501 - tables of bodies and cases read better in one line each
"""What once cost somebody money must not pass here. Each test names the incident."""

from __future__ import annotations

from decimal import Decimal

import pytest

from oracle.aggregate import Memory
from oracle.convert import NoRoute, follow
from oracle.model import Leg, Pair, Refused, Ticker
from oracle.reasons import Reason
from tests.unit.oracle.feeds import (
    ETH_USD,
    MOMENT,
    NOW_S,
    USDT_USD,
    feed,
    later,
    leg,
    observe,
    quote,
    terms,
    verdicts,
    via_usdt,
)

D = Decimal


def test_synthetix_2019_two_sources_one_thousandfold() -> None:
    """Two sources of which one is 1000× too high are never averaged: the round is refused."""
    seen, _ = observe(feed("a", "b"), {"a": 1, "b": 1000})
    assert (seen.result, seen.reason, seen.price) == ("refused", Reason.DEVIATION, None)


def test_synthetix_2019_the_oracle_returns_when_they_agree_again() -> None:
    """A disagreement leaves nothing behind."""
    two = feed("a", "b")
    _, memory = observe(two, {"a": 1, "b": 1000})
    seen, _ = observe(two, {"a": 1, "b": "1.001"}, memory, later(5))
    assert (seen.result, seen.price) == ("fresh", D("1.0005"))


def test_compound_2020_one_venue_spikes() -> None:
    """DAI at 1.30 on one venue of three: dropped, the others rule."""
    seen, _ = observe(feed("coinbase", "b", "c"), {"coinbase": "1.30", "b": "1.01", "c": "1.00"})
    assert seen.price == D("1.005")
    assert verdicts(seen) == {"coinbase": "deviation", "b": "used", "c": "used"}


def test_usde_2025_the_big_venue_is_the_outlier() -> None:
    """A venue-local crash is dropped however big the venue is."""
    seen, _ = observe(feed("binance", "b", "c"), {"binance": "0.65", "b": "0.998", "c": "0.999"})
    assert seen.price == D("0.9985")
    assert verdicts(seen)["binance"] == "deviation"


def test_pyth_2021_publishers_send_zero_and_another_exponent() -> None:
    """One publisher at zero, one 10^8 off: both dropped, the honest ones rule."""
    sources = ("a", "b", "c", "d", "e")
    seen, _ = observe(feed(*sources), {"a": 43000, "b": 43010, "c": 43005, "d": 0, "e": "0.00043"})
    assert seen.price == D("43005")
    assert verdicts(seen)["d"] == "non_positive"
    assert verdicts(seen)["e"] == "scale"


@pytest.mark.parametrize("power", [-10, -8, -1, 1, 3, 10])
def test_ribbon_2025_decimals_change(power: int) -> None:
    """A price that is the recent one times a power of ten is a moved decimal point, even from the only source."""
    one = feed("a")
    _, memory = observe(one, {"a": "3000"})
    seen, _ = observe(one, {"a": D(3010).scaleb(power)}, memory, later(5))
    assert verdicts(seen) == {"a": "scale"}
    assert seen.result == "cached"


def test_ribbon_2025_recovery() -> None:
    """The scale guard lets go once the recent price is too old to judge by."""
    one = feed("a", cache_s=0)
    _, memory = observe(one, {"a": "3000"})
    assert observe(one, {"a": "300"}, memory, later(120))[0].reason is Reason.NO_QUOTES
    assert observe(one, {"a": "300"}, memory, later(121))[0].price == 300


def test_moonwell_2026_a_ratio_taken_for_dollars() -> None:
    """A feed that says CBETH/ETH is refused where CBETH/USD is wanted."""
    pair = Pair("CBETH", "USD")
    stated = quote("chainlink", "1.12", pair=pair, claims="CBETH / ETH")
    seen, _ = observe(feed("chainlink", pair=pair), {"chainlink": stated})
    assert verdicts(seen) == {"chainlink": "wrong_pair"}
    right, _ = observe(feed("chainlink", pair=pair), {"chainlink": quote("c", 3500, pair=pair, claims="cbETH / USD")})
    assert right.result == "fresh"


def test_moonwell_2026_a_conversion_that_ends_elsewhere_is_no_configuration() -> None:
    """The legs must lead to exactly the feed's pair."""
    with pytest.raises(NoRoute, match="ends in CBETH/EUR, not CBETH/USD"):
        follow(Pair("CBETH", "ETH"), [Pair("ETH", "EUR")], Pair("CBETH", "USD"))


def test_venus_2022_a_paused_feed() -> None:
    """LUNA stuck at 0.107: stale by its own time, while the venues go on."""
    paused = terms("chainlink", timing="update", max_age_s=3960)
    stuck = quote("x", "0.107", time_s=NOW_S - 4000)
    seen, _ = observe(feed(paused, "b", "c"), {"chainlink": stuck, "b": "0.01", "c": "0.01001"})
    assert verdicts(seen) == {"chainlink": "stale", "b": "used", "c": "used"}


def test_venus_2022_a_feed_at_its_floor() -> None:
    """A young answer at its minAnswer falls to our own bounds, or to the other sources."""
    floor = terms("chainlink", timing="update", min_price=D("0.11"))
    seen, _ = observe(feed(floor, "b", "c"), {"chainlink": "0.107", "b": "0.01", "c": "0.01001"})
    assert verdicts(seen)["chainlink"] == "out_of_bounds"
    seen, _ = observe(feed("chainlink", "b", "c"), {"chainlink": "0.107", "b": "0.01", "c": "0.01001"})
    assert verdicts(seen)["chainlink"] == "deviation"


def test_inverse_2022_a_thin_pool() -> None:
    """An average that its own spot left, or without liquidity behind it, is no price."""
    pool = terms("pool", timing="update", max_spot_deviation_bps=D(200), min_liquidity=D(1000))
    pushed = quote("pool", 100, spot=D(300), liquidity=D(5000))
    assert verdicts(observe(feed(pool), {"pool": pushed})[0]) == {"pool": "spot_deviation"}
    thin = quote("pool", 100, spot=D(100), liquidity=D(999))
    assert verdicts(observe(feed(pool), {"pool": thin})[0]) == {"pool": "illiquid"}
    deep = quote("pool", 100, spot=D(102), liquidity=D(1000))
    assert verdicts(observe(feed(pool), {"pool": deep})[0]) == {"pool": "used"}


def test_mango_2022_everything_jumps_on_no_volume() -> None:
    """All venues five times higher within minutes: refused as a jump, and by a volume floor where one is set."""
    three = feed("a", "b", "c")
    _, memory = observe(three, {"a": "0.02", "b": "0.02", "c": "0.0201"})
    seen, _ = observe(three, {"a": "0.1", "b": "0.1", "c": "0.1"}, memory, later(10))
    assert (seen.result, seen.reason, seen.price) == ("cached", Reason.JUMP, D("0.02"))
    floored = feed(terms("a", min_volume=D(100)))
    assert verdicts(observe(floored, {"a": quote("a", "0.1", volume=D(3))})[0]) == {"a": "illiquid"}


def test_mango_2022_recovery_by_insistence() -> None:
    """A jump that agreeing rounds insist on is the market: accepted at the third."""
    three = feed("a", "b", "c")
    _, memory = observe(three, {"a": 1, "b": 1, "c": 1})
    results = []
    for i in range(1, 5):
        seen, memory = observe(three, {"a": 5, "b": 5, "c": D("5.01")}, memory, later(5 * i))
        results.append(seen.result)
    assert results == ["cached", "cached", "fresh", "fresh"]


def test_a_wild_jump_never_insists() -> None:
    """Candidates that do not agree with each other wait alone."""
    one = feed("a")
    _, memory = observe(one, {"a": 1})
    for i, price in enumerate([5, 3, 7, 2, 9, 4], start=1):
        seen, memory = observe(one, {"a": price}, memory, later(i))
        assert (seen.result, seen.reason) == ("cached", Reason.JUMP)


def test_archimedes_2026_a_band_around_a_price_of_13_days_ago() -> None:
    """A guard against jumps lets go of a baseline older than 120 s: no deadlock after an outage."""
    one = feed("a", "b")
    _, memory = observe(one, {"a": 1000, "b": 1000})
    seen, _ = observe(one, {"a": 2500, "b": 2510}, memory, later(13 * 86400))
    assert (seen.result, seen.price) == ("fresh", D(2505))


def test_the_baseline_counts_for_exactly_120_seconds() -> None:
    """At 120 s it still counts, just after it does not."""
    one = feed("a", reseed_rounds=99)
    _, memory = observe(one, {"a": 1000})
    assert observe(one, {"a": 2500}, memory, later(120))[0].reason is Reason.JUMP
    assert observe(one, {"a": 2500}, memory, later(120.001))[0].result == "fresh"


def test_usdc_2023_a_depeg_moves_what_is_quoted_in_it() -> None:
    """USDT is never taken for USD: at 0.97 a price in USDT is 3 % less in dollars."""
    seen, _ = observe(feed(via_usdt("binance")), {"binance": 2000}, legs={USDT_USD: leg("0.97")})
    assert seen.price == D("1940")


def test_usdc_2023_no_conversion_without_a_healthy_leg() -> None:
    """Without a fresh USDT/USD nothing quoted in USDT is used, and the leg's own reason is told."""
    missing, _ = observe(feed(via_usdt("binance")), {"binance": 2000})
    assert verdicts(missing) == {"binance": "no_conversion"}
    ill = leg("1", refused=Refused(Reason.STALE, "cached because of quorum"))
    seen, _ = observe(feed(via_usdt("binance")), {"binance": 2000}, legs={USDT_USD: ill})
    assert seen.inputs[0].detail == "USDT/USD: cached because of quorum"


@pytest.mark.parametrize(("price", "reason"), [("0", "non_positive"), ("-37.63", "non_positive"), ("NaN", "not_finite"),
                                               ("Infinity", "not_finite"), ("-Infinity", "not_finite"), ("sNaN", "not_finite")])  # fmt: skip
def test_wti_2020_prices_that_are_none(price: str, reason: str) -> None:
    """Zero, negative, NaN and infinite prices are dropped, each by its name."""
    seen, _ = observe(feed("a", "b", "c"), {"a": price, "b": 1, "c": 1})
    assert verdicts(seen) == {"a": reason, "b": "used", "c": "used"}
    assert seen.price == 1


def test_frozen_behind_status_200() -> None:
    """A venue that repeats itself while the others move 30 bps in a minute is dropped, and told as frozen."""
    three = feed("a", "b", "c")
    _, memory = observe(three, {"a": "100", "b": "100", "c": "100"})
    for i in range(1, 13):
        moved = D(100) + D("0.03") * i
        seen, memory = observe(three, {"a": "100", "b": moved, "c": moved}, memory, later(5 * i))
    assert verdicts(seen)["a"] == "frozen"
    assert seen.price == D("100.36")


def test_frozen_recovery() -> None:
    """The first change brings a frozen source back."""
    three = feed("a", "b", "c")
    _, memory = observe(three, {"a": "100", "b": "100", "c": "100"})
    seen, memory = observe(three, {"a": "100", "b": "101", "c": "101"}, memory, later(60))
    assert verdicts(seen)["a"] == "frozen"
    seen, memory = observe(three, {"a": "101", "b": "101", "c": "101"}, memory, later(65))
    assert verdicts(seen)["a"] == "used"


@pytest.mark.parametrize("sign", [{"sequence": "2"}, {"volume": D(2)}, {"time_s": NOW_S + 59}])
def test_a_quiet_market_is_not_frozen(sign: dict[str, object]) -> None:
    """A trade id, a volume or a time that moves on is a sign of life at an unchanged price; and so are quiet peers."""
    three = feed("a", "b", "c")
    first = quote("a", 100, sequence="1", volume=D(1), time_s=NOW_S)
    _, memory = observe(three, {"a": first, "b": 100, "c": 100})
    alive = quote("a", 100, **{"sequence": "1", "volume": D(1), "time_s": NOW_S, **sign})
    seen, _ = observe(three, {"a": alive, "b": 101, "c": 101}, memory, later(60))
    assert verdicts(seen)["a"] == "used"
    seen, _ = observe(three, {"a": first, "b": "100.1", "c": "100.1"}, memory, later(60))
    assert verdicts(seen)["a"] == "used"


def test_an_on_chain_feed_may_stand_still() -> None:
    """A feed that speaks on deviation only is not frozen while it is within its heartbeat."""
    three = feed(terms("chainlink", timing="update", max_age_s=3960), "b", "c")
    stated = quote("chainlink", 100, time_s=NOW_S)
    _, memory = observe(three, {"chainlink": stated, "b": 100, "c": 100})
    seen, _ = observe(three, {"chainlink": stated, "b": "100.4", "c": "100.4"}, memory, later(300))
    assert verdicts(seen)["chainlink"] == "used"


def test_venues_that_tell_their_clock_show_ours() -> None:
    """Server clocks that are 6 s behind are enough to doubt our own, whatever the trades' times."""
    stated: dict[str, object] = {
        name: quote(name, 100, server_time_s=NOW_S - 6, time_s=NOW_S - 20) for name in ("a", "b")
    }
    assert observe(feed("a", "b"), stated)[0].reason is Reason.CLOCK


@pytest.mark.parametrize("skew_s", [3600.0, -3600.0, 6.0, -120.0])
def test_when_all_are_off_our_clock_is_wrong(skew_s: float) -> None:
    """Venues that are all ahead or behind by the same are not five times future or stale: it is our own clock."""
    sources = ("a", "b", "c")
    stated: dict[str, object] = {
        name: quote(name, 100, time_s=NOW_S + skew_s + i / 2) for i, name in enumerate(sources)
    }
    seen, _ = observe(feed(*sources), stated)
    assert (seen.result, seen.reason) == ("refused", Reason.CLOCK)
    assert set(verdicts(seen).values()) == {"clock"}
    assert seen.clock_skew_s == pytest.approx(skew_s + 0.5)


def test_clock_recovery() -> None:
    """The clock alarm ends when the clock is right again."""
    two = feed("a", "b")
    _, memory = observe(two, {"a": quote("a", 1, time_s=NOW_S + 99), "b": quote("b", 1, time_s=NOW_S + 99)})
    seen, _ = observe(
        two, {"a": quote("a", 1, time_s=NOW_S + 5), "b": quote("b", 1, time_s=NOW_S + 4)}, memory, later(5)
    )
    assert seen.result == "fresh"


def test_one_venue_in_the_future_is_that_venues_fault() -> None:
    """A single odd clock is the venue's: future beyond 5 s, and exactly 5 s passes."""
    three = feed("a", "b", "c")
    stated = {
        "a": quote("a", 1, time_s=NOW_S + 5.5),
        "b": quote("b", 1, time_s=NOW_S),
        "c": quote("c", 1, time_s=NOW_S + 5),
    }
    seen, _ = observe(three, dict(stated))
    assert verdicts(seen) == {"a": "future", "b": "used", "c": "used"}


def test_umee_977_good_sources_are_kept() -> None:
    """Healthy quotes a few bps apart are all used, which a filter by standard deviation would not."""
    seen, _ = observe(feed("a", "b", "c"), {"a": "1.0000", "b": "1.0001", "c": "1.0003"})
    assert verdicts(seen) == {"a": "used", "b": "used", "c": "used"}


def test_luna_the_wrong_symbol() -> None:
    """A token that shares a symbol with another is off by orders of magnitude and dropped."""
    seen, _ = observe(feed("a", "b", "c"), {"a": "0.00011", "b": "1.95", "c": "1.96"})
    assert verdicts(seen)["a"] == "deviation"


def test_wide_confidence_returns_when_it_narrows() -> None:
    """A source unsure of itself is dropped; exactly the limit passes."""
    one = feed(terms("pyth", max_confidence_bps=D(100)))
    seen, memory = observe(one, {"pyth": quote("pyth", 100, confidence=D("1.01"))})
    assert verdicts(seen) == {"pyth": "wide_confidence"}
    assert observe(one, {"pyth": quote("pyth", 100, confidence=D("1.00"))}, memory)[0].result == "fresh"


def test_an_old_quote_cannot_hide_behind_a_young_reply() -> None:
    """Age is counted from the venue's own time; exactly the limit passes."""
    one = feed("a", "b")
    seen, _ = observe(one, {"a": quote("a", 1, time_s=NOW_S - 60), "b": quote("b", 1, time_s=NOW_S - 60.1)})
    assert verdicts(seen) == {"a": "used", "b": "stale"}
    assert seen.oldest_input_at_s == NOW_S - 60


def test_a_sequencer_outage_is_told_by_its_name() -> None:
    """A source that refuses itself keeps its reason through to the observation."""
    seen, _ = observe(feed("chainlink", "b"), {"chainlink": Reason.SEQUENCER_DOWN, "b": 1})
    assert verdicts(seen) == {"chainlink": "sequencer_down", "b": "used"}


def test_a_leg_that_spreads_makes_the_converted_price_less_sure() -> None:
    """A leg's spread is added to that of the feed, and counts against its limit."""
    sources = feed("a", via_usdt("b"), max_deviation_bps=D(150))
    near = observe(sources, {"a": "100", "b": "101"}, legs={USDT_USD: leg(1, 50)})[0]
    assert near.result == "fresh"
    assert near.spread_bps is not None
    assert 149 < near.spread_bps < 150
    far = observe(sources, {"a": "100", "b": "101"}, legs={USDT_USD: leg(1, 51)})[0]
    assert far.reason is Reason.DEVIATION


def test_an_inverted_leg_divides() -> None:
    """USD/USDT would serve as well: a leg is used in either direction."""
    inverse = Pair("USD", "USDT")
    one = feed(terms("b", pair=Pair("ETH", "USDT"), legs=(Leg(inverse, inverted=True),)))
    seen, _ = observe(one, {"b": 2000}, legs={inverse: leg("1.25")})
    assert seen.price == 1600


def test_nothing_learns_from_a_ticker_without_a_price() -> None:
    """A feed that never had a source answer has no price, no cache and no confidence."""
    seen, memory = observe(feed("a", "b"), {"a": Reason.TIMEOUT, "b": Reason.RATE_LIMITED})
    assert (seen.result, seen.reason, seen.price, seen.confidence) == ("refused", Reason.NO_QUOTES, None, 0)
    assert seen.detail == "a timeout, b rate_limited"
    assert memory == Memory()
    assert Ticker(D(1)).time_s is None
    assert MOMENT.now_s == NOW_S
    assert ETH_USD.asset == "ETH"
