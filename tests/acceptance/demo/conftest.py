"""A demo of one's own for every test that asks."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.acceptance.demo.driving import DemoRun


@pytest.fixture
def demo(tmp_path: Path, anvil: Path) -> Iterator[Callable[..., DemoRun]]:
    """Start a demo in a folder of its own; whatever is left of it at the end is killed."""
    runs: list[DemoRun] = []

    def start(*options: str) -> DemoRun:
        runs.append(DemoRun(tmp_path / "demo", *options))
        return runs[-1]

    yield start
    for run in runs:
        if run.process.poll() is None:
            run.process.terminate()
            run.wait()
