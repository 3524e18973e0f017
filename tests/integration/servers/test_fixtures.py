"""The fixtures hand out servers that really answer, and private ones that can be broken."""

from __future__ import annotations

import asyncio
import json
import urllib.request

import aio_pika
import asyncpg
import pytest

from tests.servers.broker import remove_prefixed
from tests.servers.databases import fresh_database
from tests.servers.proxy import Proxy
from tests.servers.s3 import S3Server, fresh_bucket
from tests.servers.server import Server


async def _publish(url: str, queue_name: str) -> None:
    async with await aio_pika.connect(url, timeout=10) as connection:
        channel = await connection.channel()
        queue = await channel.declare_queue(
            queue_name, durable=True, arguments={"x-queue-type": "quorum"}
        )
        message = aio_pika.Message(b"kept", delivery_mode=aio_pika.DeliveryMode.PERSISTENT)
        await channel.default_exchange.publish(message, queue.name)


async def _take(url: str, queue_name: str) -> bytes:
    async with await aio_pika.connect(url, timeout=10) as connection:
        channel = await connection.channel()
        queue = await channel.declare_queue(queue_name, passive=True)
        message = await queue.get(timeout=10)
        await message.ack()
        return message.body


def _queues(management_url: str) -> set[str]:
    opener = urllib.request.build_opener()
    scheme, rest = management_url.split("://")
    credentials, host = rest.split("@")
    passwords = urllib.request.HTTPPasswordMgrWithDefaultRealm()
    passwords.add_password(None, f"{scheme}://{host}", *credentials.split(":"))
    opener.add_handler(urllib.request.HTTPBasicAuthHandler(passwords))
    with opener.open(f"{scheme}://{host}/api/queues", timeout=10) as reply:
        return {queue["name"] for queue in json.load(reply)}


async def test_the_broker_keeps_and_delivers(rabbitmq_url: str, bus_prefix: str) -> None:
    await _publish(rabbitmq_url, f"{bus_prefix}.q")
    assert await _take(rabbitmq_url, f"{bus_prefix}.q") == b"kept"


async def test_what_bears_the_prefix_is_removed_and_nothing_else(
    rabbitmq_url: str, rabbitmq_management_url: str, bus_prefix: str
) -> None:
    await _publish(rabbitmq_url, f"{bus_prefix}.mine/1")
    await _publish(rabbitmq_url, f"{bus_prefix}-2.other")
    remove_prefixed(rabbitmq_management_url, f"{bus_prefix}.")
    queues = _queues(rabbitmq_management_url)
    assert f"{bus_prefix}.mine/1" not in queues
    assert f"{bus_prefix}-2.other" in queues


async def test_each_test_has_a_database_of_its_own(postgres_url: str, database_url: str) -> None:
    assert database_url != postgres_url
    connection = await asyncpg.connect(database_url)
    assert await connection.fetch("SELECT * FROM pg_stat_user_tables") == []
    await connection.close()


async def test_a_database_is_dropped_though_somebody_is_connected(postgres_url: str) -> None:
    async with fresh_database(postgres_url) as url:
        connection = await asyncpg.connect(url)
    with pytest.raises(asyncpg.InvalidCatalogNameError):
        await asyncpg.connect(url)
    connection.terminate()


async def test_the_object_store_returns_what_was_put(s3_server: S3Server, s3_bucket: str) -> None:
    async with s3_server.client() as s3:
        await s3.put_object(Bucket=s3_bucket, Key="a", Body=b"bytes")
        reply = await s3.get_object(Bucket=s3_bucket, Key="a", Range="bytes=1-2")
        assert await reply["Body"].read() == b"yt"


async def test_a_bucket_goes_with_its_objects_and_open_uploads(s3_server: S3Server) -> None:
    async with fresh_bucket(s3_server) as bucket, s3_server.client() as s3:
        await s3.put_object(Bucket=bucket, Key="a", Body=b"bytes")
        await s3.create_multipart_upload(Bucket=bucket, Key="b")
    async with s3_server.client() as s3:
        assert bucket not in {found["Name"] for found in (await s3.list_buckets())["Buckets"]}


def test_the_secret_key_does_not_show_in_a_printed_server() -> None:
    assert "hush" not in repr(S3Server("http://s3", "access", "hush"))


async def test_a_private_broker_keeps_durable_messages_over_a_kill(
    private_rabbitmq: Server,
) -> None:
    await _publish(private_rabbitmq.url, "durable")
    private_rabbitmq.kill()
    with pytest.raises(ConnectionError):
        await _publish(private_rabbitmq.url, "durable")
    private_rabbitmq.start()
    assert await _take(private_rabbitmq.url, "durable") == b"kept"


async def test_a_private_database_keeps_what_was_committed_over_a_kill(
    private_postgres: Server,
) -> None:
    async with fresh_database(private_postgres.url) as url:
        before = await asyncpg.connect(url)
        await before.execute("CREATE TABLE kept AS SELECT 42 AS answer")
        private_postgres.kill()
        before.terminate()
        private_postgres.start()
        after = await asyncpg.connect(url)
        assert await after.fetchval("SELECT answer FROM kept") == 42
        await after.close()


async def test_a_private_server_left_stopped_runs_again_for_the_next_test(
    private_postgres: Server, private_database_url: str
) -> None:
    connection = await asyncpg.connect(private_database_url)
    await connection.close()
    private_postgres.restart()
    assert private_postgres.alive()


async def test_a_cut_at_the_proxy_looks_to_a_client_like_a_broken_network(
    rabbitmq_url: str,
) -> None:
    address = aio_pika.connection.make_url(rabbitmq_url)
    async with Proxy(str(address.host), int(address.port or 5672)) as proxy:
        connection = await aio_pika.connect(str(address.with_port(proxy.port)), timeout=10)
        lost = asyncio.Event()
        connection.close_callbacks.add(lambda *_: lost.set())
        await proxy.cut()
        await asyncio.wait_for(lost.wait(), 10)
