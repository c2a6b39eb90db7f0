"""Carry the market's price to the chain's feeds and pool (`python -m demo.keeper`)."""

from decimal import Context, Decimal

import click
import structlog

from demo.deploy import KEEPER, POOL_LIQUIDITY, Deployment, deployment, weth_is_token0
from demo.node import Node, connect
from demo.pricepath import PricePath
from demo.process import run_until_told
from shared.clock import Clock, system_clock
from shared.rpc_errors import RpcError
from shared.runtime import Stop

_EXACT = Context(prec=50)
_WETH_TO_USDT = Decimal(10) ** (6 - 18)  # raw units of USDT for one raw unit of WETH at a price of one
FEEDS = (("feed_eth_usd", "ETH/USD"), ("feed_usdt_usd", "USDT/USD"))


def pool_tick(price: Decimal, *, base_is_token0: bool) -> int:
    """The tick of a WETH/USDT pool: floor(log 1.0001 of token1 per token0 in raw units)."""
    raw = _EXACT.multiply(price, _WETH_TO_USDT)
    ratio = raw if base_is_token0 else _EXACT.divide(1, raw)
    return int((_EXACT.ln(ratio) / _EXACT.ln(Decimal("1.0001"))).to_integral_value(rounding="ROUND_FLOOR"))


async def push(node: Node, where: Deployment, path: PricePath, at_ms: int) -> list[str]:
    """Send the prices of one moment; returns the transactions' hashes."""
    hashes = [await node.tell(KEEPER, where[feed], "push", path.price_e8(pair, at_ms)) for feed, pair in FEEDS]
    price = path.price("ETH/USD", at_ms) / path.price("USDT/USD", at_ms)
    tick = pool_tick(price, base_is_token0=weth_is_token0(where))
    return [*hashes, await node.tell(KEEPER, where["pool_weth_usdt"], "move", tick, POOL_LIQUIDITY)]


async def keep(node: Node, path: PricePath, clock: Clock, every_s: float, stop: Stop) -> None:
    """Push every `every_s` until the stop; a node that fails is asked again, its doors opened anew."""
    where, log = deployment(), structlog.get_logger()
    opened = False
    while not stop.is_set():
        try:
            if not opened:
                await node.open_doors()
                opened = True
                log.info("pushing prices", every_s=every_s)
            await push(node, where, path, int(clock.now() * 1000))
        except RpcError as exc:
            opened = False
            log.warning("push failed", reason=exc.reason, error=str(exc))
        await stop.wait(every_s)


@click.command()
@click.option("--rpc", required=True, envvar="USDX_DEMO_RPC", help="The anvil node's URL.")
@click.option("--seed", default="usdx", show_default=True, envvar="USDX_DEMO_SEED", help="Which market to tell.")
@click.option("--every", "every_s", default=3.0, show_default=True, envvar="USDX_DEMO_EVERY", help="Seconds between.")
def main(rpc: str, seed: str, every_s: float) -> None:
    """Push the demo market's prices to the chain until told to stop."""

    async def run(stop: Stop) -> None:
        async with connect(rpc) as node:
            await keep(node, PricePath(seed), system_clock(), every_s, stop)

    run_until_told("keeper", run)


if __name__ == "__main__":
    main()
