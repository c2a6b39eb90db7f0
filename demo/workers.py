"""The three workers as programs of a run."""

from demo.program import Program, environment, module
from demo.run_folder import RunFolder

NAMES = ("indexer", "oracle", "aggregator")


def programs(folder: RunFolder) -> list[Program]:
    """Each worker as it would be started anywhere else, on the run's config."""
    return [
        Program(name, module(name, "--config", str(folder.config)), folder.log(name), environment()) for name in NAMES
    ]
