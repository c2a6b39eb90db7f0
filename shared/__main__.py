"""`python -m shared`: the command `usdx` where its script is not on the path."""

from shared.cli import main

if __name__ == "__main__":
    main(prog_name="usdx")
