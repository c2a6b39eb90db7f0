"""`python -m indexer` is `usdx indexer`."""

from indexer.cli import indexer

if __name__ == "__main__":
    indexer(prog_name="python -m indexer")
