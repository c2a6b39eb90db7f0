# pragma version 0.4.3
# pragma nonreentrancy off
"""
@title Marketplace
@notice Fixed-price sales of wexels for USDT. A listed wexel stays with its seller and is locked in the vault.
@dev All USD amounts have 6 decimals.
"""

from ethereum.ercs import IERC20

interface Vault:
    def lock(wexelId: uint256, seller: address): nonpayable
    def release(wexelId: uint256): nonpayable
    def hand(wexelId: uint256, buyer: address): nonpayable

event Listed:
    listingId: indexed(uint256)
    wexelId: indexed(uint256)
    seller: indexed(address)
    askUsd: uint256

event Sold:
    listingId: indexed(uint256)
    wexelId: indexed(uint256)
    buyer: indexed(address)
    priceUsd: uint256

event ListingCancelled:
    listingId: indexed(uint256)
    wexelId: indexed(uint256)

struct Listing:
    wexelId: uint256
    seller: address
    askUsd: uint256
    open: bool

usdt: public(immutable(IERC20))
vault: public(immutable(Vault))

listings: public(HashMap[uint256, Listing])
listingCount: public(uint256)

# What a checker compares the indexed figures with.
openListings: public(uint256)
totalTrades: public(uint256)
tradesVolume: public(uint256)
lastTradeAt: public(uint256)


@deploy
def __init__(_usdt: address, _vault: address):
    assert _usdt != empty(address), "no usdt"
    assert _vault != empty(address), "no vault"
    usdt = IERC20(_usdt)
    vault = Vault(_vault)


@external
@nonreentrant
def list(wexelId: uint256, askUsd: uint256) -> uint256:
    """@notice Offer a wexel. The vault refuses one that is not the caller's, already listed, or collateral."""
    assert askUsd > 0, "no price"
    self.listingCount += 1
    listingId: uint256 = self.listingCount
    self.listings[listingId] = Listing(wexelId=wexelId, seller=msg.sender, askUsd=askUsd, open=True)
    self.openListings += 1
    log Listed(listingId=listingId, wexelId=wexelId, seller=msg.sender, askUsd=askUsd)
    extcall vault.lock(wexelId, msg.sender)
    return listingId


@external
@nonreentrant
def cancel(listingId: uint256):
    listing: Listing = self._close(listingId)
    assert listing.seller == msg.sender, "not the seller"
    log ListingCancelled(listingId=listingId, wexelId=listing.wexelId)
    extcall vault.release(listing.wexelId)


@external
@nonreentrant
def buy(listingId: uint256):
    """@notice Pay the seller the asked price and receive the wexel, with its unclaimed yield."""
    listing: Listing = self._close(listingId)
    assert listing.seller != msg.sender, "own listing"
    self.totalTrades += 1
    self.tradesVolume += listing.askUsd
    self.lastTradeAt = block.timestamp
    log Sold(listingId=listingId, wexelId=listing.wexelId, buyer=msg.sender, priceUsd=listing.askUsd)
    extcall vault.hand(listing.wexelId, msg.sender)
    paid: bool = extcall usdt.transferFrom(msg.sender, listing.seller, listing.askUsd, default_return_value=True)
    assert paid, "payment refused"


@internal
def _close(listingId: uint256) -> Listing:
    listing: Listing = self.listings[listingId]
    assert listing.open, "not open"
    self.listings[listingId].open = False
    self.openListings -= 1
    return listing
