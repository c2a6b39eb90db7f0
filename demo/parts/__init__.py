"""The real programs around usdx: found on this machine, else fetched into a folder that git ignores."""

from demo.parts.anvil import Anvil
from demo.parts.catalogue import alertmanager, amtool, anvil, prometheus, promtool
from demo.parts.errors import PartMissing

__all__ = ["Anvil", "PartMissing", "alertmanager", "amtool", "anvil", "prometheus", "promtool"]
