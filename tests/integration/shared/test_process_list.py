"""What `ps` shows to everybody on the machine."""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path
from urllib.parse import urlsplit

from shared.embedded import find_binaries

USDX = Path(sys.executable).with_name("usdx")
PASSWORD = "hush-correct-horse"
PROGRAMS = {"pg_dump", "pg_restore", "psql"}
LISTED = """#!/bin/sh
tr '\\0' ' ' < /proc/$PPID/cmdline >> {log}
echo >> {log}
echo "{real} $*" "${{PGPASSWORD:+(has the password)}}" >> {log}
exec {real} "$@"
"""


async def test_no_command_line_holds_the_password(database_url: str, tmp_path: Path) -> None:
    """While a database whose url has a password is backed up and the backup is tried, neither our own command line nor
    those of Postgres's programs hold it, though these are given it."""
    log, folder = tmp_path / "listed", tmp_path / "bin"
    folder.mkdir()
    for name in PROGRAMS:
        script = LISTED.format(log=log, real=find_binaries() / name)
        (folder / name).write_text(script)
        (folder / name).chmod(0o755)
    url = urlsplit(database_url)
    user, _, host = url.netloc.rpartition("@")
    secret = url._replace(netloc=f"{user.partition(':')[0] or 'postgres'}:{PASSWORD}@{host}").geturl()
    (tmp_path / "usdx.toml").write_text(f'[database]\nurl = "{secret}"\n')
    process = await asyncio.create_subprocess_exec(
        *(str(USDX), "backup", "--config", str(tmp_path / "usdx.toml"), str(tmp_path / "backups")),
        env={"PATH": f"{folder}{os.pathsep}{os.environ['PATH']}"},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    said, _ = await process.communicate()
    assert process.returncode == 0, said.decode()
    listed = log.read_text()
    given = {Path(line.split()[0]).name for line in listed.splitlines() if "(has the password)" in line}
    assert {"pg_dump", "pg_restore"} <= given <= PROGRAMS
    assert str(USDX) in listed
    assert PASSWORD not in listed
    assert PASSWORD not in said.decode()
