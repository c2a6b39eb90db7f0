"""Make the config of one run out of demo/usdx.toml."""

import tomllib
from pathlib import Path
from typing import Any

from demo import toml
from demo.ports import HOST, Ports
from demo.run_folder import RunFolder

TEMPLATE = Path(__file__).with_name("usdx.toml")


def write(folder: RunFolder, ports: Ports) -> None:
    """Write the config that the workers of this run read: absolute paths, this run's ports and folder."""
    folder.config.write_text(toml.dumps(config(folder.path, ports)))


def config(data_dir: Path, ports: Ports) -> dict[str, Any]:
    """The template's document with what belongs to this run in its place."""
    document = tomllib.loads(TEMPLATE.read_text())
    usual = Ports()
    document["data_dir"] = str(data_dir)
    for protocol in document["protocols"].values():
        protocol["path"] = str((TEMPLATE.parent / protocol["path"]).resolve())
    for worker in ("indexer", "oracle", "aggregator"):
        document.setdefault(worker, {})["port"] = getattr(ports, worker)
    for old, new in ((usual.node, ports.node), (usual.venues, ports.venues)):
        document = _replaced(document, f"http://{HOST}:{old}", f"http://{HOST}:{new}")
    return document


def _replaced(value: Any, old: str, new: str) -> Any:
    """The same document with one address in place of another."""
    if isinstance(value, dict):
        return {key: _replaced(item, old, new) for key, item in value.items()}
    if isinstance(value, list):
        return [_replaced(item, old, new) for item in value]
    return value.replace(old, new) if isinstance(value, str) else value
