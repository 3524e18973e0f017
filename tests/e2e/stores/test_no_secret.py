"""Secrets put into every secret field are in no log, message, trace, row, answer or error."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import asyncpg
import pytest

from tests.contract.stores.swift_store import LINK_KEY
from tests.e2e.collector import Collector, collecting
from tests.e2e.deployment import API_KEY, PACKAGES, Backing, Deployment
from tests.e2e.operator import Operator, Refused
from tests.e2e.sources import MIB, Source, image, serving
from tests.e2e.stores.conftest import WRONG, add_rgw, add_swift, ready_on
from tests.e2e.tap import Tap, tapped
from tests.servers.s3 import S3Server
from tests.servers.swift_server import SwiftServer

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(300), pytest.mark.slow]
PASSWORD = "canary-of-a-url-7d1f"
SIGNATURES = ("X-Amz-Signature=", "temp_url_sig=")
"""What makes a presigned URL one."""


async def test_no_secret_is_found_anywhere(
    backing: Backing,
    s3_server: S3Server,
    s3_bucket: str,
    swift_server: SwiftServer,
    swift_container: str,
    tmp_path: Path,
) -> None:
    async with collecting() as collector:
        told = {"STOWAGE_OTLP_ENDPOINT": collector.url, "STOWAGE_LOG_LEVEL": "debug"}
        deployment = Deployment(tmp_path, backing, told)
        await deployment.prepare()
        try:
            await deployment.start(*PACKAGES)
            async with tapped(backing, ("h1",)) as tap, Operator.of(deployment) as operator:
                await operator.places()
                await operator.host()
                await add_rgw(operator, s3_server, s3_bucket)
                await add_swift(operator, swift_server, swift_container)
                answers = await _everything(operator, s3_server, s3_bucket)
        finally:
            await deployment.stop_all()
        places = {
            **_logs(deployment),
            **_said(tap, collector),
            **await _rows(backing),
            "answers": "\n".join(answers),
        }
    secrets = (s3_server.secret_key, swift_server.key, LINK_KEY, PASSWORD, WRONG, API_KEY)
    assert {"image-store.log", "bodies", "traces", "image_store.grants"} <= places.keys()
    assert "rgw" in places["bodies"]
    found = [
        (name, what[:4] + "…")
        for name, text in places.items()
        for what in (*secrets, *SIGNATURES)
        for shape in {what, base64.b64encode(what.encode()).decode().rstrip("=")}
        if shape in text
    ]
    assert found == []


async def _everything(operator: Operator, server: S3Server, bucket: str) -> list[str]:
    """Registered, copied, linked, rotated, refused: what was answered, links left out."""
    async with serving(Source(image(2 * MIB, 51))) as source:
        at = urlsplit(source.url)
        url = f"{at.scheme}://user:{PASSWORD}@{at.netloc}{at.path}?token={PASSWORD}"
        made = await operator.register(
            url, store_ids=["rgw", "swift"], zone_id=None, scope="regionWide"
        )
        template = await ready_on(operator, made["id"], "rgw", "swift")
        refused = await operator.register(f"http://10.255.255.1/{PASSWORD}")
        copy = await operator.copy(made["id"])
        await operator.settle(f"copies/{copy['id']}")
    link = await operator.call("POST", f"templates/{made['id']}/links", {"seconds": 60})
    await operator.call("GET", f"links/{link['id']}")
    await operator.call(
        "PATCH", "stores/rgw", {"secrets": {"access_key": server.access_key, "secret_key": WRONG}}
    )
    await operator.call("POST", "stores/rgw/probe")
    bad = {"endpoint": server.endpoint, "bucket": bucket, "region": server.region, "prefix": "bad"}
    keys = {"access_key": server.access_key, "secret_key": WRONG}
    body = {"id": "bad", "name": "bad", "provider": "S3", "settings": bad, "secrets": keys}
    await operator.call("POST", "stores", body)
    rejected = await operator.settle("stores/bad")
    return [
        *map(str, (template, refused, rejected, link)),
        str(await operator.settle(f"templates/{refused['id']}")),
        str(await operator.call("GET", "stores")),
        str(await _refusal(operator)),
    ]


async def _refusal(operator: Operator) -> dict[str, Any]:
    """A bad body that holds a secret is not echoed."""
    body = {"name": "x", "provider": "S3", "settings": {}, "secrets": {"secret_key": [WRONG]}}
    with pytest.raises(Refused) as refused:
        await operator.call("POST", "stores", body)
    return refused.value.problem


def _logs(deployment: Deployment) -> dict[str, str]:
    return {path.name: path.read_text() for path in deployment.folder.glob("*.log")}


def _said(tap: Tap, collector: Collector) -> dict[str, str]:
    traces = b"\n".join(collector.raw).decode("utf-8", "replace")
    return {"bodies": "\n".join(tap.bodies), "traces": traces}


async def _rows(backing: Backing) -> dict[str, str]:
    """Every row of every table, as text."""
    connection = await asyncpg.connect(backing.database_url)
    try:
        tables = await connection.fetch(
            "SELECT schemaname, tablename FROM pg_tables "
            "WHERE schemaname NOT IN ('pg_catalog', 'information_schema')"
        )
        found = {}
        for schema, table in tables:
            rows = await connection.fetch(f'SELECT t::text FROM "{schema}"."{table}" t')
            found[f"{schema}.{table}"] = "\n".join(row[0] for row in rows)
        return found
    finally:
        await connection.close()
