"""Decode logs from standard input, a JSON line in, a JSON line out."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, BinaryIO

import click
import msgspec

from indexer.abi import merge_files, parse
from indexer.decoder import Dispatcher
from indexer.errors import BadAbi, DecodeError
from indexer.events import EventSpec
from indexer.json_form import Convert, arguments
from indexer.text import printable
from shared.nesting import too_deep

_HEX = re.compile(r"0[xX](?:[0-9a-fA-F]{2})*+")  # possessive: to go back would need memory for every pair


class _Line(msgspec.Struct):
    topics: list[str]
    data: str
    address: str | None = None


@click.command()
@click.option(
    "--abi",
    "paths",
    required=True,
    multiple=True,
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="An ABI array, a Hardhat/Foundry artifact or human-readable signatures; may be given again.",
)
@click.option("--strict", is_flag=True, help="Also refuse missing padding and strings that are no UTF-8.")
def decode(paths: tuple[Path, ...], strict: bool) -> None:
    """Read logs as JSON lines ({"topics": […], "data": "0x…"}) and write what they say, one line each.

    A log that cannot be decoded gives {"error": {"reason", "message"}}; the exit code is 0 all the same.
    """
    answer = answerer(_events(paths), strict=strict)
    try:
        pump(sys.stdin.buffer, sys.stdout.buffer, answer)
    except BrokenPipeError:
        sys.stderr.close()  # whoever read us has left; the interpreter must not complain when it flushes


def pump(source: BinaryIO, sink: BinaryIO, answer: Callable[[bytes], dict[str, Any]]) -> None:
    """One line out for every line in, at once, so that another program can hold a conversation."""
    encode = msgspec.json.Encoder().encode
    for line in source:
        sink.write(encode(answer(line)) + b"\n")
        sink.flush()


def answerer(events: Sequence[EventSpec], *, strict: bool = False) -> Callable[[bytes], dict[str, Any]]:
    """A function from one line to its answer. It raises nothing, whatever the line."""
    dispatcher = Dispatcher(events, strict=strict)
    writers: dict[EventSpec, Convert] = {event: arguments(event, printable) for event in events}
    read = msgspec.json.Decoder(_Line).decode

    def answer(line: bytes) -> dict[str, Any]:
        if too_deep(line):
            return _error("bad_json", "nested beyond reason")
        try:
            log = read(line)
        except msgspec.ValidationError as exc:
            return _error("bad_log", str(exc))
        except (ValueError, RecursionError) as exc:
            return _error("bad_json", str(exc))
        try:
            topics = [_bytes(topic, 32, f"topic {number}") for number, topic in enumerate(log.topics)]
            if log.address is not None:
                _bytes(log.address, 20, "address")
            event, values = dispatcher.decode(topics, _bytes(log.data, None, "data"))
        except DecodeError as exc:
            return _error(exc.kind, str(exc))
        return {"event": event.name, "signature": event.signature, "args": writers[event](values)}

    return answer


def _events(paths: Sequence[Path]) -> tuple[EventSpec, ...]:
    files: dict[str, tuple[EventSpec, ...]] = {}
    for path in paths:
        try:
            files[str(path)] = parse(path.read_bytes().decode("utf-8-sig"))
        except (BadAbi, UnicodeDecodeError, OSError) as exc:
            raise click.BadParameter(f"{path}: {exc}", param_hint="--abi") from exc
    try:
        events = merge_files(files)
    except BadAbi as exc:
        raise click.BadParameter(str(exc), param_hint="--abi") from exc
    if not events:
        raise click.BadParameter("there is no event in it", param_hint="--abi")
    return events


def _bytes(text: str, size: int | None, what: str) -> bytes:
    if not _HEX.fullmatch(text):
        raise DecodeError("bad_log", f"{what} is no 0x hex of whole bytes: {text[:80]!r}")
    value = bytes.fromhex(text[2:])
    if size is not None and len(value) != size:
        raise DecodeError("bad_log", f"{what} has {len(value)} bytes instead of {size}")
    return value


def _error(reason: str, message: str) -> dict[str, Any]:
    return {"error": {"reason": reason, "message": message}}
