"""Hear of new heads over a WebSocket, as a hint to look sooner than the next poll."""

from __future__ import annotations

import aiohttp

from shared.clock import Clock
from shared.rpc_news import HintState, News

SILENCE_S = 60.0
PING_S = 20.0
FIRST_PAUSE_S = 1.0
LONGEST_PAUSE_S = 60.0
_SUBSCRIBE = {"jsonrpc": "2.0", "id": 1, "method": "eth_subscribe", "params": ["newHeads"]}
_TROUBLE = (aiohttp.ClientError, OSError, TimeoutError)


class Hints:
    """One endpoint's `newHeads` (execution-apis `eth_subscribe`). Polling goes on whatever happens here.

    A socket that says nothing for `silence_s` is closed and opened anew, as one that breaks is, after a pause that
    doubles while nothing is heard.
    """

    def __init__(self, endpoint: str, url: str, clock: Clock, silence_s: float = SILENCE_S) -> None:
        self.state = HintState(endpoint)
        self._url = url
        self._clock = clock
        self._silence_s = silence_s

    async def listen(self, session: aiohttp.ClientSession, news: News) -> None:
        """Tell of every new head, for ever."""
        pause_s = FIRST_PAUSE_S
        while True:
            heard = self.state.hints
            try:
                await self._follow(session, news)
            except _TROUBLE:
                self.state.breaks += 1
            finally:
                self.state.connected = False
            pause_s = FIRST_PAUSE_S if self.state.hints > heard else min(2 * pause_s, LONGEST_PAUSE_S)
            await self._clock.sleep(pause_s)

    async def _follow(self, session: aiohttp.ClientSession, news: News) -> None:
        """One connection, until it ends or falls silent."""
        async with session.ws_connect(self._url, heartbeat=PING_S, max_msg_size=1 << 20) as socket:
            await socket.send_json(_SUBSCRIBE)
            while True:
                try:
                    message = await socket.receive(timeout=self._silence_s)
                except TimeoutError:
                    self.state.silences += 1
                    return
                if message.type is not aiohttp.WSMsgType.TEXT or '"error"' in message.data[:200]:
                    self.state.breaks += 1
                    return
                self.state.connected = True
                if '"eth_subscription"' in message.data:
                    self.state.hints += 1
                    news.tell()
