"""A real Chromium, spoken to over its DevTools protocol.

Source: https://chromedevtools.github.io/devtools-protocol/
"""

import asyncio
import base64
import itertools
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import aiohttp

FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--hide-scrollbars",
    "--remote-debugging-port=0",
)


# Every text and what is behind it, as (contrast ratio, text): WCAG 2.2 wants 4.5, or 3 for large text.
CONTRAST = """
(() => {
  const numbers = (colour) => colour.match(/[\\d.]+/g).map(Number);
  const light = ([r, g, b]) => [r, g, b].map((v) => v / 255)
    .map((v) => (v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4))
    .reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
  const behind = (element) => {
    for (let at = element; at; at = at.parentElement) {
      const found = numbers(getComputedStyle(at).backgroundColor);
      if (found.length === 3 || found[3] === 1) return found;
    }
    return [255, 255, 255];
  };
  const poor = [];
  for (const element of document.querySelectorAll("body *")) {
    const own = [...element.childNodes].some((node) => node.nodeType === 3 && node.textContent.trim());
    if (!own || !element.getClientRects().length || element.closest("noscript, .skip")) continue;
    const style = getComputedStyle(element);
    const [one, other] = [light(numbers(style.color)), light(behind(element))].sort((a, b) => b - a);
    const wanted = parseFloat(style.fontSize) >= 24 ? 3 : 4.5;
    if ((one + 0.05) / (other + 0.05) < wanted) poor.push([(one + 0.05) / (other + 0.05), element.textContent]);
  }
  return poor;
})()
"""


class Page:
    """One open page; `complaints` are the errors that it wrote to its console or threw, and what it failed to load.
    Whoever asks for a user and a password is given `credentials`, if there are any."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self._socket = socket
        self.credentials: tuple[str, str] | None = None
        self._numbers = itertools.count(1)
        self.complaints: list[str] = []
        self.hosts: set[str] = set()

    async def call(self, method: str, **parameters: Any) -> Any:
        """Call a method and wait for its result."""
        number = next(self._numbers)
        await self._socket.send_json({"id": number, "method": method, "params": parameters})
        async with asyncio.timeout(60):
            while True:
                message = await self._socket.receive_json()
                if message.get("id") == number:
                    assert "error" not in message, message
                    return message["result"]
                if "id" in message:
                    continue
                self._note(message)
                await self._admit(message)

    async def _admit(self, message: dict[str, Any]) -> None:
        """Let a request pass that waits for us, as a person would at the browser's prompt."""
        match message["method"]:
            case "Fetch.requestPaused":
                method, more = "Fetch.continueRequest", {}
            case "Fetch.authRequired":
                user, password = self.credentials or ("", "")
                response = {"response": "ProvideCredentials", "username": user, "password": password}
                method, more = "Fetch.continueWithAuth", {"authChallengeResponse": response}
            case _:
                return
        parameters = {"requestId": message["params"]["requestId"], **more}
        await self._socket.send_json({"id": next(self._numbers), "method": method, "params": parameters})

    def _note(self, message: dict[str, Any]) -> None:
        parameters = message.get("params", {})
        match message["method"]:
            case "Runtime.exceptionThrown":
                self.complaints.append(str(parameters["exceptionDetails"]))
            case "Log.entryAdded" if parameters["entry"]["level"] == "error":
                self.complaints.append(str(parameters["entry"]))
            case "Network.requestWillBeSent":
                self.hosts.add(re.sub(r"^(\w+://[^/]*).*", r"\1", parameters["request"]["url"])[:60])

    async def value(self, script: str) -> Any:
        """What an expression is on the page."""
        answer = await self.call("Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in answer, answer
        return answer["result"].get("value")

    async def until(self, script: str) -> None:
        """Wait until an expression is true."""
        async with asyncio.timeout(60):
            while not await self.value(script):
                await asyncio.sleep(0.2)

    async def open(self, url: str, width: int = 1280, height: int = 1000, scheme: str = "light") -> None:
        """Show a page at this size, in light or dark."""
        for domain in ("Runtime", "Log", "Network", "Page"):
            await self.call(f"{domain}.enable")
        if self.credentials is not None:
            await self.call("Fetch.enable", handleAuthRequests=True)
        features = [{"name": "prefers-color-scheme", "value": scheme}]
        await self.call("Emulation.setEmulatedMedia", features=features)
        metrics = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600}
        await self.call("Emulation.setDeviceMetricsOverride", **metrics)
        await self.call("Page.navigate", url=url)

    async def picture(self, path: Path) -> None:
        """Save the whole page as PNG."""
        shot = await self.call("Page.captureScreenshot", captureBeyondViewport=True)
        path.write_bytes(base64.b64decode(shot["data"]))


@asynccontextmanager
async def chromium(program: str, folder: Path) -> AsyncIterator[Page]:
    """Start a browser with a profile of its own and give its one page."""
    process = await asyncio.create_subprocess_exec(
        program, *FLAGS, f"--user-data-dir={folder}", "about:blank",
        stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    assert process.stderr is not None
    try:
        async with asyncio.timeout(60):
            while not (match := re.search(rb"ws://([^/]+)/", await process.stderr.readline())):
                pass
        draining = asyncio.create_task(process.stderr.read())
        async with aiohttp.ClientSession() as session:
            async with session.get(f"http://{match[1].decode()}/json/list") as answer:
                (target,) = [one for one in await answer.json() if one["type"] == "page"]
            async with session.ws_connect(target["webSocketDebuggerUrl"], max_msg_size=64 * 1024 * 1024) as socket:
                yield Page(socket)
        draining.cancel()
    finally:
        with suppress(ProcessLookupError):
            process.terminate()
        await process.wait()
