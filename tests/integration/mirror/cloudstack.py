"""CloudStack's API as the facts describe it: signatures checked, errors in its own envelopes."""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote_plus

from aiohttp import web

API_KEY, SECRET_KEY = "cloud-api-key", "cloud-secret-key-canary"
LISTS = {
    "listtemplates": "template",
    "listisos": "iso",
    "listvolumes": "volume",
    "listsnapshots": "snapshot",
    "listzones": "zone",
    "listpods": "pod",
    "listclusters": "cluster",
    "listhosts": "host",
    "listaccounts": "account",
}
Row = dict[str, Any]


def encoded(value: str) -> str:
    """Java's form encoding, with its plus signs replaced."""
    return quote_plus(value, safe="*").replace("+", "%20").replace("~", "%7E")


def signature(form: Mapping[str, str], secret: str) -> str:
    """What CloudStack computes for a request."""
    names = sorted(name for name in form if name != "signature")
    text = "&".join(f"{name}={encoded(form[name])}" for name in names).lower()
    return base64.b64encode(
        hmac.new(secret.encode(), text.encode(), hashlib.sha1).digest()
    ).decode()


@dataclass
class CloudStack:
    """Objects by list key; templates and ISOs with one row for each of their zones."""

    rows: dict[str, list[Row]] = field(default_factory=lambda: {key: [] for key in LISTS.values()})
    asked: list[dict[str, str]] = field(default_factory=list)
    failing: int = 0
    """HTTP status that every answer has; 0 answers."""
    fails_for: Callable[[Mapping[str, str]], bool] = lambda _form: True
    url: str = ""

    def add(self, key: str, **row: Any) -> Row:
        self.rows[key].append(row)
        return row

    def remove(self, key: str, id: str) -> None:
        self.rows[key] = [row for row in self.rows[key] if row["id"] != id]

    def commands(self) -> list[str]:
        return [form["command"] for form in self.asked]

    async def answer(self, request: web.Request) -> web.Response:
        form = {name: str(value) for name, value in (await request.post()).items()}
        self.asked.append(form)
        command = form.get("command", "").lower()
        envelope = f"{command}response"
        problem = self._refusal(form)
        if problem is not None:
            return _error(envelope, *problem)
        key = LISTS.get(command)
        if key is None:
            return _error("errorresponse", 432, f"{command} does not exist")
        return self._listed(envelope, key, form)

    def _refusal(self, form: Mapping[str, str]) -> tuple[int, str] | None:
        good = signature(form, SECRET_KEY)
        if form.get("apiKey") != API_KEY or not hmac.compare_digest(
            good, form.get("signature", "")
        ):
            return 401, "unable to verify user credentials and/or request signature"
        expires = datetime.strptime(form["expires"], "%Y-%m-%dT%H:%M:%S%z")
        if form["signatureVersion"] != "3" or expires <= datetime.now(UTC):
            return 401, "unable to verify user credentials and/or request signature"
        if self.failing and self.fails_for(form):
            return self.failing, "so it was told"
        return None

    def _listed(self, envelope: str, key: str, form: Mapping[str, str]) -> web.Response:
        rows = self.rows[key]
        if "id" in form:
            other = "iso" if key == "template" else "template"
            known = [row for row in (*rows, *self.rows.get(other, ())) if row["id"] == form["id"]]
            if not known:
                return _error(envelope, 431, f"Unable to find {key} {form['id']}", [form["id"]])
            rows = [row for row in rows if row["id"] == form["id"]]
        if key in ("template", "iso"):
            assert form[f"{key}filter"] == "all"
            rows = [row for row in rows if form.get("showremoved") or not row.get("removed")]
        for name in ("name", "domainid", "type"):
            if name in form:
                rows = [row for row in rows if row.get(name) == form[name]]
        if "page" in form:
            size = int(form["pagesize"])
            if size > 500:
                return _error(envelope, 431, "page size is too large")
            start = (int(form["page"]) - 1) * size
            rows = rows[start : start + size]
        return web.json_response({envelope: {"count": len(rows), key: rows} if rows else {}})


def _error(envelope: str, code: int, text: str, ids: list[str] | None = None) -> web.Response:
    told = {"uuidList": ids or [], "errorcode": code, "cserrorcode": 4350, "errortext": text}
    return web.json_response({envelope: told}, status=code, headers={"X-Description": text})


@asynccontextmanager
async def serving(cloud: CloudStack, port: int = 0) -> AsyncIterator[CloudStack]:
    """Serve on loopback; ``cloud.url`` tells where."""
    app = web.Application()
    app.router.add_post("/client/api", cloud.answer)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", port)
    await site.start()
    bound = re.search(r":(\d+)$", site.name)
    assert bound is not None
    chosen = runner.addresses[0][1]
    cloud.url = f"http://127.0.0.1:{chosen}/client/api"
    try:
        yield cloud
    finally:
        await runner.cleanup()
