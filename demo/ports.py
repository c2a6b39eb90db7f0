"""Choose the ports of a run: the usual ones, or free ones."""

import socket
from contextlib import ExitStack
from dataclasses import asdict, dataclass, fields

from shared.errors import PortTaken

HOST = "127.0.0.1"


@dataclass(frozen=True, slots=True)
class Ports:
    """Where each program of the demo listens on this machine; the defaults are those of demo/usdx.toml."""

    node: int = 8545
    venues: int = 8600
    indexer: int = 9101
    oracle: int = 9102
    aggregator: int = 3001
    prometheus: int = 9090
    alertmanager: int = 9093


def usual() -> Ports:
    """The documented ports; raises PortTaken naming all that are taken."""
    ports = Ports()
    taken = [f"{port} ({name})" for name, port in asdict(ports).items() if not _is_free(port)]
    if taken:
        raise PortTaken(
            f"other programs listen on ports that the demo uses: {', '.join(taken)}."
            " Stop them, or let the demo choose: usdx demo --free-ports"
        )
    return ports


def free() -> Ports:
    """Ports that nobody listens on, all different."""
    with ExitStack() as stack:
        return Ports(**{field.name: _bound(stack) for field in fields(Ports)})


def _bound(stack: ExitStack) -> int:
    probe = stack.enter_context(socket.socket())
    probe.bind((HOST, 0))
    port: int = probe.getsockname()[1]
    return port


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # a closed connection's leftovers do not count
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
    return True
