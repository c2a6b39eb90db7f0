"""Give contracts, events and parameters names that SQL can use unquoted.

Shape: lower snake_case of `[a-z0-9_]`, at most 63 bytes; a reserved word or a name already taken gets a trailing
underscore or number. The same input gives the same name for ever, since tables are called by it.
"""

from __future__ import annotations

from collections.abc import Iterable
from hashlib import sha256

from shared.naming import MAX_BYTES, snake_case

# Postgres's own: reserved words, those reserved but for functions and types, and the system columns.
_KEYWORDS = """
    all analyse analyze and any array as asc asymmetric authorization between binary both case cast check collate
    collation column concurrently constraint create cross current_catalog current_date current_role current_schema
    current_time current_timestamp current_user default deferrable desc distinct do else end except false fetch for
    foreign freeze from full grant group having ilike in initially inner intersect into is isnull join lateral leading
    left like limit localtime localtimestamp natural not notnull null offset on only or order outer overlaps placing
    primary references returning right select session_user similar some symmetric system_user table tablesample then to
    trailing true union unique user using variadic verbose when where window with
    ctid cmax cmin oid tableoid xmax xmin
"""
RESERVED = frozenset(_KEYWORDS.split())


def shortened(name: str) -> str:
    """The name itself, or its beginning and a digest of all of it where Postgres would cut it."""
    if len(name) <= MAX_BYTES:
        return name
    return f"{name[: MAX_BYTES - 9]}_{sha256(name.encode()).hexdigest()[:8]}"


def column_names(names: Iterable[str], taken: Iterable[str]) -> tuple[str, ...]:
    """One column name per parameter, in order, distinct from each other and from those `taken`."""
    used = set(taken)
    out: list[str] = []
    for position, name in enumerate(names):
        base = shortened(snake_case(name)) or f"_{position}"
        if base[0].isdigit():
            base = f"_{base}" if name.startswith("_") else shortened(f"n{base}")
        if base in RESERVED or base in used:
            base += "_"
        out.append(_free(base, used))
        used.add(out[-1])
    return tuple(out)


def _free(base: str, used: set[str]) -> str:
    name, number = shortened(base), 2
    while name in used or name in RESERVED:
        name = shortened(f"{base.rstrip('_')}_{number}")
        number += 1
    return name


def quoted(name: str) -> str:
    """An identifier for SQL text."""
    return '"' + name.replace('"', '""').replace("\0", "") + '"'
