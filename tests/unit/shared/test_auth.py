"""Laws of letting readers in."""

from __future__ import annotations

import base64
import os
from pathlib import Path

import pytest

from shared.auth import Gate
from shared.settings import AuthSettings


def _basic(user: str, password: str) -> str:
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()


@pytest.fixture
def token_file(tmp_path: Path) -> Path:
    (tmp_path / "token").write_text("s3cret\n")
    return tmp_path / "token"


def test_an_open_surface_admits_everybody() -> None:
    """Without a kind there is no gate."""
    assert Gate(AuthSettings()).admits(None)


def test_a_bearer_token(token_file: Path) -> None:
    """The token, and nothing but the token, opens."""
    gate = Gate(AuthSettings(kind="bearer", token_file=token_file))
    assert gate.admits("Bearer s3cret")
    assert gate.admits("bearer s3cret")
    for wrong in (
        None,
        "",
        "Bearer",
        "Bearer ",
        "Bearer s3cre",
        "Bearer s3cret2",
        "Basic s3cret",
        "s3cret",
        "Bearer é",
        "Bearer \udcff",  # how aiohttp gives a byte that is no UTF-8
    ):
        assert not gate.admits(wrong)
    assert gate.challenge.startswith("Bearer")


def test_a_token_of_any_bytes(token_file: Path) -> None:
    """A token that is no text is the same bytes in the file and in the header."""
    token_file.write_bytes(b"s\xff\xe9cret\n")
    gate = Gate(AuthSettings(kind="bearer", token_file=token_file))
    assert gate.admits("Bearer " + b"s\xff\xe9cret".decode("utf-8", "surrogateescape"))
    assert not gate.admits("Bearer s\ufffd\ufffdcret")


def test_basic_credentials(token_file: Path) -> None:
    """User and password must both be right."""
    gate = Gate(AuthSettings(kind="basic", user="prometheus", password_file=token_file))
    assert gate.admits(_basic("prometheus", "s3cret"))
    for wrong in (
        None,
        _basic("prometheus", "wrong"),
        _basic("somebody", "s3cret"),
        _basic("", "s3cret"),
        "Basic %%%",
        "Basic é",
        "Basic \udcff",
        "Bearer s3cret",
    ):
        assert not gate.admits(wrong)
    assert gate.challenge.startswith("Basic")


def test_a_changed_file_is_read_again(token_file: Path) -> None:
    """A new token counts from the next request, the old one no longer."""
    gate = Gate(AuthSettings(kind="bearer", token_file=token_file))
    assert gate.admits("Bearer s3cret")
    token_file.write_text("another-one\n")
    assert gate.admits("Bearer another-one")
    assert not gate.admits("Bearer s3cret")


def test_a_replaced_file_is_read_again(token_file: Path) -> None:
    """A file that was renamed into place counts even with the old times and size."""
    gate = Gate(AuthSettings(kind="bearer", token_file=token_file))
    assert gate.admits("Bearer s3cret")
    info = token_file.stat()
    fresh = token_file.with_name("fresh")
    fresh.write_text("t3cret\n")
    os.utime(fresh, ns=(info.st_atime_ns, info.st_mtime_ns))
    fresh.rename(token_file)
    assert gate.admits("Bearer t3cret")


def test_several_lines_are_several_tokens(token_file: Path) -> None:
    """While a token is being changed, the old and the new one are both good."""
    token_file.write_text("old\n\nnew\n")
    gate = Gate(AuthSettings(kind="bearer", token_file=token_file))
    assert gate.admits("Bearer old")
    assert gate.admits("Bearer new")
    assert not gate.admits("Bearer ")


def test_a_missing_or_empty_file_admits_nobody(token_file: Path) -> None:
    """A gate without a secret is shut, not open."""
    gate = Gate(AuthSettings(kind="bearer", token_file=token_file))
    token_file.write_text("\n")
    assert not gate.admits("Bearer ")
    assert not gate.admits("Bearer s3cret")
    token_file.unlink()
    assert not gate.admits("Bearer s3cret")
