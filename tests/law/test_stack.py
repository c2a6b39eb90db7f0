"""The stack in docker/ fits together, as far as that can be told without a container engine."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml

from demo import parts
from monitoring.generate import ROUTES
from shared import config, protocol
from shared.cli import main

ROOT = Path(__file__).parents[2]
DOCKER = ROOT / "docker"
COMPOSE: dict[str, Any] = yaml.safe_load((DOCKER / "compose.yml").read_text())
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
MADE_BY_SCRIPT = {"postgres_password", "database_url", "rpc_url", "webhook_token", "grafana_password"}
PORTS = {"indexer": 9101, "oracle": 9102, "aggregator": 3001, "prometheus": 9090, "alertmanager": 9093, "grafana": 3002}


def default(text: str) -> str:
    """A value with its `${NAME:-default}` parts resolved."""
    return re.sub(r"\$\{\w+:-([^}]*)\}", r"\1", text)


def test_compose_is_valid() -> None:
    """The file keeps to the compose specification."""
    argv = [
        sys.executable,
        "-m",
        "check_jsonschema",
        "--builtin-schema",
        "vendor.compose-spec",
        str(DOCKER / "compose.yml"),
    ]
    found = subprocess.run(argv, capture_output=True, text=True, check=False)
    assert found.returncode == 0, found.stdout + found.stderr


def test_every_mounted_path_exists() -> None:
    """A bind mount of a file that is not there would become a folder."""
    missing = [
        source
        for service in SERVICES.values()
        for mount in service.get("volumes", ())
        if (source := default(mount).split(":")[0]).startswith("./") and not (DOCKER / source).exists()
    ]
    assert missing == []


def test_named_volumes_and_secrets_are_declared() -> None:
    """What a service mounts or reads is declared, and nothing is declared that nobody uses."""
    mounts = {default(mount).split(":")[0] for one in SERVICES.values() for mount in one.get("volumes", ())}
    assert {mount for mount in mounts if not mount.startswith(("./", "/"))} == set(COMPOSE["volumes"])
    used = {secret for one in SERVICES.values() for secret in one.get("secrets", ())}
    assert used == set(COMPOSE["secrets"]) == MADE_BY_SCRIPT


@pytest.mark.parametrize("name", SERVICES)
def test_images_are_pinned_and_bounded(name: str) -> None:
    """An exact version, a limit of log files, and nothing that begs for privileges."""
    service = SERVICES[name]
    tag = default(service["image"]).rpartition(":")[2]
    assert re.fullmatch(r"v?\d+\.\d+(\.\d+)?(-\w+)?", tag), tag
    assert service["logging"]["options"]["max-size"]
    assert not service.get("privileged")


@pytest.mark.parametrize("name", ["indexer", "oracle", "aggregator"])
def test_workers_run_with_nothing_to_spare(name: str) -> None:
    """Read-only, without root, without capabilities, with a pulse that is taken, and time to end."""
    service = SERVICES[name]
    assert service["read_only"] is True
    assert service["user"] == "10001"
    assert service["cap_drop"] == ["ALL"]
    assert service["healthcheck"]["test"] == ["CMD", "healthcheck", str(PORTS[name])]
    assert service["stop_grace_period"] == "15s"
    assert service["deploy"]["resources"]["limits"]["memory"]


@pytest.mark.parametrize(("name", "port"), PORTS.items())
def test_ports_are_the_documented_ones_on_this_machine_only(name: str, port: int) -> None:
    """Nothing listens to the outside unless somebody says so."""
    assert [published.rsplit(":", 1)[0] for published in SERVICES[name]["ports"]] == [f"127.0.0.1:{port}"]


def test_hostnames_in_configs_are_services() -> None:
    """Prometheus, Grafana, Alertmanager and the workers find each other by the services' names."""
    texts = [
        *(path.read_text() for path in (DOCKER / "prometheus").glob("*.yml")),
        (ROOT / ROUTES).read_text(),
        (DOCKER / "grafana/provisioning/datasources/usdx.yml").read_text(),
        *(path.read_text() for path in (DOCKER / "config").glob("*.toml")),
        (DOCKER / "secrets.sh").read_text(),
        (DOCKER / "logs/config.alloy").read_text(),
    ]
    bare = [re.sub(r"^\s*#.*$", "", text, flags=re.MULTILINE) for text in texts]
    hosts = {host for text in bare for host in re.findall(r"(?:https?://|@|\")([a-z]+):\d{4}", text)}
    assert hosts - set(SERVICES) - {"localhost"} == set()
    assert hosts >= {"indexer", "oracle", "aggregator", "prometheus", "alertmanager", "postgres", "chain"}


@pytest.mark.parametrize("name", ["usdx.toml", "demo.toml"])
def test_the_shipped_configs_are_accepted(name: str, tmp_path: Path) -> None:
    """With the secrets in place the workers take the config, on the ports that compose publishes."""
    text = (DOCKER / "config" / name).read_text()
    (tmp_path / "secrets").mkdir()
    for secret, value in {"database_url": "postgresql://usdx@postgres/usdx", "rpc_url": "http://chain:8545"}.items():
        (tmp_path / "secrets" / secret).write_text(value)
    (tmp_path / "secrets/webhook_token").write_text("token")
    text = text.replace("/run/secrets", str(tmp_path / "secrets")).replace(
        "/etc/usdx/protocols", str(ROOT / "protocols")
    )
    (tmp_path / "usdx.toml").write_text(text)
    settings = config.load(tmp_path / "usdx.toml", {})
    found = {"indexer": settings.indexer.port, "oracle": settings.oracle.port, "aggregator": settings.aggregator.port}
    assert found == {name: PORTS[name] for name in found}
    assert {settings.indexer.host, settings.oracle.host, settings.aggregator.host} == {"0.0.0.0"}
    assert protocol.load(settings.protocols["wexel"].path).contracts


def test_the_demo_configs_agree() -> None:
    """The stack's demo and `usdx demo` speak of the same contracts and feeds."""
    ours, stack = (tomllib.loads(path.read_text()) for path in (ROOT / "demo/usdx.toml", DOCKER / "config/demo.toml"))
    assert ours["protocols"]["wexel"]["addresses"] == stack["protocols"]["wexel"]["addresses"]
    assert ours["feeds"]["ETH/USD"]["sources"] == stack["feeds"]["ETH/USD"]["sources"]
    for feed, source, key in (
        ("ETH/USD", "chainlink", "address"),
        ("ETH/USD", "uniswap_v3", "pool"),
        ("USDT/USD", "chainlink", "address"),
    ):
        assert ours["feeds"][feed][source][key] == stack["feeds"][feed][source][key]


@pytest.mark.parametrize("name", ["prometheus.yml", "prometheus.aggregated.yml"])
def test_prometheus_accepts_both_files(name: str, tmp_path: Path) -> None:
    """promtool finds nothing wrong, the rules beside them included."""
    found = subprocess.run(
        [str(parts.promtool()), "check", "config", str(DOCKER / "prometheus" / name)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert found.returncode == 0, found.stdout + found.stderr


def test_exactly_one_prometheus_file_is_mounted() -> None:
    """Both at once would give every series twice."""
    mounted = [mount for mount in SERVICES["prometheus"]["volumes"] if "/etc/prometheus/prometheus.yml" in mount]
    assert [default(mount) for mount in mounted] == ["./prometheus/prometheus.yml:/etc/prometheus/prometheus.yml:ro"]


@pytest.mark.parametrize(("name", "program"), [("prometheus", parts.prometheus), ("alertmanager", parts.alertmanager)])
def test_flags_are_known_to_the_real_programs(name: str, program: Any) -> None:
    """Every flag in compose stands in the program's own help."""
    told = subprocess.run([str(program()), "--help-long"], capture_output=True, text=True, check=False)
    told_too = subprocess.run([str(program()), "--help"], capture_output=True, text=True, check=False)
    known = told.stdout + told.stderr + told_too.stdout + told_too.stderr
    flags = [argument.partition("=")[0] for argument in SERVICES[name]["command"]]
    assert [flag for flag in flags if flag not in known] == []


def test_every_command_exists() -> None:
    """What compose and the units start is a command that usdx has."""
    commands = {SERVICES[name]["command"][0] for name in ("indexer", "oracle", "aggregator", "channels")}
    for unit in (DOCKER / "systemd").glob("*.service"):
        found = re.search(r"^ExecStart=\S+/usdx (\w+) --config /etc/usdx/usdx.toml$", unit.read_text(), re.MULTILINE)
        assert found, unit
        commands.add(found[1])
    context = main.make_context("usdx", [], resilient_parsing=True)
    assert commands <= set(main.list_commands(context))
    modules = [SERVICES[name]["command"][0] for name in ("deploy", "venues", "keeper", "traffic")]
    assert all((ROOT / f"{module.replace('.', '/')}.py").exists() for module in modules)


def test_what_the_image_copies_exists() -> None:
    """Every COPY of the Dockerfile names a path that .dockerignore lets through."""
    copied = re.findall(r"^COPY (?!--from)(.+) \S+$", (DOCKER / "Dockerfile").read_text(), re.MULTILINE)
    paths = [path for line in copied for path in line.split()]
    assert [path for path in paths if not (ROOT / path).exists()] == []
    allowed = [line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")]
    assert [path for path in paths if path not in allowed] == []


def test_secrets_are_made_once(tmp_path: Path) -> None:
    """The script makes every secret, random ones, and a second run changes none."""
    (tmp_path / "alertmanager").mkdir()
    script = tmp_path / "secrets.sh"
    script.write_text((DOCKER / "secrets.sh").read_text())
    runs = []
    for _ in range(2):
        subprocess.run(["bash", str(script)], check=True, capture_output=True)
        runs.append({path.name: path.read_text() for path in (tmp_path / "secrets").iterdir()})
    assert runs[0] == runs[1]
    assert set(runs[0]) == MADE_BY_SCRIPT
    assert len({runs[0][name] for name in ("postgres_password", "grafana_password", "webhook_token")}) == 3
    assert runs[0]["postgres_password"] in runs[0]["database_url"]
    assert (tmp_path / "alertmanager/secrets/webhook_token").read_text() == runs[0]["webhook_token"]
