"""One thing that was compared, and a table of many."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Finding:
    """What each side says of one thing. `explanation` tells a difference more exactly; `agree` overrides equality."""

    what: str
    values: Mapping[str, str]
    explanation: str = ""
    agree: bool | None = None

    @property
    def ok(self) -> bool:
        """Whether the sides agree."""
        return len(set(self.values.values())) == 1 if self.agree is None else self.agree


def table(findings: Sequence[Finding]) -> str:
    """One line per finding, its verdict first."""
    width = max(len(finding.what) for finding in findings)
    return "\n".join(_line(finding, width) for finding in findings)


def _line(finding: Finding, width: int) -> str:
    sides = "  ".join(f"{side} {value}" for side, value in finding.values.items())
    explanation = f"  ({finding.explanation})" if finding.explanation and not finding.ok else ""
    return f"{'same' if finding.ok else 'DIFFERENT':<9}  {finding.what:<{width}}  {sides}{explanation}"
