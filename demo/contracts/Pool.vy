# pragma version 0.4.3
"""
@title Pool
@notice The oracle half of a Uniswap V3 pool: slot0, liquidity, observe, observations. Its keeper moves tick and liquidity.
@dev A port of v3-core's Oracle and TickMath libraries, wrap-around arithmetic included: block timestamps are uint32,
     tick cumulatives int56, seconds per liquidity uint160 in Q128.
"""

struct Slot0:
    sqrtPriceX96: uint160
    tick: int24
    observationIndex: uint16
    observationCardinality: uint16
    observationCardinalityNext: uint16
    feeProtocol: uint8
    unlocked: bool

struct Observation:
    blockTimestamp: uint32
    tickCumulative: int56
    secondsPerLiquidityCumulativeX128: uint160
    initialized: bool

event IncreaseObservationCardinalityNext:
    observationCardinalityNextOld: uint16
    observationCardinalityNextNew: uint16

event Moved:
    tick: int24
    sqrtPriceX96: uint160
    liquidity: uint128

MIN_TICK: constant(int24) = -887272
MAX_TICK: constant(int24) = 887272
MAX_ASKED: constant(uint256) = 256
FACTORS: constant(uint256[19]) = [  # sqrt(1.0001 ** -(2 << i)) in Q128
    340248342086729790484326174814286782778,
    340214320654664324051920982716015181260,
    340146287995602323631171512101879684304,
    340010263488231146823593991679159461444,
    339738377640345403697157401104375502016,
    339195258003219555707034227454543997025,
    338111622100601834656805679988414885971,
    335954724994790223023589805789778977700,
    331682121138379247127172139078559817300,
    323299236684853023288211250268160618739,
    307163716377032989948697243942600083929,
    277268403626896220162999269216087595045,
    225923453940442621947126027127485391333,
    149997214084966997727330242082538205943,
    66119101136024775622716233608466517926,
    12847376061809297530290974190478138313,
    485053260817066172746253684029974020,
    691415978906521570653435304214168,
    1404880482679654955896180642,
]

keeper: public(immutable(address))
token0: public(immutable(address))
token1: public(immutable(address))
fee: public(immutable(uint24))
tickSpacing: public(constant(int24)) = 10

liquidity: public(uint128)
slot: Slot0
ring: Observation[65535]


@deploy
def __init__(_token0: address, _token1: address, _fee: uint24, _tick: int24, _liquidity: uint128, _keeper: address):
    assert convert(_token0, uint160) < convert(_token1, uint160), "tokens not in order"
    keeper = _keeper
    token0 = _token0
    token1 = _token1
    fee = _fee
    self.liquidity = _liquidity
    self.ring[0] = Observation(
        blockTimestamp=self._now(), tickCumulative=0, secondsPerLiquidityCumulativeX128=0, initialized=True
    )
    self.slot = Slot0(
        sqrtPriceX96=self._sqrtRatioAtTick(_tick), tick=_tick, observationIndex=0,
        observationCardinality=1, observationCardinalityNext=1, feeProtocol=0, unlocked=True,
    )


@external
def move(tick: int24, liquidity: uint128):
    """@notice Move to a tick, as swaps and mints would; the time at the old tick is written down first."""
    assert msg.sender == keeper, "not the keeper"
    self._write()
    self.slot.tick = tick
    self.slot.sqrtPriceX96 = self._sqrtRatioAtTick(tick)
    self.liquidity = liquidity
    log Moved(tick=tick, sqrtPriceX96=self.slot.sqrtPriceX96, liquidity=liquidity)


@external
def increaseObservationCardinalityNext(observationCardinalityNext: uint16):
    old: uint16 = self.slot.observationCardinalityNext
    if observationCardinalityNext > old:
        self.slot.observationCardinalityNext = observationCardinalityNext
        log IncreaseObservationCardinalityNext(
            observationCardinalityNextOld=old, observationCardinalityNextNew=observationCardinalityNext
        )


@external
@view
def slot0() -> (uint160, int24, uint16, uint16, uint16, uint8, bool):
    """@return The price, its tick, the newest observation's index, how many there are and may be, fee protocol, unlocked."""
    slot: Slot0 = self.slot
    return (
        slot.sqrtPriceX96, slot.tick, slot.observationIndex,
        slot.observationCardinality, slot.observationCardinalityNext, slot.feeProtocol, slot.unlocked,
    )


@external
@view
def observations(index: uint256) -> (uint32, int56, uint160, bool):
    """@return Block timestamp, tick cumulative, seconds per liquidity cumulative, whether it was ever written."""
    found: Observation = self.ring[index]
    return found.blockTimestamp, found.tickCumulative, found.secondsPerLiquidityCumulativeX128, found.initialized


@external
@view
def observe(secondsAgos: DynArray[uint32, MAX_ASKED]) -> (DynArray[int56, MAX_ASKED], DynArray[uint160, MAX_ASKED]):
    tickCumulatives: DynArray[int56, MAX_ASKED] = []
    secondsPerLiquidity: DynArray[uint160, MAX_ASKED] = []
    for secondsAgo: uint32 in secondsAgos:
        seen: Observation = self._observe(secondsAgo)
        tickCumulatives.append(seen.tickCumulative)
        secondsPerLiquidity.append(seen.secondsPerLiquidityCumulativeX128)
    return tickCumulatives, secondsPerLiquidity


@internal
@view
def _now() -> uint32:
    return convert(block.timestamp % 2**32, uint32)


@internal
def _write():
    """@dev Oracle.write: at most one observation a block; the ring grows when it reaches its end."""
    slot: Slot0 = self.slot
    last: Observation = self.ring[slot.observationIndex]
    now: uint32 = self._now()
    if last.blockTimestamp == now:
        return
    cardinality: uint16 = slot.observationCardinality
    if slot.observationCardinalityNext > cardinality and slot.observationIndex == cardinality - 1:
        cardinality = slot.observationCardinalityNext
    index: uint16 = (slot.observationIndex + 1) % cardinality
    self.ring[index] = self._transform(last, now)
    self.slot.observationIndex = index
    self.slot.observationCardinality = cardinality


@internal
@view
def _transform(last: Observation, now: uint32) -> Observation:
    """@dev Oracle.transform: what the accumulators read at `now` with the current tick and liquidity."""
    delta: uint32 = unsafe_sub(now, last.blockTimestamp)
    return Observation(
        blockTimestamp=now,
        tickCumulative=unsafe_add(
            last.tickCumulative, unsafe_mul(convert(self.slot.tick, int56), convert(delta, int56))
        ),
        secondsPerLiquidityCumulativeX128=unsafe_add(
            last.secondsPerLiquidityCumulativeX128,
            convert((convert(delta, uint256) << 128) // max(convert(self.liquidity, uint256), 1) % 2**160, uint160),
        ),
        initialized=True,
    )


@internal
@view
def _observe(secondsAgo: uint32) -> Observation:
    """@dev Oracle.observeSingle: read an observation, interpolate between two, or extrapolate the newest."""
    now: uint32 = self._now()
    newest: Observation = self.ring[self.slot.observationIndex]
    target: uint32 = unsafe_sub(now, secondsAgo)
    if self._lte(now, newest.blockTimestamp, target):
        return newest if newest.blockTimestamp == target else self._transform(newest, target)
    before: Observation = empty(Observation)
    after: Observation = empty(Observation)
    before, after = self._surrounding(now, target)
    if target == before.blockTimestamp:
        return before
    if target == after.blockTimestamp:
        return after
    span: uint256 = convert(unsafe_sub(after.blockTimestamp, before.blockTimestamp), uint256)
    part: uint256 = convert(unsafe_sub(target, before.blockTimestamp), uint256)
    ticks: int56 = unsafe_sub(after.tickCumulative, before.tickCumulative) // convert(span, int56)
    perLiquidity: uint160 = unsafe_sub(
        after.secondsPerLiquidityCumulativeX128, before.secondsPerLiquidityCumulativeX128
    )
    return Observation(
        blockTimestamp=target,
        tickCumulative=unsafe_add(before.tickCumulative, unsafe_mul(ticks, convert(part, int56))),
        secondsPerLiquidityCumulativeX128=unsafe_add(
            before.secondsPerLiquidityCumulativeX128,
            convert(convert(perLiquidity, uint256) * part // span, uint160),
        ),
        initialized=True,
    )


@internal
@view
def _surrounding(now: uint32, target: uint32) -> (Observation, Observation):
    """@dev Oracle.getSurroundingObservations and binarySearch, for a target older than the newest observation."""
    cardinality: uint256 = convert(self.slot.observationCardinality, uint256)
    low: uint256 = (convert(self.slot.observationIndex, uint256) + 1) % cardinality
    oldest: Observation = self.ring[low]
    if not oldest.initialized:
        oldest = self.ring[0]
    assert self._lte(now, oldest.blockTimestamp, target), "OLD"
    high: uint256 = low + cardinality - 1
    for _: uint256 in range(32):
        middle: uint256 = (low + high) // 2
        before: Observation = self.ring[middle % cardinality]
        if not before.initialized:
            low = middle + 1
            continue
        after: Observation = self.ring[(middle + 1) % cardinality]
        if not self._lte(now, before.blockTimestamp, target):
            high = middle - 1
        elif self._lte(now, target, after.blockTimestamp):
            return before, after
        else:
            low = middle + 1
    raise "search failed"


@internal
@pure
def _lte(now: uint32, a: uint32, b: uint32) -> bool:
    """@dev Oracle.lte: a <= b for two times at or before `now`, across the wrap of uint32."""
    if a <= now and b <= now:
        return a <= b
    wideA: uint256 = convert(a, uint256) if a > now else convert(a, uint256) + 2**32
    wideB: uint256 = convert(b, uint256) if b > now else convert(b, uint256) + 2**32
    return wideA <= wideB


@internal
@pure
def _sqrtRatioAtTick(tick: int24) -> uint160:
    """@dev TickMath.getSqrtRatioAtTick: sqrt(1.0001 ** tick) in Q96, rounded up."""
    assert tick >= MIN_TICK and tick <= MAX_TICK, "T"
    steps: uint256 = convert(abs(convert(tick, int256)), uint256)
    ratio: uint256 = 340265354078544963557816517032075149313 if steps & 1 != 0 else 2**128
    for i: uint256 in range(19):
        if steps & (2 << i) != 0:
            ratio = (ratio * FACTORS[i]) >> 128
    if tick > 0:
        ratio = max_value(uint256) // ratio
    return convert((ratio >> 32) + (1 if ratio % 2**32 != 0 else 0), uint160)
