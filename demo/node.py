"""Talk to the demo's own node, as any account without its key."""

import asyncio
import re
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
from eth_utils.crypto import keccak

from demo.contract import Contract
from shared.clock import system_clock
from shared.errors import Permanent
from shared.rpc import Rpc
from shared.rpc_errors import Reverted as Refused
from shared.rpc_errors import RpcError
from shared.rpc_http import HttpTransport
from shared.rpc_types import Call

_REASON = re.compile(r"^.*execution reverted:? ?| ?0x[0-9a-f]*$")
GAS = 500_000  # a deposit takes 415,000
CREATION_GAS = 8_000_000
MAX_FEE_WEI = 10**12
WEALTH_WEI = 10**24  # a million ether for gas


class Reverted(Permanent):
    """A transaction of the demo's set-up was mined and failed."""

    reason = "demo_reverted"
    advice = "The node holds a chain that is not the demo's; start with a fresh one."


def account(label: str) -> str:
    """An address nobody has the key of, made from a label. The node lets us act as it."""
    return "0x" + keccak(text=label)[-20:].hex()


class Node:
    """An anvil node. Every failure is an RpcError."""

    def __init__(self, rpc: Rpc, url: str) -> None:
        self.rpc = rpc
        self.url = url

    async def open_doors(self) -> None:
        """Let anybody act as any account, until the node ends."""
        await self.rpc.call("anvil_autoImpersonateAccount", [True])

    async def enrich(self, addresses: Sequence[str]) -> None:
        """Give each account ether for gas."""
        await self._all([Call("anvil_setBalance", [address, hex(WEALTH_WEI)]) for address in addresses])

    async def time(self) -> int:
        """The newest block's timestamp, unix seconds."""
        block = await self.rpc.call("eth_getBlockByNumber", ["latest", False])
        return int(block["timestamp"], 16)

    async def nonces(self, addresses: Sequence[str], *, mined: bool = False) -> list[int]:
        """How many transactions each account has sent; those not yet mined count too unless `mined`."""
        block = "latest" if mined else "pending"
        answers = await self._all([Call("eth_getTransactionCount", [address, block]) for address in addresses])
        return [int(answer, 16) for answer in answers]

    async def ask(self, contract: Contract, function: str, *arguments: Any, block: str = "latest") -> Any:
        """What a view function answers at a block."""
        return (await self.ask_all(contract, function, [arguments], block=block))[0]

    async def ask_all(
        self, contract: Contract, function: str, arguments: Sequence[tuple[Any, ...]], *, block: str = "latest"
    ) -> list[Any]:
        """As `ask`, for many arguments in one round trip."""
        calls = [
            Call(
                "eth_call",
                [{"to": contract.address, "data": _hex(contract.interface.calldata(function, *given))}, block],
            )
            for given in arguments
        ]
        answers = await self._all(calls)
        return [
            contract.interface.answer(function, len(given), bytes.fromhex(answer[2:]))
            for given, answer in zip(arguments, answers, strict=True)
        ]

    async def refusal(self, sender: str, contract: Contract, function: str, *arguments: Any) -> str | None:
        """Why the contract would refuse the call in the next block; None when it would not. Nothing is sent."""
        data = _hex(contract.interface.calldata(function, *arguments))
        try:
            await self.rpc.call("eth_call", [{"from": sender, "to": contract.address, "data": data}, "latest"])
        except Refused as exc:
            return _REASON.sub("", str(exc))
        return None

    async def tell(self, sender: str, contract: Contract, function: str, *arguments: Any) -> str:
        """Send a transaction; returns its hash at once. It may still revert when it is mined."""
        return await self.send(sender, contract.address, contract.interface.calldata(function, *arguments))

    async def send(self, sender: str, to: str | None, data: bytes, nonce: int | None = None) -> str:
        """Send a transaction with raw data; `to=None` creates a contract."""
        transaction = {
            "from": sender,
            "data": _hex(data),
            "gas": hex(GAS if to else CREATION_GAS),
            "maxFeePerGas": hex(MAX_FEE_WEI),
            "maxPriorityFeePerGas": "0x1",
        }
        if to is not None:
            transaction["to"] = to
        if nonce is not None:
            transaction["nonce"] = hex(nonce)
        return str(await self.rpc.call("eth_sendTransaction", [transaction]))

    async def catch_up(self, counts: Mapping[str, int], *, poll_s: float = 0.1) -> None:
        """Wait until each account has that many mined transactions, whoever sent them."""
        while True:
            mined = await self.nonces(list(counts), mined=True)
            if all(have >= count for have, count in zip(mined, counts.values(), strict=True)):
                return
            await asyncio.sleep(poll_s)

    async def codes(self, addresses: Sequence[str]) -> list[bytes]:
        """The code at each address, empty where no contract is."""
        answers = await self._all([Call("eth_getCode", [address, "latest"]) for address in addresses])
        return [bytes.fromhex(answer[2:]) for answer in answers]

    async def receipts(self, hashes: Sequence[str]) -> list[Any]:
        """Each transaction's receipt, None while it is not mined."""
        return await self._all([Call("eth_getTransactionReceipt", [hash_]) for hash_ in hashes])

    async def settle(self, hashes: Sequence[str], *, poll_s: float = 0.1) -> None:
        """Wait until all are mined; raises Reverted when one failed."""
        waiting = list(hashes)
        while waiting:
            found = list(zip(waiting, await self.receipts(waiting), strict=True))
            failed = [hash_ for hash_, receipt in found if receipt and receipt["status"] != "0x1"]
            if failed:
                raise Reverted(f"{len(failed)} of {len(hashes)} transactions failed, the first is {failed[0]}")
            waiting = [hash_ for hash_, receipt in found if receipt is None]
            await asyncio.sleep(poll_s if waiting else 0)

    async def _all(self, calls: Sequence[Call]) -> list[Any]:
        answers = []
        for first in range(0, len(calls), 100):
            for answer in await self.rpc.batch(calls[first : first + 100]):
                if isinstance(answer, RpcError):
                    raise answer
                answers.append(answer)
        return answers


@asynccontextmanager
async def connect(url: str) -> AsyncIterator[Node]:
    """A node behind a URL, for as long as the block lasts."""
    async with aiohttp.ClientSession() as session:
        yield Node(Rpc("demo", HttpTransport("demo", url, session), system_clock()), url)


def _hex(data: bytes) -> str:
    return "0x" + data.hex()
