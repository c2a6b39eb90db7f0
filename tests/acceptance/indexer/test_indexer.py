"""`usdx indexer` against a real node and a real Postgres."""

import json
import re
import signal
import sys
from pathlib import Path

from shared import protocol
from tests.acceptance.indexer.rig import WEXEL, Rig, eventually, stopped


async def test_follows_the_chain(rig: Rig) -> None:
    """What the contracts emitted before and after the start is in the tables, once; SIGTERM ends it with 0."""
    await rig.deposits(3)
    process = await rig.start()
    await rig.settled()
    await rig.deposits(2)
    await rig.settled()
    code, said = await stopped(process)
    assert code == 0, said


async def test_says_where_it_is(rig: Rig) -> None:
    """/readyz says READY with block, lag and rate; the catalogue's series exist and are true."""
    await rig.deposits(2)
    await rig.start()
    await rig.settled()

    async def named() -> bool:
        return (await rig.metrics()).get('usdx_deposits_total{chain="demo",pool="1"}') == 0

    await eventually(named, rig.explain)
    await rig.deposits(1)
    await rig.settled()
    tip = int(await rig.rpc("eth_blockNumber"), 16)

    async def ready() -> bool:
        status, text = await rig.get("/readyz")
        return (
            status == 200
            and re.fullmatch(rf"READY block {tip} lag \d+s \d+ ev/s", json.loads(text)["status"]) is not None
        )

    async def told() -> bool:
        return (await rig.metrics())['usdx_indexer_last_block{chain="demo"}'] == tip  # a scrape may be a second old

    await eventually(ready, rig.explain)
    await eventually(told, rig.explain)
    samples = await rig.metrics()
    assert samples['usdx_indexer_chain_head_block{chain="demo"}'] == tip
    assert samples['usdx_indexer_halted{chain="demo"}'] == 0
    assert samples['usdx_indexer_events_processed_total{chain="demo",type="WexelCreated"}'] == 3
    assert samples['usdx_indexer_events_processed_total{chain="demo",type="Redeemed"}'] == 0
    assert samples['usdx_indexer_lag_seconds{chain="demo"}'] >= 0
    assert samples['usdx_deposits_total{chain="demo",pool="1"}'] == 1, "only the deposit of a live block counts"
    assert samples['usdx_deposits_volume_usd_total{chain="demo",pool="1"}'] == 1000


async def test_a_real_reorg(rig: Rig) -> None:
    """After the node replaced its newest blocks the tables are those of the new chain."""
    await rig.deposits(6)
    await rig.start()
    await rig.settled()
    before = await rig.digest()
    await rig.rpc("anvil_reorg", 4, [])
    await rig.rpc("evm_mine")
    await rig.settled()
    assert await rig.digest() != before
    samples = await rig.metrics()
    assert samples['usdx_indexer_reorgs_total{chain="demo"}'] >= 1
    assert samples['usdx_indexer_events_reverted_total{chain="demo",type="WexelCreated"}'] >= 3


async def test_a_revert_during_an_absence(rig: Rig) -> None:
    """A chain that was taken back and went elsewhere while nobody looked is put right at the restart."""
    await rig.deposits(2)
    snapshot = await rig.rpc("evm_snapshot")
    await rig.deposits(3)
    process = await rig.start()
    await rig.settled()
    assert (await stopped(process))[0] == 0
    await rig.rpc("evm_revert", snapshot)
    await rig.deposits(5)
    await rig.start()
    await rig.settled()


async def test_kill_in_mid_step(rig: Rig) -> None:
    """However often it is killed, the tables are complete and nothing is stored twice."""
    await rig.deposits(20)
    for _ in range(4):
        process = await rig.start()
        await rig.deposits(2)
        code, _ = await stopped(process, signal.SIGKILL)
        assert code == -signal.SIGKILL
    await rig.start()
    await rig.settled()


async def test_views_are_there(rig: Rig) -> None:
    """The protocol's views answer from the event tables."""
    import asyncpg

    await rig.deposits(2)
    await rig.start()
    await rig.settled()
    cx = await asyncpg.connect(rig.database_url)
    assert await cx.fetchval("select count(*) from wexel.wexels") == 2
    await cx.close()


async def test_backfill_ends_at_the_tip(rig: Rig) -> None:
    """`usdx backfill` shows its progress, stores everything and exits with 0."""
    await rig.deposits(3)
    await rig.rpc("anvil_mine", hex(500))
    await rig.deposits(1)
    command = "from indexer.cli import backfill; backfill()"
    process = await rig.start(sys.executable, "-c", command, "--config", str(rig.write_config()))
    said, _ = await process.communicate()
    assert process.returncode == 0, said.decode()
    assert "100.0 %" in said.decode()
    assert await rig.digest() == await rig.truth()


async def test_indexes_come_after_the_rows(rig: Rig) -> None:
    """The secondary indexes that the protocol wants are there once the tables are full."""
    import asyncpg

    await rig.start()
    cx = await asyncpg.connect(rig.database_url)

    async def there() -> bool:
        sql = "select count(*) from pg_indexes where schemaname = 'wexel' and indexname not like '%pkey'"
        return bool(await cx.fetchval(sql) == sum(len(one.indexes) for one in protocol.load(WEXEL).contracts))

    try:
        await eventually(there, rig.explain)
    finally:
        await cx.close()


async def test_an_audit_finds_and_repairs(rig: Rig) -> None:
    """`usdx audit` tells of damage with exit code 1, `--repair` mends it, and the next audit is content."""
    import asyncpg

    await rig.deposits(3)
    await rig.rpc("anvil_mine", hex(100))
    command = "from indexer.cli import {0}; {0}()"
    config = ("--config", str(rig.write_config()))

    async def run(name: str, *options: str) -> tuple[int | None, str]:
        process = await rig.start(sys.executable, "-c", command.format(name), *config, *options)
        said, _ = await process.communicate()
        return process.returncode, said.decode()

    assert (await run("backfill"))[0] == 0
    code, said = await run("audit")
    assert (code, "0 violations" in said) == (0, True), said
    cx = await asyncpg.connect(rig.database_url)
    await cx.execute(
        "delete from wexel.vault_wexel_created where block_number = (select max(block_number)"
        " from wexel.vault_wexel_created)"
    )
    await cx.close()
    code, said = await run("audit", "--again")
    assert (code, "1 missing" in said, "Traceback" in said) == (1, True, False), said
    code, said = await run("audit", "--repair")
    assert (code, "1 repaired" in said) == (0, True), said
    assert await rig.digest() == await rig.truth()
    code, said = await run("audit")
    assert (code, "0 ranges" in said) == (0, True), said
    code, said = await run("audit", "--again", "--against", "other")
    assert (code, "expected the name of an endpoint: anvil" in said) == (2, True), said
    file = Path(config[1])
    file.write_text(file.read_text().replace("rpc = [{", f'rpc = [{{ name = "other", url = "{rig.url}" }}, {{'))
    code, said = await run("audit", "--again", "--against", "other")
    assert (code, "0 violations" in said) == (0, True), said
    cx = await asyncpg.connect(rig.database_url)
    assert await cx.fetchval("select array_agg(distinct evidence) from usdx.coverage") == ["second_endpoint:other"]
    await cx.close()


async def test_an_unreachable_node_ends_with_one_message(rig: Rig) -> None:
    """Nothing listens where the node should be: exit code 1, one message that names the endpoint, no traceback."""
    config = rig.write_config(url="http://127.0.0.1:1")
    process = await rig.start(sys.executable, "-m", "indexer", "--config", str(config))
    said, _ = await process.communicate()
    assert process.returncode == 1, said.decode()
    assert "Traceback" not in said.decode()
    assert "anvil" in said.decode()


async def test_another_chain_is_refused(rig: Rig) -> None:
    """A database that holds one chain is not filled with another under the same name."""
    import asyncpg

    cx = await asyncpg.connect(rig.database_url)
    await cx.execute("insert into usdx.chains values ('demo', 31337, '\\x00')")
    await cx.close()
    process = await rig.start()
    said, _ = await process.communicate()
    assert process.returncode == 1
    assert "genesis" in said.decode()
    assert "Traceback" not in said.decode()
