"""Where the demo keeps its things."""

from pathlib import Path

CHECKOUT = Path(__file__).parent.parent


def home() -> Path:
    """The folder `.usdx`, which git ignores: in the checkout, or in the current folder when we are installed."""
    return (CHECKOUT if (CHECKOUT / "pyproject.toml").exists() else Path.cwd()) / ".usdx"
