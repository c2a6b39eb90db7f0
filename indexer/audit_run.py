"""Audit every chain once and say what was found."""

from __future__ import annotations

from collections import Counter

import click

from indexer.audit import Audited
from indexer.errors import AuditFailed
from indexer.wiring import open_keepers, start
from shared.errors import ConfigError
from shared.runtime import Stop
from shared.runtime import run as run_tasks
from shared.settings import Settings
from shared.worker import open_worker


async def run(settings: Settings, *, repair: bool, again: bool, against: str | None = None) -> None:
    """`usdx audit`: compare what is stored with the chain. Raises AuditFailed when something differs and stays so.

    `against` names the endpoint to compare with, on the chains that have one of that name. Raises ConfigError, and what
    one of the chains failed with at the start, when the others are audited.
    """
    if against is not None and not any(against in {one.name for one in c.rpc} for c in settings.chains.values()):
        names = ", ".join(sorted({one.name for chain in settings.chains.values() for one in chain.rpc}))
        raise ConfigError(f"--against {against}: expected the name of an endpoint: {names}")
    found: Counter[str] = Counter()

    def tell(done: Audited) -> None:
        found.update(ranges=1, blocks=len(done.range), logs=done.logs, violations=done.violations)
        found.update(open=0 if done.repaired else done.violations, unsettled=len(done.open))
        for difference in done.differences:
            click.echo(f"{done.stream} {done.range}: {difference}")
        for finding in done.findings:
            click.echo(f"{done.stream} {done.range}: {finding}{' (repaired)' if done.repaired else ''}")
        for one in done.taken_back:
            click.echo(f"{one}; the indexer reads it again, as what made its contracts was repaired")

    async with open_worker("audit", settings) as worker, open_keepers(worker) as known:
        late = await start(known)
        keepers = [keeper for keeper in known if keeper not in late]

        async def everything(stop: Stop) -> None:
            for keeper in keepers:
                auditor = await keeper.auditor(against if keeper.has_endpoint(against) else None)
                async for done in auditor.audit(stop, repair=repair, again=again):
                    tell(done)

        await run_tasks({"audit": everything}, health=worker.health)
    click.echo(
        f"{found['ranges']} ranges with {found['blocks']} blocks and {found['logs']} logs audited, "
        f"{found['violations']} violations, {found['violations'] - found['open']} repaired"
    )
    if found["unsettled"]:
        raise AuditFailed(f"endpoints disagree about {found['unsettled']} blocks, and neither receipts nor others tell")
    if found["open"]:
        raise AuditFailed(f"{found['open']} rows differ from the chain")
    for error in late.values():
        raise error
