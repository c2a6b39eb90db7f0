# pragma version 0.4.3
"""
@title Weth
@notice WETH of a demo chain, 18 decimals.
"""

import token

initializes: token
exports: token.__interface__


@deploy
def __init__():
    token.__init__("Wrapped Ether (demo)", "WETH", 18)
