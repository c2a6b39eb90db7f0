# pragma version 0.4.3
# pragma nonreentrancy off
"""
@title Vault
@notice Pools that take USDT and give a wexel: an ERC-721 promissory note with a fixed yield and term.
@dev All USD amounts have 6 decimals. A month's length is given at deployment: 30 days in production, seconds in a demo.
     The vault's USDT is always `totalValueLocked - loansOutstanding + reserve`; yields are paid from the reserve only.
"""

from ethereum.ercs import IERC165
from ethereum.ercs import IERC20

implements: IERC165

interface Receiver:
    def onERC721Received(operator: address, sender: address, tokenId: uint256, data: Bytes[1024]) -> bytes4: nonpayable

event Transfer:
    sender: indexed(address)
    receiver: indexed(address)
    tokenId: indexed(uint256)

event Approval:
    owner: indexed(address)
    approved: indexed(address)
    tokenId: indexed(uint256)

event ApprovalForAll:
    owner: indexed(address)
    operator: indexed(address)
    approved: bool

event PoolCreated:
    poolId: indexed(uint32)
    apyBp: uint16
    lockMonths: uint8

event WexelCreated:
    id: indexed(uint256)
    owner: indexed(address)
    poolId: indexed(uint32)
    principalUsd: uint256
    apyBp: uint16
    maturesAt: uint40

event BoostApplied:
    wexelId: indexed(uint256)
    apyBoostBp: uint16
    valueUsd: uint256

event Accrued:
    wexelId: indexed(uint256)
    amountUsd: uint256

event Claimed:
    wexelId: indexed(uint256)
    to: indexed(address)
    amountUsd: uint256

event Collateralized:
    wexelId: indexed(uint256)
    loanUsd: uint256

event LoanRepaid:
    wexelId: indexed(uint256)
    loanUsd: uint256

event Redeemed:
    wexelId: indexed(uint256)
    principalUsd: uint256

struct PoolTerms:
    apyBp: uint16
    lockMonths: uint8
    valueLockedUsd: uint256
    deposits: uint256

struct Wexel:
    poolId: uint32
    principalUsd: uint256
    apyBp: uint16
    boostBp: uint16
    maturesAt: uint40
    accruedAt: uint40
    accruedUsd: uint256
    loanUsd: uint256
    listed: bool
    redeemed: bool

BP: constant(uint256) = 10_000
MIN_APY_BP: constant(uint16) = 1_800
MAX_APY_BP: constant(uint16) = 3_600
MIN_LOCK_MONTHS: constant(uint8) = 12
MAX_LOCK_MONTHS: constant(uint8) = 36
MAX_BOOST_BP: constant(uint16) = 500
LTV_BP: constant(uint256) = 6_000
MIN_DEPOSIT_USD: constant(uint256) = 100 * 10**6

name: public(constant(String[5])) = "Wexel"
symbol: public(constant(String[5])) = "WEXEL"
admin: public(immutable(address))
usdt: public(immutable(IERC20))
monthSeconds: public(immutable(uint256))

market: public(address)
pools: public(HashMap[uint32, PoolTerms])
poolCount: public(uint32)
wexels: public(HashMap[uint256, Wexel])

# What a checker compares the indexed figures with.
totalValueLocked: public(uint256)
activeWexels: public(uint256)
collateralizedWexels: public(uint256)
loansOutstanding: public(uint256)
collateralValue: public(uint256)
totalUsers: public(uint256)
totalDeposits: public(uint256)
depositsVolume: public(uint256)
lastDepositAt: public(uint256)
reserve: public(uint256)

seen: public(HashMap[address, bool])
owners: HashMap[uint256, address]
balances: HashMap[address, uint256]
approvals: HashMap[uint256, address]
operators: HashMap[address, HashMap[address, bool]]


@deploy
def __init__(_usdt: address, _monthSeconds: uint256):
    assert _usdt != empty(address), "no usdt"
    assert _monthSeconds > 0, "no month"
    admin = msg.sender
    usdt = IERC20(_usdt)
    monthSeconds = _monthSeconds


# The administrator: pools, the market's address, the reserve.

@external
def createPool(apyBp: uint16, lockMonths: uint8) -> uint32:
    assert msg.sender == admin, "not the admin"
    assert apyBp >= MIN_APY_BP and apyBp <= MAX_APY_BP, "apy out of range"
    assert lockMonths >= MIN_LOCK_MONTHS and lockMonths <= MAX_LOCK_MONTHS, "lock out of range"
    self.poolCount += 1
    poolId: uint32 = self.poolCount
    self.pools[poolId] = PoolTerms(apyBp=apyBp, lockMonths=lockMonths, valueLockedUsd=0, deposits=0)
    log PoolCreated(poolId=poolId, apyBp=apyBp, lockMonths=lockMonths)
    return poolId


@external
def setMarket(market: address):
    """@notice The one marketplace that may lock and move listed wexels. Set once."""
    assert msg.sender == admin, "not the admin"
    assert self.market == empty(address), "market already set"
    assert market != empty(address), "no market"
    self.market = market


@external
@nonreentrant
def fund(amountUsd: uint256):
    """@notice Anyone may add to the reserve that pays the yields."""
    self.reserve += amountUsd
    self._receive(msg.sender, amountUsd)


# The holder: deposit, boost, claim, borrow, repay, redeem.

@external
@nonreentrant
def deposit(poolId: uint32, amountUsd: uint256) -> uint256:
    terms: PoolTerms = self.pools[poolId]
    assert terms.lockMonths != 0, "no such pool"
    assert amountUsd >= MIN_DEPOSIT_USD, "below the minimum"
    self.totalDeposits += 1
    wexelId: uint256 = self.totalDeposits
    maturesAt: uint40 = convert(block.timestamp + convert(terms.lockMonths, uint256) * monthSeconds, uint40)
    self.wexels[wexelId] = Wexel(
        poolId=poolId, principalUsd=amountUsd, apyBp=terms.apyBp, boostBp=0, maturesAt=maturesAt,
        accruedAt=convert(block.timestamp, uint40), accruedUsd=0, loanUsd=0, listed=False, redeemed=False,
    )
    self.pools[poolId].valueLockedUsd += amountUsd
    self.pools[poolId].deposits += 1
    self.totalValueLocked += amountUsd
    self.activeWexels += 1
    self.depositsVolume += amountUsd
    self.lastDepositAt = block.timestamp
    self._give(empty(address), msg.sender, wexelId)
    log WexelCreated(
        id=wexelId, owner=msg.sender, poolId=poolId, principalUsd=amountUsd, apyBp=terms.apyBp, maturesAt=maturesAt
    )
    self._receive(msg.sender, amountUsd)
    return wexelId


@external
@nonreentrant
def boost(wexelId: uint256, apyBoostBp: uint16):
    """@notice Buy up to +500 bp of yield for the rest of the term, at the price of one year of the extra yield."""
    self._own(wexelId)
    wexel: Wexel = self.wexels[wexelId]
    assert not wexel.listed, "listed"
    assert block.timestamp < convert(wexel.maturesAt, uint256), "matured"
    assert apyBoostBp > 0, "no boost"
    assert convert(wexel.boostBp, uint256) + convert(apyBoostBp, uint256) <= convert(MAX_BOOST_BP, uint256), "boost over the cap"
    self._accrue(wexelId)
    self.wexels[wexelId].boostBp += apyBoostBp
    valueUsd: uint256 = wexel.principalUsd * convert(apyBoostBp, uint256) // BP
    self.reserve += valueUsd
    log BoostApplied(wexelId=wexelId, apyBoostBp=apyBoostBp, valueUsd=valueUsd)
    self._receive(msg.sender, valueUsd)


@external
@nonreentrant
def accrue(wexelId: uint256):
    """@notice Anyone may book what a wexel has earned since it was last booked."""
    assert self.owners[wexelId] != empty(address), "no such wexel"
    assert self._accrue(wexelId) > 0, "nothing to accrue"


@external
@nonreentrant
def claim(wexelId: uint256, to: address):
    self._own(wexelId)
    assert not self.wexels[wexelId].listed, "listed"
    assert to != empty(address), "no receiver"
    self._accrue(wexelId)
    amountUsd: uint256 = self.wexels[wexelId].accruedUsd
    assert amountUsd > 0, "nothing to claim"
    self._payYield(wexelId, to, amountUsd)
    self._send(to, amountUsd)


@external
@nonreentrant
def collateralize(wexelId: uint256, loanUsd: uint256):
    """@notice Borrow up to 60 % of the principal. A collateralized wexel cannot be moved, listed or redeemed."""
    self._own(wexelId)
    wexel: Wexel = self.wexels[wexelId]
    assert not wexel.listed, "listed"
    assert wexel.loanUsd == 0, "collateralized"
    assert block.timestamp < convert(wexel.maturesAt, uint256), "matured"
    assert loanUsd > 0, "no loan"
    assert loanUsd <= wexel.principalUsd * LTV_BP // BP, "loan over the limit"
    self.wexels[wexelId].loanUsd = loanUsd
    self.collateralizedWexels += 1
    self.loansOutstanding += loanUsd
    self.collateralValue += wexel.principalUsd
    log Collateralized(wexelId=wexelId, loanUsd=loanUsd)
    self._send(msg.sender, loanUsd)


@external
@nonreentrant
def repay(wexelId: uint256):
    """@notice Repay the whole loan, also after maturity."""
    self._own(wexelId)
    loanUsd: uint256 = self.wexels[wexelId].loanUsd
    assert loanUsd > 0, "not collateralized"
    self.wexels[wexelId].loanUsd = 0
    self.collateralizedWexels -= 1
    self.loansOutstanding -= loanUsd
    self.collateralValue -= self.wexels[wexelId].principalUsd
    log LoanRepaid(wexelId=wexelId, loanUsd=loanUsd)
    self._receive(msg.sender, loanUsd)


@external
@nonreentrant
def redeem(wexelId: uint256):
    """@notice After maturity: pay the principal and the unclaimed yield, and burn the wexel."""
    self._own(wexelId)
    wexel: Wexel = self.wexels[wexelId]
    assert not wexel.listed, "listed"
    assert wexel.loanUsd == 0, "collateralized"
    assert block.timestamp >= convert(wexel.maturesAt, uint256), "not matured"
    self._accrue(wexelId)
    yieldUsd: uint256 = self.wexels[wexelId].accruedUsd
    if yieldUsd > 0:
        self._payYield(wexelId, msg.sender, yieldUsd)
    self.wexels[wexelId].redeemed = True
    self.pools[wexel.poolId].valueLockedUsd -= wexel.principalUsd
    self.totalValueLocked -= wexel.principalUsd
    self.activeWexels -= 1
    self._give(msg.sender, empty(address), wexelId)
    log Redeemed(wexelId=wexelId, principalUsd=wexel.principalUsd)
    self._send(msg.sender, wexel.principalUsd + yieldUsd)


# The marketplace: lock a listed wexel, release it, hand it to the buyer.

@external
def lock(wexelId: uint256, seller: address):
    assert msg.sender == self.market, "not the market"
    assert self.owners[wexelId] == seller and seller != empty(address), "not the owner"
    assert not self.wexels[wexelId].listed, "listed"
    assert self.wexels[wexelId].loanUsd == 0, "collateralized"
    self.wexels[wexelId].listed = True


@external
def release(wexelId: uint256):
    assert msg.sender == self.market, "not the market"
    assert self.wexels[wexelId].listed, "not listed"
    self.wexels[wexelId].listed = False


@external
def hand(wexelId: uint256, buyer: address):
    assert msg.sender == self.market, "not the market"
    assert self.wexels[wexelId].listed, "not listed"
    assert buyer != empty(address), "no receiver"
    self.wexels[wexelId].listed = False
    self._give(self.owners[wexelId], buyer, wexelId)


# ERC-721.

@external
def approve(approved: address, tokenId: uint256):
    owner: address = self._ownerOf(tokenId)
    assert msg.sender == owner or self.operators[owner][msg.sender], "not the owner"
    self.approvals[tokenId] = approved
    log Approval(owner=owner, approved=approved, tokenId=tokenId)


@external
def setApprovalForAll(operator: address, approved: bool):
    self.operators[msg.sender][operator] = approved
    log ApprovalForAll(owner=msg.sender, operator=operator, approved=approved)


@external
def transferFrom(sender: address, receiver: address, tokenId: uint256):
    self._transfer(sender, receiver, tokenId)


@external
def safeTransferFrom(sender: address, receiver: address, tokenId: uint256, data: Bytes[1024] = b""):
    self._transfer(sender, receiver, tokenId)
    if receiver.is_contract:
        answer: bytes4 = extcall Receiver(receiver).onERC721Received(msg.sender, sender, tokenId, data)
        assert answer == method_id("onERC721Received(address,address,uint256,bytes)", output_type=bytes4), "refused"


@external
@view
def ownerOf(tokenId: uint256) -> address:
    return self._ownerOf(tokenId)


@external
@view
def balanceOf(owner: address) -> uint256:
    assert owner != empty(address), "no owner"
    return self.balances[owner]


@external
@view
def getApproved(tokenId: uint256) -> address:
    assert self._ownerOf(tokenId) != empty(address)
    return self.approvals[tokenId]


@external
@view
def isApprovedForAll(owner: address, operator: address) -> bool:
    return self.operators[owner][operator]


@external
@view
def tokenURI(tokenId: uint256) -> String[102]:
    assert self._ownerOf(tokenId) != empty(address)
    return concat("data:text/plain,Wexel%20", uint2str(tokenId))


@external
@view
def supportsInterface(interface_id: bytes4) -> bool:
    return interface_id in [0x01ffc9a7, 0x80ac58cd, 0x5b5e139f]  # ERC-165, ERC-721, its metadata


# Questions.

@external
@view
def pendingYield(wexelId: uint256) -> uint256:
    """@notice What a claim in this block would pay."""
    if self.wexels[wexelId].redeemed:
        return 0
    return self.wexels[wexelId].accruedUsd + self._earned(self.wexels[wexelId])


@external
@view
def poolValueLocked(poolId: uint32) -> uint256:
    return self.pools[poolId].valueLockedUsd


@external
@view
def borrowLimit(wexelId: uint256) -> uint256:
    return self.wexels[wexelId].principalUsd * LTV_BP // BP


@internal
@view
def _own(wexelId: uint256):
    assert self._ownerOf(wexelId) == msg.sender, "not the owner"


@internal
@view
def _ownerOf(wexelId: uint256) -> address:
    owner: address = self.owners[wexelId]
    assert owner != empty(address), "no such wexel"
    return owner


@internal
@view
def _earned(wexel: Wexel) -> uint256:
    """@dev Simple interest since the last booking, never past maturity, rounded down."""
    until: uint256 = min(block.timestamp, convert(wexel.maturesAt, uint256))
    since: uint256 = convert(wexel.accruedAt, uint256)
    if until <= since:
        return 0
    apyBp: uint256 = convert(wexel.apyBp, uint256) + convert(wexel.boostBp, uint256)
    return wexel.principalUsd * apyBp * (until - since) // (BP * 12 * monthSeconds)


@internal
def _accrue(wexelId: uint256) -> uint256:
    earnedUsd: uint256 = self._earned(self.wexels[wexelId])
    if earnedUsd > 0:
        self.wexels[wexelId].accruedAt = convert(
            min(block.timestamp, convert(self.wexels[wexelId].maturesAt, uint256)), uint40
        )
        self.wexels[wexelId].accruedUsd += earnedUsd
        log Accrued(wexelId=wexelId, amountUsd=earnedUsd)
    return earnedUsd


@internal
def _payYield(wexelId: uint256, to: address, amountUsd: uint256):
    """@dev Takes the yield from the books and the reserve; the caller sends the money."""
    assert self.reserve >= amountUsd, "reserve too small"
    self.reserve -= amountUsd
    self.wexels[wexelId].accruedUsd = 0
    log Claimed(wexelId=wexelId, to=to, amountUsd=amountUsd)


@internal
def _transfer(sender: address, receiver: address, tokenId: uint256):
    owner: address = self._ownerOf(tokenId)
    assert owner == sender, "not the owner"
    allowed: bool = msg.sender == owner or self.operators[owner][msg.sender] or self.approvals[tokenId] == msg.sender
    assert allowed, "not allowed"
    assert receiver != empty(address), "no receiver"
    assert not self.wexels[tokenId].listed, "listed"
    assert self.wexels[tokenId].loanUsd == 0, "collateralized"
    self._give(sender, receiver, tokenId)


@internal
def _give(sender: address, receiver: address, wexelId: uint256):
    """@dev Mint (no sender), burn (no receiver) or move; whoever receives a wexel is a user from then on."""
    if sender != empty(address):
        self.balances[sender] -= 1
        self.approvals[wexelId] = empty(address)
    if receiver != empty(address):
        self.balances[receiver] += 1
        if not self.seen[receiver]:
            self.seen[receiver] = True
            self.totalUsers += 1
    self.owners[wexelId] = receiver
    log Transfer(sender=sender, receiver=receiver, tokenId=wexelId)


@internal
def _receive(sender: address, amountUsd: uint256):
    assert extcall usdt.transferFrom(sender, self, amountUsd, default_return_value=True), "payment refused"


@internal
def _send(receiver: address, amountUsd: uint256):
    assert extcall usdt.transfer(receiver, amountUsd, default_return_value=True), "payment refused"
