"""Generated ABI types, events and values for them."""

from __future__ import annotations

import os
from decimal import Decimal
from typing import Any

from hypothesis import strategies as st

from indexer.events import AbiType, Array, EventSpec, Param, Scalar, Tuple

EXAMPLES = int(os.environ.get("USDX_ABI_EXAMPLES", "400"))
"""How many ABIs a law is tried on, or a part of it where an example is dear."""

LEAVES, ITEMS = (6, 4) if EXAMPLES <= 400 else (15, 12)
"""Of how many scalars a type is and how many items an array has, or so: more where there is time for more."""

NAMES = st.sampled_from(["", "a", "b", "from", "user_id", "amountUSD", "_x", "value", "Ω"])


def _scalars() -> st.SearchStrategy[AbiType]:
    return st.one_of(
        st.builds(Scalar, st.sampled_from(["uint", "int"]), st.integers(1, 32).map(lambda width: width * 8)),
        st.builds(Scalar, st.just("bytes"), st.integers(0, 32)),
        st.sampled_from([Scalar("address"), Scalar("bool"), Scalar("string"), Scalar("function")]),
        st.builds(
            Scalar, st.sampled_from(["fixed", "ufixed"]), st.integers(1, 32).map(lambda w: w * 8), st.integers(1, 80)
        ),
    )


def types(leaves: int = LEAVES) -> st.SearchStrategy[AbiType]:
    """Any type, of so many scalars or so."""
    return st.recursive(
        _scalars(),
        lambda inner: st.one_of(
            st.builds(Array, inner, st.one_of(st.none(), st.integers(1, 3))),
            st.builds(Tuple, st.lists(st.builds(Param, NAMES, inner), min_size=1, max_size=3).map(tuple)),
        ),
        max_leaves=leaves,
    )


@st.composite
def wrapped(draw: st.DrawFn, kind: AbiType) -> AbiType:
    """The type within up to seven structs of one field and arrays of one item."""
    for struct in draw(st.lists(st.booleans(), max_size=7)):
        kind = Tuple((Param("", kind),)) if struct else Array(kind, 1)
    return kind


@st.composite
def events(draw: st.DrawFn) -> EventSpec:
    """Any event, with at most three or (anonymous) four indexed inputs."""
    anonymous = draw(st.booleans())
    inputs = draw(st.lists(st.builds(Param, NAMES, types(), st.booleans()), max_size=5))
    left = 4 if anonymous else 3
    checked = []
    for param in inputs:
        indexed = param.indexed and left > 0
        left -= indexed
        checked.append(Param(param.name, param.type, indexed))
    return EventSpec(draw(st.sampled_from(["Transfer", "Made", "X"])), tuple(checked), anonymous)


def values(kind: AbiType) -> st.SearchStrategy[Any]:
    """A value of the type as eth_abi takes it."""
    if isinstance(kind, Array):
        least, most = (0, ITEMS) if kind.length is None else (kind.length, kind.length)
        return st.lists(values(kind.item), min_size=least, max_size=most)
    if isinstance(kind, Tuple):
        return st.tuples(*(values(field.type) for field in kind.fields))
    return _scalar_values(kind)


def _scalar_values(kind: Scalar) -> st.SearchStrategy[Any]:
    match kind.kind:
        case "uint":
            return st.integers(0, (1 << kind.size) - 1)
        case "int":
            return st.integers(-(1 << (kind.size - 1)), (1 << (kind.size - 1)) - 1)
        case "ufixed":
            return st.integers(0, (1 << kind.size) - 1).map(lambda value: Decimal(value).scaleb(-kind.scale, _WIDE))
        case "fixed":
            half = 1 << (kind.size - 1)
            return st.integers(-half, half - 1).map(lambda value: Decimal(value).scaleb(-kind.scale, _WIDE))
        case "bool":
            return st.booleans()
        case "string":
            return st.text(st.characters(exclude_categories=["Cs"]), max_size=70)
        case "address":
            return st.binary(min_size=20, max_size=20)
        case "function":
            return st.binary(min_size=24, max_size=24)
        case _:
            return st.binary(max_size=70) if not kind.size else st.binary(min_size=kind.size, max_size=kind.size)


def _context() -> Any:
    from decimal import Context

    return Context(prec=200)


_WIDE = _context()


def plain(kind: AbiType, value: Any) -> Any:
    """A value in one common shape: what eth_abi and our decoder give compares equal."""
    if isinstance(kind, Array):
        return [plain(kind.item, one) for one in value]
    if isinstance(kind, Tuple):
        return tuple(plain(field.type, one) for field, one in zip(kind.fields, value, strict=True))
    if kind.kind == "address" and isinstance(value, str):
        return bytes.fromhex(value[2:])
    return value
