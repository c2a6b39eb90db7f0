"""As whom the embedded Postgres runs: never root, and with no more power than it needs to reach its files."""

from __future__ import annotations

import os
import pwd
import shutil
import stat
from dataclasses import dataclass
from pathlib import Path

from shared.errors import EmbeddedFailed


@dataclass(frozen=True, slots=True)
class Owner:
    """As whom Postgres runs: our own uid, or an unprivileged one when we are root."""

    uid: int
    gid: int
    drop: bool


def owner_of(data: Path) -> Owner:
    """Whoever owns the cluster already, else we; never root."""
    uid = data.stat().st_uid if data.exists() else os.geteuid()
    if os.geteuid() != 0:
        if uid != os.geteuid():
            raise EmbeddedFailed(f"{data} belongs to uid {uid}: run as that user or as root, or remove {data.parent}")
        return Owner(uid, os.getegid(), drop=False)
    entry = pwd.getpwuid(uid) if uid else pwd.getpwnam("nobody")
    return Owner(entry.pw_uid, entry.pw_gid, drop=True)


def as_owner(owner: Owner, *paths: Path) -> tuple[list[str], int | None, int | None]:
    """How to run as the owner: a command prefix, and the uid and gid to switch to without one.

    Below a folder closed to the owner, such as a clone in root's home, Postgres keeps the one capability
    CAP_DAC_OVERRIDE; `no_setuid_fixup` lets access(2), with which it looks for its own files, honour it.
    """
    if not owner.drop:
        return [], None, None
    if all(_reachable(path, owner) for path in paths):
        return [], owner.uid, owner.gid
    setpriv = shutil.which("setpriv")
    if setpriv is None:
        raise EmbeddedFailed(
            f"uid {owner.uid} cannot reach {' or '.join(map(str, paths))}, and setpriv (util-linux) is missing"
        )
    only = "-all,+dac_override"
    drop = [setpriv, f"--reuid={owner.uid}", f"--regid={owner.gid}", "--clear-groups", "--no-new-privs"]
    caps = [f"--inh-caps={only}", f"--ambient-caps={only}", f"--bounding-set={only}", "--securebits=+no_setuid_fixup"]
    return drop + caps, None, None


def _reachable(path: Path, owner: Owner) -> bool:
    """Whether every folder on the way lets the owner through."""
    for folder in (path, *path.parents):
        info = folder.stat()
        if info.st_uid == owner.uid:
            allowed = info.st_mode & stat.S_IXUSR
        elif info.st_gid == owner.gid:
            allowed = info.st_mode & stat.S_IXGRP
        else:
            allowed = info.st_mode & stat.S_IXOTH
        if not allowed:
            return False
    return True


def make_folder(folder: Path, owner: Owner) -> None:
    """A folder that only the owner may enter. Raises EmbeddedFailed when somebody else's thing stands there."""
    try:
        folder.mkdir(mode=0o700)
    except FileExistsError:
        info = folder.lstat()
        if not stat.S_ISDIR(info.st_mode) or info.st_uid != owner.uid or info.st_mode & 0o077:
            raise EmbeddedFailed(f"{folder} is not a folder of uid {owner.uid} alone: remove it") from None
    else:
        if folder.stat().st_uid != owner.uid:
            os.chown(folder, owner.uid, owner.gid)
