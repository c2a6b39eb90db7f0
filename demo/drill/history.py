"""Turn an alert's history into samples that Prometheus can be given as its past."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence

from monitoring.histories import Case

_STEP = re.compile(r"(?P<first>-?[\d.]+)(?P<step>[+-][\d.]+)?(?:x(?P<more>\d+))?$")
_DURATION = re.compile(r"(\d+)([smhd])")
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
_DECLARED = re.compile(r"^([a-zA-Z_:][\w:]*)")


def seconds(text: str) -> int:
    """Seconds of a duration such as `1h15m`."""
    return sum(int(amount) * _SECONDS[unit] for amount, unit in _DURATION.findall(text))


def expanded(values: str) -> list[float | None]:
    """The samples that promtool's notation stands for: `1+2x3` is 1 3 5 7, `_x2` two that are missing."""
    out: list[float | None] = []
    for word in values.split():
        if word.startswith("_"):
            out += [None] * int(word[2:] or 1)
            continue
        found = _STEP.match(word)
        if found is None:
            raise ValueError(f"{word!r} is not promtool's notation")
        first, step = float(found["first"]), float(found["step"] or 0)
        out += [first + step * number for number in range(int(found["more"] or 0) + 1)]
    return out


def samples(case: Case, now_s: float) -> Iterator[tuple[str, float, float]]:
    """(series, unix seconds, value) such that the case's `at` is `now_s`.

    A series that holds a point in time is moved along with the clock.
    """
    every, begin_s = seconds(case.every), now_s - seconds(case.at)
    for series, values in {**case.series, **case.recorded}.items():
        moved = begin_s if re.match(r"\w+_timestamp_seconds\b", series) else 0.0
        for number, value in enumerate(expanded(values)):
            at_s = begin_s + number * every
            if value is not None and at_s <= now_s:
                yield series, at_s, value + moved


def openmetrics(found: Sequence[tuple[str, float, float]]) -> str:
    """The samples as OpenMetrics text, which `promtool tsdb create-blocks-from openmetrics` reads."""
    by_family: dict[str, list[tuple[str, float, float]]] = {}
    for one in found:
        name = _DECLARED.match(one[0])
        assert name is not None
        by_family.setdefault(name[1], []).append(one)
    lines = []
    for family in sorted(by_family):
        lines.append(f"# TYPE {family} unknown")
        lines += [f"{series} {value!r} {at_s:.3f}" for series, at_s, value in sorted(by_family[family])]
    return "\n".join([*lines, "# EOF\n"])


def label_text(labels: Mapping[str, str]) -> str:
    """Labels as they stand between braces."""
    escaped = {
        name: value.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n") for name, value in labels.items()
    }
    return ",".join(f'{name}="{value}"' for name, value in sorted(escaped.items()))
