"""What is refused: one clear message, the right exit code, no traceback."""

import socket
import subprocess
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from demo.ports import HOST, Ports
from tests.acceptance.demo.driving import USDX

ROOT = Path(__file__).parents[3]


def usdx(*arguments: object, timeout_s: float = 120) -> tuple[int, str]:
    """Exit code and everything it said."""
    done = subprocess.run(
        [USDX, *map(str, arguments)], stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=timeout_s
    )
    return done.returncode, done.stdout + done.stderr


def assert_refused(code: int, said: str, expected_code: int, *words: object) -> None:
    assert code == expected_code, said
    assert "Traceback" not in said
    for word in words:
        assert str(word) in said


@pytest.fixture
def taken_port() -> Iterator[int]:
    """The venues' usual port with somebody on it."""
    with socket.socket() as listener:
        with suppress(OSError):  # somebody else has it: taken all the same
            listener.bind((HOST, Ports().venues))
            listener.listen()
        yield Ports().venues


def test_demo_names_taken_ports(taken_port: int, tmp_path: Path) -> None:
    """A taken port is named with the program that wants it, and the way out; nothing is started."""
    code, said = usdx("demo", "--data-dir", tmp_path / "demo")
    assert_refused(code, said, 1, f"{taken_port} (venues)", "--free-ports")


def test_demo_refuses_a_foreign_folder(tmp_path: Path) -> None:
    """A folder with other things in it is not used, and not emptied."""
    (tmp_path / "thesis.txt").write_text("precious")
    code, said = usdx("demo", "--free-ports", "--data-dir", tmp_path)
    assert_refused(code, said, 1, tmp_path, "nothing in it was touched")
    assert (tmp_path / "thesis.txt").exists()


def test_demo_refuses_nonsense() -> None:
    """A duration that is none is a usage error."""
    code, said = usdx("demo", "--for", "soon")
    assert_refused(code, said, 2, "soon")
