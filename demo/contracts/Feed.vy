# pragma version 0.4.3
"""
@title Feed
@notice A price feed that answers like Chainlink's AggregatorV3 proxy; its keeper pushes the answers.
@dev Round ids are those of a proxy in its first phase: `1 << 64 | n`, n counting from 1.
"""

event AnswerUpdated:
    current: indexed(int256)
    roundId: indexed(uint256)
    updatedAt: uint256

struct Round:
    answer: int256
    updatedAt: uint256

PHASE: constant(uint80) = 2**64

keeper: public(immutable(address))
decimals: public(immutable(uint8))
description: public(String[64])
version: public(constant(uint256)) = 4
latestRound: public(uint80)
rounds: HashMap[uint80, Round]


@deploy
def __init__(_description: String[64], _decimals: uint8, _keeper: address):
    self.description = _description
    decimals = _decimals
    keeper = _keeper
    self.latestRound = PHASE


@external
def push(answer: int256):
    """@notice Start a round. Any answer is taken, also zero and below: a reader must defend itself."""
    assert msg.sender == keeper, "not the keeper"
    self.latestRound += 1
    self.rounds[self.latestRound] = Round(answer=answer, updatedAt=block.timestamp)
    log AnswerUpdated(current=answer, roundId=convert(self.latestRound, uint256), updatedAt=block.timestamp)


@external
@view
def latestRoundData() -> (uint80, int256, uint256, uint256, uint80):
    return self._round(self.latestRound)


@external
@view
def getRoundData(roundId: uint80) -> (uint80, int256, uint256, uint256, uint80):
    return self._round(roundId)


@internal
@view
def _round(roundId: uint80) -> (uint80, int256, uint256, uint256, uint80):
    found: Round = self.rounds[roundId]
    assert found.updatedAt != 0, "No data present"
    return roundId, found.answer, found.updatedAt, found.updatedAt, roundId
