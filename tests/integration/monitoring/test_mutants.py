"""A rule that is wrong in one place is caught by the cases: the test of the tests."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from monitoring.model import Alert, Group
from tests.integration.monitoring.test_alerts import EVERY_ALERT, EVERY_CASE, GROUP_OF, judge, needed

FLIPPED = {"==": "!=", "!=": "==", "<=": ">", ">=": "<", "<": ">=", ">": "<="}
COMPARISON = re.compile(r"(?<=[ )}])(==|!=|<=|>=|<|>)(?= )")
GUARD = re.compile(r" (unless on \(chain\)|and on \(chain\)|and service:|or \(absent).*$")


def mutants(alert: Alert) -> Iterator[tuple[str, Alert]]:
    """The alert with one comparison turned round, waiting ten times as long, or without its guard."""
    for found in COMPARISON.finditer(alert.expr):
        turned = alert.expr[: found.start()] + FLIPPED[found[0]] + alert.expr[found.end() :]
        yield f"{found[0]} turned round at {found.start()}", replace(alert, expr=turned)
    if alert.hold != "0m":
        yield "waits ten times as long", replace(alert, hold=f"{alert.hold[:-1]}0{alert.hold[-1]}")
    if GUARD.search(alert.expr):
        yield "without its guard", replace(alert, expr=GUARD.sub("", alert.expr))
    if not COMPARISON.search(alert.expr):
        yield "says the opposite", replace(alert, expr=f"absent({alert.expr})")


@pytest.mark.parametrize("alert", EVERY_ALERT, ids=lambda alert: f"{alert.name}-{alert.service}")
def test_every_mutant_is_caught(alert: Alert, tmp_path: Path) -> None:
    """No rule can be turned round, slowed down or stripped of its guard without a case failing."""
    group = GROUP_OF[alert.name]
    cases = [case for case in EVERY_CASE if case.alert == alert.name]
    survivors = []
    for number, (what, mutant) in enumerate(mutants(alert)):
        rules = tuple(mutant if rule is alert else rule for rule in group.rules)
        changed = Group(group.name, tuple(rule for rule in rules if rule.name == alert.name))
        found = judge(tmp_path / str(number), (*needed(group)[:-1], changed), cases)
        if found.returncode == 0:
            survivors.append(what)
    assert not survivors, f"{alert.name}: {survivors}"
