"""The embedded PostgreSQL under kill -9: of the server, of who watches it, in folders that the server may not enter."""

import asyncio
import os
import pwd
import shutil
import signal
import sys
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import asyncpg
import psutil
import pytest

from telecare.embedded import EmbeddedPostgres
from telecare.embedded.home import POINTER, SERVER_USER, HomeError
from telecare.embedded.postgres import DirectoryInUseError
from telecare.embedded.process import StartError

LIMIT_S = 30.0
as_root = pytest.mark.skipif(os.getuid() != 0, reason="only root runs the server as another user")


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder that others may pass through, unlike pytest's own."""
    with tempfile.TemporaryDirectory(prefix="telecare-pg-") as name:
        path = Path(name)
        path.chmod(0o755)
        yield path


@pytest.fixture
async def server(folder: Path) -> AsyncIterator[EmbeddedPostgres]:
    async with EmbeddedPostgres(folder / "demo") as server:
        yield server


async def write(server: EmbeddedPostgres, *values: int) -> None:
    connection = await asyncpg.connect(server.dsn)
    await connection.execute("CREATE TABLE IF NOT EXISTS kept (n int)")
    await connection.executemany("INSERT INTO kept VALUES ($1)", [(value,) for value in values])
    await connection.close()


async def read(server: EmbeddedPostgres) -> list[int]:
    connection = await asyncpg.connect(server.dsn)
    rows = await connection.fetch("SELECT n FROM kept ORDER BY n")
    await connection.close()
    return [row["n"] for row in rows]


async def ended(pid: int) -> None:
    """Wait until a process that is not our child is gone, or a zombie that nobody reaps."""
    async with asyncio.timeout(LIMIT_S):
        while True:
            try:
                if psutil.Process(pid).status() == psutil.STATUS_ZOMBIE:
                    return
            except psutil.NoSuchProcess:
                return
            await asyncio.sleep(0.05)


async def test_it_is_durable_private_and_without_a_port(server: EmbeddedPostgres) -> None:
    connection = await asyncpg.connect(server.dsn)
    names = ("fsync", "synchronous_commit", "full_page_writes", "listen_addresses", "max_connections")
    shown = [await connection.fetchval(f"SHOW {name}") for name in names]
    assert shown == ["on", "on", "on", "", "200"]
    assert await connection.fetchval("SELECT current_user || '@' || current_database()") == "telecare@telecare"
    await connection.close()
    assert server.socket_dir.stat().st_mode & 0o777 == 0o700
    assert server.url.startswith("postgresql+asyncpg://telecare@/telecare?host=")


async def test_a_killed_server_comes_back_with_what_was_committed(server: EmbeddedPostgres) -> None:
    for number in range(3):
        await write(server, number)
        idle = await asyncpg.connect(server.dsn)
        busy = await asyncpg.connect(server.dsn)
        query = asyncio.create_task(busy.execute("SELECT pg_sleep(60)"))
        before = server.pid
        server.kill()
        await asyncio.wait_for(server.wait_up(), LIMIT_S)
        assert server.pid not in {None, before}
        assert await read(server) == list(range(number + 1))
        with pytest.raises((OSError, asyncpg.PostgresError, asyncpg.InterfaceError)):
            await query
        idle.terminate()
        busy.terminate()


async def test_it_stops_in_order_and_starts_again(folder: Path) -> None:
    server = EmbeddedPostgres(folder / "demo")
    for number in range(2):
        async with server:
            await write(server, number)
            waiting = await asyncpg.connect(server.dsn)
        waiting.terminate()
    assert "was not properly shut down" not in (server.dir / "server.log").read_text()
    async with server:
        assert await read(server) == [0, 1]


async def test_two_cannot_have_one_directory(server: EmbeddedPostgres) -> None:
    with pytest.raises(DirectoryInUseError, match="in use by another process"):
        await EmbeddedPostgres(server.dir).start()
    await write(server, 1)  # and the first does not notice


SUPERVISOR = """
import asyncio, sys
from pathlib import Path
from telecare.embedded import EmbeddedPostgres

async def main():
    server = EmbeddedPostgres(Path(sys.argv[1]))
    await server.start()
    print(server.pid, flush=True)
    await asyncio.Event().wait()

asyncio.run(main())
"""


async def supervised(folder: Path) -> tuple[asyncio.subprocess.Process, int]:
    """Start a server under a process of its own; return both."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", SUPERVISOR, str(folder), stdout=asyncio.subprocess.PIPE
    )
    assert process.stdout is not None
    return process, int(await asyncio.wait_for(process.stdout.readline(), LIMIT_S))


async def test_after_a_killed_supervisor_the_next_start_takes_the_directory_over(folder: Path) -> None:
    data_dir = folder / "demo"
    supervisor, orphan = await supervised(data_dir)
    server = EmbeddedPostgres(data_dir)
    await write(server, 1)
    idle = [await asyncpg.connect(server.dsn) for _ in range(5)]
    supervisor.kill()
    await supervisor.wait()
    os.kill(orphan, 0)  # it lives on
    async with server:
        assert server.pid != orphan
        assert await read(server) == [1]
        server.kill()  # what is ours now is watched
        await asyncio.wait_for(server.wait_up(), LIMIT_S)
        assert await read(server) == [1]
    for connection in idle:
        connection.terminate()


async def test_an_orphan_without_a_free_connection_is_found_too(folder: Path) -> None:
    supervisor, orphan = await supervised(folder / "demo")
    server = EmbeddedPostgres(folder / "demo")
    await write(server, 1)
    full = await asyncio.gather(*(asyncpg.connect(server.dsn) for _ in range(200)), return_exceptions=True)
    supervisor.kill()
    await supervisor.wait()
    async with server:
        assert server.pid != orphan
        assert await read(server) == [1]
    for connection in full:
        if isinstance(connection, asyncpg.Connection):
            connection.terminate()


async def test_supervisor_and_server_killed_together(folder: Path) -> None:
    supervisor, orphan = await supervised(folder / "demo")
    server = EmbeddedPostgres(folder / "demo")
    await write(server, 1)
    supervisor.kill()
    os.kill(orphan, signal.SIGKILL)
    await supervisor.wait()
    async with server:
        assert await read(server) == [1]


async def test_a_directory_that_was_moved_still_finds_its_orphan(folder: Path) -> None:
    supervisor, orphan = await supervised(folder / "demo")
    await write(EmbeddedPostgres(folder / "demo"), 1)
    supervisor.kill()
    await supervisor.wait()
    moved = (folder / "demo").rename(folder / "moved")
    async with EmbeddedPostgres(moved) as server:
        assert await read(server) == [1]
    await ended(orphan)


async def test_a_directory_that_was_removed_under_its_orphan_starts_anew(folder: Path) -> None:
    supervisor, orphan = await supervised(folder / "demo")
    supervisor.kill()
    await supervisor.wait()
    await asyncio.to_thread(shutil.rmtree, folder / "demo")
    async with EmbeddedPostgres(folder / "demo") as server:
        await write(server, 1)
    await ended(orphan)


async def test_a_process_id_that_is_anothers_by_now_does_not_keep_it_from_starting(folder: Path) -> None:
    """As in a container that is started again: the dead server's number belongs to something else."""
    server = EmbeddedPostgres(folder / "demo")
    async with server:
        await write(server, 1)
        home = server.home
        left_behind = (home.data / "postmaster.pid").read_text(encoding="utf-8").splitlines()
    other = await asyncio.create_subprocess_exec("sleep", "60", cwd="/", user=home.user, group=home.group)
    try:
        pid_file = home.data / "postmaster.pid"
        pid_file.write_text("\n".join([str(other.pid), *left_behind[1:], ""]), encoding="utf-8")
        if home.user is not None:
            os.chown(pid_file, home.user, -1)
        async with server:
            assert await read(server) == [1]
        assert other.returncode is None
    finally:
        other.kill()
        await other.wait()


async def test_a_deep_directory_has_a_short_socket(folder: Path) -> None:
    deep = folder.joinpath(*["a-rather-long-name-for-a-folder"] * 6)
    deep.mkdir(parents=True)
    async with EmbeddedPostgres(deep) as server:
        await write(server, 1)
        assert len(str(server.socket_dir / ".s.PGSQL.5432")) < 60


async def test_settings_of_the_environment_do_not_count(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {"PGPORT": "6000", "PGHOST": "nowhere.example", "PGUSER": "x", "TMPDIR": str(folder)}.items():
        monkeypatch.setenv(name, value)
    async with EmbeddedPostgres(folder / "demo") as server:
        await write(server, 1)
    monkeypatch.undo()
    async with EmbeddedPostgres(folder / "demo") as server:
        assert await read(server) == [1]


async def test_somebodys_own_folder_called_data_is_left_alone(folder: Path) -> None:
    thesis = folder / "data" / "thesis.txt"
    thesis.parent.mkdir()
    thesis.write_text("years of work", encoding="utf-8")
    before = thesis.parent.stat()
    with pytest.raises(HomeError, match="name another directory"):
        await EmbeddedPostgres(folder).start()
    after = thesis.parent.stat()
    assert thesis.read_text(encoding="utf-8") == "years of work"
    assert (after.st_uid, after.st_mode) == (before.st_uid, before.st_mode)


async def test_an_initdb_that_was_cut_short_is_begun_again(folder: Path) -> None:
    half = folder / "demo" / "data.initdb"
    half.mkdir(parents=True)
    (half / "PG_VERSION").write_text("18\n", encoding="ascii")
    async with EmbeddedPostgres(folder / "demo") as server:
        await write(server, 1)
    assert not half.exists()


async def test_what_keeps_it_from_starting_is_told(folder: Path) -> None:
    server = EmbeddedPostgres(folder / "demo", first_tries=2)
    async with server:
        await write(server, 1)
    settings = server.home.data / "postgresql.conf"
    right = settings.read_text(encoding="utf-8")
    settings.write_text(f"{right}\nwork_mem = plenty\n", encoding="utf-8")
    with pytest.raises(StartError, match='invalid value for parameter "work_mem": "plenty"'):
        await server.start()
    assert server.pid is None
    settings.write_text(right, encoding="utf-8")
    async with server:  # the directory is free again
        assert await read(server) == [1]


async def test_cancelled_while_it_starts_it_leaves_nothing_behind(folder: Path) -> None:
    server = EmbeddedPostgres(folder / "demo")
    async with server:
        pass
    for pause_s in (0.0, 0.02, 0.05, 0.1):
        starting = asyncio.create_task(server.start())
        await asyncio.sleep(pause_s)  # somewhere in the middle of it: each time elsewhere
        starting.cancel()
        await asyncio.gather(starting, return_exceptions=True)
        await server.stop()
        assert not (server.home.data / "postmaster.pid").exists()


@as_root
async def test_a_private_parent_is_not_loosened_and_the_database_is_found_again(folder: Path) -> None:
    private = folder / "root"
    private.mkdir(mode=0o700)
    data_dir = private / "telecare" / "demo"
    for number in range(2):
        async with EmbeddedPostgres(data_dir) as server:
            await write(server, number)
            assert await read(server) == list(range(number + 1))
    assert private.stat().st_mode & 0o777 == 0o700
    private.chmod(0o755)  # nor does a change of permissions show an empty one
    async with EmbeddedPostgres(data_dir) as server:
        assert await read(server) == [0, 1]
        assert (data_dir / POINTER).read_text(encoding="utf-8").strip() == str(server.home.data)
        first = server.home.data
    await asyncio.to_thread(shutil.rmtree, data_dir)
    private.chmod(0o700)
    async with EmbeddedPostgres(data_dir) as server:  # removed means removed
        second = server.home.data
        with pytest.raises(asyncpg.UndefinedTableError):
            await read(server)
    for data in (first, second):
        await asyncio.to_thread(shutil.rmtree, data)


@as_root
async def test_a_database_that_can_no_longer_be_reached_is_not_replaced_by_an_empty_one(folder: Path) -> None:
    async with EmbeddedPostgres(folder / "demo") as server:
        await write(server, 1)
    await asyncio.to_thread(folder.chmod, 0o700)
    with pytest.raises(HomeError, match="let it pass"):
        await EmbeddedPostgres(folder / "demo").start()
    await asyncio.to_thread(folder.chmod, 0o755)
    async with server:
        assert await read(server) == [1]


@as_root
async def test_root_runs_it_as_another_user(server: EmbeddedPostgres) -> None:
    owner = pwd.getpwnam(SERVER_USER).pw_uid
    assert server.home.data.stat().st_uid == owner
    assert server.socket_dir.stat().st_uid == owner
