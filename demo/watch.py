"""Ask every program how it is, once a second, and tell the board."""

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import aiohttp

from demo.board import Board
from demo.program import Kept

_PERIOD_S = 1.0
_TIMEOUT = aiohttp.ClientTimeout(total=5.0)


@dataclass(frozen=True, slots=True)
class Answer:
    """What a program says of itself; the first word of `status` is its state."""

    ready: bool
    status: str


Question = Callable[[], Awaitable[Answer]]
SILENT = Answer(ready=False, status="STARTING")


class Watch:
    """The programs by name, and when all of the needed ones were ready at once for the first time."""

    def __init__(self, board: Board, questions: Mapping[str, Question], needed: Sequence[str]) -> None:
        """The demo counts as ready without the programs that are not `needed`."""
        self._board, self._questions, self._needed = board, questions, needed
        self.all_ready = asyncio.Event()
        self.waiting_for: list[str] = list(needed)

    async def run(self) -> None:
        """Ask for ever."""
        while True:
            names = list(self._questions)
            answers = dict(zip(names, await asyncio.gather(*(self._questions[name]() for name in names)), strict=True))
            for name, answer in answers.items():
                self._board.set(name, answer.status)
            self.waiting_for = [f"{name}: {answers[name].status}" for name in self._needed if not answers[name].ready]
            if not self.waiting_for:
                self.all_ready.set()
            self._board.draw()
            await asyncio.sleep(_PERIOD_S)


def worker(session: aiohttp.ClientSession, url: str) -> Question:
    """A worker, by its /readyz."""

    async def ask() -> Answer:
        try:
            async with session.get(f"{url}/readyz", timeout=_TIMEOUT) as response:
                return _read(await response.json())
        except (aiohttp.ClientError, TimeoutError):
            return SILENT

    return ask


def _read(body: Mapping[str, Any]) -> Answer:
    ready = bool(body["ready"])
    return Answer(ready, str(body.get("status") or ("READY" if ready else f"WAITING {_first_failure(body)}")))


def _first_failure(body: Mapping[str, Any]) -> str:
    failing = [
        f"{name}: {check.get('detail', '')}" for name, check in body.get("checks", {}).items() if not check["ok"]
    ]
    return failing[0] if failing else ""


def page(session: aiohttp.ClientSession, url: str) -> Question:
    """Any server, by whether a page of it answers."""

    async def ask() -> Answer:
        try:
            async with session.get(url, timeout=_TIMEOUT) as response:
                return Answer(response.ok, "READY" if response.ok else f"STARTING HTTP {response.status}")
        except (aiohttp.ClientError, TimeoutError):
            return SILENT

    return ask


def node(session: aiohttp.ClientSession, url: str) -> Question:
    """An Ethereum node, by its newest block."""
    request = {"jsonrpc": "2.0", "id": 1, "method": "eth_blockNumber", "params": []}

    async def ask() -> Answer:
        try:
            async with session.post(url, json=request, timeout=_TIMEOUT) as response:
                return Answer(ready=True, status=f"READY block {int((await response.json())['result'], 16)}")
        except (aiohttp.ClientError, TimeoutError):
            return SILENT

    return ask


def process(kept: Kept, detail: Callable[[], str] = str) -> Question:
    """A program without a port, by whether it runs."""

    async def ask() -> Answer:
        if kept.ended:
            return Answer(ready=True, status="ENDED")
        return SILENT if kept.pid is None else Answer(ready=True, status=f"READY {detail()}".strip())

    return ask


def played(traffic: Kept) -> str:
    """What the traffic's log says last of its pace."""
    try:
        said = json.loads(traffic.last_words())
        return f"action {said['action']}, {said['per_s']} a second"
    except (ValueError, KeyError):
        return ""


async def answering(question: Question) -> None:
    """Wait until a program is ready."""
    while not (await question()).ready:  # noqa: ASYNC110 - another process has no event to wait for
        await asyncio.sleep(0.05)
