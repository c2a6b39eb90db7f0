"""Encode calls to a contract, decode what comes back."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from eth_abi.abi import decode, encode
from eth_utils.abi import collapse_if_tuple, event_abi_to_log_topic, function_abi_to_4byte_selector

from demo import contracts_build


@dataclass(frozen=True, slots=True)
class Function:
    """One way to call a contract."""

    selector: bytes
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Event:
    """One event; `params` are (name, type, indexed) in the order of the ABI, all indexed ones of static type."""

    name: str
    params: tuple[tuple[str, str, bool], ...]

    def read(self, topics: Sequence[bytes], data: bytes) -> dict[str, Any]:
        """The parameters of one log, by name."""
        indexed = iter(topics[1:])
        plain = iter(decode([kind for _, kind, hashed in self.params if not hashed], data))
        return {name: decode([kind], next(indexed))[0] if hashed else next(plain) for name, kind, hashed in self.params}


@dataclass(frozen=True, slots=True)
class Interface:
    """A compiled contract: its functions by (name, number of arguments), its events by topic0, its creation code."""

    functions: Mapping[tuple[str, int], Function]
    events: Mapping[bytes, Event]
    constructor: tuple[str, ...]
    bytecode: bytes

    def creation(self, *arguments: Any) -> bytes:
        """The data of the transaction that creates the contract."""
        return self.bytecode + encode(self.constructor, arguments)

    def calldata(self, function: str, *arguments: Any) -> bytes:
        """The data of a call."""
        found = self.functions[function, len(arguments)]
        return found.selector + encode(found.inputs, arguments)

    def answer(self, function: str, arity: int, data: bytes) -> Any:
        """What a call returned: one value as it is, several as a tuple, addresses as 0x-hex in lower case."""
        values = decode(self.functions[function, arity].outputs, data)
        return values[0] if len(values) == 1 else values


@dataclass(frozen=True, slots=True)
class Contract:
    """A contract at an address."""

    interface: Interface
    address: str


def interface(name: str) -> Interface:
    """The committed artifact of a contract; raises ArtifactMissing."""
    artifact = contracts_build.load(name)
    abi = artifact["abi"]
    constructors = [_types(entry["inputs"]) for entry in abi if entry["type"] == "constructor"]
    return Interface(
        functions={
            (entry["name"], len(entry["inputs"])): Function(
                function_abi_to_4byte_selector(entry), _types(entry["inputs"]), _types(entry["outputs"])
            )
            for entry in abi
            if entry["type"] == "function"
        },
        events={
            event_abi_to_log_topic(entry): Event(
                entry["name"], tuple((given["name"], given["type"], given["indexed"]) for given in entry["inputs"])
            )
            for entry in abi
            if entry["type"] == "event"
        },
        constructor=constructors[0] if constructors else (),
        bytecode=bytes.fromhex(artifact["bytecode"].removeprefix("0x")),
    )


def _types(params: Sequence[Any]) -> tuple[str, ...]:
    return tuple(collapse_if_tuple(param) for param in params)
