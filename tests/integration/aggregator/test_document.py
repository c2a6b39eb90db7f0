"""The OpenAPI document promises what the API keeps."""

import asyncio
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pytest

from aggregator.stream.hub import Hub
from shared.db import Database
from shared.settings import Settings
from tests.integration.aggregator.test_webhook import alert, send
from tests.integration.aggregator.world import ALICE, BOB, T0, World, site

SCHEMATHESIS = Path(sys.executable).with_name("schemathesis")
# The token in `after` is opaque: text of the right form is refused all the same when we did not write it.
CHECKS = (
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_schema_conformance",
    "response_headers_conformance",
    "negative_data_rejection",
    "missing_required_header",
    "ignored_auth",
    "unsupported_method",
)


async def test_no_request_breaks_the_document(
    settings: Settings, db: Database, world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever is asked, allowed or not, with the right credentials, wrong ones or none, the answer is a documented one
    of the documented form, and never a 500. Streams end at once here, so that they can be asked for, too."""

    async def ends(*_: object) -> None:
        pass

    monkeypatch.setattr(Hub, "_send", ends)
    monkeypatch.setattr("shared.auth.FAILURES_AT_ONCE", 1e9)
    (tmp_path / "token").write_text("s3cret\n")
    gate = {"kind": "bearer", "token_file": tmp_path / "token"}
    await world.pool(1)
    await world.deposit(1, ALICE)
    await world.deposit(2, BOB)
    await world.price("3000.5", T0)
    await world.price(None, T0 + timedelta(seconds=1), reason="spread")
    async with site(settings, db, rate=100_000, api_auth=gate) as served:
        await send(served, alert())
        await served.rooms.status.look()
        process = await asyncio.create_subprocess_exec(
            str(SCHEMATHESIS),
            "run",
            str(served.client.make_url("/api/v1/openapi.json")),
            "--header=Authorization: Bearer s3cret",
            f"--checks={','.join(CHECKS)}",
            "--max-examples=15",
            "--phases=examples,coverage,fuzzing",
            "--seed=1",
            "--no-color",
            cwd=tmp_path,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        output, _ = await process.communicate()
    assert process.returncode == 0, output.decode()[-6000:]
