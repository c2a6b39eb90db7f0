"""Choosing ports."""

import socket
from dataclasses import astuple

import pytest

from demo import ports
from shared.errors import PortTaken


def test_free_ports_differ() -> None:
    """No two programs get the same free port."""
    chosen = astuple(ports.free())
    assert len(set(chosen)) == len(chosen)
    assert 0 not in chosen


def test_taken_ports_are_all_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every taken port is named with its program, in one message that says what to do."""
    with socket.socket() as one, socket.socket() as two:
        for listener in (one, two):
            listener.bind((ports.HOST, 0))
            listener.listen()
        taken = ports.free()
        taken = type(taken)(**{name: getattr(taken, name) for name in taken.__slots__} | {
            "indexer": one.getsockname()[1], "aggregator": two.getsockname()[1],
        })  # fmt: skip
        monkeypatch.setattr(ports, "Ports", lambda: taken)
        with pytest.raises(PortTaken) as failure:
            ports.usual()
    for expected in (f"{taken.indexer} (indexer)", f"{taken.aggregator} (aggregator)", "--free-ports"):
        assert expected in str(failure.value)
