"""Know what stands behind the configured proxies, refuse ABIs without its events, notice when it changes."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import structlog

from indexer.assembly import Deployment, events_of
from indexer.events import EventSpec
from indexer.implementations import Implementations, Place, digest, only_of_proxies
from indexer.proxies import Ask, Behind, behind
from shared.clock import Clock
from shared.db import Database
from shared.errors import ConfigError
from shared.metrics import Family, Registry, Sample
from shared.protocol import Contract
from shared.rpc_errors import RpcError

MOST = 100
"""Of how many addresses of one contract the implementation is looked up."""

EVERY_S = 60.0
TELLING = frozenset({"Upgraded", "BeaconUpgraded"})
"""Events after which it is worth looking at once."""

UNKNOWN = Family(
    "usdx_indexer_unknown_implementations",
    "gauge",
    "Proxies that were upgraded to an implementation whose events may be missing from the ABIs.",
    ("chain", "stream"),
)
UPGRADES = Family(
    "usdx_indexer_proxy_upgrades_total", "counter", "Changes of the implementation behind a proxy.", ("chain", "stream")
)
FAMILIES = (UNKNOWN, UPGRADES)


@dataclass(frozen=True, slots=True)
class Proxied:
    """A contract of the config as far as proxies are concerned."""

    stream: str
    contract: Contract
    addresses: tuple[bytes, ...]
    events: tuple[EventSpec, ...]

    def lacks(self, found: Mapping[bytes, Behind | None]) -> str:
        """What is wrong with its ABIs, by what stands behind its addresses; empty when nothing is."""
        files = ", ".join(str(abi) for abi in self.contract.abis)
        for address in self.addresses:
            one = found.get(address)
            if one is not None and self.contract.events is None and only_of_proxies(self.events):
                what = "only events of a proxy" if self.events else "no event"
                return (
                    f"{self.stream}: 0x{address.hex()} is a proxy ({one.kind}), and {files} holds {what}; what it "
                    f"emits is in the ABI of its implementation 0x{one.implementation.hex()}: "
                    f"give that in contracts.{self.contract.name}.abi, too, or name the events you want"
                )
        return "" if self.events else f"{self.stream}: {files} holds no event"


def proxied(deployment: Deployment) -> list[Proxied]:
    """The contracts of a protocol. Raises BadAbi and ConfigError."""
    return [
        Proxied(f"{deployment.key}/{one.name}", one, deployment.addresses(one)[:MOST], tuple(_all(events_of(one))))
        for one in deployment.protocol.contracts
    ]


def _all(events: tuple[tuple[EventSpec, ...], tuple[EventSpec, ...]]) -> Iterator[EventSpec]:
    for group in events:
        yield from group


class ProxyWatch:
    """The proxies of one chain. `found` is what stood behind each address when it was last looked at."""

    def __init__(self, chain: str, ask: Ask, db: Database, registry: Registry, clock: Clock) -> None:
        self.chain = chain
        self.found: dict[bytes, Behind | None] = {}
        self._ask = ask
        self._clock = clock
        self._due_at = float("inf")
        self._record = Implementations(db)
        self._contracts: Sequence[Proxied] = ()
        self._known: dict[tuple[str, bytes], bool] = {}
        self._noted: dict[tuple[str, bytes], Behind] = {}
        self._upgrades = registry.counter(UPGRADES)
        self._log = structlog.get_logger("indexer").bind(chain=chain)
        registry.collector(self._samples, UNKNOWN)

    async def meet(self, deployed: Sequence[Deployment]) -> None:
        """Look behind every configured address. Raises ConfigError where the ABIs cannot hold what is emitted there."""
        self._contracts = [one for deployment in deployed for one in proxied(deployment)]
        await self._look()
        wrong = [text for one in self._contracts if (text := one.lacks(self.found))]
        if wrong:
            raise ConfigError("\n".join(wrong))

    async def settle(self) -> None:
        """Write down what was found, and tell of implementations that are new."""
        for one in self._contracts:
            self._upgrades.start(self.chain, one.stream)
            place_of = _places(one)
            for address in one.addresses:
                at = self.found.get(address)
                if at is not None and self._noted.get((one.stream, address)) != at:
                    await self._note(place_of(address), at, one.contract.name)

    def hear(self, events: Iterable[str]) -> None:
        """Take note of events that were committed: the next glance comes soon when one tells of an upgrade."""
        if not TELLING.isdisjoint(events):
            self._due_at = self._clock.monotonic()

    async def glance(self) -> None:
        """Look again when it is time to, once it was begun."""
        if self._clock.monotonic() >= self._due_at:
            await self._look()
            await self.settle()

    async def _look(self) -> None:
        """Ask the chain; while it does not answer, what was found before stands."""
        self._due_at = self._clock.monotonic() + EVERY_S
        addresses = dict.fromkeys(address for one in self._contracts for address in one.addresses)
        try:
            self.found |= await behind(self._ask, addresses)
        except RpcError as exc:
            self._log.info("what stands behind proxies could not be asked", error=str(exc))

    async def _note(self, place: Place, at: Behind, contract: str) -> None:
        noted = await self._record.note(place, at)
        told = self._known.get((place.stream, place.address))
        self._known[place.stream, place.address] = noted.known
        self._noted[place.stream, place.address] = at
        said = {
            "stream": place.stream,
            "proxy": "0x" + place.address.hex(),
            "implementation": "0x" + at.implementation.hex(),
        }
        if noted.before is not None:
            self._upgrades.inc(self.chain, place.stream)
        if not noted.known and told is not False:
            self._log.warning(
                "a proxy was upgraded, and its new events may be unknown",
                **said,
                advice=f"Add the ABI of the implementation to contracts.{contract}.abi, or its address to "
                f"contracts.{contract}.implementations if all its events are there.",
            )
        elif noted.before is not None or told is None:
            self._log.info("behind a proxy", kind=at.kind, **said)

    def _samples(self) -> Iterator[Sample]:
        states = list(self._known.items())  # a scrape reads in a thread of its own
        for stream in sorted({stream for (stream, _), _ in states}):
            unknown = sum(not known for (one, _), known in states if one == stream)
            yield Sample(UNKNOWN, unknown, (self.chain, stream))


def _places(one: Proxied) -> Callable[[bytes], Place]:
    abi = digest(one.events)
    listed = frozenset(bytes.fromhex(text[2:]) for text in one.contract.implementations)
    return lambda address: Place(one.stream, address, abi, listed)
