"""Read off the chain who holds which wexel."""

from collections.abc import Sequence
from typing import Any

from demo.book import Book, Note
from demo.deploy import Deployment
from demo.node import Node

_PAGE = 200


async def survey(node: Node, where: Deployment, now_ms: int) -> Book:
    """The book as the newest block has it, with `now_ms` for that block's time.

    Reads from the newest wexel back until every active one is found, so that a long history costs nothing.
    """
    vault, market = where["vault"], where["marketplace"]
    chain_s = await node.time()
    book = Book(
        terms_ms=await _terms_ms(node, where),
        last_wexel=await node.ask(vault, "totalDeposits"),
        last_listing=await node.ask(market, "listingCount"),
    )
    active, last = await node.ask(vault, "activeWexels"), book.last_wexel
    notes: dict[int, Note] = {}
    while len(notes) < active and last > 0:
        numbers = range(last, max(0, last - _PAGE), -1)
        last -= _PAGE
        wexels = await node.ask_all(vault, "wexels", [(number,) for number in numbers])
        held = {number: wexel for number, wexel in zip(numbers, wexels, strict=True) if not wexel[_REDEEMED]}
        owners = await node.ask_all(vault, "ownerOf", [(number,) for number in held])
        for (number, wexel), owner in zip(held.items(), owners, strict=True):
            notes[number] = _note(number, wexel, owner, book.terms_ms, now_ms - chain_s * 1000)
    book.notes = dict(sorted(notes.items()))
    await _find_listings(node, where, book)
    return book


_POOL, _PRINCIPAL, _BOOST, _MATURES, _ACCRUED_AT, _LOAN, _REDEEMED = 0, 1, 3, 4, 5, 7, 9  # in Vault.Wexel
_WEXEL, _OPEN = 0, 3  # in Marketplace.Listing


async def _terms_ms(node: Node, where: Deployment) -> tuple[int, ...]:
    vault = where["vault"]
    month_ms = 1000 * int(await node.ask(vault, "monthSeconds"))
    count = await node.ask(vault, "poolCount")
    pools = await node.ask_all(vault, "pools", [(number,) for number in range(1, count + 1)])
    return tuple(months * month_ms for _, months, *_ in pools)


def _note(number: int, wexel: Sequence[Any], owner: str, terms_ms: tuple[int, ...], shift_ms: int) -> Note:
    matures_ms = wexel[_MATURES] * 1000 + shift_ms
    return Note(
        wexel=number,
        owner=owner,
        principal_usd=wexel[_PRINCIPAL],
        created_ms=matures_ms - terms_ms[wexel[_POOL] - 1],
        matures_ms=matures_ms,
        booked_ms=wexel[_ACCRUED_AT] * 1000 + shift_ms,
        boost_bp=wexel[_BOOST],
        loan_usd=wexel[_LOAN],
    )


async def _find_listings(node: Node, where: Deployment, book: Book) -> None:
    market = where["marketplace"]
    open_, last = await node.ask(market, "openListings"), book.last_listing
    while open_ > 0 and last > 0:
        numbers = range(last, max(0, last - _PAGE), -1)
        last -= _PAGE
        listings = await node.ask_all(market, "listings", [(number,) for number in numbers])
        for number, listing in zip(numbers, listings, strict=True):
            if listing[_OPEN]:
                book.notes[listing[_WEXEL]].listing = number
                open_ -= 1
