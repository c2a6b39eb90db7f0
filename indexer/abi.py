"""Read an ABI into event specs."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from indexer.errors import BadAbi
from indexer.events import (
    IDENTIFIER,
    MAX_DEPTH,
    MAX_PARAMS,
    AbiType,
    EventSpec,
    Param,
    Tuple,
    arrays,
    scalar,
    split_arrays,
)
from indexer.human_abi import read_signatures
from indexer.signature import parse_signature
from shared.nesting import too_deep


def parse(text: str) -> tuple[EventSpec, ...]:
    """All distinct events of an ABI file's text. Raises BadAbi.

    Accepts a plain JSON array, any artifact with an `abi` key (Hardhat, Foundry, Truffle, Vyper), a JSON array of
    human-readable signatures, or such signatures one after the other.
    """
    stripped = text.lstrip("\ufeff \t\r\n")
    if stripped[:1] not in ("[", "{"):
        return _distinct(read_signatures([stripped]))
    if too_deep(stripped.encode()):
        raise BadAbi("the ABI is nested beyond reason")
    try:
        document = json.loads(stripped)
    except (ValueError, RecursionError) as exc:
        raise BadAbi(f"the ABI is no valid JSON: {exc}") from exc
    return _distinct(_events(document))


def select(events: Sequence[EventSpec], wanted: Iterable[str] | None) -> tuple[EventSpec, ...]:
    """The events chosen by name (`Transfer`, all overloads) or by signature (`Transfer(address,address,uint256)`).

    Raises BadAbi for a choice that matches nothing, naming what there is.
    """
    if wanted is None:
        return tuple(events)
    chosen: list[EventSpec] = []
    for choice in wanted:
        signature = parse_signature(choice).signature if "(" in choice else None
        found = [event for event in events if (event.signature == signature if signature else event.name == choice)]
        if not found:
            known = ", ".join(sorted(event.signature for event in events)) or "none"
            raise BadAbi(f"the ABI has no event {choice!r}; it has: {known}")
        chosen += [event for event in found if event not in chosen]
    return tuple(event for event in events if event in chosen)


def merge(*groups: Sequence[EventSpec]) -> tuple[EventSpec, ...]:
    """One list from several ABIs (a proxy's and its implementations'), the first mention of a layout winning."""
    return _distinct(event for group in groups for event in group)


def merge_files(files: Mapping[str, Sequence[EventSpec]]) -> tuple[EventSpec, ...]:
    """As `merge`, for ABIs by the name of their file.

    Raises BadAbi where two files mark other parameters of an event as indexed, but equally many: their logs look alike.
    """
    seen: dict[tuple[str, bool, int], tuple[str, EventSpec]] = {}
    for file, events in files.items():
        for event in events:
            other, first = seen.setdefault((event.signature, event.anonymous, event.topic_count), (file, event))
            if first.layout != event.layout and other != file:
                raise BadAbi(
                    f"{other} and {file} disagree about what of event {event.signature} is indexed: "
                    f"{first.full_signature} and {event.full_signature}; their logs cannot be told apart, so keep one"
                )
    return merge(*files.values())


def _events(document: Any) -> Iterator[EventSpec]:
    if isinstance(document, dict):
        inner = document.get("abi")
        if isinstance(inner, str):
            yield from parse(inner)
            return
        if not isinstance(inner, list):
            raise BadAbi("the JSON object has no `abi` array; give the ABI or a Hardhat/Foundry artifact")
        document = inner
    if not isinstance(document, list):
        raise BadAbi(f"expected an ABI array, got {type(document).__name__}")
    yield from read_signatures(entry for entry in document if isinstance(entry, str))
    for position, entry in enumerate(document):
        if not isinstance(entry, dict | str):
            raise BadAbi(f"entry {position} of the ABI is neither an object nor a signature")
        if isinstance(entry, dict) and entry.get("type") == "event":
            yield _event(entry, position)


def _event(entry: Mapping[str, Any], position: int) -> EventSpec:
    name, inputs = entry.get("name") or "", entry.get("inputs", [])
    if not isinstance(name, str) or not isinstance(inputs, list) or (name and not IDENTIFIER.fullmatch(name)):
        raise BadAbi(f"entry {position} of the ABI is a malformed event: {str(entry)[:200]}")
    return EventSpec(name, _params(inputs, name, 0), entry.get("anonymous") is True)


def _params(items: Sequence[Any], owner: str, depth: int) -> tuple[Param, ...]:
    if depth > MAX_DEPTH or len(items) > MAX_PARAMS:
        raise BadAbi(f"event {owner}: parameters nested or repeated beyond reason")
    return tuple(_param(item, owner, depth) for item in items)


def _param(item: Any, owner: str, depth: int) -> Param:
    if not isinstance(item, dict) or not isinstance(item.get("type"), str):
        raise BadAbi(f"event {owner}: a parameter without a type: {str(item)[:200]}")
    text, name = item["type"].strip(), item.get("name") or ""
    if not isinstance(name, str):
        raise BadAbi(f"event {owner}: a parameter's name is no text: {name!r}")
    if not name.isprintable():  # a NUL, or half a surrogate pair: neither JSON nor a database could hold it
        raise BadAbi(f"event {owner}: a parameter's name holds what cannot be written: {name!r}")
    base, suffix = split_arrays(text)
    if base == "tuple":
        components = item.get("components", [])
        if not isinstance(components, list):
            raise BadAbi(f"event {owner}: `components` of {name or 'a tuple'} is no list")
        inner: AbiType = Tuple(_params(components, owner, depth + 1))
    else:
        inner = scalar(base)
    return Param(name, arrays(inner, suffix), item.get("indexed") is True)


def _distinct(events: Iterable[EventSpec]) -> tuple[EventSpec, ...]:
    kept: dict[object, EventSpec] = {}
    for event in events:
        kept.setdefault(event.layout, event)
    return tuple(kept.values())
