"""Stand in for Slack, PagerDuty, a mail server and a webhook on this machine, and note what arrives."""

from __future__ import annotations

import asyncio
import logging
import re
import warnings
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from email import message_from_bytes
from email.policy import default as email_policy
from typing import Any, Literal

from aiohttp import web
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

from demo.ports import HOST

Status = Literal["firing", "resolved"]
PASSWORD = "drill"  # noqa: S105  of a mail server that lives as long as the drill
USER = "usdx@drill.invalid"


@dataclass(frozen=True, slots=True)
class Arrival:
    """One notification at one receiver. `text` is what a person would read or a machine would parse."""

    receiver: str
    status: Status
    text: str


@dataclass(slots=True)
class Sinks:
    """Where notifications arrive, and everything that did. `changed` is set at every arrival."""

    http_url: str = ""
    smtp_port: int = 0
    arrivals: list[Arrival] = field(default_factory=list)
    changed: asyncio.Event = field(default_factory=asyncio.Event)

    def note(self, receiver: str, status: Status, text: str) -> None:
        """Keep an arrival and wake whoever waits for one."""
        self.arrivals.append(Arrival(receiver, status, text))
        self.changed.set()

    def receivers(self, status: Status, *marks: str) -> set[str]:
        """Which receivers got a notification with this status that carries every mark as a word."""
        return {
            one.receiver
            for one in self.arrivals
            if one.status == status and all(re.search(rf"\b{re.escape(mark)}\b", one.text) for mark in marks)
        }


@asynccontextmanager
async def opened() -> AsyncIterator[Sinks]:
    """All sinks, on free ports of the loopback interface."""
    logging.getLogger("mail.log").setLevel(logging.ERROR)
    sinks = Sinks()
    runner = web.AppRunner(_app(sinks), access_log=None)
    await runner.setup()
    await web.TCPSite(runner, HOST, 0).start()
    loop = asyncio.get_running_loop()
    smtp = await loop.create_server(lambda: _smtp(sinks), HOST, 0)
    sinks.http_url = f"http://{HOST}:{runner.addresses[0][1]}"
    sinks.smtp_port = smtp.sockets[0].getsockname()[1]
    try:
        yield sinks
    finally:
        smtp.close()
        await smtp.wait_closed()
        await runner.cleanup()


_SLACK = {"#usdx-critical": "slack-critical", "#usdx-warnings": "slack-warning", "#usdx-info": "slack-info"}
_PAGERDUTY = {"first": "pagerduty", "second": "pagerduty-secondary"}


def _app(sinks: Sinks) -> web.Application:
    incidents: dict[tuple[str, str], str] = {}

    async def webhook(request: web.Request) -> web.Response:
        body = await request.json()
        for alert in body["alerts"]:
            sinks.note("webhook", alert["status"], str(alert["labels"]))
        return web.Response()

    async def slack(request: web.Request) -> web.Response:
        body = await request.json()
        shown = body["attachments"][0]
        status: Status = "firing" if shown["title"].startswith("[FIRING") else "resolved"
        sinks.note(_SLACK[body["channel"]], status, f"{shown['title']}\n{shown['text']}")
        return web.Response(text="ok")

    async def pagerduty(request: web.Request) -> web.Response:
        body: dict[str, Any] = await request.json()
        status: Status = "firing" if body["event_action"] == "trigger" else "resolved"
        incident = (body["routing_key"], body["dedup_key"])
        told = incidents.setdefault(incident, str(body.get("payload")))  # a resolution names its incident only
        sinks.note(_PAGERDUTY[body["routing_key"]], status, told)
        return web.json_response({"status": "success", "dedup_key": body["dedup_key"]}, status=202)

    app = web.Application()
    app.router.add_post("/webhook", webhook)
    app.router.add_post("/slack", slack)
    app.router.add_post("/v2/enqueue", pagerduty)
    return app


class _Mail:
    """Takes every mail."""

    def __init__(self, sinks: Sinks) -> None:
        self._sinks = sinks

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        """aiosmtpd's hook for a finished mail."""
        assert isinstance(envelope.content, bytes)
        mail = message_from_bytes(envelope.content, policy=email_policy)
        subject = str(mail["Subject"])
        body = mail.get_body(("plain",))
        status: Status = "firing" if subject.startswith("[FIRING") else "resolved"
        receiver = str(mail["To"]).partition("@")[0]
        self._sinks.note(f"email-{receiver}", status, f"{subject}\n{body.get_content() if body else ''}")
        return "250 OK"


def _authenticated(server: SMTP, session: Session, envelope: Envelope, mechanism: str, data: Any) -> AuthResult:
    right = isinstance(data, LoginPassword) and (data.login, data.password) == (USER.encode(), PASSWORD.encode())
    return AuthResult(success=right, handled=False)


def _smtp(sinks: Sinks) -> SMTP:
    """A server that wants a password without TLS: nothing leaves this machine. It warns of that at each connection."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        return SMTP(
            _Mail(sinks),
            authenticator=_authenticated,
            auth_required=True,
            auth_require_tls=False,
            auth_exclude_mechanism=["LOGIN"],  # Alertmanager expects another challenge than aiosmtpd sends
            enable_SMTPUTF8=True,
        )
