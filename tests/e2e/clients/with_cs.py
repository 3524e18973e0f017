"""A day's work with ``cs``; everything it answers is what the server said."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from cs import CloudStack, CloudStackApiException

from tests.e2e.clients.day import OTHER, SECRET, Day, read
from tests.e2e.deployment import API_KEY
from tests.e2e.operator import ZONE

LOOKS, LOOK_SECONDS = 300, 0.2
Seen = dict[str, Any]


def client(day: Day, **changes: Any) -> CloudStack:
    """As its users have it; ``cs`` signs with an expiry."""
    settings = {"poll_interval": 0.2, "job_timeout": 60, **changes}
    return CloudStack(endpoint=day.url, key=API_KEY, secret=SECRET, **settings)


def stores(day: Day) -> Seen:
    """A store added, listed, deleted."""
    cs = client(day, method="post")
    details = [{"key": "root", "value": str(day.root)}]
    made = cs.addImageStore(provider="directory", name="cs-store", zoneid=ZONE, details=details)
    store = made["imagestore"]
    listed = cs.listImageStores(fetch_list=True)
    gone = cs.deleteImageStore(id=store["id"])
    left = cs.listImageStores(id=store["id"])
    return {"store": store, "listed": [row["name"] for row in listed], "gone": gone, "left": left}


def templates(day: Day) -> Seen:
    """A template registered, waited for, extracted, copied, deleted."""
    cs = client(day)
    (made,) = cs.registerTemplate(
        name="cs-image",
        displaytext="by cs",
        url=day.image,
        format="RAW",
        hypervisor="KVM",
        zoneid=ZONE,
        ostypeid=cs.listOsTypes()["ostype"][0]["id"],
        isextractable=True,
    )["template"]
    ready = _ready(cs, made["id"])
    link = cs.extractTemplate(id=made["id"], zoneid=ZONE, mode="HTTP_DOWNLOAD", fetch_result=True)[
        "template"
    ]
    copied = cs.copyTemplate(id=made["id"], destzoneids=OTHER, fetch_result=True)["template"]
    rows = cs.listTemplates(templatefilter="self", id=made["id"], fetch_list=True)
    return {
        "made": made,
        "ready": ready,
        "link": link,
        "content": read(link["url"]),
        "copied": copied,
        "zones": {row["zoneid"] for row in rows if row["isready"]},
        "deleted": cs.deleteTemplate(id=made["id"], fetch_result=True),
        "left": refused(lambda: cs.listTemplates(templatefilter="self", id=made["id"])),
    }


def _ready(cs: CloudStack, template_id: str) -> Seen:
    for _ in range(LOOKS):
        rows = cs.listTemplates(templatefilter="self", id=template_id, fetch_list=True)
        template: Seen = next(row for row in rows if row["zoneid"] == ZONE)
        if template["isready"]:
            return template
        time.sleep(LOOK_SECONDS)
    raise AssertionError(f"never ready: {template}")


def disks(day: Day) -> Seen:
    """A volume uploaded, extracted, deleted; a snapshot listed, copied, extracted, deleted."""
    cs = client(day)
    upload = {"url": day.image, "format": "RAW", "zoneid": ZONE, "fetch_result": True}
    first = cs.uploadVolume(name="cs-disk-1", **upload)["volume"]
    second = cs.uploadVolume(name="cs-disk-2", **upload)["volume"]
    pages = cs.listVolumes(keyword="cs-disk", fetch_list=True, page_size=1)
    taken = {"id": first["id"], "zoneid": ZONE, "mode": "HTTP_DOWNLOAD", "fetch_result": True}
    link = cs.extractVolume(**taken)["volume"]
    snapshot = {"id": day.snapshot, "fetch_result": True}
    copied = cs.copySnapshot(sourcezoneid=ZONE, destzoneids=OTHER, **snapshot)["snapshot"]
    image = cs.extractSnapshot(zoneid=ZONE, **snapshot)["snapshot"]
    rows = cs.listSnapshots(id=day.snapshot, fetch_list=True)
    return {
        "volumes": (first, second),
        "pages": {row["id"] for row in pages},
        "volume": read(link["url"]),
        "copied": copied["id"],
        "snapshot": read(image["url"]),
        "zones": {row["zoneid"] for row in rows},
        "deleted": [
            cs.deleteVolume(id=first["id"])["success"],
            cs.destroyVolume(id=second["id"], expunge=True, fetch_result=True),
            cs.deleteSnapshot(**snapshot)["success"],
        ],
        "left": cs.listVolumes(keyword="cs-disk"),
    }


def jobs(day: Day) -> Seen:
    """A job followed by hand, one that fails, and what is refused at once."""
    cs = client(day)
    asked = {"format": "RAW", "zoneid": ZONE}
    started = cs.uploadVolume(name="cs-lost", url=day.missing, **asked)
    failed = refused(
        lambda: cs.uploadVolume(name="cs-lost-2", url=day.missing, fetch_result=True, **asked)
    )
    listed = cs.listAsyncJobs(fetch_list=True)
    return {
        "started": set(started),
        "failed": failed,
        "listed": {row["jobid"]: row["jobstatus"] for row in listed},
        "job": started["jobid"],
        "nothing": refused(lambda: cs.deleteImageStore(id="nothing")),
        "unknown": refused(cs.noSuchCommand),
        "page": refused(lambda: cs.listTemplates(templatefilter="self", page=1, pagesize=501)),
        "stranger": refused(client_of_nobody(day).listZones),
    }


def client_of_nobody(day: Day) -> CloudStack:
    """Its secret is wrong."""
    return CloudStack(endpoint=day.url, key=API_KEY, secret="wrong")


def refused(call: Callable[[], Any]) -> tuple[int, str]:
    """Number and text of the answer; raises AssertionError for one that is none."""
    try:
        said = call()
    except CloudStackApiException as error:
        return error.error["errorcode"], error.error["errortext"]
    raise AssertionError(f"done: {said}")
