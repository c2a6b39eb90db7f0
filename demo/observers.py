"""Run Prometheus and Alertmanager on the demo's workers."""

import asyncio
import json
from dataclasses import dataclass
from pathlib import Path

from demo import parts
from demo.ports import HOST, Ports
from demo.program import Program
from demo.run_folder import RunFolder

_DOCKER = Path(__file__).parent.parent / "docker"
_WORKERS = ("indexer", "oracle", "aggregator")
_AGGREGATOR = "http://aggregator:3001"  # as docker/alertmanager/alertmanager.yml has them
_TEMPLATES = "/etc/alertmanager/templates"


@dataclass(frozen=True, slots=True)
class Observers:
    """Both programs."""

    prometheus: Path
    alertmanager: Path


async def found() -> Observers:
    """Find or fetch both. Raises PartMissing."""
    return Observers(*await asyncio.gather(asyncio.to_thread(parts.prometheus), asyncio.to_thread(parts.alertmanager)))


def programs(observers: Observers, folder: RunFolder, ports: Ports) -> list[Program]:
    """Both, ready to be started on a run."""
    return [_prometheus(observers.prometheus, folder, ports), _alertmanager(observers.alertmanager, folder, ports)]


def _prometheus(program: Path, folder: RunFolder, ports: Ports) -> Program:
    home = _home(folder, "prometheus")
    config = home / "prometheus.yml"
    config.write_text(json.dumps(_scrapes(ports), indent=2))  # JSON is YAML
    argv = (
        str(program),
        f"--config.file={config}",
        f"--storage.tsdb.path={home / 'data'}",
        f"--web.listen-address={HOST}:{ports.prometheus}",
    )
    return Program("prometheus", argv, folder.log("prometheus"))


def _scrapes(ports: Ports) -> dict[str, object]:
    jobs = {f"usdx-{worker}": getattr(ports, worker) for worker in _WORKERS}
    jobs |= {"prometheus": ports.prometheus, "alertmanager": ports.alertmanager}
    return {
        "global": {"scrape_interval": "5s", "evaluation_interval": "5s", "external_labels": {"cluster": "demo"}},
        "rule_files": [str(_DOCKER / "prometheus" / "rules" / "*.yml")],
        "alerting": {"alertmanagers": [{"static_configs": [{"targets": [f"{HOST}:{ports.alertmanager}"]}]}]},
        "scrape_configs": [
            {
                "job_name": job,
                "static_configs": [{"targets": [f"{HOST}:{port}"], "labels": {"service": job.removeprefix("usdx-")}}],
            }
            for job, port in jobs.items()
        ],
    }


def _alertmanager(program: Path, folder: RunFolder, ports: Ports) -> Program:
    home = _home(folder, "alertmanager")
    config = home / "alertmanager.yml"
    shipped = (_DOCKER / "alertmanager" / "alertmanager.yml").read_text()
    shipped = shipped.replace(_AGGREGATOR, f"http://{HOST}:{ports.aggregator}")
    config.write_text(shipped.replace(_TEMPLATES, str(_DOCKER / "alertmanager" / "templates")))
    argv = (
        str(program),
        f"--config.file={config}",
        f"--storage.path={home / 'data'}",
        f"--web.listen-address={HOST}:{ports.alertmanager}",
        "--cluster.listen-address=",
    )
    return Program("alertmanager", argv, folder.log("alertmanager"))


def _home(folder: RunFolder, name: str) -> Path:
    home = folder.path / name
    home.mkdir(exist_ok=True)
    return home
