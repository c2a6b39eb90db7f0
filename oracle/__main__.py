"""`python -m oracle` is `usdx oracle`."""

from oracle.cli import oracle

if __name__ == "__main__":
    oracle()
