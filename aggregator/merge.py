"""Merge the expositions of many workers into one, family by family, as text.

Text level, because parsing into numbers and back costs twenty times as much and could change a digit. Every sample
line passes through unchanged but for the labels put in front of its own.

Source: https://prometheus.io/docs/instrumenting/exposition_formats/#text-based-format
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from math import isfinite
from typing import Final, NamedTuple

_NAME: Final = r"[a-zA-Z_:][a-zA-Z0-9_:]*"
_LABEL: Final = r"[a-zA-Z_][a-zA-Z0-9_]*"
_QUOTED: Final = r'"(?:[^"\\]|\\[\\"n])*"'
_PAIR: Final = rf"[ \t]*{_LABEL}[ \t]*=[ \t]*{_QUOTED}[ \t]*"
_NUMBER: Final = (
    r"[+-]?(?:[0-9]+(?:\.[0-9]*)?(?:[eE][+-]?[0-9]+)?|\.[0-9]+(?:[eE][+-]?[0-9]+)?|(?i:inf(?:inity)?))|(?i:nan)"
)
_SAMPLE: Final = re.compile(
    rf"({_NAME})"
    rf"(?:[ \t]*\{{((?:{_PAIR}(?:,{_PAIR})*)?),?[ \t]*\}}[ \t]*|[ \t]+)"
    rf"(({_NUMBER})(?:[ \t]+([0-9]+))?)[ \t]*"
)
_PAIRS: Final = re.compile(rf"({_LABEL})[ \t]*=[ \t]*({_QUOTED})")
_SUFFIXES: Final[Mapping[str, tuple[str, ...]]] = {
    "histogram": ("_bucket", "_sum", "_count"),
    "summary": ("_sum", "_count"),
}
_INT64_MAX: Final = 2**63 - 1
_KINDS: Final = frozenset({"counter", "gauge", "histogram", "summary", "untyped"})


class MalformedExposition(ValueError):
    """The text is no exposition; its worker counts as down, as Prometheus itself would count it."""


@dataclass(slots=True)
class Family:
    """The samples of one name: `lines` are (name, what stands in the braces, value and timestamp)."""

    name: str
    kind: str = "untyped"
    help: str | None = None
    samples: list[tuple[str, str, str]] = field(default_factory=list)

    @property
    def names(self) -> tuple[str, ...]:
        """Every sample name this family may use."""
        return (self.name, *(self.name + suffix for suffix in _SUFFIXES.get(self.kind, ())))


@dataclass(frozen=True, slots=True)
class Part:
    """One worker's families, and the labels its samples shall carry, in the order they shall stand in."""

    labels: tuple[tuple[str, str], ...]
    families: Mapping[str, Family]


@dataclass(frozen=True, slots=True)
class Merged:
    """One exposition made of many: how many samples each part gave, and what had to be decided on the way."""

    text: str
    samples: tuple[int, ...]
    type_conflicts: tuple[str, ...]
    help_conflicts: tuple[str, ...]


def read(text: str) -> dict[str, Family]:
    """Give the families of an exposition by name, in their order; raise MalformedExposition for anything else."""
    families: dict[str, Family] = {}
    owner: dict[str, Family] = {}
    for place, line in enumerate(text.split("\n"), 1):
        if line.startswith("#"):
            _read_comment(line, families, owner)
        elif match := _SAMPLE.fullmatch(line):
            name, braced, value, number, timestamp = match.groups()
            if not (_is_finite(number) and _is_time(timestamp) and shape_of(braced or "").told_apart):
                raise MalformedExposition(f"line {place} is no sample that Prometheus would take: {line[:80]!r}")
            family = owner.get(name) or _declare(name, families, owner)
            family.samples.append((name, braced or "", value))
        elif line.strip(" \t"):
            raise MalformedExposition(f"line {place} is no sample: {line[:80]!r}")
    return families


def merge(parts: Sequence[Part], ours: Sequence[Family] = ()) -> Merged:
    """Give the union of the parts: same names stand together once, each sample labelled with its part's labels.

    The first HELP wins. A family that disagrees with an earlier part in TYPE, or takes one of its sample names, is left
    out whole: two types under one name would make the entire scrape invalid. `ours` stand first, as they are, and no
    part can add to them.
    """
    merged: dict[str, Family] = {}
    claims = {name: "" for family in ours for name in family.names}
    counts: list[int] = []
    type_conflicts: list[str] = []
    help_conflicts: list[str] = []
    for part in parts:
        count = 0
        rename = frozenset(name for name, _ in part.labels)
        prefix = inside(part.labels)
        for family in part.families.values():
            into = merged.get(family.name)
            if (into is not None and into.kind != family.kind) or any(
                claims.get(name, family.name) != family.name for name in family.names
            ):
                type_conflicts.append(family.name)
                continue
            if into is None:
                into = merged[family.name] = Family(family.name, family.kind, family.help)
                claims.update(dict.fromkeys(family.names, family.name))
            elif into.help != family.help and family.help is not None:
                into.help = family.help if into.help is None else into.help
                if into.help != family.help:
                    help_conflicts.append(family.name)
            into.samples += _labelled(family.samples, prefix, rename)
            count += len(family.samples)
        counts.append(count)
    return Merged(write([*ours, *merged.values()]), tuple(counts), tuple(type_conflicts), tuple(help_conflicts))


def write(families: Iterable[Family]) -> str:
    """Give the families as exposition text."""
    out: list[str] = []
    for family in families:
        if family.help is not None:
            out.append(f"# HELP {family.name} {family.help}\n")
        out.append(f"# TYPE {family.name} {family.kind}\n")
        for name, braced, value in family.samples:
            out.append(f"{name}{{{braced}}} {value}\n" if braced else f"{name} {value}\n")
    return "".join(out)


def inside(labels: Iterable[tuple[str, str]]) -> str:
    """Give what stands between a sample's braces for these labels."""
    return ",".join(f'{name}="{_escape(value)}"' for name, value in labels)


def labels_of(braced: str) -> dict[str, str]:
    """Give the labels that stand between a sample's braces, unescaped."""
    return {name: _unescape(quoted[1:-1]) for name, quoted in _PAIRS.findall(braced)}


class Shape(NamedTuple):
    """Of a sample's labels: how many there are, their longest value in UTF-8, whether each has a name of its own."""

    labels: int
    longest_bytes: int
    told_apart: bool


@lru_cache(maxsize=1 << 15)
def shape_of(braced: str) -> Shape:
    """What has to be known of the labels between a sample's braces; remembered, as most come again at each scrape."""
    pairs = _PAIRS.findall(braced)
    names = {name for name, _ in pairs}
    longest = max((len(_unescape(quoted[1:-1]).encode()) for _, quoted in pairs), default=0)
    return Shape(len(pairs), longest, len(names) == len(pairs) and "__name__" not in names)


def _read_comment(line: str, families: dict[str, Family], owner: dict[str, Family]) -> None:
    words = line.split(None, 3)
    if len(words) < 3 or words[0] != "#" or words[1] not in ("HELP", "TYPE"):
        return
    name, rest = words[2], words[3] if len(words) > 3 else ""
    if not re.fullmatch(_NAME, name):
        raise MalformedExposition(f"no metric name: {line[:80]!r}")
    if words[1] == "HELP":
        family = families.get(name) or _declare(name, families, owner)
        family.help = family.help if family.help is not None else rest
        return
    if rest not in _KINDS:
        raise MalformedExposition(f"no metric type: {line[:80]!r}")
    family = families.get(name) or _declare(name, families, owner)
    if family.samples or family.kind != "untyped":
        raise MalformedExposition(f"second TYPE line, or TYPE after samples: {line[:80]!r}")
    family.kind = rest
    for sample_name in family.names:
        if owner.setdefault(sample_name, family) is not family:
            raise MalformedExposition(f"{sample_name} belongs to two families")


def _declare(name: str, families: dict[str, Family], owner: dict[str, Family]) -> Family:
    if name in owner:
        raise MalformedExposition(f"{name} belongs to two families")
    family = families[name] = owner[name] = Family(name)
    return family


def _is_finite(number: str) -> bool:
    """Whether a number is as large as it says: only what is called infinite may be beyond a float."""
    large = len(number) > 300 or "e" in number or "E" in number
    return not large or isfinite(float(number))


def _is_time(timestamp: str | None) -> bool:
    return timestamp is None or (len(timestamp) < 19 or int(timestamp[:1000]) <= _INT64_MAX)


def _labelled(
    samples: list[tuple[str, str, str]], prefix: str, rename: frozenset[str]
) -> Iterator[tuple[str, str, str]]:
    for name, braced, value in samples:
        if not braced:
            yield name, prefix, value
            continue
        own = _renamed(braced, rename) if any(label in braced for label in rename) else braced
        yield name, f"{prefix},{own}" if prefix else own, value


def _renamed(braced: str, taken: frozenset[str]) -> str:
    """Keep a worker's own `job` as `exported_job`, as Prometheus does when labels collide."""
    pairs = _PAIRS.findall(braced)
    names = taken | {name for name, _ in pairs}
    return ",".join(f"{_free(name, names) if name in taken else name}={value}" for name, value in pairs)


def _free(name: str, names: frozenset[str]) -> str:
    while name in names:
        name = "exported_" + name
    return name


def _escape(value: str) -> str:
    return value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")


def _unescape(value: str) -> str:
    return re.sub(r"\\(.)", lambda m: "\n" if m[1] == "n" else m[1], value)
