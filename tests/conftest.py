"""One PostgreSQL for the run of a worker, one template database made by the migrations, each test has its own."""

import tempfile
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from uuid import uuid4

import hypothesis
import pytest
from sqlalchemy import make_url, text
from sqlalchemy.ext.asyncio import create_async_engine

from telecare.api.deps import Services
from telecare.embedded import EmbeddedPostgres
from telecare.kernel import schema
from telecare.kernel.db import Database
from telecare.kernel.logging import configure_logging
from telecare.kernel.sealing import Sealer
from telecare.kernel.settings import Settings
from tests.databases import Databases
from tests.property.examples import examples

LONG = {"bench", "crash", "e2e"}
"""Folders whose files have few tests and take minutes."""
SEAL_KEY = "c2VhbC1rZXktZm9yLXRlc3RzLW9ubHktMzItYnl0ZXM="


async def run_sql(url: str, *statements: str) -> None:
    """Run statements outside any transaction, as CREATE DATABASE asks for."""
    engine = create_async_engine(url, isolation_level="AUTOCOMMIT")
    async with engine.connect() as connection:
        for statement in statements:
            await connection.execute(text(statement))
    await engine.dispose()


# A property that says nothing of its examples has the usual number, by the same rule.
hypothesis.settings.register_profile("usual", examples(100, by_night=2_000))
hypothesis.settings.load_profile("usual")


def in_database(url: str, name: str) -> str:
    return make_url(url).set(database=name).render_as_string(hide_password=False)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the files that take longest: one that began last would leave the other workers idle."""
    tests = Counter(item.path for item in items)
    here = Path(__file__).parent
    items.sort(key=lambda item: (item.path.relative_to(here).parts[0] not in LONG, -tests[item.path]))


@pytest.fixture(scope="session", autouse=True)
def _logging() -> None:
    configure_logging(Settings(log_level="WARNING"))


@pytest.fixture(scope="session")
def postgres_folder() -> Iterator[Path]:
    """A folder that others may pass through, unlike pytest's own: as root the server runs as another user."""
    with tempfile.TemporaryDirectory(prefix="telecare-test-") as folder:
        path = Path(folder)
        path.chmod(0o755)
        yield path


@pytest.fixture(scope="session")
async def postgres_url(postgres_folder: Path) -> AsyncIterator[str]:
    async with EmbeddedPostgres(postgres_folder) as postgres:
        yield postgres.url


@pytest.fixture(scope="session")
async def template(postgres_url: str) -> AsyncIterator[str]:
    name = f"template_{uuid4().hex}"
    await run_sql(postgres_url, f"CREATE DATABASE {name}")
    database = Database(Settings(database_url=in_database(postgres_url, name)))
    await schema.upgrade(database.engine)
    await database.dispose()
    yield name
    await run_sql(postgres_url, f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture(scope="session")
def databases(postgres_url: str, template: str) -> Databases:
    return Databases(postgres_url, template)


@pytest.fixture
async def database_url(postgres_url: str, databases: Databases) -> AsyncIterator[str]:
    name = await databases.take()
    yield in_database(postgres_url, name)
    await databases.give_back(name)


@pytest.fixture
def settings(database_url: str) -> Settings:
    return Settings(database_url=database_url, seal_key=SEAL_KEY)


@pytest.fixture
async def database(settings: Settings) -> AsyncIterator[Database]:
    database = Database(settings)
    yield database
    await database.dispose()


@pytest.fixture
def services(settings: Settings, database: Database) -> Services:
    return Services(settings, database, Sealer(settings))
