"""Where the embedded PostgreSQL lives and as whom it runs.

PostgreSQL refuses to run as root. As root its server runs as a user of its own, which must reach its programs and its
data. When it cannot (a home directory is private), both go to /var/lib/telecare-embedded; no permission is loosened.
A file in the directory then says where: it decides from there on, so a change of permissions never shows an empty
database, and a directory that was removed and made anew has a new one.
"""

import hashlib
import os
import pwd
import secrets
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from telecare.kernel.errors import UnavailableError

SERVER_USER = "embedded_postgres"
FALLBACK = Path("/var/lib/telecare-embedded")
POINTER = "database-is-in"


class HomeError(UnavailableError):
    """The database cannot live there; the text says what to do."""


@dataclass(frozen=True)
class Home:
    """`user` and `group` are None when the server runs as we do."""

    data: Path
    programs: Path
    user: int | None
    group: int | None

    @property
    def has_cluster(self) -> bool:
        """Say whether initdb has been here."""
        return _has_cluster(self.data)


def find_home(folder: Path, installation: Path) -> Home:
    """Return where the cluster of `folder` lives, making what is missing; HomeError when it cannot."""
    if os.getuid() != 0:
        return _own_home(folder, installation)
    data = _data_for_root(folder)
    _refuse_strange(data)
    entry = _owner(data)
    if not _reaches(entry, data):
        raise HomeError(f"{entry.pw_name} cannot enter {data}: let it pass (chmod o+x on the folders above)")
    if not _reaches(entry, installation / "bin" / "postgres"):
        installation = _copied(installation)
    return Home(data, installation / "bin", entry.pw_uid, entry.pw_gid)


def _own_home(folder: Path, installation: Path) -> Home:
    data = folder / "data"
    data.mkdir(mode=0o700, exist_ok=True)
    if (folder / POINTER).exists() or data.stat().st_uid != os.getuid():
        raise HomeError(f"The database of {folder} was made by another user (root?): name another directory")
    _refuse_strange(data)
    return Home(data, installation / "bin", None, None)


def _data_for_root(folder: Path) -> Path:
    pointer = folder / POINTER
    if pointer.exists():
        data = Path(pointer.read_text(encoding="utf-8").strip())
        if not data.is_dir():
            raise HomeError(f"The database of {folder} was in {data}, which is gone: remove {pointer} to start anew")
        return data
    data = folder / "data"
    if _has_cluster(data) or _reaches(_server_user(), folder):
        data.mkdir(mode=0o700, exist_ok=True)
        return data
    digest = hashlib.sha256(str(folder).encode()).hexdigest()[:16]
    data = _fallback() / f"{digest}-{secrets.token_hex(4)}"
    data.mkdir(mode=0o700)
    pointer.write_text(f"{data}\n", encoding="utf-8")
    return data


def _has_cluster(data: Path) -> bool:
    return (data / "PG_VERSION").exists()


def _refuse_strange(data: Path) -> None:
    """Refuse a folder of somebody's own things that only happens to be called `data`: not ours to touch."""
    if not _has_cluster(data) and any(data.iterdir()):
        raise HomeError(f"{data} has other things in it than a database: name another directory")


def _owner(data: Path) -> pwd.struct_passwd:
    """Return whose the data are; a folder of root's, new and empty, is given to the server's user."""
    owner = data.stat().st_uid
    if owner != 0:
        try:
            return pwd.getpwuid(owner)
        except KeyError as error:
            raise HomeError(f"{data} belongs to user {owner}, whom this system does not know") from error
    entry = _server_user()
    os.chown(data, entry.pw_uid, entry.pw_gid)
    data.chmod(0o700)
    return entry


def _server_user() -> pwd.struct_passwd:
    try:
        return pwd.getpwnam(SERVER_USER)
    except KeyError:
        program = shutil.which("useradd", path=f"{os.environ.get('PATH', os.defpath)}:/usr/sbin:/sbin")
        if program is None:
            raise HomeError("PostgreSQL does not run as root: start this as an ordinary user") from None
        command = [program, "--system", "--no-create-home", "--shell", "/usr/sbin/nologin", SERVER_USER]
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
