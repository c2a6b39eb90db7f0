"""Put the demo's contracts on an anvil node (`python -m demo.deploy`).

The set-up is one fixed list of transactions for each account. What an account has already sent, its nonce says: running
it again continues where it stopped, and changes nothing on a chain that has everything. Addresses follow from the
senders and their nonces, so they are the same on every chain and known before.
"""

import asyncio
import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
from eth_utils.address import to_checksum_address
from eth_utils.crypto import keccak

from demo.contract import Contract, Interface, interface
from demo.node import Node, Reverted, account, connect
from shared.cli import border

DEPLOYER = account("usdx demo deployer")
KEEPER = account("usdx demo keeper")
USERS = 24
MONTH_S = 3  # wexels live for 36 to 108 seconds
USD = 10**6
SETUP_NONCES = 2  # approvals each user has sent when the set-up is done
POOLS = ((1_800, 12), (2_100, 15), (2_400, 18), (2_700, 24), (3_000, 30), (3_600, 36))  # (APY in bp, months)
RESERVE_USD = 10**15 * USD  # pays the yields: a demo's year lasts a minute
PURSE_USD = 10**9 * USD
FOREVER = 2**256 - 1
POOL_FEE = 500
POOL_MEMORY = 7_200  # observations: six hours at one every three seconds
POOL_LIQUIDITY = 9 * 10**16  # about ten million dollars on each side
CONTRACTS = {  # in the order of creation
    "usdt": "Usdt",
    "weth": "Weth",
    "vault": "Vault",
    "marketplace": "Marketplace",
    "feed_eth_usd": "Feed",
    "feed_usdt_usd": "Feed",
    "pool_weth_usdt": "Pool",
}


def users(count: int = USERS) -> tuple[str, ...]:
    """The accounts that play the protocol's users."""
    return tuple(account(f"usdx demo user {number}") for number in range(count))


@dataclass(frozen=True, slots=True)
class Deployment:
    """Every contract of the demo by its name in CONTRACTS."""

    contracts: Mapping[str, Contract]

    def __getitem__(self, name: str) -> Contract:
        return self.contracts[name]

    def addresses(self) -> dict[str, str]:
        """Checksummed addresses, for a config file."""
        return {name: to_checksum_address(contract.address) for name, contract in self.contracts.items()}


def deployment() -> Deployment:
    """Where everything is, or will be."""
    kinds: dict[str, Interface] = {kind: interface(kind) for kind in set(CONTRACTS.values())}
    return Deployment(
        {name: Contract(kinds[kind], _created(DEPLOYER, at)) for at, (name, kind) in enumerate(CONTRACTS.items())}
    )


def _created(sender: str, nonce: int) -> str:
    """Where a transaction creates a contract: keccak(rlp([sender, nonce])), nonce below 128."""
    return "0x" + keccak(b"\xd6\x94" + bytes.fromhex(sender[2:]) + bytes([nonce or 0x80]))[-20:].hex()


@dataclass(frozen=True, slots=True)
class Step:
    """One transaction of the set-up; `to=None` creates a contract."""

    sender: str
    to: str | None
    data: bytes


def plan(where: Deployment, month_s: int, players: Sequence[str]) -> list[Step]:
    """Every transaction of the set-up; each account's in the order of its nonces."""
    return [*_creations(where, month_s), *_admin(where, players), *_approvals(where, players)]


def weth_is_token0(where: Deployment) -> bool:
    """Uniswap orders a pool's tokens by address."""
    return int(where["weth"].address, 16) < int(where["usdt"].address, 16)


def _creations(where: Deployment, month_s: int) -> list[Step]:
    usdt, weth = where["usdt"].address, where["weth"].address
    tokens = (weth, usdt) if weth_is_token0(where) else (usdt, weth)
    arguments: Mapping[str, tuple[Any, ...]] = {
        "usdt": (),
        "weth": (),
        "vault": (usdt, month_s),
        "marketplace": (usdt, where["vault"].address),
        "feed_eth_usd": ("ETH / USD", 8, KEEPER),
        "feed_usdt_usd": ("USDT / USD", 8, KEEPER),
        "pool_weth_usdt": (*tokens, POOL_FEE, 0, POOL_LIQUIDITY, KEEPER),
    }
    return [Step(DEPLOYER, None, where[name].interface.creation(*arguments[name])) for name in CONTRACTS]


def _admin(where: Deployment, players: Sequence[str]) -> list[Step]:
    usdt, vault, market = where["usdt"], where["vault"], where["marketplace"]
    return [
        _call(DEPLOYER, vault, "setMarket", market.address),
        *(_call(DEPLOYER, vault, "createPool", apy_bp, months) for apy_bp, months in POOLS),
        _call(DEPLOYER, usdt, "mint", DEPLOYER, RESERVE_USD),
        _call(DEPLOYER, usdt, "approve", vault.address, FOREVER),
        _call(DEPLOYER, vault, "fund", RESERVE_USD),
        _call(DEPLOYER, where["pool_weth_usdt"], "increaseObservationCardinalityNext", POOL_MEMORY),
        *(_call(DEPLOYER, usdt, "mint", player, PURSE_USD) for player in players),
    ]


def _approvals(where: Deployment, players: Sequence[str]) -> list[Step]:
    spenders = (where["vault"].address, where["marketplace"].address)
    return [_call(player, where["usdt"], "approve", to, FOREVER) for player in players for to in spenders]


def _call(sender: str, contract: Contract, function: str, *arguments: Any) -> Step:
    return Step(sender, contract.address, contract.interface.calldata(function, *arguments))


async def deploy(node: Node, *, month_s: int = MONTH_S, count: int = USERS) -> Deployment:
    """Bring the chain to where everything stands and every user has money; returns when all of it is mined.

    `month_s` counts on a fresh chain only: a vault keeps its month. Raises Reverted when the chain is not the demo's.
    """
    where, players = deployment(), users(count)
    await node.open_doors()
    await node.enrich([DEPLOYER, KEEPER, *players])
    await _carry_out(node, plan(where, month_s, players))
    await _verify(node, where)
    return where


async def _carry_out(node: Node, steps: Sequence[Step]) -> None:
    """Send what is not sent yet, and wait until everything is mined."""
    senders = list(dict.fromkeys(step.sender for step in steps))
    sent = dict(zip(senders, await node.nonces(senders), strict=True))
    seen: Counter[str] = Counter()
    hashes = []
    for step in steps:
        nonce = seen[step.sender]
        seen[step.sender] += 1
        if nonce >= sent[step.sender]:
            hashes.append(await node.send(step.sender, step.to, step.data, nonce))
    await node.settle(hashes)
    await node.catch_up(seen)


async def _verify(node: Node, where: Deployment) -> None:
    """The chain may be another one on which our accounts have sent something else."""
    codes = await node.codes([contract.address for contract in where.contracts.values()])
    missing = [name for (name, _), code in zip(where.contracts.items(), codes, strict=True) if not code]
    if missing:
        raise Reverted(f"the chain has no contract where the demo's {', '.join(missing)} should be")


@click.command()
@click.option("--rpc", required=True, envvar="USDX_DEMO_RPC", help="The anvil node's URL.")
@click.option("--month", "month_s", default=MONTH_S, show_default=True, help="Length of a month, seconds.")
@click.option("--users", "count", default=USERS, show_default=True, help="How many users get money.")
@click.option("--out", type=click.Path(path_type=Path), help="Write the addresses as JSON to this file.")
def main(rpc: str, month_s: int, count: int, out: Path | None) -> None:
    """Put the demo's contracts on an anvil node; again does no harm."""

    async def run() -> dict[str, str]:
        async with connect(rpc) as node:
            return (await deploy(node, month_s=month_s, count=count)).addresses()

    with border():
        text = json.dumps(asyncio.run(run()), indent=1)
    if out is not None:
        out.write_text(text + "\n")
    click.echo(text)


if __name__ == "__main__":
    main()
