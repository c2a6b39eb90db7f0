"""Load the configuration: file, then `${VARIABLES}`, then environment overrides; refuse it whole or not at all."""

from __future__ import annotations

import copy
import difflib
import re
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from pydantic import BaseModel, SecretStr

from shared.errors import ConfigError
from shared.problems import Key, Problem, dotted, read_toml, refuse, show, validate
from shared.settings import Settings, WorkerSettings

PREFIX = "USDX_"
EVERYWHERE = ("0.0.0.0", "::")  # noqa: S104 -- only compared with
_VARIABLE = re.compile(r"\$(?:\$|\{([A-Za-z_][A-Za-z0-9_]*)(?::-([^}]*))?\})")


def load(path: Path | None, env: Mapping[str, str]) -> Settings:
    """The settings of the file at `path` (None: no file) and of `env`.

    `${NAME}` and `${NAME:-default}` inside strings are filled in from `env`, `$$` stands for `$`. A variable
    `USDX_A__B__0__C` overrides the key `a.b[0].c`; its value is taken as TOML when it starts like a list, a table or a
    quoted string. Raises ConfigError that lists every problem.
    """
    written = read_toml(path) if path is not None else {}
    file = str(path) if path is not None else "configuration"
    data, problems = _interpolate(copy.deepcopy(written), env, file)
    origins = _override(data, written, env, problems)

    def where(key: Key) -> str:
        return next((name for prefix, name in origins.items() if key[: len(prefix)] == prefix), file)

    folder = path.absolute().parent if path is not None else Path.cwd()
    context = {"folder": folder, "file": file, "origins": {dotted(key): name for key, name in origins.items()}}
    settings, found = validate(Settings, data, where=where, shown=written, context=context)
    named = {problem.key for problem in problems}
    problems += [problem for problem in found if problem.key not in named]
    problems += _broken_references(data, where)
    problems += _shared_ports(settings, where) if settings is not None else []
    if settings is None or problems:
        raise refuse(problems)
    return settings


def find(path: Path | None, folder: Path) -> Path | None:
    """The config file to use: the given one, else `usdx.toml` in `folder`, else the demo's, else none."""
    if path is not None:
        return path
    places = (folder / "usdx.toml", Path(__file__).parent.parent / "demo" / "usdx.toml")
    return next((place for place in places if place.is_file()), None)


def secrets(model: BaseModel) -> Iterator[str]:
    """Every secret in the settings, for the log to hide."""
    for value in dict(model).values():
        yield from _secrets_in(value)


def _secrets_in(value: object) -> Iterator[str]:
    if isinstance(value, SecretStr) and value.get_secret_value():
        yield value.get_secret_value()
    elif isinstance(value, BaseModel):
        yield from secrets(value)
    elif isinstance(value, Mapping):
        for one in value.values():
            yield from _secrets_in(one)
    elif isinstance(value, tuple):
        for one in value:
            yield from _secrets_in(one)


def _interpolate(data: dict[str, Any], env: Mapping[str, str], file: str) -> tuple[dict[str, Any], list[Problem]]:
    problems: list[Problem] = []

    def fill(value: Any, key: Key) -> Any:
        if isinstance(value, dict):
            return {name: fill(one, (*key, name)) for name, one in value.items()}
        if isinstance(value, list):
            return [fill(one, (*key, place)) for place, one in enumerate(value)]
        return fill_text(value, key) if isinstance(value, str) else value

    def fill_text(text: str, key: Key) -> str:
        def replace(match: re.Match[str]) -> str:
            if match[0] == "$$":
                return "$"
            filled = env.get(match[1], match[2])
            if filled is None:
                expected = f"expected the environment variable {match[1]} to be set"
                problems.append(Problem(file, dotted(key), show((), text), expected))
            return filled or ""

        return _VARIABLE.sub(replace, text)

    return {name: fill(value, (name,)) for name, value in data.items()}, problems


def _override(
    data: dict[str, Any], shown: dict[str, Any], env: Mapping[str, str], problems: list[Problem]
) -> dict[Key, str]:
    """Put environment overrides into `data` and `shown`; returns which keys came from which variable."""
    origins: dict[Key, str] = {}
    for name in sorted(env):
        if not name.startswith(PREFIX) or not _is_override(name):
            continue
        segments = name.removeprefix(PREFIX).lower().split("__")
        value, origin = env[name], f"environment variable {name}"
        try:
            key = _place(data, segments, _parse(value))
            if key is not None:
                _place(shown, segments, _parse(value))
        except tomllib.TOMLDecodeError as exc:
            problems.append(Problem(origin, ".".join(segments), show((segments[-1],), value), f"is not TOML: {exc}"))
            continue
        if key is None:
            problems.append(Problem(origin, ".".join(segments), "", "leads through a key that is not a table"))
        else:
            origins[key] = origin
    return origins


def _is_override(name: str) -> bool:
    """Names without `__` are ours only when they name a top-level key, or nearly do: `USDX_PORT` may be Kubernetes'."""
    word = name.removeprefix(PREFIX).lower()
    return "__" in word or bool(difflib.get_close_matches(word, Settings.model_fields, n=1, cutoff=0.85))


def _parse(value: str) -> Any:
    return tomllib.loads(f"value = {value}")["value"] if value.lstrip()[:1] in ("[", "{", '"') else value


def _place(data: dict[str, Any], segments: list[str], value: Any) -> Key | None:
    """Set the value; returns the key it has in the data, None when a part of the way is no table."""
    at: Any = data
    key: list[str | int] = []
    for depth, segment in enumerate(segments):
        last = depth == len(segments) - 1
        if isinstance(at, list) and segment.isdecimal() and int(segment) < len(at):
            step: str | int = int(segment)
        elif isinstance(at, dict):
            step = next((name for name in at if _plain(name) == segment), segment)
        else:
            return None
        key.append(step)
        if last:
            at[step] = value
        else:
            at = at[step] if isinstance(step, int) else at.setdefault(step, {})
    return tuple(key)


def _plain(name: str) -> str:
    """A key as a variable's name can spell it: `ETH/USD` is `eth_usd`."""
    return re.sub(r"[^a-z0-9]", "_", name.lower())


def _broken_references(data: Mapping[str, Any], where: Any) -> list[Problem]:
    """Chains that are named but not configured."""
    chains = data.get("chains")
    chains = chains if isinstance(chains, dict) else {}
    expected = f"expected one of the chains: {', '.join(sorted(chains)) or 'none is configured'}"
    return [
        Problem(where(key), dotted(key), show(key, chain), expected)
        for key, chain in _named_chains(data)
        if isinstance(chain, str) and chain not in chains
    ]


def _shared_ports(settings: Settings, where: Any) -> list[Problem]:
    """Workers that could not run side by side; at 0.0.0.0 they may be in machines or containers of their own."""
    owners: dict[tuple[str, int], str] = {}
    found = []
    for name in ("indexer", "oracle", "aggregator"):
        one: WorkerSettings = getattr(settings, name)
        other = owners.setdefault((one.host, one.port), name)
        if other != name and one.port and one.host not in EVERYWHERE:
            expected = f"expected another port of {one.host} than that of the {other}"
            found.append(Problem(where((name, "port")), f"{name}.port", str(one.port), expected))
    return found


def _named_chains(data: Mapping[str, Any]) -> Iterator[tuple[Key, object]]:
    for section in ("protocols", "feeds"):
        tables = data.get(section)
        for name, table in tables.items() if isinstance(tables, dict) else ():
            if not isinstance(table, dict):
                continue
            if section == "protocols" and "chain" in table:
                yield (section, name, "chain"), table["chain"]
            for source, parameters in table.items() if section == "feeds" else ():
                if isinstance(parameters, dict) and "chain" in parameters:
                    yield (section, name, source, "chain"), parameters["chain"]


__all__ = ["ConfigError", "find", "load", "secrets"]
