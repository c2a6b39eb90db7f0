"""A fresh chain, database and config for each test."""

import socket
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from demo.deploy import deploy
from demo.node import connect
from demo.parts import Anvil
from tests.acceptance.indexer.rig import Rig, closing


@pytest.fixture
def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


@pytest.fixture
async def rig(anvil: Path, database_url: str, tmp_path: Path, free_port: int) -> AsyncIterator[Rig]:
    async with Anvil.start() as process, connect(process.url) as node:
        deployed = await deploy(node, month_s=1000, count=4)
        async with closing(Rig(node, process.url, deployed, database_url, tmp_path, free_port)) as one:
            yield one
