"""The cloud that `tests/data/cloudstack_events.jsonl` tells of, as it is in the end."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from tests.integration.mirror.cloudstack import CloudStack

EVENTS = Path(__file__).parents[2] / "data" / "cloudstack_events.jsonl"
CANARY = "canary-7f3a-password"
URL_CANARY = "canary-in-the-url"


def uuid(number: int) -> str:
    return f"{number:08d}-aaaa-4bbb-8ccc-{number:012d}"


ZONES = (uuid(1), uuid(2))
ACCOUNT, DOMAIN = uuid(901), uuid(903)
REGIONAL, ZONAL, UNTOLD, DELETED, DERIVED, SYSTEM = (uuid(number) for number in range(101, 107))
ISO = uuid(111)
VOLUME, EXPUNGED = uuid(201), uuid(202)
SNAPSHOT, DESTROYED = uuid(301), uuid(302)
SHA = "0123456789abcdef" * 4


def recorded() -> list[tuple[str, bytes]]:
    """Routing keys and bodies, in the order they were published."""
    rows = [json.loads(line) for line in EVENTS.read_text().splitlines()]
    return [(row["key"], row.get("raw", json.dumps(row.get("body"))).encode()) for row in rows]


def cloud() -> CloudStack:
    """Everything of it."""
    made = CloudStack()
    _places(made)
    _templates(made)
    _disks(made)
    return made


def _places(made: CloudStack) -> None:
    for number, zone in enumerate(ZONES, 1):
        made.add("zone", id=zone, name=f"zone{number}", networktype="Advanced")
        pod, cluster, host = uuid(10 + number), uuid(20 + number), uuid(30 + number)
        kind = ("KVM", "XenServer")[number - 1]
        made.add("pod", id=pod, name=f"pod{number}", zoneid=zone)
        made.add(
            "cluster", id=cluster, name=f"c{number}", podid=pod, zoneid=zone, hypervisortype=kind
        )
        place = {"zoneid": zone, "podid": pod, "clusterid": cluster, "hypervisor": kind}
        made.add("host", id=host, name=f"h{number}", type="Routing", state="Up", **place)
        made.add("host", id=uuid(40 + number), name="ssvm", type="SecondaryStorageVM", **place)
    lxc = {"id": uuid(29), "name": "lxc", "podid": uuid(11), "zoneid": ZONES[0]}
    made.add("cluster", **lxc, hypervisortype="LXC")
    made.add("account", id=ACCOUNT, name="acme", domainid=DOMAIN)


def template(id: str, name: str, **more: Any) -> dict[str, Any]:
    """A row of listTemplates."""
    return {
        "id": id,
        "name": name,
        "displaytext": name,
        "ispublic": False,
        "isready": True,
        "format": "QCOW2",
        "crossZones": False,
        "account": "acme",
        "accountid": ACCOUNT,
        "domainid": DOMAIN,
        "hypervisor": "KVM",
        "status": "Download Complete",
        "templatetype": "USER",
        "size": 1 << 30,
        "created": "2026-07-24T10:00:00+0000",
        "url": f"http://me:{URL_CANARY}@images.example/{name}",
        **more,
    }


def _templates(made: CloudStack) -> None:
    for zone in ZONES:
        regional = {"crossZones": True, "zoneid": zone, "checksum": f"{{SHA-256}}{SHA}"}
        made.add("template", **template(REGIONAL, "centos", **regional))
        xen = {"zoneid": zone, "format": "VHD", "hypervisor": "XenServer"}
        made.add("template", **template(ZONAL, "debian", **xen))
    one = {"zoneid": ZONES[0]}
    made.add("template", **template(UNTOLD, "untold", **one))
    gone = {**one, "removed": "2026-07-24T10:01:00+0000", "isready": False}
    made.add("template", **template(DELETED, "old", **gone))
    derived = template(DERIVED, "derived", **one)
    del derived["url"]
    made.add("template", **derived)
    made.add("template", **template(SYSTEM, "systemvm", **one, templatetype="SYSTEM"))
    iso = template(ISO, "rescue", crossZones=True, format="ISO", hypervisor="None")
    made.add("iso", **iso)


def _disks(made: CloudStack) -> None:
    owned = {"account": "acme", "domainid": DOMAIN, "zoneid": ZONES[0]}
    made.add("volume", id=VOLUME, name="data", state="Ready", size=1 << 30, **owned)
    snapshot = {"volumeid": VOLUME, "state": "BackedUp", "snapshottype": "MANUAL"}
    made.add("snapshot", id=SNAPSHOT, name="nightly", **snapshot, **owned)
