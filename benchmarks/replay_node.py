"""Serve a made-up chain as a JSON-RPC node that costs next to nothing.

    python -m benchmarks.replay_node --profile dense --blocks 200000 [--latency-ms 50] [--mine-ms 250] [--bare]

Bodies are slices of pre-serialised JSON. Limits are a provider's: 10,000 blocks and 10,000 logs a request. With
`--mine-ms` the head starts at `--head` and rises by one block every so many milliseconds; `GET /stats` tells the
requests served, the CPU spent and the schedule of the head.
"""

from __future__ import annotations

import argparse
import json
import re
import resource
import socket
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from benchmarks.chain import (
    BLOCKS_PER_CHUNK,
    CHAIN_ID,
    FIRST_BLOCK,
    ID_WIDTH,
    PERIOD,
    PROFILES,
    TOKEN,
    TOPICS,
    Chain,
    block_hash,
    write,
)

MAX_BLOCKS = 10_000
MAX_LOGS = 10_000
Buffer = bytes | bytearray | memoryview


class RpcFault(Exception):
    """A JSON-RPC error to send."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code = code


@dataclass(slots=True)
class Head:
    """The newest block, rising on a schedule when `mine_s` is set."""

    start: int
    newest: int
    mine_s: float | None = None
    t0: float = field(default_factory=time.time)

    def number(self) -> int:
        if self.mine_s is None:
            return self.start
        return min(self.newest, self.start + int((time.time() - self.t0) / self.mine_s))


class Node:
    """Answers JSON-RPC methods out of a chain."""

    def __init__(self, chain: Chain, head: Head, depth: int = 64) -> None:
        self._chain = chain
        self._head = head
        self._depth = depth
        self._lock = threading.Lock()
        self.calls: Counter[str] = Counter()
        self.requests = 0
        self._methods: dict[str, Callable[[list[Any]], list[Buffer]]] = {
            "eth_chainId": lambda _: [b'"0x%x"' % CHAIN_ID],
            "net_version": lambda _: [b'"%d"' % CHAIN_ID],
            "web3_clientVersion": lambda _: [b'"replay/1.0"'],
            "eth_syncing": lambda _: [b"false"],
            "eth_blockNumber": lambda _: [b'"0x%x"' % self._head.number()],
            "eth_getBlockByNumber": lambda p: self._block(self._number(p[0])),
            "eth_getBlockByHash": lambda p: self._by_hash(p[0]),
            "eth_getCode": lambda _: [b'"0x60806040"'],
            "eth_getStorageAt": lambda _: [b'"0x%064x"' % 0],
            "eth_getLogs": lambda p: self._logs(p[0]),
        }

    def reply(self, body: bytes) -> list[Buffer]:
        """The buffers of the answer to one HTTP body, single call or batch."""
        self.requests += 1
        if (many := self._many_blocks(body)) is not None:
            return many
        asked = json.loads(body)
        if isinstance(asked, dict):
            return self._one(asked)
        parts: list[Buffer] = [b"["]
        for i, call in enumerate(asked):
            if i:
                parts.append(b",")
            parts += self._one(call)
        parts.append(b"]")
        return parts

    def _many_blocks(self, body: bytes) -> list[Buffer] | None:
        """The answer to a batch of nothing but blocks in a row, which is what most requests are when they are many."""
        asked = _BLOCK.findall(body)
        if len(asked) < 2 or body.count(b'"method"') != len(asked):
            return None
        numbers = [int(number, 16) for _, number in asked]
        wanted = range(numbers[0], numbers[0] + len(numbers))
        if numbers != [*wanted] or wanted[0] < FIRST_BLOCK or wanted[-1] > self._head.number():
            return None
        self.calls["eth_getBlockByNumber"] += len(asked)
        with self._lock:
            text, places = self._chain.answers(wanted)
        write(text, places, [ident.decode().rjust(ID_WIDTH) for ident, _ in asked], np.arange(len(asked)))
        text[:1] = b"["
        return [text, b"]"]

    def _one(self, call: dict[str, Any]) -> list[Buffer]:
        method = call["method"]
        self.calls[method] += 1
        ident = json.dumps(call.get("id")).encode()
        try:
            answer = self._methods.get(method)
            if answer is None:
                raise RpcFault(-32601, f"the method {method} does not exist/is not available")
            with self._lock:
                return [b'{"jsonrpc":"2.0","id":' + ident + b',"result":', *answer(call.get("params") or []), b"}"]
        except RpcFault as fault:
            error = json.dumps({"code": fault.code, "message": str(fault)}).encode()
            return [b'{"jsonrpc":"2.0","id":' + ident + b',"error":' + error + b"}"]

    def _number(self, text: str) -> int:
        head = self._head.number()
        named = {"latest": head, "pending": head, "earliest": 0}
        if text in ("finalized", "safe"):
            return max(0, head - self._depth)
        return named[text] if text in named else int(text, 16)

    def _block(self, number: int) -> list[Buffer]:
        if number > self._head.number():
            return [b"null"]
        if number < FIRST_BLOCK:
            return [self._chain.plain_header(number)]
        place, at = divmod(number - FIRST_BLOCK, BLOCKS_PER_CHUNK)
        return [self._chain.chunk(place).header(at)]

    def _by_hash(self, text: str) -> list[Buffer]:
        head = self._head.number()
        for number in range(head, max(-1, head - 2000), -1):
            if block_hash(self._chain.profile.name, number) == text[2:]:
                return self._block(number)
        return [b"null"]

    def _logs(self, want: dict[str, Any]) -> list[Buffer]:
        first, last = self._number(want.get("fromBlock", "latest")), self._number(want.get("toBlock", "latest"))
        if last > self._head.number():
            raise RpcFault(-32602, "block range extends beyond current head block")
        if last - first + 1 > MAX_BLOCKS:
            raise RpcFault(-32602, f"query exceeds max block range {MAX_BLOCKS}")
        addresses = want.get("address") or []
        addresses = [addresses] if isinstance(addresses, str) else addresses
        if addresses and not any(bytes.fromhex(address[2:]) == TOKEN for address in addresses):
            return [b"[]"]
        kinds = _kinds(want.get("topics") or [])
        parts: list[Buffer] = []
        count = 0
        first, last = max(0, first - FIRST_BLOCK), last - FIRST_BLOCK
        for number in range(first // BLOCKS_PER_CHUNK, last // BLOCKS_PER_CHUNK + 1):
            chunk = self._chain.chunk(number)
            base = number * BLOCKS_PER_CHUNK
            low = int(chunk.of_block[max(0, first - base)])
            high = int(chunk.of_block[min(BLOCKS_PER_CHUNK, last - base + 1)])
            if len(kinds) == len(TOPICS):
                slices = [(low, high)] if high > low else []
            else:
                chosen = np.flatnonzero(np.isin(chunk.kinds[low:high], kinds)) + low
                slices = [(int(i), int(i) + 1) for i in chosen]
            for a, b in slices:
                count += b - a
                parts += [b",", chunk.logs[chunk.starts[a] : chunk.starts[b] - 1]]
        if count > MAX_LOGS:
            raise RpcFault(-32005, f"query returned more than {MAX_LOGS} results")
        return [b"[", *parts[1:], b"]"]


def _kinds(topics: list[Any]) -> list[int]:
    if not topics or topics[0] is None:
        return list(range(len(TOPICS)))
    wanted = [topics[0]] if isinstance(topics[0], str) else topics[0]
    return [i for i, topic in enumerate(TOPICS) if f"0x{topic.hex()}" in [w.lower() for w in wanted]]


_BLOCK = re.compile(
    rb'"id":(\d+),"method":"eth_getBlockByNumber","params":\["0x([0-9a-f]+)",false\]',
)
_LENGTH = re.compile(rb"content-length: *(\d+)", re.IGNORECASE)


def _requests(peer: socket.socket) -> Iterable[tuple[bytes, bytes]]:
    """(request line, body) of every request on one kept-alive connection."""
    data = b""
    while True:
        while (end := data.find(b"\r\n\r\n")) < 0:
            more = peer.recv(1 << 16)
            if not more:
                return
            data += more
        head = data[:end]
        found = _LENGTH.search(head)
        size = end + 4 + (int(found[1]) if found else 0)
        while len(data) < size:
            more = peer.recv(1 << 16)
            if not more:
                return
            data += more
        yield head[: head.find(b"\r\n")], data[end + 4 : size]
        data = data[size:]


def _send(peer: socket.socket, parts: list[Buffer]) -> None:
    for i in range(0, len(parts), 500):
        views = [memoryview(part) for part in parts[i : i + 500]]
        sent = peer.sendmsg(views)
        for view in views:
            if sent >= len(view):
                sent -= len(view)
            else:
                peer.sendall(view[sent:])
                sent = 0


class Server:
    """Blocking sockets, one thread a connection; sending releases the GIL."""

    def __init__(self, node: Node, latency_s: float, head: Head) -> None:
        self._node = node
        self._latency_s = latency_s
        self._head = head
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=128)
        self.port: int = self._listener.getsockname()[1]

    def run(self) -> None:
        while True:
            peer, _ = self._listener.accept()
            peer.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            threading.Thread(target=self._serve, args=(peer,), daemon=True).start()

    def _serve(self, peer: socket.socket) -> None:
        with peer:
            try:
                for line, body in _requests(peer):
                    if line.startswith(b"GET /stats"):
                        answer: list[Buffer] = [self._stats()]
                    else:
                        answer = self._node.reply(body)
                        if self._latency_s:
                            time.sleep(self._latency_s)
                    size = sum(len(part) for part in answer)
                    header = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n" % size
                    _send(peer, [header, *answer])
            except (ConnectionError, BrokenPipeError):
                return

    def _stats(self) -> bytes:
        usage = resource.getrusage(resource.RUSAGE_SELF)
        return json.dumps(
            {
                "requests": self._node.requests,
                "calls": dict(self._node.calls),
                "cpu_s": usage.ru_utime + usage.ru_stime,
                "t0": self._head.t0,
                "start": self._head.start,
                "mine_s": self._head.mine_s,
                "head": self._head.number(),
            }
        ).encode()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--profile", choices=sorted(PROFILES), default="dense")
    parser.add_argument("--blocks", type=int, default=20_000)
    parser.add_argument(
        "--keep", type=int, default=24, help="chunks of 1,000 blocks kept in memory; all are made first"
    )
    parser.add_argument("--latency-ms", type=float, default=0)
    parser.add_argument("--mine-ms", type=float, default=0)
    parser.add_argument("--head", type=int, default=None)
    parser.add_argument("--depth", type=int, default=64)
    parser.add_argument("--bare", action="store_true", help="no blockTimestamp in logs")
    options = parser.parse_args()
    chain = Chain(PROFILES[options.profile], timestamps=not options.bare, keep=options.keep)
    chunks = -(-options.blocks // BLOCKS_PER_CHUNK)
    for number in range(min(chunks, PERIOD)):
        chain.pattern(number)
    for number in range(min(chunks, options.keep)):
        chain.chunk(number)
    newest = FIRST_BLOCK + options.blocks - 1
    start = FIRST_BLOCK + options.head if options.head is not None else newest
    head = Head(start, newest, options.mine_ms / 1000 or None)
    server = Server(Node(chain, head, options.depth), options.latency_ms / 1000, head)
    print(f"PORT {server.port}", flush=True)
    server.run()


if __name__ == "__main__":
    main()
