"""The indexer's branch of the error tree."""

from __future__ import annotations

from typing import ClassVar

from shared.errors import Permanent, Transient
from shared.rpc_errors import RpcError


class DecodeError(Permanent):
    """This log does not fit this ABI. Handled by the decoder's caller, who keeps the log raw with the reason."""

    reason: ClassVar[str] = "undecodable"
    advice: ClassVar[str] = "Compare the contract's ABI with what is deployed, then run `usdx backfill --redecode`."

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.kind = reason


class BadAbi(Permanent):
    """An ABI, or an event named in the config, makes no sense. Handled by nobody: the process ends."""

    reason: ClassVar[str] = "bad_abi"
    advice: ClassVar[str] = "Give a plain ABI array, a Hardhat or Foundry artifact, or human-readable signatures."


class SchemaDrift(Permanent):
    """A table no longer fits the ABI. Handled by nobody: the message holds the command that mends it."""

    reason: ClassVar[str] = "schema_drift"
    advice: ClassVar[str] = "Run the command that the message names, or index the stream again."


class DeepReorg(Permanent):
    """The chain changed below the last finalized block. The stream halts; nothing is deleted."""

    reason: ClassVar[str] = "deep_reorg"
    advice: ClassVar[str] = "Compare the endpoints; if the chain really was replaced, reindex its streams."


class WrongChain(Permanent):
    """The endpoint serves another chain than the one this database holds."""

    reason: ClassVar[str] = "wrong_chain"
    advice: ClassVar[str] = (
        "Point the chain at its own endpoint; if it is a development chain that was started anew, run `usdx reset`."
    )


class CursorMoved(Permanent):
    """Somebody else moved this stream's cursor. The step is undone whole."""

    reason: ClassVar[str] = "cursor_moved"
    advice: ClassVar[str] = "Start the command again; of indexers, run one per stream."


class StreamForgotten(Permanent):
    """A stream's cursor is gone: it was reset or reindexed while this process stood by."""

    reason: ClassVar[str] = "stream_forgotten"
    advice: ClassVar[str] = "Start it again; the indexer lays out what is missing and begins anew."


class AuditFailed(Permanent):
    """Stored rows differ from the chain and were not repaired."""

    reason: ClassVar[str] = "audit_failed"
    advice: ClassVar[str] = "Run `usdx audit --repair`; if it happens again, an endpoint lies about finalized blocks."


class Unconfirmed(RpcError, Transient):
    """Nobody confirms what an endpoint tells, on a chain with `cross_check`. Nothing of it is stored."""

    reason: ClassVar[str] = "unconfirmed"
    advice: ClassVar[str] = "See that a second endpoint of the chain answers, or set `cross_check = false`."
