"""Run tasks together: stop all when one fails or when asked to, and drain within a deadline."""

from __future__ import annotations

import asyncio
import gc
import os
import signal
import sys
import threading
from collections.abc import Awaitable, Callable, Coroutine, Iterator, Mapping
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from typing import Any, TypeVar

import structlog
import uvloop

from shared.clock import Clock, system_clock
from shared.errors import TaskDied, Transient, UsdxError
from shared.health import Health
from shared.metrics import LOOP, Family, Registry

EVENT_LOOP_LAG = Family(
    "usdx_event_loop_lag_seconds", "histogram", "Delay of a 1 s asyncio timer.", (), "seconds", LOOP
)
FAMILIES = (EVENT_LOOP_LAG,)
GRACE_S = 6.0  # leaves four of the promised ten seconds for cancelling tasks, and closing pools and servers
CANCEL_S = 2.0
CLOSE_S = 2.0
SWITCH_S = 0.0005

_ender: ContextVar[Callable[[], None] | None] = ContextVar("ender", default=None)
"""What SIGTERM does before and after `run`, in a process that `run_process` runs."""

T = TypeVar("T")
Task = Callable[["Stop"], Awaitable[None]]


def bound_stalls() -> None:
    """Bound how long the event loop stands still; to be called once everything is made.

    A thread that renders a scrape hands the GIL over ten times as often as usual, and what was made until now, which
    lives as long as the process, is not looked through by the garbage collector any more.
    """
    sys.setswitchinterval(SWITCH_S)
    gc.collect()
    gc.freeze()


class Stop:
    """The wish that everything ends; loops look at it between steps and sleep on it instead of on the clock."""

    def __init__(self) -> None:
        self._event = asyncio.Event()

    def set(self) -> None:
        """Ask every task to end after the step in hand."""
        self._event.set()

    def is_set(self) -> bool:
        """Whether to end."""
        return self._event.is_set()

    async def wait(self, timeout_s: float | None = None) -> bool:
        """Sleep for `timeout_s` or until the stop; True when it is time to end."""
        with suppress(TimeoutError):
            await asyncio.wait_for(self._event.wait(), timeout_s)
        return self._event.is_set()


async def run(
    tasks: Mapping[str, Task],
    *,
    grace_s: float = GRACE_S,
    stop: Stop | None = None,
    health: Health | None = None,
    registry: Registry | None = None,
) -> None:
    """Run `tasks` until all have returned, one dies, or SIGTERM or SIGINT comes.

    After a signal the tasks have `grace_s` to end by themselves, then they are cancelled; a second signal cancels them
    at once. The error of the first task to die is raised after the others have ended: foreseen ones as they are, any
    other as `TaskDied`.
    """
    stop = stop or Stop()
    with _signals(stop, grace_s + CANCEL_S) as hurry:
        ended: list[asyncio.Task[Any]] = []
        running = {asyncio.create_task(_wait(task, stop), name=name) for name, task in tasks.items()}
        for one in running:
            one.add_done_callback(ended.append)
        for name in tasks:
            if health is not None:
                health.declare_task(name)
        lag = asyncio.create_task(watch_event_loop(registry)) if registry is not None else None
        try:
            await _until_end(set(running), stop)
        finally:
            stop.set()
            await _drain(set(running), grace_s, hurry)
            if lag is not None:
                await _drain({lag}, 0, hurry)
        _raise_first(ended)


async def foreseen(name: str, work: Awaitable[T], *errors: type[BaseException]) -> T:
    """What the work gives. Errors of these kinds are raised as they are, any other is logged and raised as `TaskDied`:
    for work of which one piece may fail without ending the process."""
    try:
        return await work
    except errors:
        raise
    except Exception as exc:
        structlog.get_logger("runtime").error("work failed", work=name, error=exc, exc_info=exc)
        raise TaskDied(f"{name} died: {type(exc).__name__}: {exc}") from exc


async def _wait(task: Task, stop: Stop) -> None:
    try:
        await task(stop)
    except asyncio.CancelledError as exc:
        if stop.is_set():
            raise
        raise RuntimeError("it was cancelled, and nobody had asked for that") from exc


async def _until_end(running: set[asyncio.Task[Any]], stop: Stop) -> None:
    stopped: asyncio.Task[Any] = asyncio.create_task(stop.wait())
    try:
        while running and not stop.is_set():
            done, _ = await asyncio.wait({*running, stopped}, return_when=asyncio.FIRST_COMPLETED)
            running -= done
            if any(task.cancelled() or task.exception() for task in done):
                return
    finally:
        stopped.cancel()


async def _drain(running: set[asyncio.Task[Any]], grace_s: float, hurry: asyncio.Event) -> None:
    """Wait for the tasks, cancel what is left after `grace_s` or on `hurry`, and wait for that."""
    hurried: asyncio.Task[Any] = asyncio.create_task(hurry.wait())
    deadline = asyncio.get_running_loop().time() + grace_s
    left = {task for task in running if not task.done()}
    while left and not hurried.done() and (remaining := deadline - asyncio.get_running_loop().time()) > 0:
        await asyncio.wait({*left, hurried}, timeout=remaining, return_when=asyncio.FIRST_COMPLETED)
        left = {task for task in left if not task.done()}
    for task in left:
        task.cancel()
    hurried.cancel()
    await asyncio.gather(*running, hurried, return_exceptions=True)


def _raise_first(ended: list[asyncio.Task[Any]]) -> None:
    """Raise what the first task died of, and log what others died of on the way out."""
    died = [(task.get_name(), error) for task in ended if not task.cancelled() and (error := task.exception())]
    for name, error in died[1:]:
        structlog.get_logger("runtime").error("task died while stopping", task=name, error=error)
    for name, error in died[:1]:
        if isinstance(error, UsdxError):
            raise error
        raise TaskDied(f"task {name} died: {type(error).__name__}: {error}") from error


@contextmanager
def _signals(stop: Stop, patience_s: float) -> Iterator[asyncio.Event]:
    """SIGTERM and SIGINT set `stop`; the second one sets the yielded event; after `patience_s` the process is ended."""
    loop, hurry = asyncio.get_running_loop(), asyncio.Event()
    end = threading.Timer(patience_s, _end_process)
    end.daemon = True

    def on_signal() -> None:
        if stop.is_set():
            hurry.set()
        if not end.is_alive():
            end.start()
        stop.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, on_signal)
    try:
        yield hurry
    finally:
        end.cancel()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.remove_signal_handler(number)
        if (ender := _ender.get()) is not None:
            loop.add_signal_handler(signal.SIGTERM, ender)


def _end_process() -> None:
    """The last resort against a task that hangs where it cannot be cancelled, such as in a thread."""
    sys.stderr.write("usdx: a task did not end in time; the process is ended\n")
    sys.stderr.flush()
    os._exit(1)


async def watch_event_loop(registry: Registry, period_s: float = 1.0) -> None:
    """Observe for ever by how much a timer of `period_s` fires too late."""
    lag = registry.histogram(EVENT_LOOP_LAG).of()
    loop = asyncio.get_running_loop()
    while True:
        due = loop.time() + period_s
        await asyncio.sleep(period_s)
        lag.observe(max(0.0, loop.time() - due))


async def repeat(
    name: str,
    step: Callable[[], Awaitable[object]],
    *,
    period_s: float,
    stop: Stop,
    health: Health,
    clock: Clock | None = None,
) -> None:
    """Take `step` every `period_s` until the stop, beating after each; `Transient` errors are logged and survived."""
    clock, log = clock or system_clock(), structlog.get_logger(name)
    while not stop.is_set():
        began = clock.monotonic()
        try:
            await step()
        except Transient as exc:
            health.failed(name)
            log.warning("step failed", reason=exc.reason, error=str(exc))
        health.beat(name)
        await stop.wait(max(0.0, period_s - (clock.monotonic() - began)))


def run_process(main: Callable[[], Coroutine[Any, Any, None]]) -> None:
    """Run a whole process on uvloop; a thread that still works at the end is given `CLOSE_S`.

    SIGTERM before `run` minds the signals just ends it: nothing was begun that would have to be finished. So it does
    afterwards, when things are closed.
    """
    runner = asyncio.Runner(loop_factory=uvloop.new_event_loop)
    end = threading.Timer(CLOSE_S, _end_process)
    end.daemon = True
    try:
        runner.run(_stoppable(main))
    finally:
        end.start()
        runner.close()
        end.cancel()


async def _stoppable(main: Callable[[], Coroutine[Any, Any, None]]) -> None:
    task, asked = asyncio.current_task(), False
    assert task is not None

    def stop() -> None:
        nonlocal asked
        asked = True
        task.cancel()

    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop)
    _ender.set(stop)
    try:
        await main()
    except asyncio.CancelledError:
        if not asked:
            raise
