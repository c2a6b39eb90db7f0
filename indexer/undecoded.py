"""Say what each reason of a log that was not decoded means."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple


class Explained(NamedTuple):
    """Where a reason turns up, what happened, and what to do about it."""

    where: str
    meaning: str
    advice: str


_KEPT, _STRICT, _COMMAND = "stored", "`usdx decode --strict`", "`usdx decode`"

UNDECODED: Mapping[str, Explained] = {
    "topic_count": Explained(
        _KEPT,
        "The log has another number of topics than the event of the ABI: the contract indexes other parameters.",
        "Give an ABI that marks as `indexed` what the contract does, beside the present one.",
    ),
    "bad_topic": Explained(_KEPT, "A topic is not 32 bytes.", "The node's fault; run `usdx audit` over these blocks."),
    "bad_value": Explained(
        _KEPT,
        "A word holds more than its type can: bits above an integer's width, a boolean of 2, an address of 21 bytes.",
        "The contract emits another type than the ABI names; take the ABI from the deployed source.",
    ),
    "bad_offset": Explained(
        _KEPT,
        "A string, array or struct is said to begin within the heads that precede all of them.",
        "The contract emits other types than the ABI names, or wrote its log by hand.",
    ),
    "out_of_bounds": Explained(
        _KEPT,
        "The data ends before what the ABI says is in it.",
        "The contract emits fewer or shorter parameters than the ABI names; take the ABI from the deployed source.",
    ),
    "too_complex": Explained(
        _KEPT,
        "Offsets make the data read itself again and again, which no encoder writes.",
        "Somebody wrote it by hand, perhaps to harm indexers; look at the contract before you trust it.",
    ),
    "bad_padding": Explained(
        _STRICT, "A string or byte string is not padded with zeros to a whole word.", "Leave `--strict` out to read it."
    ),
    "bad_utf8": Explained(_STRICT, "A string is no UTF-8.", "Leave `--strict` out: such a byte is written as `\\xHH`."),
    "unknown_event": Explained(
        f"{_COMMAND}, `usdx backfill --redecode`",
        "No event of the ABI has this first topic. The indexer passes over such logs.",
        "Give the ABI that has the event, such as that of the implementation behind a proxy.",
    ),
    "bad_log": Explained(
        _COMMAND,
        "A line is no log: a field is missing, or no 0x hex of its size.",
        "Mend the line; the others are read.",
    ),
    "bad_json": Explained(_COMMAND, "A line is no JSON.", "Mend the line; the others are read."),
}
"""The closed set, by reason."""
