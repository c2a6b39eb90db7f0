"""The made-up world around usdx as programs of a run: venues, the price feeds' keeper, the protocol's users."""

from demo.program import Program, environment, module
from demo.site import Site

NAMES = ("venues", "keeper", "traffic")


def programs(site: Site, seed: str, rate_per_s: float) -> list[Program]:
    """Everything that moves prices and money; the traffic comes last."""
    rpc = ("--rpc", site.url("node"))
    arguments: dict[str, tuple[str, ...]] = {
        "venues": ("--port", str(site.ports.venues), "--seed", seed),
        "keeper": (*rpc, "--seed", seed, "--every", "1"),
        "traffic": (*rpc, "--seed", seed, "--rate", f"{rate_per_s:g}"),
    }
    return [
        Program(name, module(f"demo.{name}", *arguments[name]), site.folder.log(name), environment()) for name in NAMES
    ]
