"""What everybody in one run of the demo needs to know."""

from dataclasses import dataclass

from demo.board import Board
from demo.ports import HOST, Ports
from demo.run_folder import RunFolder


@dataclass(frozen=True, slots=True)
class Site:
    """A run's folder, its ports and its board."""

    folder: RunFolder
    ports: Ports
    board: Board

    def url(self, program: str) -> str:
        """Where a program answers."""
        return f"http://{HOST}:{getattr(self.ports, program)}"
