"""The database: what is borrowed comes back, and being away is one clear error."""

import asyncio

import asyncpg
import pytest
from stowage_contracts.errors import Unavailable
from stowage_runtime.database import Database, Limits
from stowage_runtime.testing.eventually import eventually

from tests.integration.runtime.conftest import Make
from tests.servers.ports import free_ports
from tests.servers.server import Server
from tests.unit.runtime.toy import PACKAGE, World


async def test_nobody_listening_is_unavailable() -> None:
    url = f"postgresql://postgres@127.0.0.1:{free_ports(1)[0]}/postgres"
    database = await Database.open(url, "toy", PACKAGE)

    with pytest.raises(Unavailable) as caught:
        await database.check()

    assert caught.value.code == "unavailable.database"
    await database.close()


async def test_a_wrong_password_is_told_without_the_password(database_url: str) -> None:
    url = database_url.replace("postgres@", "nobody_here:canary@")
    database = await Database.open(url, "toy", PACKAGE)

    with pytest.raises(Exception) as caught:  # noqa: PT011 - whichever the server says
        await database.check()

    assert "canary" not in repr(caught.value)
    await database.close()


async def test_a_pool_that_is_used_up_is_unavailable(database_url: str) -> None:
    limits = Limits(connections=1, acquire_seconds=0.1)
    database = await Database.open(database_url, "toy", PACKAGE, limits)

    async with database.connection():
        with pytest.raises(Unavailable):
            await database.fetch("runtime.now")

    await database.close()


async def test_a_statement_has_a_deadline(database_url: str) -> None:
    database = await Database.open(database_url, "toy", PACKAGE, Limits(statement_seconds=0.2))

    async with database.connection() as connection:
        with pytest.raises(asyncpg.QueryCanceledError):
            await connection.execute("SELECT pg_sleep(30)")

    await database.close()


async def test_an_error_of_the_borrower_is_not_taken_for_the_databases(make: Make) -> None:
    instance = await make()

    with pytest.raises(ConnectionResetError):
        await fail_inside(instance.database, ConnectionResetError())


async def test_a_cancelled_transaction_leaves_the_connection_usable(make: Make) -> None:
    instance = await make()
    limits = Limits(connections=1)
    database = await Database.open(instance.database._url, "toy", PACKAGE, limits)
    inside = asyncio.Event()

    async def hold() -> None:
        async with database.begin() as connection:
            await connection.execute("INSERT INTO pods VALUES ('p', 'n')")
            inside.set()
            await connection.execute("SELECT pg_sleep(30)")

    task = asyncio.create_task(hold())
    await inside.wait()
    task.cancel()
    await asyncio.wait([task])

    assert await database.fetch("pods") == []
    await database.close()


async def test_work_goes_on_after_the_database_was_restarted(
    make: Make, private_postgres: Server, private_database_url: str
) -> None:
    world = World()
    instance = await make(world, url=private_database_url, seconds=0.2)
    instance.start("wakes", instance.wakes)
    instance.start("leader", instance.leader)
    instance.work()
    instance.keep_time()
    await eventually(lambda: instance.leader.leading)

    await asyncio.to_thread(private_postgres.stop)
    with pytest.raises(Unavailable):
        await instance.database.fetch("pods")
    await asyncio.to_thread(private_postgres.start)

    await eventually(lambda: instance.leader.leading, 20)
    swept = len(await instance.database.fetch("beats"))
    await eventually(lambda: swept_more(instance.database, swept), 20)
    assert instance.loops.ended == []


async def fail_inside(database: Database, error: Exception) -> None:
    async with database.begin():
        raise error


async def swept_more(database: Database, than: int) -> bool:
    return len(await database.fetch("beats")) > than
