"""Turn a name of Solidity into the part of a table's name that it is."""

import re

MAX_BYTES = 63
"""Of a name in Postgres, which cuts a longer one."""

_WORDS = (
    re.compile(r"([a-z0-9])([A-Z])"),
    re.compile(r"([A-Z]+)([A-Z][a-z])"),
)
_FOREIGN = re.compile(r"[^a-z0-9]+")


def snake_case(name: str) -> str:
    """`WexelCreated` → `wexel_created`, `_poolId` → `pool_id`, `ERC20Transfer` → `erc20_transfer`."""
    for pattern in _WORDS:
        name = pattern.sub(r"\1_\2", name)
    return _FOREIGN.sub("_", name.lower()).strip("_")
