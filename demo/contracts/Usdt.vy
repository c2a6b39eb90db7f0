# pragma version 0.4.3
"""
@title Usdt
@notice USDT of a demo chain, 6 decimals.
"""

import token

initializes: token
exports: token.__interface__


@deploy
def __init__():
    token.__init__("Tether USD (demo)", "USDT", 6)
