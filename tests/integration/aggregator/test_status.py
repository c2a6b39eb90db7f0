"""What the status says, and how often it looks."""

from aggregator.status.seen import ALERTS_SHOWN
from shared.db import Database
from shared.settings import Settings
from tests.integration.aggregator.test_stream import listening, look
from tests.integration.aggregator.test_webhook import alert, send
from tests.integration.aggregator.world import CHAIN, CHAIN_ID, Site, World, site


async def test_a_chain_is_told_from_the_tables(settings: Settings, db: Database, world: World) -> None:
    """How often blocks were replaced in the last day and how many logs are kept undecoded is what the tables say, also
    in a process that has just begun, and whatever the indexer's counters say."""
    await world.deposit(1)
    await world.deposit(2)
    await world.roll_back(1)
    async with db.transaction() as cx:
        await cx.execute(
            """insert into usdx.undecoded_logs select stream, $1, 1, n, now(), '', '', '', '{}', '', 'abi', 'x'
            from usdx.cursors, generate_series(1, 600) n where stream = 'wexel/vault'""",
            CHAIN_ID,
        )
        await cx.execute(
            "insert into usdx.reorgs (chain, streams, ancestor, from_block, events, seen_at)"
            " values ($1, '{}', 1, 2, 0, now() - interval '2 days')",
            CHAIN,
        )
    async with site(settings, db) as served:
        await look(served)
        status = await served.get("/api/v1/status")
        (chain,) = status["chains"]
        assert (chain["reorgs"], chain["undecoded"]) == (1, 600)
        assert "600 logs could not be decoded; they are kept." in {one["text"] for one in status["concerns"]}
        async with db.transaction() as cx:
            await cx.execute("update usdx.undecoded_logs set stream = 'wexel/marketplace' where log_index % 2 = 0")
            await cx.execute(
                "insert into usdx.undecoded_logs select stream, chain_id, 2, log_index, block_time,"
                " block_hash, tx_hash, address, topics, data, reason, message from usdx.undecoded_logs"
            )
        await look(served)
        status = await served.get("/api/v1/status")
        assert status["chains"][0]["undecoded"] == 1000
        assert any(one["text"].startswith("1,000 or more logs") for one in status["concerns"])


async def test_every_alert_counts(served: Site) -> None:
    """The sentence counts all that is wrong, however little of it is shown."""
    await send(
        served,
        *(alert(name="Broken", n=str(n)) for n in range(30)),
        *(alert(name="Odd", severity="warning", n=str(n)) for n in range(5)),
    )
    await look(served)
    status = await served.get("/api/v1/status")
    assert (len(status["alerts"]), status["alerts_total"]) == (ALERTS_SHOWN, 35)
    others = [one for one in status["concerns"] if not one["about"].startswith("alert ")]
    troubles = 30 + sum(one["level"] == "trouble" for one in others)
    attentions = 5 + sum(one["level"] == "attention" for one in others)
    assert status["sentence"] == f"{troubles} things are broken, {attentions} things more to look at."


async def test_nobody_watching_costs_little(served: Site) -> None:
    """Every second while somebody listens or has asked within the last minute, as in the process's first minute; else
    every five seconds."""
    room, hands = served.rooms.status, served.hands

    async def looks(seconds: int) -> int:
        count = 0
        for _ in range(seconds):
            before = room.status
            await room.keep_up()
            count += room.status is not before
            hands.at += 1
        return count

    assert await looks(10) == 10
    hands.at += 60
    assert await looks(20) == 4
    await served.get("/api/v1/status")
    assert await looks(10) == 10
    hands.at += 60
    assert await looks(10) == 2
    async with listening(served, "?topics=price"):
        hands.at += 60
        assert await looks(10) == 10
