"""Compare the event tables with the node's logs, decoded a second time by web3.py."""

import re
import tomllib
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

from eth_utils.address import to_checksum_address
from web3 import AsyncWeb3
from web3.contract.async_contract import AsyncContract

from demo.finding import Finding

_BLOCKS_AT_ONCE = 2_000
_FIXED = 7  # columns before the event's own: chain_id … address

# One event: its place, then everything known of it as text.
Line = tuple[int, int, str]


@dataclass(frozen=True, slots=True)
class Watched:
    """One contract of the protocol: its name in the database, the contract, the events that are stored."""

    name: str
    contract: AsyncContract
    events: tuple[str, ...]


def watched(web3: AsyncWeb3[Any], protocol: Path, addresses: Mapping[str, str]) -> list[Watched]:
    """The contracts of a protocol folder at their addresses."""
    described = tomllib.loads((protocol / "protocol.toml").read_text())["contracts"]
    return [
        Watched(
            name,
            web3.eth.contract(to_checksum_address(addresses[name]), abi=(protocol / contract["abi"]).read_text()),
            tuple(contract["events"]),
        )
        for name, contract in described.items()
    ]


async def compare(web3: AsyncWeb3[Any], cx: Any, contracts: Sequence[Watched], last_block: int) -> list[Finding]:
    """One finding per contract and event (the count), and one per contract (a digest over every value)."""
    findings = []
    for contract in contracts:
        on_node = await _on_node(web3, contract, last_block)
        stored = await _stored(cx, contract, last_block)
        for event in contract.events:
            what = f"{contract.name}.{event}, count"
            findings.append(Finding(what, {"node": _count(on_node, event), "postgres": _count(stored, event)}))
        values = {"node": _digest(on_node), "postgres": _digest(stored)}
        findings.append(Finding(f"{contract.name}, digest of all values", values, _first_difference(on_node, stored)))
    undecoded = await cx.fetchval("select count(*) from usdx.undecoded_logs")
    findings.append(Finding("logs that could not be decoded", {"expected": "0", "postgres": str(undecoded)}))
    return findings


async def _on_node(web3: AsyncWeb3[Any], watched: Watched, last_block: int) -> list[Line]:
    lines = []
    times: dict[int, int] = {}
    for first in range(0, last_block + 1, _BLOCKS_AT_ONCE):
        last = min(first + _BLOCKS_AT_ONCE - 1, last_block)
        for name in watched.events:
            event = watched.contract.events[name]()
            for log in await event.get_logs(from_block=first, to_block=last):
                number = log["blockNumber"]
                if number not in times:
                    times[number] = (await web3.eth.get_block(number))["timestamp"]
                where = [times[number], log["blockHash"], log["transactionHash"], log["address"]]
                values = [log["args"][given["name"]] for given in event.abi["inputs"]]
                lines.append((number, log["logIndex"], _text(name, [*where, *values])))
    return sorted(lines)


async def _stored(cx: Any, watched: Watched, last_block: int) -> list[Line]:
    lines = []
    for name in watched.events:
        table = f"{watched.name}_{_snake(name)}"
        for row in await cx.fetch(f'select * from wexel."{table}" where block_number <= $1', last_block):  # noqa: S608
            where = [int(row["block_time"].timestamp()), row["block_hash"], row["tx_hash"], row["address"]]
            values = list(row.values())[_FIXED:]
            lines.append((row["block_number"], row["log_index"], _text(name, [*where, *values])))
    return sorted(lines)


def _snake(name: str) -> str:
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower()


def _text(event: str, values: Sequence[Any]) -> str:
    return " ".join([event, *map(_plain, values)])


def _plain(value: Any) -> str:
    """Numbers in decimal; bytes and addresses, whoever wrote them, as hex in lower case."""
    if isinstance(value, bytes):
        return "0x" + value.hex()
    if isinstance(value, str):
        return value.lower()
    return str(int(value))


def _count(lines: Sequence[Line], event: str) -> str:
    return str(Counter(text.split()[0] for _, _, text in lines)[event])


def _digest(lines: Sequence[Line]) -> str:
    return sha256("\n".join(f"{block} {index} {text}" for block, index, text in lines).encode()).hexdigest()[:16]


def _first_difference(on_node: Sequence[Line], stored: Sequence[Line]) -> str:
    differing = sorted(set(on_node) ^ set(stored))
    if not differing:
        return ""
    side = "node" if differing[0] in set(on_node) else "postgres"
    return f"only on the side of {side}: {' '.join(map(str, differing[0]))}"
