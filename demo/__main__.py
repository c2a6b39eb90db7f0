"""Run the demo: `python -m demo` is `usdx demo`."""

from demo.cli import demo

demo()
