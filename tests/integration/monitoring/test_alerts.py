"""Every alert fires when it should and only then, judged by promtool on the rules as they are shipped."""

from __future__ import annotations

import subprocess
from collections import defaultdict
from collections.abc import Iterable, Sequence
from pathlib import Path

import pytest
import yaml

from demo import parts
from monitoring import alerts, recordings, slo
from monitoring.histories import CASES, Case
from monitoring.model import Alert, Group, Recording
from monitoring.render import text
from monitoring.slo_histories import SLO_CASES

EVERY_ALERT = (*alerts.ALERTS, *slo.ALERTS)
EVERY_CASE = (*CASES, *SLO_CASES)
GROUP_OF = {rule.name: group for group in (*alerts.GROUPS, *slo.GROUPS) for rule in group.rules}


def needed(group: Group) -> tuple[Group, ...]:
    """The groups whose rules a group's expressions read, then itself."""
    said = " ".join(rule.expr for rule in group.rules)
    readable = (recordings.SERVICES, slo.FRESHNESS, *(one for one in slo.GROUPS if not one.name.endswith("-burn")))
    found = [one for one in readable if one is not group and any(rule.name in said for rule in one.rules)]
    if group.name.endswith("-burn"):
        found = [slo.FRESHNESS, *(one for one in slo.GROUPS if one.name == group.name.removesuffix("-burn"))]
    return (*found, group)


def judge(folder: Path, groups: Sequence[Group], cases: Iterable[Case]) -> subprocess.CompletedProcess[str]:
    """Run the cases against the groups; the files lie in `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "rules.yml").write_text(text(groups))
    by_step: defaultdict[str, list[Case]] = defaultdict(list)
    for case in cases:
        by_step[case.every].append(case)
    files = []
    for step, found in by_step.items():
        path = folder / f"cases_{step}.yml"
        tests = [_test(case) for case in found]
        body = {
            "rule_files": ["rules.yml"],
            "evaluation_interval": step,
            "group_eval_order": [group.name for group in groups],
            "tests": tests,
        }
        path.write_text(yaml.safe_dump(body))
        files.append(str(path))
    return subprocess.run([str(parts.promtool()), "test", "rules", *files], capture_output=True, text=True, check=False)


def _test(case: Case) -> dict[str, object]:
    firing = f'count(ALERTS{{alertname="{case.alert}",alertstate="firing"}})'
    expected = [{"labels": "{}", "value": 1}] if case.fires else []
    return {
        "name": f"{case.alert}: {case.law}",
        "interval": case.every,
        "input_series": [{"series": name, "values": values} for name, values in case.series.items()],
        "promql_expr_test": [{"expr": firing, "eval_time": case.at, "exp_samples": expected}],
    }


@pytest.mark.parametrize(
    "group",
    [one for one in (*alerts.GROUPS, *slo.GROUPS) if any(isinstance(r, Alert) for r in one.rules)],
    ids=lambda g: g.name,
)
def test_alerts_fire_when_they_should_and_only_then(group: Group, tmp_path: Path) -> None:
    """Each history raises its alert or leaves it silent, as its law says."""
    cases = [case for case in EVERY_CASE if GROUP_OF[case.alert] is group]
    found = judge(tmp_path, needed(group), cases)
    assert found.returncode == 0, found.stdout + found.stderr


def test_every_alert_has_a_firing_and_a_quiet_case() -> None:
    """No alert goes untried, in either direction."""
    fired = {case.alert for case in EVERY_CASE if case.fires}
    quiet = {case.alert for case in EVERY_CASE if not case.fires}
    names = {alert.name for alert in EVERY_ALERT}
    assert names - fired == set()
    assert names - quiet == {"Watchdog"}


def test_prometheus_accepts_the_shipped_rules() -> None:
    """promtool finds nothing to complain about, lint included."""
    root = Path(__file__).parents[3] / "docker/prometheus/rules"
    found = subprocess.run(
        [str(parts.promtool()), "check", "rules", "--lint=all", "--lint-fatal", *map(str, sorted(root.glob("*.yml")))],
        capture_output=True,
        text=True,
        check=False,
    )
    assert found.returncode == 0, found.stdout + found.stderr
    assert isinstance(recordings.SERVICES.rules[0], Recording)
