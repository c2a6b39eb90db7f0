"""Laws of the error tree."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from shared import errors
from shared.errors import Inconsistent, Permanent, TooLarge, Transient, UsdxError


def _all(kind: type[UsdxError]) -> Iterator[type[UsdxError]]:
    yield kind
    for below in kind.__subclasses__():
        yield from _all(below)


@pytest.mark.parametrize("kind", sorted(_all(UsdxError), key=lambda kind: kind.__name__))
def test_every_error_says_what_to_do(kind: type[UsdxError]) -> None:
    """Each class carries a reason slug, a line of advice and a sentence of documentation of its own."""
    assert kind.reason.replace("_", "").isalnum()
    assert kind.reason.islower()
    assert kind.advice.endswith(".")
    assert "reason" in vars(kind)
    assert kind.__doc__


def test_no_two_errors_share_a_reason() -> None:
    """A reason names one class."""
    kinds = [kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, UsdxError)]
    assert len({kind.reason for kind in kinds}) == len(kinds)


def test_every_error_answers_what_the_caller_should_do() -> None:
    """Below the root there are four answers, and no error gives two of them."""
    answers = (Transient, TooLarge, Inconsistent, Permanent)
    for kind in _all(UsdxError):
        if kind is not UsdxError and kind.__module__ == errors.__name__:
            assert sum(issubclass(kind, answer) for answer in answers) == 1
