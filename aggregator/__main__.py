"""`python -m aggregator` is `usdx aggregator`."""

from aggregator.cli import aggregator

aggregator(prog_name="python -m aggregator")
