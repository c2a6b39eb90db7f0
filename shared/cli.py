"""The command `usdx`: find commands by entry point, and end every foreseen error in one clear message.

Exit codes: 0 done or stopped, 1 the world refused, 2 the configuration or the command line is wrong.
"""

from __future__ import annotations

import importlib.metadata
import os
import signal
import sys
import traceback
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

if TYPE_CHECKING:
    from shared.settings import Settings

GROUP = "usdx.commands"
C = TypeVar("C", bound=Callable[..., Any])


class Commands(click.Group):
    """A group whose commands are imported when they are called."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted(importlib.metadata.entry_points(group=GROUP).names)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        found = importlib.metadata.entry_points(group=GROUP, name=cmd_name)
        return next((_load(entry) for entry in found), None)


def _load(entry: importlib.metadata.EntryPoint) -> click.Command:
    command = entry.load()
    assert isinstance(command, click.Command), f"{entry.value} is no click command"
    return command


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="usdx", prog_name="usdx")
def main() -> None:
    """Index any EVM contract into Postgres, form prices one can trust, and prove that every alert fires."""


def config_option(function: C) -> C:
    """Add `--config PATH` to a command."""
    return click.option(
        "--config",
        type=click.Path(path_type=Path, dir_okay=False),
        help="The configuration; by default ./usdx.toml, then the demo's.",
    )(function)


def load_settings(path: Path | None) -> Settings:
    """The settings of the chosen, else of the default config file, with the environment's overrides."""
    from shared import config

    return config.load(config.find(path, Path.cwd()), os.environ)


def run_worker(main: Callable[[Settings], Coroutine[Any, Any, None]], config: Path | None) -> None:
    """Run a process's `main` on its settings until it ends; leaves by SystemExit on any foreseen error."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))  # until the event loop takes it over
    from shared.runtime import run_process

    with border():
        settings = load_settings(config)
        run_process(lambda: main(settings))


@contextmanager
def border() -> Iterator[None]:
    """Turn a foreseen error into one message on stderr and the exit code that fits."""
    from shared.errors import ConfigError, TaskDied, UsdxError

    try:
        yield
    except UsdxError as exc:
        sys.stdout.flush()
        if isinstance(exc, TaskDied):
            traceback.print_exception(exc.__cause__)
        click.echo(message_of(exc), err=True)
        sys.exit(2 if isinstance(exc, ConfigError) else 1)
    except KeyboardInterrupt:
        sys.exit(130)


def message_of(error: Any) -> str:
    """What a person reads: what happened, then what to do."""
    from shared.mask import mask

    text = mask(str(error))
    if "\n" in text:
        return f"usdx: {text}\n{error.advice}"
    return f"usdx: {text}{'' if text.endswith(('.', '?', '!', '…')) else '.'} {error.advice}"
