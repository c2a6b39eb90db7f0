"""What is refused: one clear message, the right exit code, no traceback."""

import asyncio
import shutil
import socket
import subprocess
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from demo import ports, run_config, toml
from demo.parts import Anvil
from demo.ports import HOST, Ports
from tests.acceptance.demo.driving import USDX

ROOT = Path(__file__).parents[3]
WORKERS = ("indexer", "oracle", "aggregator")

Document = dict[str, Any]


def usdx(*arguments: object, timeout_s: float = 120) -> tuple[int, str]:
    """Exit code and everything it said."""
    done = subprocess.run(
        [USDX, *map(str, arguments)], stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=timeout_s
    )
    return done.returncode, done.stdout + done.stderr


def assert_refused(code: int, said: str, expected_code: int, *words: object) -> None:
    assert code == expected_code, said
    assert "Traceback" not in said
    for word in words:
        assert str(word) in said


@pytest.fixture
def taken_port() -> Iterator[int]:
    """The venues' usual port with somebody on it."""
    with socket.socket() as listener:
        with suppress(OSError):  # somebody else has it: taken all the same
            listener.bind((HOST, Ports().venues))
            listener.listen()
        yield Ports().venues


def test_demo_names_taken_ports(taken_port: int, tmp_path: Path) -> None:
    """A taken port is named with the program that wants it, and the way out; nothing is started."""
    code, said = usdx("demo", "--data-dir", tmp_path / "demo")
    assert_refused(code, said, 1, f"{taken_port} (venues)", "--free-ports")


def test_demo_refuses_a_foreign_folder(tmp_path: Path) -> None:
    """A folder with other things in it is not used, and not emptied."""
    (tmp_path / "thesis.txt").write_text("precious")
    code, said = usdx("demo", "--free-ports", "--data-dir", tmp_path)
    assert_refused(code, said, 1, tmp_path, "nothing in it was touched")
    assert (tmp_path / "thesis.txt").exists()


def test_demo_refuses_nonsense() -> None:
    """A duration that is none is a usage error."""
    code, said = usdx("demo", "--for", "soon")
    assert_refused(code, said, 2, "soon")


@pytest.fixture
def write(tmp_path: Path, database_url: str) -> Callable[[Callable[[Document], object]], Path]:
    """Write the demo's config with one thing changed; its node and venues do not answer, its database does."""

    def write(change: Callable[[Document], object]) -> Path:
        document = run_config.config(tmp_path / "data", ports.free())
        document["database"] = {"url": database_url}
        change(document)
        path = tmp_path / "usdx.toml"
        path.write_text(toml.dumps(document))
        return path

    return write


Write = Callable[[Callable[[Document], object]], Path]


async def refused(worker: str, config: Path, expected_code: int, *words: object) -> None:
    """A worker on this config ends with the code and one message that has the words."""
    code, said = await asyncio.to_thread(usdx, worker, "--config", config)
    assert_refused(code, said, expected_code, *words)
    assert [line for line in said.splitlines() if line.startswith("usdx: ")] == [said.splitlines()[-1]]


@pytest.mark.parametrize("worker", WORKERS)
async def test_unknown_key(write: Write, worker: str) -> None:
    """A mistyped key is named with its file and the key that was probably meant."""
    config = write(lambda document: document["chains"]["demo"].update(pol="1s"))
    await refused(worker, config, 2, config, "chains.demo.pol", '"poll"')


@pytest.mark.parametrize("worker", ["indexer", "aggregator"])
async def test_missing_abi(write: Write, worker: str, tmp_path: Path) -> None:
    """A protocol folder without one of its ABIs is refused, naming the file, the key and the ABI."""
    shutil.copytree(ROOT / "protocols" / "wexel", tmp_path / "protocol")
    (tmp_path / "protocol" / "abi" / "vault.json").unlink()
    config = write(lambda document: document["protocols"]["wexel"].update(path=str(tmp_path / "protocol")))
    await refused(worker, config, 2, "protocol.toml", "contracts.vault.abi", "abi/vault.json")


@pytest.mark.parametrize("worker", WORKERS)
async def test_wrong_checksum(write: Write, worker: str) -> None:
    """An address with one letter in the wrong case is refused."""
    wrong = "0xE096f0fEa86f98326e48B2f25a89F88d523b1B42"
    config = write(lambda document: document["protocols"]["wexel"]["addresses"].update(vault=wrong))
    await refused(worker, config, 2, "protocols.wexel.addresses.vault", wrong, "checksum")


async def test_unreachable_node(write: Write) -> None:
    """An indexer none of whose nodes answers says which, and ends."""
    await refused("indexer", write(lambda document: None), 1, "anvil", "cannot connect")


@pytest.mark.parametrize("worker", WORKERS)
async def test_refused_database(write: Write, worker: str) -> None:
    """A database that is not there is named without its password."""
    url = f"postgresql://usdx:open-sesame@{HOST}:{ports.free().node}/usdx"
    config = write(lambda document: document["database"].update(url=url))
    code, said = await asyncio.to_thread(usdx, worker, "--config", config)
    assert_refused(code, said, 1, "database", HOST, "refused")
    assert "open-sesame" not in said


@pytest.mark.parametrize("worker", WORKERS)
async def test_taken_port(write: Write, worker: str, anvil: Path) -> None:
    """A worker whose port is taken names the port."""
    with socket.socket() as listener:
        listener.bind((HOST, 0))
        listener.listen()
        port = listener.getsockname()[1]
        async with Anvil.start() as node:

            def change(document: Document) -> None:
                document["chains"]["demo"]["rpc"][0]["url"] = node.url
                document[worker]["port"] = port

            await refused(worker, write(change), 1, f"port {port}", "taken")
