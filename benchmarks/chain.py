"""Make a deterministic chain, chunk by chunk, as the very bytes that a node would send.

Transfers 70 %, Swaps 15 %, Approvals 10 %, Notes with a string 5 %, of one contract; hashes link, and every header's
bloom is the real one of its logs. A chunk is 1,000 blocks. Contents repeat after `PERIOD` chunks, with the numbers,
hashes and times of their own blocks: so a chain of any length costs the node one copy a chunk.
"""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from dataclasses import dataclass

import numpy as np
from eth_hash.auto import keccak
from numpy.typing import NDArray

BLOCKS_PER_CHUNK = 1_000
CHAIN_ID = 4_242
GENESIS_TIME = 1_700_000_000
BLOCK_TIME = 2
TOKEN = bytes.fromhex("7f4c2a9b1e8d3f605a17c4e2b98d06f31a5e9c7d")
FIRST_BLOCK = 0x1000000
PERIOD = 100
ID_WIDTH = 12

SIGNATURES = (
    "Transfer(address,address,uint256)",
    "Approval(address,address,uint256)",
    "Swap(address,uint256,uint256,uint256,uint256,address)",
    "Note(address,string)",
)
SHARES = (0.70, 0.10, 0.15, 0.05)
TOPICS = tuple(keccak(signature.encode()) for signature in SIGNATURES)

ABI: list[dict[str, object]] = [
    {
        "type": "event",
        "name": name,
        "anonymous": False,
        "inputs": [{"name": n, "type": t, "indexed": i} for n, t, i in inputs],
    }
    for name, inputs in (
        ("Transfer", (("from", "address", True), ("to", "address", True), ("value", "uint256", False))),
        ("Approval", (("owner", "address", True), ("spender", "address", True), ("value", "uint256", False))),
        (
            "Swap",
            (
                ("sender", "address", True),
                ("amount0In", "uint256", False),
                ("amount1In", "uint256", False),
                ("amount0Out", "uint256", False),
                ("amount1Out", "uint256", False),
                ("to", "address", True),
            ),
        ),
        ("Note", (("author", "address", True), ("text", "string", False))),
    )
]


@dataclass(frozen=True, slots=True)
class Profile:
    """How many logs a block has on average."""

    name: str
    logs_per_block: float


PROFILES = {
    profile.name: profile for profile in (Profile("dense", 5.2), Profile("packed", 52.0), Profile("sparse", 0.002))
}


@dataclass(frozen=True, slots=True)
class _Pattern:
    """A chunk without its place in the chain: where numbers, hashes and times must be written."""

    logs: bytes
    starts: NDArray[np.int64]
    of_block: NDArray[np.int64]
    kinds: NDArray[np.uint8]
    number_at: NDArray[np.int64]
    hash_at: NDArray[np.int64]
    time_at: NDArray[np.int64]
    headers: list[tuple[bytes, bytes]]


@dataclass(frozen=True, slots=True)
class Chunk:
    """1,000 blocks as JSON.

    Shape: `logs` joined by commas; log i is `logs[starts[i]:starts[i + 1] - 1]`; block b (counted from the first)
    owns logs `of_block[b]:of_block[b + 1]`. `headers` are whole answers, each begun by a comma, with blanks where its
    id belongs: that of block b is `headers[header_starts[b]:header_starts[b + 1]]`.
    """

    logs: memoryview
    starts: NDArray[np.int64]
    of_block: NDArray[np.int64]
    kinds: NDArray[np.uint8]
    headers: memoryview
    header_starts: NDArray[np.int64]

    def header(self, block: int) -> memoryview:
        """The block alone, counted from the first."""
        return self.headers[self.header_starts[block] + len(_BEFORE_HEADER) : self.header_starts[block + 1] - 1]

    def answers(self, blocks: range) -> tuple[memoryview, NDArray[np.int64]]:
        """Those of blocks, and where in it their ids belong."""
        starts = self.header_starts[blocks.start : blocks.stop + 1]
        return self.headers[starts[0] : starts[-1]], starts[:-1] - starts[0] + _BEFORE_HEADER.index(b"  ")


_BEFORE_HEADER = b',{"jsonrpc":"2.0","id":%b,"result":' % (ID_WIDTH * b" ")


def block_hash(profile: str, number: int) -> str:
    """The hash of a block, hex without 0x."""
    return hashlib.blake2b(b"%s:%d" % (profile.encode(), number), digest_size=32).hexdigest()


def _bloom_bits(item: bytes) -> list[int]:
    digest = keccak(item)
    return [int.from_bytes(digest[i : i + 2], "big") & 2047 for i in (0, 2, 4)]


class Chain:
    """Chunks by number, counted from the first block; the newest `keep` stay in memory."""

    def __init__(self, profile: Profile, *, timestamps: bool = True, keep: int = 24) -> None:
        self.profile = profile
        self._timestamps = timestamps
        self._keep = keep
        self._chunks: OrderedDict[int, Chunk] = OrderedDict()
        self._patterns: dict[int, _Pattern] = {}
        holders = [hashlib.blake2b(b"holder %d" % i, digest_size=20).digest() for i in range(2048)]
        self._holders = [holder.hex() for holder in holders]
        self._holder_bits = np.array([_bloom_bits(bytes(12) + holder) for holder in holders])
        self._kind_bits = np.array([_bloom_bits(TOKEN) + _bloom_bits(topic) for topic in TOPICS])

    def chunk(self, number: int) -> Chunk:
        """The chunk that begins at block FIRST_BLOCK + 1,000 · number."""
        found = self._chunks.get(number)
        if found is None:
            found = self._place(self.pattern(number % PERIOD), number)
            self._chunks[number] = found
            if len(self._chunks) > self._keep:
                self._chunks.popitem(last=False)
        return found

    def pattern(self, number: int) -> _Pattern:
        """What repeats of a chunk."""
        if number not in self._patterns:
            self._patterns[number] = self._make(number)
        return self._patterns[number]

    def answers(self, blocks: range) -> tuple[bytearray, NDArray[np.int64]]:
        """The answers with these blocks one after the other, and where in it their ids belong."""
        text, places = bytearray(), []
        while blocks:
            place, at = divmod(blocks[0] - FIRST_BLOCK, BLOCKS_PER_CHUNK)
            count = min(len(blocks), BLOCKS_PER_CHUNK - at)
            more, ids_at = self.chunk(place).answers(range(at, at + count))
            places.append(ids_at + len(text))
            text += more
            blocks = blocks[count:]
        return text, np.concatenate(places)

    def logs_in(self, blocks: int) -> int:
        """How many logs the first so many blocks hold."""
        whole, rest = divmod(blocks, BLOCKS_PER_CHUNK)
        count = sum(len(self.pattern(k % PERIOD).kinds) for k in range(whole))
        return count + (int(self.pattern(whole % PERIOD).of_block[rest]) if rest else 0)

    def plain_header(self, number: int) -> bytes:
        """A block before the first: it has no logs."""
        return _render(*_header("0" * 512, []), number, self._hash(number), self._hash(number - 1))

    def _hash(self, number: int) -> str:
        return block_hash(self.profile.name, number) if number >= 0 else "0" * 64

    def _place(self, pattern: _Pattern, number: int) -> Chunk:
        first = FIRST_BLOCK + number * BLOCKS_PER_CHUNK
        hashes = [self._hash(first + i) for i in range(-1, BLOCKS_PER_CHUNK)]
        logs = bytearray(pattern.logs)
        block_of = np.repeat(np.arange(BLOCKS_PER_CHUNK), np.diff(pattern.of_block))
        blocks = range(first, first + BLOCKS_PER_CHUNK)
        write(logs, pattern.number_at, [f"{block:x}" for block in blocks], block_of)
        write(logs, pattern.hash_at, hashes[1:], block_of)
        if self._timestamps:
            write(logs, pattern.time_at, [f"{_time(block):x}" for block in blocks], block_of)
        headers = [
            _BEFORE_HEADER + _render(*pattern.headers[i], first + i, hashes[i + 1], hashes[i]) + b"}"
            for i in range(BLOCKS_PER_CHUNK)
        ]
        lengths = np.array([len(header) for header in headers], np.int64)
        return Chunk(
            memoryview(logs),
            pattern.starts,
            pattern.of_block,
            pattern.kinds,
            memoryview(b"".join(headers)),
            np.concatenate([[0], np.cumsum(lengths)]),
        )

    def _make(self, number: int) -> _Pattern:
        rng = np.random.default_rng([number, int(self.profile.logs_per_block * 1000)])
        per_block = rng.poisson(self.profile.logs_per_block, BLOCKS_PER_CHUNK)
        of_block = np.concatenate([[0], np.cumsum(per_block)])
        kinds = rng.choice(len(SHARES), int(of_block[-1]), p=SHARES).astype(np.uint8)
        block_of = np.repeat(np.arange(BLOCKS_PER_CHUNK), per_block)
        people = rng.integers(0, len(self._holders), (len(kinds), 2))
        logs, marks, transactions = self._logs(rng, kinds, block_of, people)
        starts = np.concatenate([[0], np.cumsum([len(log) + 1 for log in logs])]).astype(np.int64)
        at = np.array(marks, np.int64).reshape(-1, 3) + starts[:-1, None]
        blooms = self._blooms(kinds, block_of, people)
        headers = [_header(blooms[i], transactions[i]) for i in range(BLOCKS_PER_CHUNK)]
        return _Pattern(b",".join(logs), starts, of_block, kinds, at[:, 0], at[:, 1], at[:, 2], headers)

    def _logs(
        self, rng: np.random.Generator, kinds: NDArray[np.uint8], block_of: NDArray[np.int64], people: NDArray[np.int64]
    ) -> tuple[list[bytes], list[tuple[int, int, int]], list[list[str]]]:
        count = len(kinds)
        random_hex = rng.bytes(32 * count).hex()
        new_tx = (rng.random(count) < 0.55).tolist()
        gaps = rng.integers(1, 4, count).tolist()
        sizes = rng.integers(24, 90, (count, 4)).tolist()
        forever = (rng.random(count) < 0.5).tolist()
        amounts = rng.bytes(48 * count)
        topics = [topic.hex() for topic in TOPICS]
        logs: list[bytes] = []
        marks: list[tuple[int, int, int]] = []
        transactions: list[list[str]] = [[] for _ in range(BLOCKS_PER_CHUNK)]
        tx, tx_index, index, at = "", 0, 0, -1
        pairs, kind_list = people.tolist(), kinds.tolist()
        for i, block in enumerate(block_of.tolist()):
            if block != at or new_tx[i]:
                tx = random_hex[64 * i : 64 * i + 64]
                transactions[block].append(tx)
                tx_index = tx_index + gaps[i] if block == at else 0
            index = index + gaps[i] if block == at else gaps[i] - 1
            at = block
            kind = kind_list[i]
            one, two = self._holders[pairs[i][0]], self._holders[pairs[i][1]]
            values = [
                int.from_bytes(amounts[48 * i + 12 * j : 48 * i + 12 * j + 12], "big") >> (96 - sizes[i][j])
                for j in range(4 if kind == 2 else 1)
            ]
            if kind == 2:
                values[sizes[i][2] % 2] = 0
                values[2 + sizes[i][3] % 2] = 0
            elif kind == 1 and forever[i]:
                values[0] = (1 << 256) - 1
            if kind == 3:
                text = f"note {i} of {one[:8]} ".encode() * (1 + sizes[i][0] % 4)
                data = f"{32:064x}{len(text):064x}{(text + bytes(-len(text) % 32)).hex()}"
                said = f'"0x{topics[3]}","0x{one:0>64}"'
            else:
                data = "".join([f"{value:064x}" for value in values])
                said = f'"0x{topics[kind]}","0x{one:0>64}","0x{two:0>64}"'
            stamp = '"blockTimestamp":"0x########",' if self._timestamps else ""
            log = (
                f'{{"address":"0x{TOKEN.hex()}","topics":[{said}],"data":"0x{data}","blockNumber":"0x#######",'
                f'"transactionHash":"0x{tx}","transactionIndex":"0x{tx_index:x}","blockHash":"0x{"":#>64}",'
                f'{stamp}"logIndex":"0x{index:x}","removed":false}}'
            )
            mark = log.index("#")
            hash_mark = log.index("#", mark + 7)
            marks.append((mark, hash_mark, log.index("#", hash_mark + 64) if stamp else 0))
            logs.append(log.encode())
        return logs, marks, transactions

    def _blooms(self, kinds: NDArray[np.uint8], block_of: NDArray[np.int64], people: NDArray[np.int64]) -> list[str]:
        bits = np.zeros((BLOCKS_PER_CHUNK, 2048), bool)
        for column in self._kind_bits[kinds].T:
            bits[block_of, column] = True
        for column in self._holder_bits[people[:, 0]].T:
            bits[block_of, column] = True
        two = kinds != 3
        for column in self._holder_bits[people[two, 1]].T:
            bits[block_of[two], column] = True
        return [row.tobytes().hex() for row in np.packbits(bits[:, ::-1], axis=1)]


def _time(block: int) -> int:
    return GENESIS_TIME + BLOCK_TIME * (block - FIRST_BLOCK)


def write(text: bytearray, at: NDArray[np.int64], words: list[str], which: NDArray[np.int64]) -> None:
    """Write words of one width, chosen per place, into the text."""
    if not len(at):
        return
    width = len(words[0])
    assert {*map(len, words)} == {width}
    table = np.frombuffer("".join(words).encode(), f"V{width}")
    windows: NDArray[np.void] = np.ndarray((len(text) - width + 1,), f"V{width}", text, strides=(1,))
    windows[at] = table[which]


def _header(bloom: str, transactions: list[str]) -> tuple[bytes, bytes]:
    """A header's text in two parts, to be filled by `_render`."""
    listed = ",".join([f'"0x{tx}"' for tx in transactions])
    some = "5c" * 32
    return (
        (
            f'{{"baseFeePerGas":"0x3b9aca00","difficulty":"0x0","extraData":"0x","gasLimit":"0x1c9c380",'
            f'"gasUsed":"0x{21000 * (1 + len(transactions)):x}","logsBloom":"0x{bloom}",'
            f'"miner":"0x0000000000000000000000000000000000000000","mixHash":"0x{some}","nonce":"0x0000000000000000",'
        ).encode(),
        (
            f'"receiptsRoot":"0x{some}","sha3Uncles":"0x{some}","size":"0x220","stateRoot":"0x{some}",'
            f'"transactions":[{listed}],"transactionsRoot":"0x{some}","uncles":[]}}'
        ).encode(),
    )


def _render(before: bytes, after: bytes, number: int, own: str, parent: str) -> bytes:
    place = (
        f'"number":"0x{number:x}","hash":"0x{own}","parentHash":"0x{parent}","timestamp":"0x{max(0, _time(number)):x}",'
    )
    return before + place.encode() + after
