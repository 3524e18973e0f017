"""OpenStack Keystone with a Swift of its own that knows its users."""

from __future__ import annotations

import base64
import json
import os
import secrets
import urllib.error
import urllib.request
from typing import Any, ClassVar

from tests.servers.ports import listening
from tests.servers.process import Process, ServerError, poll, run, spawn, tail
from tests.servers.swift import Swift
from tests.servers.venvs import venv

SETTINGS = """\
[DEFAULT]
use_stderr = true
[database]
connection = sqlite:///{here}/keystone.db
[token]
provider = fernet
[fernet_tokens]
key_repository = {here}/fernet
[credential]
key_repository = {here}/credential
[fernet_receipts]
key_repository = {here}/fernet
"""
FILTERS = """\
[filter:authtoken]
paste.filter_factory = keystonemiddleware.auth_token:filter_factory
www_authenticate_uri = {url}
auth_url = {url}
auth_type = password
username = admin
password = {key}
project_name = admin
user_domain_id = default
project_domain_id = default
interface = public
cache = swift.cache
delay_auth_decision = true
service_token_roles_required = true
[filter:keystoneauth]
use = egg:swift#keystoneauth
operator_roles = admin, member
"""
SERVE = """\
import sys
from waitress import serve
port = int(sys.argv.pop())  # keystone reads what is left
from keystone.wsgi.api import application
serve(application, host="127.0.0.1", port=port, threads=2)
"""
REGIONS = ("north", "south")
"""The store of the north answers; that of the south is down."""


class Keystone(Swift):
    """Keystone v3 (SQLite, Fernet tokens) and a Swift; two regions, of which only one lives."""

    packages: ClassVar = "keystone"
    auth: ClassVar = "authtoken keystoneauth"

    def exports(self) -> dict[str, str]:
        return {
            "STOWAGE_TEST_KEYSTONE_URL": self._url,
            "STOWAGE_TEST_KEYSTONE_USER": "tester",
            "STOWAGE_TEST_KEYSTONE_KEY": self.record()["key"],
        }

    def auth_settings(self) -> str:
        return FILTERS.format(url=self._url, key=self.record()["key"])

    def start_parts(self) -> list[Process]:
        """Keystone first: Swift asks it about every token."""
        if not (self.directory / "keystone.db").exists():
            self._create()
        keystone = self._start_keystone()
        if "project" not in self.record():
            self.remember(project=self._register())
        return [*super().start_parts(), keystone]

    def _create(self) -> None:
        (self.directory / "keystone.conf").write_text(SETTINGS.format(here=self.directory))
        for folder in ("fernet", "credential"):
            (self.directory / folder).mkdir(mode=0o700)
            for name in ("0", "1"):  # as keystone-manage would, without 3 s for each
                key = base64.urlsafe_b64encode(secrets.token_bytes(32))
                (self.directory / folder / name).write_bytes(key)
        self._manage("db_sync")
        where = ("--bootstrap-public-url", self._url, "--bootstrap-region-id", REGIONS[0])
        self._manage("bootstrap", "--bootstrap-password", self.record()["key"], *where)

    def _manage(self, verb: str, *arguments: str) -> None:
        settings = ("--config-file", self.directory / "keystone.conf")
        run([venv(self.packages) / "keystone-manage", *settings, verb, *arguments], 120)

    def _start_keystone(self) -> Process:
        port, log = self.record()["ports"]["keystone"], self.directory / "keystone.log"
        env = os.environ | {"OS_KEYSTONE_CONFIG_FILES": str(self.directory / "keystone.conf")}
        keystone = spawn([venv(self.packages) / "python", "-c", SERVE, str(port)], log, env)
        if not poll(lambda: listening(port) or not keystone.alive(), 60) or not keystone.alive():
            raise ServerError(f"Keystone did not start: {tail(log)}")
        return keystone

    def _register(self) -> str:
        """The project of the tests, with its user and the two regions' stores."""
        token = self._token()
        made = _Api(self._url, token)
        project = made.post("projects", "project", name="tests", domain_id="default")
        who = {"name": "tester", "domain_id": "default", "password": self.record()["key"]}
        user = made.post("users", "user", **who, default_project_id=project)
        roles = made.call("GET", "roles?name=member")["roles"]
        made.call("PUT", f"projects/{project}/users/{user}/roles/{roles[0]['id']}")
        service = made.post("services", "service", type="object-store", name="swift")
        made.post("regions", "region", id=REGIONS[1])
        ports = (self.record()["ports"]["proxy"], 9)
        for region, port in zip(REGIONS, ports, strict=True):
            url = f"http://127.0.0.1:{port}/v1/AUTH_$(project_id)s"
            at = {"region_id": region, "interface": "public", "url": url}
            made.post("endpoints", "endpoint", service_id=service, **at)
        return project

    def _token(self) -> str:
        user = {"name": "admin", "domain": {"id": "default"}, "password": self.record()["key"]}
        scope = {"project": {"name": "admin", "domain": {"id": "default"}}}
        how = {"methods": ["password"], "password": {"user": user}}
        reply = _send(f"{self._url}/auth/tokens", {"auth": {"identity": how, "scope": scope}}, {})
        return str(reply.headers["X-Subject-Token"])

    @property
    def _url(self) -> str:
        return f"http://127.0.0.1:{self.record()['ports']['keystone']}/v3"


class _Api:
    def __init__(self, url: str, token: str) -> None:
        self._url, self._headers = url, {"X-Auth-Token": token}

    def post(self, collection: str, noun: str, **facts: Any) -> str:
        """The id of what was made."""
        return str(self.call("POST", collection, {noun: facts})[noun]["id"])

    def call(self, method: str, path: str, body: Any = None) -> Any:
        reply = _send(f"{self._url}/{path}", body, self._headers, method)
        return json.loads(reply.body) if reply.body else None


class _Reply:
    def __init__(self, headers: Any, body: bytes) -> None:
        self.headers, self.body = headers, body


def _send(url: str, body: Any, headers: dict[str, str], method: str = "POST") -> _Reply:
    data = json.dumps(body).encode() if body is not None else None
    told = headers | ({"Content-Type": "application/json"} if data else {})
    request = urllib.request.Request(url, data, told, method=method)
    try:
        with urllib.request.urlopen(request, timeout=60) as reply:
            return _Reply(reply.headers, reply.read())
    except urllib.error.HTTPError as error:
        raise ServerError(f"Keystone answered {error.code} to {method} {url}") from None
