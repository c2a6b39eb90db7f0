"""Plain HTTP is read as servers really write it."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest

from shared.rpc_errors import Kind, TransportFailed
from shared.rpc_plain import PlainTransport

Answer = Callable[[bytes, asyncio.StreamWriter], Awaitable[None]]
OK = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n"


@asynccontextmanager
async def server(answer: Answer, *, close: bool = False) -> AsyncIterator[tuple[str, list[bytes]]]:
    """A server that answers every request by `answer`; its URL and the request heads it saw, one list a connection."""
    heads: list[bytes] = []
    tasks: set[asyncio.Task[None]] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        tasks.add(asyncio.current_task())  # type: ignore[arg-type]
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                heads.append(head)
                length = int(head.lower().split(b"content-length: ")[1].split(b"\r\n")[0])
                await answer(await reader.readexactly(length), writer)
                await writer.drain()
                if close:
                    break
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    listening = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield f"http://127.0.0.1:{listening.sockets[0].getsockname()[1]}", heads
    finally:
        listening.close()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def piecewise(*pieces: bytes) -> Answer:
    async def answer(body: bytes, writer: asyncio.StreamWriter) -> None:
        for piece in pieces:
            writer.write(piece)
            await writer.drain()
            await asyncio.sleep(0.001)

    return answer


@asynccontextmanager
async def transport(url: str, timeout_s: float = 5.0) -> AsyncIterator[PlainTransport]:
    one = PlainTransport("node", url, timeout_s)
    try:
        yield one
    finally:
        await one.close()


@pytest.mark.parametrize(
    "pieces",
    [
        (OK + b"Content-Length: 5\r\n\r\n[1,2]",),
        (OK + b"Content-Length: 5\r\n\r\n", b"[1,", b"2]"),
        tuple((OK + b"Content-Length: 5\r\n\r\n[1,2]")[at : at + 1] for at in range(len(OK) + 26)),
        (OK + b"Transfer-Encoding: chunked\r\n\r\n3\r\n[1,\r\n2;x=y\r\n2]\r\n0\r\n\r\n",),
        (OK + b"Transfer-Encoding: chunked\r\n\r\n3\r", b"\n[1", b",\r\n2\r\n2]\r", b"\n0\r\nTrailer: x\r\n", b"\r\n"),
        (b"HTTP/1.1 100 Continue\r\n\r\n" + OK + b"Content-Length: 5\r\n\r\n[1,2]",),
    ],
)
async def test_bodies(pieces: tuple[bytes, ...]) -> None:
    """A body arrives whole, by length or in chunks, however it was cut into packets, and twice over one connection."""
    async with server(piecewise(*pieces)) as (url, heads), transport(url) as node:
        for _ in range(2):
            reply = await node.post(b"{}")
            assert (reply.status, bytes(reply.body)) == (200, b"[1,2]")
            assert reply.headers["content-type"] == "application/json"
        assert len(heads) == 2


async def test_a_body_that_ends_with_the_connection() -> None:
    """A body without a length ends when the server hangs up."""
    async with server(piecewise(b"HTTP/1.0 200 OK\r\n\r\n[1,", b"2]"), close=True) as (url, _), transport(url) as node:
        for _ in range(2):
            assert bytes((await node.post(b"{}")).body) == b"[1,2]"


async def test_long_bodies() -> None:
    """Megabytes arrive unharmed, several at once."""
    body = bytes(range(256)) * 8_192
    answer = piecewise(OK + b"Content-Length: %d\r\n\r\n" % len(body) + body)
    async with server(answer) as (url, _), transport(url) as node:
        replies = await asyncio.gather(*(node.post(b"{}") for _ in range(6)))
    assert all(bytes(reply.body) == body for reply in replies)


async def test_errors_have_their_status() -> None:
    """Status and headers come along; an error's connection is used again."""
    answer = piecewise(b"HTTP/1.1 429 Too Many Requests\r\nRetry-After: 3\r\nContent-Length: 4\r\n\r\nslow")
    async with server(answer) as (url, _), transport(url) as node:
        reply = await node.post(b"{}")
    assert (reply.status, reply.headers["retry-after"], bytes(reply.body)) == (429, "3", b"slow")


async def test_connections_that_ended_while_idle() -> None:
    """A kept connection that the server has closed is replaced without anybody noticing."""
    answer = piecewise(OK + b"Content-Length: 2\r\n\r\n[]")
    async with server(answer, close=True) as (url, heads), transport(url) as node:
        for _ in range(4):
            assert bytes((await node.post(b"{}")).body) == b"[]"
            await asyncio.sleep(0.01)
    assert len(heads) == 4


async def test_connection_close_is_obeyed() -> None:
    """A server that says it will close is not asked on that connection again."""
    answer = piecewise(OK + b"Connection: close\r\nContent-Length: 2\r\n\r\n[]")
    async with server(answer) as (url, heads), transport(url) as node:
        for _ in range(2):
            assert bytes((await node.post(b"{}")).body) == b"[]"
    assert len(heads) == 2


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (b"", "closed before an answer"),
        (OK + b"Content-Length: 5\r\n\r\n[1", "closed in mid-answer"),
        (OK + b"Transfer-Encoding: chunked\r\n\r\n3\r\n[1,\r\n", "closed in mid-answer"),
        (OK[:9], "closed in mid-answer"),
        (b"SSH-2.0-OpenSSH_9\r\n\r\n", "no HTTP"),
        (b"HTTP/1.1 abc\r\n\r\n", "no HTTP"),
        (OK + b"Content-Length: -5\r\n\r\n", "no HTTP"),
        (OK + b"Content-Length: 999999999999\r\n\r\n", "no HTTP"),
        (OK + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n", "no HTTP"),
        (OK + b"Content-Length: 2\r\n\r\n[][]", "no HTTP"),
        (b"HTTP/1.1 200 OK\r\n" + b"x: y\r\n" * 20_000, "no HTTP: endless headers"),
    ],
)
async def test_broken_answers(answer: bytes, words: str) -> None:
    """Whatever else arrives is a failure of transport, told by the endpoint's name."""
    async with server(piecewise(answer), close=True) as (url, _), transport(url) as node:
        with pytest.raises(TransportFailed, match=f"^node: the connection broke .{words}"):
            await node.post(b"{}")


async def test_silence() -> None:
    """A server that does not answer is given up, and may have been asked too much."""

    async def nothing(body: bytes, writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(30)

    async with server(nothing) as (url, _), transport(url, 0.1) as node:
        with pytest.raises(TransportFailed, match=r"^node: no answer within 0.1 s") as caught:
            await node.post(b"{}")
    assert caught.value.failure.doubt is Kind.DENSITY


async def test_nobody_there() -> None:
    """A refused connection says so without the address."""
    async with server(piecewise(b"")) as (url, _):
        pass
    async with transport(url) as node:
        with pytest.raises(TransportFailed, match=r"^node: cannot connect \(refused\)$") as caught:
            await node.post(b"{}")
    assert "127.0.0.1" not in str(caught.value)


async def test_a_cancelled_question_leaves_no_trace() -> None:
    """An answer that nobody waits for any more is never taken for the next one's."""
    asked, go_on = asyncio.Event(), asyncio.Event()

    async def late(body: bytes, writer: asyncio.StreamWriter) -> None:
        if body == b"slow":
            asked.set()
            await go_on.wait()
        writer.write(OK + b"Content-Length: %d\r\n\r\n%b" % (len(body), body))

    async with server(late) as (url, _), transport(url) as node:
        slow = asyncio.create_task(node.post(b"slow"))
        await asked.wait()
        slow.cancel()
        await asyncio.gather(slow, return_exceptions=True)
        go_on.set()
        for body in (b"one", b"two"):
            assert bytes((await node.post(body)).body) == body


async def test_the_request_line() -> None:
    """Path, query and login of the URL reach the server, the login as a header."""
    async with server(piecewise(OK + b"Content-Length: 2\r\n\r\n[]")) as (url, heads):
        address = url.replace("http://", "http://user:pass%21@") + "/v2/key?x=1"
        async with transport(address) as node:
            await node.post(b"{}")
    assert heads[0].startswith(b"POST /v2/key?x=1 HTTP/1.1\r\nHost: 127.0.0.1:")
    assert b"Authorization: Basic dXNlcjpwYXNzIQ==\r\n" in heads[0]
