"""Keep what a released version's database looks like, with data in it: `python -m tests.adversity.freeze 0.1.0`.

To be run once for every release whose migrations differ from the last one's; the file is never written again.
"""

from __future__ import annotations

import asyncio
import sys
import tempfile
from pathlib import Path

import asyncpg

from shared import embedded, migrate
from tests.adversity.scene import scene

FOLDER = Path(__file__).parent / "releases"
BLOCKS, SEED = 90, 41
OTHERS = """
insert into usdx.feeds values ('ETH/USD', 'ETH', 'USD', true, 60, true);
select usdx.create_oracle_partitions(date '2026-01-01');
insert into usdx.observations values ('ETH/USD', '2026-01-01 12:00Z', 'fresh', 3000.5, null, null, 12, 0.9, 3, 1,
    '{cex}', '2026-01-01 11:59:58Z', true, 0.2, '{"rule": "median"}');
insert into usdx.quotes values ('ETH/USD', '2026-01-01 12:00Z', 'kraken', 'ETH/USD', 3000.5, null, null,
    '2026-01-01 11:59:58Z', 2, null, null, null, null, null, null, 'used', null, null, 3000.5, 0.1);
insert into usdx.manual_prices (feed, price, set_at, expires_at, author, why)
    values ('ETH/USD', 2999, '2026-01-01Z', '2026-01-02Z', 'ada', 'venues were down');
insert into usdx.cumulatives values ('pool', 1767225600, 12345678901234567890);
insert into usdx.alert_notifications values ('abc', '2026-01-01Z', 'firing', null, 'IndexerStalled', 'critical',
    'indexer', '{"alertname": "IndexerStalled"}', '{"summary": "it stands"}', '', 'default', '2026-01-01Z',
    '2026-01-01Z', 1);
insert into usdx.alert_acknowledgements (fingerprint, starts_at, by, note, at)
    values ('abc', '2026-01-01Z', 'ada', 'on it', '2026-01-01Z');
insert into usdx.figures values ('supply', '2026-01-01Z', '{a}', 17);
insert into usdx.figure_refreshes values ('supply', '2026-01-01Z', 0.01);
insert into usdx.backups values ('postgres', '2026-01-01Z', 'usdx.dump', 1, 1, 1, 1);
insert into usdx.coverage values ('shop/token', 1, 40, 'bloom', 7, '\\x00', 0, false, '2026-01-01Z');
"""


async def freeze(file: Path) -> None:
    """Index a chain, store a row of everything else, and dump it all."""
    with tempfile.TemporaryDirectory(prefix="usdx-freeze-") as name, embedded.start(Path(name) / "postgres") as server:
        async with scene(Path(name), server.url, blocks=BLOCKS, seed=SEED) as one:
            cx = await asyncpg.connect(server.url)
            async with cx.transaction():
                await migrate.apply(cx, migrate.known())
            await one.start()
            await one.settle()
            assert await one.end() == 0
            await cx.execute(OTHERS)
            await cx.close()
        await asyncio.to_thread(file.write_text, await dump(server.url, "--inserts"))


async def dump(url: str, *options: str) -> str:
    """The database as SQL, without what differs from one dump to the next."""
    done = await asyncio.create_subprocess_exec(
        *(embedded.find_binaries() / "pg_dump", "--no-owner", "--no-privileges", *options, url),
        stdout=asyncio.subprocess.PIPE,
    )
    out, _ = await done.communicate()
    assert done.returncode == 0
    lines = out.decode().splitlines()
    return "\n".join(one for one in lines if one and not one.startswith(("--", "\\restrict", "\\unrestrict"))) + "\n"


def main() -> None:
    file = FOLDER / f"{sys.argv[1]}.sql"
    assert not file.exists(), f"{file} was released: it never changes"
    FOLDER.mkdir(exist_ok=True)
    asyncio.run(freeze(file))


if __name__ == "__main__":
    main()
