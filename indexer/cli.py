"""The commands `usdx indexer`, `usdx backfill` and `usdx audit`."""

from __future__ import annotations

import gc
from pathlib import Path

import click

from shared.cli import border, config_option, load_settings, run_worker


@click.command()
@config_option
def indexer(config: Path | None) -> None:
    """Follow the configured chains and keep every event of the configured protocols in Postgres."""
    from indexer import wiring

    run_worker(wiring.run, config)


@click.command()
@config_option
@click.option("--redecode", is_flag=True, help="First decode what was kept undecoded, after the ABI was mended.")
@click.option("--reindex", multiple=True, metavar="STREAM", help="Let PROTOCOL/CONTRACT begin again; may be repeated.")
@click.option("--dry-run", "dry", is_flag=True, help="Only say what --reindex would delete.")
@click.option("--yes", is_flag=True, help="Let --reindex delete without asking.")
def backfill(config: Path | None, redecode: bool, reindex: tuple[str, ...], dry: bool, yes: bool) -> None:
    """Catch up with the tip of every chain, with a progress bar, then exit.

    With --reindex, what the named streams stored is deleted first, as by `usdx reindex`: not while an indexer works.
    """
    if dry and not reindex:
        raise click.UsageError("--dry-run goes with --reindex")
    if reindex:
        _begin_anew(config, reindex, dry=dry, yes=yes)
    if dry:
        return
    from indexer.decode_start import spare

    with spare() as decoder:  # it starts while we do
        gc.disable()  # of what is being loaded nothing is garbage
        from indexer import catch_up

        gc.freeze()
        gc.enable()
        run_worker(lambda settings: catch_up.run(settings, again=redecode, spare=decoder), config)


def _begin_anew(config: Path | None, streams: tuple[str, ...], *, dry: bool, yes: bool) -> None:
    from indexer import catch_up, recovery_cli

    with border():
        settings = load_settings(config)
        catch_up.refuse_unknown(settings, streams)
        recovery_cli.carry_out(settings, recovery_cli.anew(streams, begun=False), dry=dry, yes=yes)


@click.command()
@config_option
@click.option("--repair", is_flag=True, help="Replace what differs by what the chain says.")
@click.option("--again", is_flag=True, help="Also audit ranges that were audited before.")
@click.option("--against", metavar="ENDPOINT", help="Compare with this endpoint, whatever the headers' blooms prove.")
def audit(config: Path | None, repair: bool, again: bool, against: str | None) -> None:
    """Prove that the stored ranges are complete and right: against header blooms, receipts or a second endpoint.

    Goes on where it stopped. Exit code 1 when something differs and was not repaired.
    """
    from indexer import audit_run

    run_worker(lambda settings: audit_run.run(settings, repair=repair, again=again, against=against), config)
