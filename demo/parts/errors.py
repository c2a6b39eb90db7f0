"""What can go wrong when a program is looked for."""

from shared.errors import Permanent


class PartMissing(Permanent):
    """A program is neither installed here nor can it be fetched."""

    reason = "part_missing"
    advice = "Install the program so that it is on PATH, or give this machine access to a package registry."

    def __init__(self, program: str, detail: str) -> None:
        """`program` as typed in a shell; `detail` says what was tried."""
        super().__init__(f"{program}: not on PATH, and it could not be fetched: {detail}")
        self.program = program


class PartFailed(Permanent):
    """A program was found but does not run."""

    reason = "part_failed"
    advice = "Read its last words; often a port is taken or the program is for another machine."

    def __init__(self, program: str, last_words: str) -> None:
        """`last_words` are the end of the program's own output."""
        super().__init__(f"{program} ended before it was ready: {last_words or 'it said nothing'}")
        self.program = program
