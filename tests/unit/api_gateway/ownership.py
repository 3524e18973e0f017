"""Every route of the API as it is asked, and whose it is."""

from dataclasses import dataclass
from enum import Enum
from typing import Any

from tests.unit.api_gateway import words
from tests.unit.api_gateway.sinks import HOOK, SINK, SINK_WORK


class Who(Enum):
    """Whose a route is."""

    ANYBODY = "anybody"
    OWNER = "the owner of what it is about, and admins"
    MANAGER = "admins of the domain it is in, and admins"
    ADMIN = "admins"


@dataclass(frozen=True)
class Row:
    """A route as it is asked."""

    who: Who
    method: str
    path: str
    ids: tuple[str, ...] = ()
    body: Any = None

    @property
    def asked(self) -> str:
        path = self.path
        for name, key in zip(("{id}", "{store_id}"), self.ids, strict=False):
            path = path.replace(name, key)
        return path


def objects(noun: str) -> list[Row]:
    path = f"/v1/{noun}"
    each, mine = f"{path}/{{id}}", ("ready",)
    return [
        Row(Who.ANYBODY, "POST", path, (), {"name": "n", "url": "http://u/x", "format": "raw"}),
        Row(Who.ANYBODY, "GET", path),
        Row(Who.OWNER, "GET", each, mine),
        Row(Who.OWNER, "PATCH", each, mine, {"name": "new"}),
        Row(Who.OWNER, "DELETE", each, mine),
        Row(Who.OWNER, "POST", f"{each}/zones", mine, {"zone_id": "z1"}),
        Row(Who.ADMIN, "DELETE", f"{each}/replicas/{{store_id}}", ("ready", "s1")),
        Row(Who.ADMIN, "POST", f"{each}/replicas/{{store_id}}/verify", ("ready", "s1")),
        Row(Who.OWNER, "POST", f"{each}/upload", ("sent",), {"part_count": 2}),
        Row(Who.OWNER, "POST", f"{each}/upload/finish", ("sent",), {"size": 1}),
        Row(Who.OWNER, "POST", f"{each}/links", mine, {}),
        Row(Who.ADMIN, "POST", f"{each}/prefetch", mine, {"scope": "zone", "scope_id": "z1"}),
    ]


def noun_of(path: str, one: str, new: Any, key: str) -> list[Row]:
    """A noun of operators that anybody may look at."""
    return [
        Row(Who.ADMIN, "POST", path, (), new),
        Row(Who.ANYBODY, "GET", path),
        Row(Who.ANYBODY, "GET", f"{path}/{one}", (key,)),
    ]


STORE, RULE = "/v1/stores/{id}", "/v1/placement-rules/{id}"
POLICY = "/v1/motion-policies/{id}"
FLEET, ENTRY = "/v1/cache-fleets/{id}", "/v1/cache-entries/{id}"
NEW_FLEET = {"name": "f", "scope": "zone", "scope_id": "z1"}
DAY = {"demand": [{"seconds": 0, "wanted_bytes": 1}]}
POD = {"name": "p", "zone_id": "z1"}
CLUSTER = {"name": "c", "pod_id": "pod1", "hypervisor": "KVM"}
HOST = {"name": "h", "hypervisor": "KVM"}
ACCOUNT, DOMAIN = "/v1/accounts/{id}", "/v1/domains/{id}"
MOVES = {"objects": [words.TEMPLATE_OBJECT], "to_store_ids": []}
NEW_STORE = {"name": "s", "provider": "directory"}
TABLE = [
    *(row for noun in words.OBJECTS for row in objects(noun)),
    Row(Who.OWNER, "POST", "/v1/volumes/{id}/move", ("ready",), {"store_id": "pool"}),
    *noun_of("/v1/zones", "{id}", {"name": "z"}, "z1"),
    *noun_of("/v1/pods", "{id}", POD, "pod1"),
    *noun_of("/v1/clusters", "{id}", CLUSTER, "cluster1"),
    *noun_of("/v1/hosts", "{id}", HOST, "host1"),
    *noun_of("/v1/stores", "{id}", NEW_STORE, "s1"),
    Row(Who.ADMIN, "POST", "/v1/hosts/{id}/token", ("host1",)),
    Row(Who.ADMIN, "POST", f"{STORE}/probe", ("s1",)),
    Row(Who.ADMIN, "DELETE", STORE, ("s1",)),
    Row(Who.ADMIN, "PATCH", STORE, ("s1",), {"state": "ReadOnly"}),
    Row(Who.ADMIN, "POST", f"{STORE}/evacuate", ("s1",), {}),
    Row(Who.ADMIN, "DELETE", f"{STORE}/evacuation", ("s1",)),
    Row(Who.ADMIN, "GET", f"{STORE}/evacuation-plan", ("s1",)),
    Row(Who.ADMIN, "POST", f"{STORE}/scan", ("s1",)),
    Row(Who.ADMIN, "GET", f"{STORE}/findings", ("s1",)),
    Row(Who.ADMIN, "POST", f"{STORE}/clean", ("s1",), {"finding_ids": ["f1"]}),
    Row(Who.ADMIN, "POST", f"{STORE}/adopt", ("s1",)),
    Row(Who.ADMIN, "GET", f"{STORE}/objects", ("s1",)),
    Row(Who.ADMIN, "POST", f"{STORE}/moves", ("s1",), MOVES),
    Row(Who.ADMIN, "POST", f"{STORE}/moves/plan", ("s1",), {"to_store_ids": ["s1"]}),
    Row(Who.ANYBODY, "GET", "/v1/sealing-keys"),
    Row(Who.ANYBODY, "GET", "/v1/providers"),
    Row(Who.ANYBODY, "GET", "/v1/providers/{id}", ("s3",)),
    Row(Who.ADMIN, "PUT", RULE, ("r1",), {"name": "r"}),
    Row(Who.ADMIN, "GET", "/v1/placement-rules"),
    Row(Who.ADMIN, "GET", RULE, ("r1",)),
    Row(Who.ADMIN, "DELETE", RULE, ("r1",)),
    Row(Who.ADMIN, "POST", "/v1/placement/explain", (), {"format": "raw"}),
    Row(Who.ADMIN, "GET", "/v1/mirror"),
    Row(Who.ADMIN, "GET", "/v1/mirror/entities"),
    Row(Who.ADMIN, "GET", "/v1/mirror/looks"),
    Row(Who.ADMIN, "PUT", POLICY, ("z1",), {"pin": "direct"}),
    Row(Who.ADMIN, "GET", "/v1/motion-policies"),
    Row(Who.ADMIN, "GET", POLICY, ("z1",)),
    Row(Who.ADMIN, "DELETE", POLICY, ("z1",)),
    Row(Who.ADMIN, "POST", f"{STORE}/demote", ("s1",), {}),
    Row(Who.ADMIN, "PUT", FLEET, ("f1",), NEW_FLEET),
    Row(Who.ADMIN, "GET", "/v1/cache-fleets"),
    Row(Who.ADMIN, "GET", FLEET, ("f1",)),
    Row(Who.ADMIN, "GET", f"{FLEET}/explain", ("f1",)),
    Row(Who.ADMIN, "POST", f"{FLEET}/simulate", ("f1",), DAY),
    Row(Who.ADMIN, "DELETE", FLEET, ("f1",)),
    Row(Who.ADMIN, "GET", "/v1/transport-vms"),
    Row(Who.ADMIN, "GET", "/v1/transport-vms/{id}", ("v1",)),
    Row(Who.ADMIN, "GET", "/v1/cache-entries"),
    Row(Who.ADMIN, "POST", f"{ENTRY}/hold", ("e1",), {}),
    Row(Who.ADMIN, "POST", f"{ENTRY}/evict", ("e1",)),
    Row(Who.ADMIN, "GET", "/v1/decisions"),
    Row(Who.ANYBODY, "GET", "/v1/links"),
    Row(Who.OWNER, "GET", "/v1/links/{id}", ("link",)),
    Row(Who.OWNER, "DELETE", "/v1/links/{id}", ("link",)),
    Row(Who.OWNER, "POST", "/v1/copies", (), {"template_id": "ready", "store_id": "pool"}),
    Row(Who.ANYBODY, "GET", "/v1/copies"),
    Row(Who.OWNER, "GET", "/v1/copies/{id}", ("copy",)),
    Row(Who.OWNER, "POST", "/v1/copies/{id}/cancel", ("copy",)),
    Row(Who.OWNER, "GET", "/v1/copies/{id}/explain", ("copy",)),
    Row(Who.OWNER, "PATCH", "/v1/copies/{id}", ("copy",), {"priority": 1}),
    Row(Who.OWNER, "POST", "/v1/copies/{id}/pause", ("copy",), {}),
    Row(Who.OWNER, "POST", "/v1/copies/{id}/resume", ("copy",)),
    Row(Who.ADMIN, "POST", "/v1/copies/{id}/reroute", ("copy",), {}),
    Row(Who.ADMIN, "POST", "/v1/hosts/{id}/drain", ("host1",), {}),
    Row(Who.ADMIN, "DELETE", "/v1/hosts/{id}/drain", ("host1",)),
    Row(Who.ANYBODY, "POST", "/v1/sinks", (), HOOK),
    Row(Who.ANYBODY, "GET", "/v1/sinks"),
    *(Row(Who.OWNER, verb, f"{SINK}{path}", ("sink",), body) for verb, path, body in SINK_WORK),
    Row(Who.MANAGER, "POST", "/v1/accounts", (), {"name": "a"}),
    Row(Who.ANYBODY, "GET", "/v1/accounts"),
    Row(Who.OWNER, "GET", ACCOUNT, ("mine",)),
    Row(Who.MANAGER, "PATCH", ACCOUNT, ("spare",), {"state": "locked"}),
    Row(Who.MANAGER, "POST", f"{ACCOUNT}/users", ("spare",), {"name": "u", "id": "u1"}),
    Row(Who.OWNER, "GET", f"{ACCOUNT}/users", ("mine",)),
    Row(Who.OWNER, "POST", "/v1/users/{id}/keys", ("mine",)),
    Row(Who.MANAGER, "DELETE", "/v1/users/{id}", ("u1",)),
    Row(Who.OWNER, "GET", f"{ACCOUNT}/limits", ("mine",)),
    Row(Who.MANAGER, "PUT", f"{ACCOUNT}/limits", ("spare",), {"templates": 9}),
    Row(Who.MANAGER, "DELETE", ACCOUNT, ("spare",)),
    Row(Who.MANAGER, "POST", "/v1/domains", (), {"name": "sub", "id": "sub", "parent_id": "d1"}),
    Row(Who.ANYBODY, "GET", "/v1/domains"),
    Row(Who.OWNER, "GET", DOMAIN, ("d1",)),
    Row(Who.OWNER, "GET", f"{DOMAIN}/limits", ("d1",)),
    Row(Who.MANAGER, "PUT", f"{DOMAIN}/limits", ("sub",), {"volumes": 9}),
    Row(Who.MANAGER, "DELETE", DOMAIN, ("sub",)),
    Row(Who.ADMIN, "GET", "/v1/keys"),
]
ELSEWHERE = {
    ("POST", "/v1/mirror/sweep"),
    ("DELETE", "/v1/keys/{id}"),
    ("POST", "/v1/hosts/{id}/enrol"),
    ("POST", "/v1/imports"),
    ("GET", "/v1/errors"),
    ("GET", "/v1/errors/{code}"),
}
"""Shown to be the admins', an agent's and everybody's by tests of their own."""


SHOWN_ONCE = {
    ("POST", "/v1/accounts"),
    ("POST", "/v1/users/{id}/keys"),
    ("POST", "/v1/hosts"),
    ("POST", "/v1/hosts/{id}/token"),
    ("POST", "/v1/sinks"),
    ("POST", f"{SINK}/rotate"),
    *(("POST", f"/v1/{noun}/{{id}}/upload") for noun in words.OBJECTS),
}
"""Answers that hold a secret and are kept nowhere."""
QUESTIONS = {
    ("POST", "/v1/stores/{id}/moves/plan"),
    ("POST", "/v1/placement/explain"),
    ("POST", f"{FLEET}/simulate"),
    ("POST", f"{SINK}/test"),
}
