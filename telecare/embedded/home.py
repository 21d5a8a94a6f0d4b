"""Where the embedded PostgreSQL lives and as whom it runs.

PostgreSQL refuses to run as root. As root its server runs as a user of its own, which must reach its programs and its
data. When it cannot (a home directory is private), both go to /var/lib/telecare-embedded; no permission is loosened.
"""

import hashlib
import os
import pwd
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

SERVER_USER = "embedded_postgres"
FALLBACK = Path("/var/lib/telecare-embedded")


@dataclass(frozen=True)
class Home:
    """`user` and `group` are None when the server runs as we do."""

    data: Path
    programs: Path
    user: int | None
    group: int | None


def find_home(folder: Path, installation: Path) -> Home:
    """Return where the cluster of `folder` lives, making what is missing."""
    if os.getuid() != 0:
        data = folder / "data"
        data.mkdir(mode=0o700, exist_ok=True)
        return Home(data, installation / "bin", None, None)
    entry = _server_user()
    data = folder / "data"
    if not _reaches(entry, folder):
        data = _fallback() / hashlib.sha256(str(folder).encode()).hexdigest()[:16]
        (folder / "where.txt").write_text(f"The database of this directory is in {data}\n", encoding="utf-8")
    data.mkdir(parents=True, exist_ok=True)
    os.chown(data, entry.pw_uid, entry.pw_gid)
    data.chmod(0o700)
    if not _reaches(entry, installation / "bin" / "postgres"):
        installation = _copied(installation)
    return Home(data, installation / "bin", entry.pw_uid, entry.pw_gid)


def _server_user() -> pwd.struct_passwd:
    try:
        return pwd.getpwnam(SERVER_USER)
    except KeyError:
        command = ["useradd", "--system", "--no-create-home", "--shell", "/usr/sbin/nologin", SERVER_USER]
        subprocess.run(command, check=True, capture_output=True)  # noqa: S603 - fixed words
        return pwd.getpwnam(SERVER_USER)


def _reaches(entry: pwd.struct_passwd, path: Path) -> bool:
    """Say whether the server's user may enter `path` (or run it): asked as that user, since groups and ACLs count."""
    test = subprocess.run(  # noqa: S603 - fixed words and a path of ours
        ["/bin/sh", "-c", 'test -x "$0"', str(path)],
        check=False,
        cwd="/",
        user=entry.pw_uid,
        group=entry.pw_gid,
        extra_groups=[],
    )
    return test.returncode == 0


def _fallback() -> Path:
    """Return the folder for what cannot stay where it is; anybody may pass through it, whatever root's umask is."""
    FALLBACK.mkdir(parents=True, exist_ok=True)
    FALLBACK.chmod(0o755)
    return FALLBACK


def _copied(installation: Path) -> Path:
    """Copy the programs (about 41 MB) to where the server's user reaches them, once a version.

    The wheel's libraries lie beside its package, and the programs look for them by that relative path: both are copied.
    """
    packages = installation.parents[1]
    libraries = packages / f"{installation.parent.name}.libs"
    target = _fallback() / f"wheel-{installation.stat().st_mtime_ns:x}"
    if not target.exists():
        part = target.with_suffix(f".{os.getpid()}")
        for folder in (installation, libraries):
            if folder.is_dir():
                shutil.copytree(folder, part / folder.relative_to(packages), symlinks=True)
        subprocess.run(["chmod", "-R", "a+rX", str(part)], check=True)  # noqa: S603, S607 - our own copy
        try:
            part.rename(target)
        except OSError:  # another process was first
            shutil.rmtree(part)
    return target / installation.relative_to(packages)
