"""Laws of the command line."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from shared.build import revision, version
from shared.cli import Commands, border, main, message_of
from shared.errors import ConfigError, DatabaseUnavailable, PortTaken, TaskDied

ROOT = Path(__file__).parents[3]


def test_the_version() -> None:
    """`usdx --version` says which."""
    assert CliRunner().invoke(main, ["--version"]).output == f"usdx, version {version()}\n"


def test_an_unknown_command_is_code_2() -> None:
    """A mistyped command is the user's mistake."""
    done = CliRunner().invoke(main, ["chekc"])
    assert done.exit_code == 2
    assert "No such command" in done.output


def test_every_command_of_the_package_can_be_loaded() -> None:
    """Each entry point leads to a command with a line of help."""
    group = main
    assert isinstance(group, Commands)
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        assert command is not None
        assert command.get_short_help_str(), name


def test_the_group_imports_no_worker() -> None:
    """Asking for the version costs no import of the workers' libraries."""
    program = "import sys, shared.cli; print([name for name in ('aiohttp', 'web3', 'asyncpg') if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


@pytest.mark.parametrize(
    ("error", "code"),
    [(ConfigError("no such key"), 2), (DatabaseUnavailable("away"), 1), (PortTaken("taken"), 1)],
)
def test_a_foreseen_error_is_one_line(error: Exception, code: int, capsys: pytest.CaptureFixture[str]) -> None:
    """What happened and what to do, on stderr; configuration is code 2, the world is code 1."""
    with pytest.raises(SystemExit) as caught, border():
        raise error
    assert caught.value.code == code
    err = capsys.readouterr().err
    assert err.count("\n") == 1
    assert err.startswith(f"usdx: {error}. ")


def test_a_bug_shows_its_traceback_first(capsys: pytest.CaptureFixture[str]) -> None:
    """The last line is the clear one."""

    def die() -> None:
        try:
            raise ZeroDivisionError("oops")
        except ZeroDivisionError as exc:
            raise TaskDied("task x died: ZeroDivisionError: oops") from exc

    with pytest.raises(SystemExit), border():
        die()
    err = capsys.readouterr().err
    assert "Traceback" in err
    assert err.splitlines()[-1].startswith("usdx: task x died")


def test_an_unforeseen_error_passes() -> None:
    """The border hides no bug."""
    with pytest.raises(KeyError), border():
        raise KeyError("x")


def test_an_interrupt_is_130(capsys: pytest.CaptureFixture[str]) -> None:
    """Ctrl-C is no crash."""
    with pytest.raises(SystemExit) as caught, border():
        raise KeyboardInterrupt
    assert caught.value.code == 130


def test_messages_hide_secrets() -> None:
    """Also in the last line."""
    assert "hunter2" not in message_of(ConfigError("asked https://u:hunter2@host/hunter2"))


def test_the_revision(tmp_path: Path) -> None:
    """Given by the image's build, else the checkout's commit, else unknown."""
    assert revision({"USDX_REVISION": "0123456789abcdef"}, tmp_path) == "0123456789ab"
    assert revision({}, tmp_path) == "unknown"
    (tmp_path / ".git").mkdir()
    (tmp_path / ".git" / "HEAD").write_text("abcdef0123456789\n")
    assert revision({}, tmp_path) == "abcdef012345"
    (tmp_path / ".git" / "HEAD").write_text("ref: refs/heads/main\n")
    (tmp_path / ".git" / "refs" / "heads").mkdir(parents=True)
    (tmp_path / ".git" / "refs" / "heads" / "main").write_text("fedcba9876543210\n")
    assert revision({}, tmp_path) == "fedcba987654"
