"""Several chains in one process."""

from __future__ import annotations

import asyncio

import asyncpg

from demo.deploy import deploy
from demo.node import connect
from demo.parts import Anvil
from tests.acceptance.indexer.rig import WEXEL, Rig, eventually, stopped


async def _mute(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Take every question and answer none."""
    await reader.read()
    writer.close()


async def test_two_chains_at_once_and_a_dead_one(rig: Rig) -> None:
    """Each chain's events are stored under its own id; others whose nodes are dead or silent delay neither."""
    await rig.deposits(2)
    silent = await asyncio.start_server(_mute, "127.0.0.1", 0)
    mute = f"http://127.0.0.1:{silent.sockets[0].getsockname()[1]}"
    async with silent, Anvil.start(chain_id=4242) as second, connect(second.url) as node:
        other = await deploy(node, month_s=1000, count=4)
        where = other.addresses()
        rig.extra = "".join(
            f"""
[chains.{name}]
rpc = [{{ name = "{name}-node", url = "{url}" }}]
poll = "50ms"
[protocols.wexel_{name}]
path = "{WEXEL}"
chain = "{name}"
[protocols.wexel_{name}.addresses]
vault = "{where["vault"]}"
marketplace = "{where["marketplace"]}"
"""
            for name, url in (("second", second.url), ("dead", "http://127.0.0.1:1"), ("mute", mute))
        )
        process = await rig.start()
        cx = await asyncpg.connect(rig.database_url)

        async def both() -> bool:
            if await cx.fetchval("select to_regclass('wexel.vault_pool_created')") is None:
                return False
            rows = await cx.fetch("select chain_id, count(*) from wexel.vault_pool_created group by 1 order by 1")
            return [tuple(row) for row in rows] == [(4242, 6), (31337, 6)]

        try:
            await eventually(both, rig.explain)
            await rig.deposits(1)

            async def followed() -> bool:
                sql = "select count(*) from wexel.vault_wexel_created where chain_id = 31337"
                return bool(await cx.fetchval(sql) == 3)

            await eventually(followed, rig.explain)
            streams = await cx.fetch("select stream, chain from usdx.cursors order by 1")
        finally:
            await cx.close()
        assert [tuple(row) for row in streams] == [
            ("wexel/marketplace", "demo"),
            ("wexel/vault", "demo"),
            ("wexel_second/marketplace", "second"),
            ("wexel_second/vault", "second"),
        ]
        code, said = await stopped(process)
        assert code == 0, said
