"""Laws of the embedded Postgres."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from shared import embedded
from shared.embedded import Place, find_binaries
from shared.errors import ConfigError, EmbeddedFailed

ROOT = Path(__file__).parents[3]
PSQL = find_binaries() / "psql"
USER = """
import sys
from pathlib import Path
from shared import embedded
with embedded.start(Path(sys.argv[1]), durable=len(sys.argv) > 2) as server:
    print(server.url, flush=True)
    sys.stdin.read()
"""


def _sql(url: str, sql: str) -> str:
    done = subprocess.run([PSQL, "-X", "-At", "-c", sql, url], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def _pid(root: Path) -> int:
    return int(Place(root.resolve()).pid_file.read_text().splitlines()[0])


def _eventually(condition: Callable[[], bool]) -> None:
    for _ in range(3000):
        if condition():
            return
        time.sleep(0.05)
    raise AssertionError("it did not come true")


def _gone(pid: int) -> bool:
    """No longer there, or only waiting for its parent to notice."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] == "Z"
    except OSError:
        return True


def _servers(root: Path) -> list[int]:
    """Every process that has this cluster in its command line: server and keeper."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            if os.fsencode(root.resolve()) in (folder / "cmdline").read_bytes() and not _gone(int(folder.name)):
                found.append(int(folder.name))
        except OSError:
            continue
    return found


@contextmanager
def _user(root: Path, *prefix: str, durable: bool = False) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """Another process that uses the server until its stdin is closed."""
    process = subprocess.Popen(
        [*prefix, sys.executable, "-c", USER, str(root), *(["durable"] if durable else [])],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env=os.environ | {"PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": "1"},
    )
    try:
        assert process.stdout is not None
        url = process.stdout.readline().strip()
        assert url, "the user did not start"
        yield process, url
    finally:
        if process.poll() is None:
            assert process.stdin is not None
            process.stdin.close()
            process.wait(60)
        for pipe in (process.stdin, process.stdout):
            if pipe is not None:
                pipe.close()


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder whose cluster has been made and whose server has ended."""
    made = tmp_path_factory.mktemp("cluster") / "postgres"
    embedded.start(made, durable=False).close()
    return made


@pytest.fixture
def fresh() -> Iterator[Path]:
    """A folder that does not exist yet, with a path short enough for a socket."""
    with tempfile.TemporaryDirectory(prefix="usdx") as folder:
        yield Path(folder) / "postgres"
        _eventually(lambda: not _servers(Path(folder)))


@pytest.fixture
def root(fresh: Path, cluster: Path) -> Path:
    """A folder with a cluster of its own, copied because making one takes longer."""
    subprocess.run(["cp", "-a", cluster, fresh], check=True)
    return fresh


def test_it_starts_keeps_and_stops(fresh: Path) -> None:
    """Data outlives the server; no process and no socket outlives its last user."""
    with embedded.start(fresh) as server:
        assert _sql(server.url, "select current_user || ' ' || current_database()") == "usdx usdx"
        assert _sql(server.url, "show server_encoding") == "UTF8"
        _sql(server.url, "create table public.t (n int)")
        pid = _pid(fresh)
    assert _gone(pid)
    assert not list(Place(fresh.resolve()).sockets.iterdir())
    with embedded.start(fresh) as server:
        assert _sql(server.url, "select count(*) from public.t") == "0"


def test_it_is_durable_unless_told_otherwise(root: Path) -> None:
    """fsync is on for data, and off only on request."""
    with embedded.start(root) as server:
        assert _sql(server.url, "show fsync") == "on"
        assert _sql(server.url, "show synchronous_commit") == "on"
        assert _sql(server.url, "show full_page_writes") == "on"
    with embedded.start(root, durable=False) as server:
        assert _sql(server.url, "show fsync") == "off"


def test_it_is_reached_by_socket_only(root: Path) -> None:
    """No port is opened, and only its owner and root may use the socket."""
    with embedded.start(root, durable=False) as server:
        assert _sql(server.url, "show listen_addresses") == ""
        place = Place(root.resolve())
        assert place.sockets.stat().st_mode & 0o077 == 0
        assert (place.sockets / ".s.PGSQL.5432").stat().st_mode & 0o077 == 0


def test_users_share_one_server(root: Path) -> None:
    """Several processes use the same server; it stops with the last of them, whoever came first."""
    with _user(root) as (_, first):
        pid = _pid(root)
        with _user(root) as (_, second):
            assert first == second
            assert _pid(root) == pid
        assert not _gone(pid)
    assert _gone(pid)


def test_the_first_may_leave_first(root: Path) -> None:
    """Who started the server does not own it."""
    with embedded.start(root, durable=False) as mine:
        with _user(root) as (_, url):
            pid = _pid(root)
            mine.close()
            assert _sql(url, "select 1") == "1"
        assert _gone(pid)


def test_starting_at_once(fresh: Path) -> None:
    """Of many that start at the same time one makes the cluster and the others wait for it."""
    program = [sys.executable, "-c", USER, str(fresh)]
    users = [
        subprocess.Popen(
            program, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=os.environ | {"PYTHONPATH": str(ROOT)}
        )
        for _ in range(4)
    ]
    outputs = []
    for user in users:
        assert user.stdout is not None
        outputs.append(user.stdout.readline())
    assert len(set(outputs)) == 1
    assert outputs[0].startswith(b"postgresql://")
    for user in users:  # its end of file comes with its own end, not with the server's
        user.communicate(timeout=60)
        assert user.returncode == 0


def test_killed_users_leave_nothing_behind(root: Path) -> None:
    """After kill -9 of the last user the server stops by itself."""
    with _user(root) as (process, _):
        pid = _pid(root)
        process.kill()
        process.wait()
        _eventually(lambda: _gone(pid))


def test_a_killed_server_is_recovered(root: Path) -> None:
    """After kill -9 of Postgres and everybody else, the next start finds committed data."""
    with _user(root, durable=True) as (process, url):
        _sql(url, "create table public.t as select 1 as n")
        pids = _servers(root)
        for pid in pids:
            os.kill(pid, signal.SIGKILL)
        process.wait()
        _eventually(lambda: all(_gone(pid) for pid in pids))  # a dying server still answers
    assert Place(root.resolve()).pid_file.exists()
    with embedded.start(root, durable=False) as server:
        assert _sql(server.url, "select n from public.t") == "1"


def test_a_server_that_died_under_its_users_is_started_again(root: Path) -> None:
    """The next start brings it back for the ones who still hold a share."""
    with embedded.start(root, durable=False) as first:
        os.kill(_pid(root), signal.SIGKILL)
        _eventually(lambda: not Path(f"/proc/{_pid(root)}").exists() or _gone(_pid(root)))
        with embedded.start(root, durable=False):
            assert _sql(first.url, "select 1") == "1"
        assert _sql(first.url, "select 1") == "1"


def test_a_settled_server_that_crashes_comes_back(root: Path) -> None:
    """A server that ran well and was killed is started again by its keeper, for the users it has."""
    with embedded.start(root) as server:
        _sql(server.url, "create table public.t as select 1 as n")
        first = _pid(root)
        time.sleep(5.5)  # a server that dies sooner is not started again
        os.kill(first, signal.SIGKILL)

        def back() -> bool:
            done = subprocess.run([PSQL, "-X", "-At", "-c", "select n from public.t", server.url], capture_output=True)
            return done.stdout == b"1\n"

        _eventually(back)
        assert _pid(root) != first


def test_a_pid_of_another_program_is_not_the_server(root: Path) -> None:
    """A pid file whose pid now belongs to somebody else is stale, and that somebody is left alone."""
    with embedded.start(root, durable=False):
        pass
    stranger = subprocess.Popen(["/bin/sleep", "600"])
    try:
        place = Place(root.resolve())
        place.pid_file.write_text(f"{stranger.pid}\n{place.data}\n1\n5432\n{place.sockets}\n\n 1 1\nready   \n")
        (place.sockets / ".s.PGSQL.5432").touch()
        with embedded.start(root, durable=False) as server:
            assert _sql(server.url, "select 1") == "1"
        assert stranger.poll() is None
    finally:
        stranger.kill()
        stranger.wait()


def test_an_unfinished_cluster_is_made_again(fresh: Path) -> None:
    """A process killed while it made the cluster leaves nothing that counts as one."""
    (fresh / "data.new" / "base").mkdir(parents=True)
    (fresh / "data.new" / "PG_VERSION").write_text("18\n")
    with embedded.start(fresh, durable=False) as server:
        assert _sql(server.url, "select 1") == "1"


def test_a_long_path(tmp_path: Path) -> None:
    """A socket's path may be no longer than 107 bytes; the folder's may."""
    root = tmp_path / ("long" * 30) / "postgres"
    with embedded.start(root, durable=False) as server:
        assert _sql(server.url, "select 1") == "1"
        assert Place(root.resolve()).sockets.parent != root
    assert not Place(root.resolve()).sockets.exists()
    with _user(root) as (process, _):
        process.kill()
        process.wait()
    _eventually(lambda: not Place(root.resolve()).sockets.exists())


def test_somebody_else_s_folder_is_not_used(tmp_path: Path) -> None:
    """Who made a socket folder before us in the shared temporary folder gets no server of ours."""
    root = tmp_path / ("long" * 30) / "postgres"
    sockets = Place(root.resolve()).sockets
    for squat in (lambda: sockets.symlink_to(tmp_path), sockets.touch, lambda: sockets.mkdir(mode=0o777)):
        squat()
        try:
            with pytest.raises(EmbeddedFailed, match="is not a folder of uid"):
                embedded.start(root, durable=False)
        finally:
            sockets.rmdir() if sockets.is_dir() and not sockets.is_symlink() else sockets.unlink()


def test_a_strange_path(tmp_path: Path) -> None:
    """Spaces, percent signs and letters of any alphabet are fine."""
    root = tmp_path / "a b%20ü&?=" / "postgres"
    with embedded.start(root, durable=False) as server:
        assert _sql(server.url, "select 1") == "1"


def test_a_path_by_another_name(root: Path, tmp_path: Path) -> None:
    """The same folder reached through a link or `..` is the same server."""
    (tmp_path / "link").symlink_to(root.parent, target_is_directory=True)
    with embedded.start(root, durable=False) as server:
        pid = _pid(root)
        with embedded.start(tmp_path / "link" / "x" / ".." / "postgres", durable=False) as other:
            assert (other.url, _pid(root)) == (server.url, pid)


def test_another_major_version_is_refused(root: Path) -> None:
    """A cluster of an older Postgres is named, not touched."""
    with embedded.start(root, durable=False):
        pass
    (root / "data" / "PG_VERSION").write_text("17\n")
    with pytest.raises(EmbeddedFailed, match=r"made by Postgres 17, this is 18"):
        embedded.start(root, durable=False)


def test_a_broken_cluster_says_why(root: Path) -> None:
    """When Postgres does not come up, the message names its log and repeats its last line."""
    with embedded.start(root, durable=False):
        pass
    (root / "data" / "postgresql.conf").write_text("nonsense = 1\n")
    with pytest.raises(EmbeddedFailed, match=r"see .*/postgres/log: .*postgresql\.conf"):
        embedded.start(root, durable=False)


def test_without_the_wheel_the_message_names_both_ways(monkeypatch: pytest.MonkeyPatch, fresh: Path) -> None:
    """No url and no wheel: set the one or install the other."""
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(ConfigError, match=r"database\.url is not set .*`pip install"):
        embedded.start(fresh)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")
class TestAsRoot:
    """What holds when root starts it."""

    AS_NOBODY = (
        "setpriv",
        "--reuid=65534",
        "--regid=65534",
        "--clear-groups",
        "--inh-caps=-all,+dac_override",
        "--ambient-caps=-all,+dac_override",  # the interpreter may lie in root's home
        "--bounding-set=-all,+dac_override",
        "--securebits=+no_setuid_fixup",
    )

    def test_the_server_is_not_root(self, root: Path) -> None:
        """Postgres runs as an unprivileged user, also below a folder that is closed to it."""
        root.parent.chmod(0o700)
        with embedded.start(root, durable=False):
            assert Path(f"/proc/{_pid(root)}").stat().st_uid not in (0, -1)
            assert root.parent.stat().st_mode & 0o077 == 0

    def test_a_closed_folder_costs_one_capability(self, root: Path) -> None:
        """Below a closed folder the server keeps CAP_DAC_OVERRIDE and nothing else."""
        root.parent.chmod(0o700)
        with embedded.start(root, durable=False):
            status = Path(f"/proc/{_pid(root)}/status").read_text()
        assert "CapEff:\t0000000000000002" in status
        assert "CapBnd:\t0000000000000002" in status
        assert "NoNewPrivs:\t1" in status

    def test_an_open_folder_costs_none(self, root: Path) -> None:
        """Where every folder lets it through, the server has no capability."""
        if not all(path.stat().st_mode & 0o001 for path in (PSQL.parent, *PSQL.parents)):
            pytest.skip("the binaries themselves lie below a closed folder")
        open_root = Path("/tmp") / f"usdx-test-{os.getpid()}"  # pytest's own folder is closed
        try:
            with embedded.start(open_root, durable=False):
                assert "CapEff:\t0000000000000000" in Path(f"/proc/{_pid(open_root)}/status").read_text()
        finally:
            shutil.rmtree(open_root)

    def test_an_ordinary_user_runs_it(self, fresh: Path) -> None:
        """Without root the server runs as whoever starts it, and stops with him."""
        fresh.mkdir()
        os.chown(fresh, 65534, 65534)
        with _user(fresh, *self.AS_NOBODY) as (_, url):
            assert Path(f"/proc/{_pid(fresh)}").stat().st_uid == 65534
            assert _sql(url, "select 1") == "1"
            pid = _pid(fresh)
        assert _gone(pid)

    def test_root_uses_what_an_ordinary_user_made(self, fresh: Path) -> None:
        """The cluster keeps its owner, whoever starts it."""
        fresh.mkdir()
        os.chown(fresh, 65534, 65534)
        with _user(fresh, *self.AS_NOBODY) as (_, url):
            _sql(url, "create table public.t (n int)")
        with embedded.start(fresh, durable=False) as server:
            assert _sql(server.url, "select count(*) from public.t") == "0"
            assert Path(f"/proc/{_pid(fresh)}").stat().st_uid == 65534
