"""Calls are encoded and answers decoded as the ABI says."""

from eth_utils.crypto import keccak

from demo.contract import interface
from demo.deploy import DEPLOYER, deployment, plan, users
from demo.node import account


def test_calldata_is_selector_and_arguments() -> None:
    """The well-known encoding of ERC-20's transfer."""
    data = interface("Usdt").calldata("transfer", account("somebody"), 7)
    assert data[:4] == keccak(text="transfer(address,uint256)")[:4] == bytes.fromhex("a9059cbb")
    assert data[4:] == bytes.fromhex(account("somebody")[2:].rjust(64, "0")) + (7).to_bytes(32)


def test_functions_of_one_name_differ_by_their_arguments() -> None:
    """Both forms of safeTransferFrom can be called."""
    who = account("somebody")
    short = interface("Vault").calldata("safeTransferFrom", who, who, 1)
    long = interface("Vault").calldata("safeTransferFrom", who, who, 1, b"")
    assert (short[:4].hex(), long[:4].hex()) == ("42842e0e", "b88d4fde")


def test_addresses_follow_from_the_deployer() -> None:
    """Every chain has the contracts in the same place; configs may rely on it."""
    assert deployment().addresses()["vault"] == "0xe096f0fEa86f98326e48B2f25a89F88d523b1B42"


def test_the_plan_is_the_same_every_time() -> None:
    """Same month, same users, same transactions: so a nonce tells what is done."""
    where = deployment()
    first, second = plan(where, 5, users(3)), plan(where, 5, users(3))
    assert first == second
    assert sum(step.sender == DEPLOYER for step in first) < 128
