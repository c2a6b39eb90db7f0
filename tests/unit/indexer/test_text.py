"""Strings through Postgres and JSON."""

import re

from hypothesis import given
from hypothesis import strategies as st

from indexer.text import printable, storable

RAW = st.one_of(
    st.binary(max_size=40),
    st.lists(st.sampled_from([b"\\", b"x", b"0", b"5c", b"\0", b"\xff", b"a", "é".encode(), b"\xed\xa0\x80"])).map(
        b"".join
    ),
)


def restored(stored: str) -> bytes:
    """The contract's own bytes: for every `\\xHH` the byte HH."""
    return re.sub(rb"\\x([0-9a-f]{2})", lambda escape: bytes.fromhex(escape[1].decode()), stored.encode())


@given(RAW)
def test_every_byte_survives(raw: bytes) -> None:
    """Whatever bytes a contract put into a string come back from both forms."""
    text = raw.decode("utf-8", "surrogateescape")
    for write in (storable, printable):
        stored = write(text)
        stored.encode()
        assert restored(stored) == raw
    assert "\0" not in storable(text)


def test_ordinary_text_is_left_alone() -> None:
    """Only what Postgres cannot hold, and what could be mistaken for our escape, is changed."""
    assert storable(r"C:\xampp \n \x1 ünïcödé") == r"C:\xampp \n \x1 ünïcödé"
    assert storable("a\0b") == r"a\x00b"
    assert storable(r"a\x00b") == r"a\x5cx00b"
    assert printable("a\0b") == "a\0b"
