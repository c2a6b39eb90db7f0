"""The real programs around usdx: found on this machine, else fetched into a folder that git ignores."""

from demo.parts.anvil import Anvil
from demo.parts.catalogue import alertmanager, amtool, anvil, prometheus, promtool
from demo.parts.errors import PartFailed, PartMissing

__all__ = ["Anvil", "PartFailed", "PartMissing", "alertmanager", "amtool", "anvil", "prometheus", "promtool"]
