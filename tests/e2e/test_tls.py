"""Everything that may cross a host, by TLS: broker, database, gateway, enrolment, links."""

from __future__ import annotations

import os
import ssl
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import aiohttp
import pytest
import pytest_asyncio

from tests.conftest import Servers
from tests.e2e.deployment import PACKAGES, Backing, Deployment
from tests.e2e.operator import Operator
from tests.e2e.sources import MIB, Source, image, serving
from tests.servers.certificates import Certificates
from tests.servers.ports import free_ports

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(180), pytest.mark.slow]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def secured(
    tmp_path_factory: pytest.TempPathFactory, backing: Backing, servers: Servers
) -> AsyncIterator[Operator]:
    """A deployment that is told no plain address at all."""
    broker, database = servers.exports("rabbitmq"), servers.exports("postgres")
    if "STOWAGE_TEST_AMQPS_URL" not in broker or "STOWAGE_TEST_DATABASE_CA" not in database:
        pytest.skip("the servers given by the environment take no TLS")
    folder: Path = tmp_path_factory.mktemp("secured")
    files = Certificates(folder / "tls").make()
    trusted = _bundle(
        folder, files, broker["STOWAGE_TEST_AMQPS_CA"], database["STOWAGE_TEST_DATABASE_CA"]
    )
    separator = "&" if "?" in backing.database_url else "?"
    verified = f"{separator}sslmode=verify-full&sslrootcert={trusted}"
    by_tls = replace(
        backing,
        amqp_url=broker["STOWAGE_TEST_AMQPS_URL"],
        database_url=backing.database_url.replace("127.0.0.1", "localhost") + verified,
    )
    settings = {
        "SSL_CERT_FILE": str(trusted),
        "STOWAGE_HTTP_CERT": str(files.certificate),
        "STOWAGE_HTTP_KEY": str(files.key),
        "STOWAGE_AGENT_DOOR_CERT": str(files.certificate),
        "STOWAGE_AGENT_DOOR_KEY": str(files.key),
    }
    deployment = Deployment(folder, by_tls, settings)
    await deployment.prepare()
    try:
        await deployment.start(*PACKAGES)
        context = ssl.create_default_context(cafile=str(files.authority))
        async with Operator.of(deployment, context) as operator:
            await operator.places()
            await operator.directory_store()
            (port,) = free_ports(1)
            listen = f"localhost:{port}"
            await operator.host(door_listen=listen, door_url=f"https://{listen}")
            yield operator
    finally:
        await deployment.stop_all()


def _bundle(folder: Path, files: Certificates, *others: str) -> Path:
    bundle = folder / "trusted.pem"
    authorities = (str(files.authority), *others)
    bundle.write_text("".join(Path(each).read_text() for each in authorities))
    return bundle


async def test_a_template_goes_its_whole_way_by_tls(secured: Operator) -> None:
    async with serving(Source(image(8 * MIB))) as source:
        made = await secured.register(source.url, checksum=source.sha256)
        template = await secured.settle(f"templates/{made['id']}")
        assert template["ready"], template["error"]
    copy = await secured.settle(f"copies/{(await secured.copy(made['id'], volume_id='v1'))['id']}")
    assert copy["state"] == "done", copy["error"]
    assert (secured.deployment.folder / "pool1" / "v1.raw").read_bytes() == source.content
    link = await secured.call("POST", f"templates/{made['id']}/links", {"seconds": 60})
    url = (await secured.call("GET", f"links/{link['id']}"))["url"]
    assert url.startswith("https://localhost:")
    async with secured.session.get(url, headers={"Authorization": ""}) as answer:
        assert await answer.read() == source.content


async def test_who_trusts_other_authorities_reads_nothing(secured: Operator) -> None:
    async with aiohttp.ClientSession() as stranger:
        with pytest.raises(aiohttp.ClientConnectorCertificateError):
            await stranger.get(f"{secured.deployment.url}/v1/templates")


async def test_a_service_refuses_a_broker_it_cannot_verify(secured: Operator) -> None:
    status, told = await secured.deployment.check("data-motion", SSL_CERT_FILE=os.devnull)
    assert status == 1
    assert "broker" in told


@pytest.mark.parametrize(
    "changed",
    [
        {"STOWAGE_AMQP_URL": "amqp://user:word@broker.example/"},
        {"STOWAGE_DATABASE_URL": "postgresql://user:word@db.example/stowage"},
    ],
)
async def test_a_service_refuses_to_cross_hosts_in_the_clear(
    secured: Operator, changed: dict[str, str]
) -> None:
    status, told = await secured.deployment.check("data-motion", **changed)
    assert status == 1
    assert "would be reached without TLS" in told
    assert "word" not in told
