"""A JSON-RPC node that serves a FakeChain, as honestly or badly as it is told."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import msgspec
from aiohttp import WSMsgType, web

from shared.rpc_answer import Reply
from shared.rpc_errors import TransportFailed
from tests.fakes.chain import Block, FakeChain
from tests.fakes.families import GETH, Family, Refusal
from tests.fakes.faults import Fault


@dataclass
class FakeNode:
    """One endpoint. `lag` blocks behind the chain, or stuck on `frozen`; `finalized` overrides the depth rule."""

    chain: FakeChain
    name: str = "fake"
    family: Family = GETH
    lag: int = 0
    frozen: list[Block] | None = None
    finality_depth: int = 8
    finalized: int | None = None
    chain_id: int | None = None
    keeps: int | None = None  # blocks of state and history kept; None: an archive node
    answers: dict[str, Callable[[list[Any]], Any]] = field(default_factory=dict)  # further methods
    faults: list[Fault] = field(default_factory=list)
    asked: Counter[str] = field(default_factory=Counter)
    requests: list[tuple[str, list[Any]]] = field(default_factory=list)
    posts: int = 0

    @property
    def blocks(self) -> list[Block]:
        """What this node believes to be the chain, genesis first."""
        blocks = self.chain.blocks if self.frozen is None else self.frozen
        return blocks[: max(1, len(blocks) - self.lag)]

    def freeze(self) -> None:
        """Keep to the present chain whatever happens."""
        self.frozen = list(self.blocks)

    def thaw(self) -> None:
        """Follow the chain again."""
        self.frozen = None

    def fail(self, *faults: Fault) -> None:
        """Let the next requests that a fault fits go wrong."""
        self.faults.extend(faults)

    async def post(self, body: bytes) -> Reply:
        """Answer one HTTP body."""
        self.posts += 1
        asked = msgspec.json.decode(body)
        calls = asked if isinstance(asked, list) else [asked]
        taken = self._take({call["method"] for call in calls})
        for fault in taken:
            if fault.slow_s:
                await asyncio.sleep(fault.slow_s)
            if fault.drop:
                raise TransportFailed(f"{self.name}: the connection broke", endpoint=self.name)
            if fault.reply:
                return fault.reply
        reply = self._answer(calls, isinstance(asked, list), taken)
        for fault in taken:
            reply = fault.mangle(reply) if fault.mangle else reply
        return reply

    async def close(self) -> None:
        """Nothing to let go of."""

    def _take(self, methods: set[str]) -> list[Fault]:
        """The faults that hit this request, each used up by one."""
        taken = [fault for fault in self.faults if fault.fits(methods)]
        for fault in taken:
            fault.times -= 1
        self.faults = [fault for fault in self.faults if fault.times > 0]
        return taken

    def _answer(self, calls: list[dict[str, Any]], many: bool, faults: Iterable[Fault]) -> Reply:
        if many and (refusal := self.family.refuses_batch(len(calls))):
            return self._reply({"jsonrpc": "2.0", "id": None, "error": refusal.error}, refusal.status)
        envelopes = [self._envelope(call, faults) for call in calls]
        statuses = [status for status, _ in envelopes]
        bodies: Any = [body for _, body in envelopes]
        return self._reply(bodies if many else bodies[0], 200 if many else statuses[0])

    def _reply(self, body: Any, status: int) -> Reply:
        return Reply(status, {"content-type": "application/json"}, msgspec.json.encode(body))

    def _envelope(self, call: dict[str, Any], faults: Iterable[Fault]) -> tuple[int, dict[str, Any]]:
        method, params = call["method"], call.get("params", [])
        self.asked[method] += 1
        self.requests.append((method, params))
        head = {"jsonrpc": "2.0", "id": call["id"]}
        try:
            result = self._result(method, params)
        except Refusal as refusal:
            return refusal.status, head | {"error": refusal.error}
        for fault in faults:
            if fault.change and method in fault.methods:
                result = fault.change(msgspec.json.decode(msgspec.json.encode(result)))
        return 200, head | {"result": result}

    def _result(self, method: str, params: list[Any]) -> Any:
        if method in self.answers:
            return self.answers[method](params)
        answer = getattr(self, f"_{method}", None)
        if answer is None or method in self.family.lacks:
            raise Refusal(-32601, f"the method {method} does not exist/is not available")
        return answer(params)

    def _eth_chainId(self, params: list[Any]) -> str:  # noqa: N802
        return hex(self.chain.chain_id if self.chain_id is None else self.chain_id)

    def _web3_clientVersion(self, params: list[Any]) -> str:  # noqa: N802
        return f"fake/{self.family.name}"

    def _eth_blockNumber(self, params: list[Any]) -> str:  # noqa: N802
        return hex(self.blocks[-1].number)

    def _eth_getBlockByNumber(self, params: list[Any]) -> dict[str, Any] | None:  # noqa: N802
        block = self._block(params[0])
        return block and block.header_json

    def _eth_getBlockByHash(self, params: list[Any]) -> dict[str, Any] | None:  # noqa: N802
        return next((block.header_json for block in self.blocks if "0x" + block.hash.hex() == params[0]), None)

    def _eth_getBlockReceipts(self, params: list[Any]) -> list[dict[str, Any]] | None:  # noqa: N802
        block = self._block(params[0])
        self._must_keep(block)
        return block and block.receipts_json

    def _eth_getTransactionReceipt(self, params: list[Any]) -> dict[str, Any] | None:  # noqa: N802
        receipts = (receipt for block in reversed(self.blocks) for receipt in block.receipts_json)
        return next((receipt for receipt in receipts if receipt["transactionHash"] == params[0]), None)

    def _eth_getCode(self, params: list[Any]) -> str:  # noqa: N802
        block = self._block(params[1])
        if block is None:
            raise Refusal(-32000, "header not found")
        self._must_keep(block)
        born = self.chain.deployed.get(bytes.fromhex(params[0][2:]))
        return "0x6001" if born is not None and block.number >= born else "0x"

    def _eth_getStorageAt(self, params: list[Any]) -> str:  # noqa: N802
        return "0x" + self.chain.storage.get((bytes.fromhex(params[0][2:]), params[1]), bytes(32)).hex()

    def _eth_getBalance(self, params: list[Any]) -> str:  # noqa: N802
        block = self._block(params[1])
        self._must_keep(block)
        return "0x0"

    def _eth_getLogs(self, params: list[Any]) -> list[dict[str, Any]]:  # noqa: N802
        query = params[0]
        if "blockHash" in query:
            blocks = [block for block in self.blocks if "0x" + block.hash.hex() == query["blockHash"]]
            if not blocks:
                raise Refusal(-32000, "unknown block")
        else:
            first, last = int(query["fromBlock"], 16), int(query["toBlock"], 16)
            self.family.check_range(first, last, self.blocks[-1].number)
            blocks = self.blocks[first : last + 1]
            self._must_keep(blocks[0] if blocks else None)
        self.family.check_filter(query)
        found = [log for block in blocks for log in block.logs_json if _matches(log, query)]
        self.family.check_results(found, blocks)
        return [self.family.trim(log) for log in found]

    def _block(self, which: str) -> Block | None:
        blocks = self.blocks
        if which in ("latest", "pending"):
            return blocks[-1]
        if which in ("finalized", "safe"):
            if not self.family.finalized_tag:
                raise Refusal(-32602, "finalized is not a supported commitment")
            number = blocks[-1].number - self.finality_depth if self.finalized is None else self.finalized
            return blocks[min(max(number, 0), len(blocks) - 1)]
        if which == "earliest":
            return blocks[0]
        if len(which) == 66:
            return next((block for block in blocks if "0x" + block.hash.hex() == which), None)
        number = int(which, 16)
        return blocks[number] if number < len(blocks) else None

    def _must_keep(self, block: Block | None) -> None:
        if block is not None and self.keeps is not None and block.number <= self.blocks[-1].number - self.keeps:
            raise Refusal(-32000, f"missing trie node {block.hash.hex()} (path )")


def _matches(log: dict[str, Any], query: dict[str, Any]) -> bool:
    wanted = query.get("address")
    addresses = [wanted] if isinstance(wanted, str) else wanted
    if addresses and log["address"] not in addresses:
        return False
    for at, want in enumerate(query.get("topics") or ()):
        choices = [want] if isinstance(want, str) else want
        if choices and (at >= len(log["topics"]) or log["topics"][at] not in choices):
            return False
    return True


@asynccontextmanager
async def served(node: FakeNode) -> AsyncIterator[str]:
    """The node on a free port of this machine: its URL, also good with ws:// for `newHeads`."""

    async def post(request: web.Request) -> web.Response:
        try:
            reply = await node.post(await request.read())
        except TransportFailed:
            assert request.transport is not None
            request.transport.close()
            return web.Response()
        headers = {name: value for name, value in reply.headers.items() if name != "content-length"}
        return web.Response(status=reply.status, headers=headers, body=reply.body)

    async def subscribe(request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        async for message in socket:
            if message.type is WSMsgType.TEXT:
                await _push_heads(node, socket, msgspec.json.decode(message.data)["id"])
        return socket

    app = web.Application()
    app.router.add_post("/", post)
    app.router.add_get("/", subscribe)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


async def _push_heads(node: FakeNode, socket: web.WebSocketResponse, id_: Any) -> None:
    sent = node.blocks[-1].hash
    await socket.send_json({"jsonrpc": "2.0", "id": id_, "result": "0x1"})
    while not socket.closed:
        await asyncio.sleep(0.01)
        head = node.blocks[-1]
        if head.hash != sent and not node.family.silent_socket:
            sent = head.hash
            params = {"subscription": "0x1", "result": head.header_json}
            await socket.send_json({"jsonrpc": "2.0", "method": "eth_subscription", "params": params})
