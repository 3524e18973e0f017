"""Caches as an operator uses them: always or never, filled before anybody asks, made of a store."""

from __future__ import annotations

import asyncio
import os
import subprocess
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from tests.conftest import Servers
from tests.e2e.operator import POOL, ZONE, Operator, Refused
from tests.e2e.sources import MIB, Source, image, serving
from tests.servers.nfs import Share, fresh_share

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(180), pytest.mark.slow]
ROOM, SIZE, HOUR = 64 * MIB, 12 * MIB, 3600
NEAR, POOL_X, POOL_N = "near", "poolx", "pooln"


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A file system of 64 MiB."""
    if os.geteuid():
        pytest.skip("mounting a file system needs root")
    folder = tmp_path_factory.mktemp("small")
    size = f"size={ROOM},mode=777"
    subprocess.run(["mount", "-t", "tmpfs", "-o", size, "none", str(folder)], check=True)
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


@pytest.fixture(scope="module")
def share(servers: Servers) -> Iterator[Share]:
    """An admin's NFS export."""
    with fresh_share(servers.exports("nfs")) as found:
        yield found


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def zone(operator: Operator, small: Path, share: Share) -> AsyncIterator[Operator]:
    """``operator`` with cache ``near`` of 64 MiB, image store ``filer`` on NFS, and two
    XenServers: one reads files of the cache, the other NFS."""
    await added(operator, NEAR, "directory", {"root": str(small)}, role="ImageCache")
    await added(operator, "filer", "NFS", {"url": share.url}, role="Image")
    cluster = {"id": "cx", "name": "cx", "pod_id": "p1", "hypervisor": "XenServer"}
    await operator.call("POST", "clusters", cluster)
    for host_id, pool, scheme in (("x1", POOL_X, "file"), ("x2", POOL_N, "nfs")):
        await operator.host(
            host_id,
            pool,
            kind="XenServer",
            cluster_id="cx",
            hypervisor="fake",
            roots=[str(small)] if scheme == "file" else [],
            fetch=False,
            options={"kind": "XenServer", "reads": [scheme], "writes": ["file"]},
        )
    await operator.deployment.stop("agent:h1")
    roots = [str(operator.deployment.folder), str(small)]
    await operator.deployment.start_agent("h1", roots=roots)
    yield operator


async def added(
    operator: Operator, store_id: str, provider: str, settings: dict[str, Any], role: str
) -> None:
    place = {"scope": "zone", "scope_id": ZONE, "role": role}
    body = {"id": store_id, "name": store_id, "provider": provider, "settings": settings, **place}
    await operator.call("POST", "stores", body)
    store = await operator.settle(f"stores/{store_id}")
    assert store["state"] == "Up", store["error"]


async def template(operator: Operator, key: str, seed: int, **where: Any) -> bytes:
    """A ready template; its bytes."""
    content = image(SIZE, seed=seed)
    async with serving(Source(content)) as source:
        await operator.register(source.url, id=key, **where)
        made = await operator.settle(f"templates/{key}")
    assert made["ready"], made["error"]
    return content


async def copied(operator: Operator, key: str, pool: str, content: bytes) -> dict[str, Any]:
    """A volume of the template on a pool, its bytes compared; the copy that made it."""
    volume = f"{key}-{pool}-{os.urandom(3).hex()}"
    asked = await operator.copy(key, pool, volume_id=volume)
    done = await operator.settle(f"copies/{asked['id']}")
    assert done["state"] == "done", done["error"]
    (path,) = (operator.deployment.folder / pool).glob(f"{volume}.*")
    assert path.read_bytes() == content
    return done


async def entries(operator: Operator, store_id: str) -> list[dict[str, Any]]:
    found = await operator.call("GET", f"cache-entries?store_id={store_id}")
    return list(found["entries"])


async def entry_of(operator: Operator, store_id: str, key: str) -> dict[str, Any]:
    held = await entries(operator, store_id)
    return next(entry for entry in held if entry["object"]["id"] == key)


async def until(true: Callable[[], Awaitable[str]]) -> None:
    """Until it says nothing against it any more."""
    why = "it was not asked"
    try:
        async with asyncio.timeout(30):
            while why := await true():
                await asyncio.sleep(0.2)
    except TimeoutError:
        raise AssertionError(why) from None


@asynccontextmanager
async def policy(operator: Operator, **wanted: Any) -> AsyncIterator[None]:
    """The zone's, until the context is left."""
    await operator.call("PUT", f"motion-policies/{ZONE}", wanted)
    try:
        yield
    finally:
        await operator.call("DELETE", f"motion-policies/{ZONE}")


async def test_the_policy_says_whether_copies_go_through_caches(zone: Operator) -> None:
    content = await template(zone, "by-policy", 21, store_ids=["s1"])
    assert (await copied(zone, "by-policy", POOL, content))["strategy"] == "direct"
    async with policy(zone, caches="always", caches_of={"XenServer": "never"}):
        await _as_wanted(zone, content)

    await until(lambda: _goes(zone, content, "direct"))


async def _as_wanted(zone: Operator, content: bytes) -> None:
    await until(lambda: _goes(zone, content, "via-cache"))
    through = await copied(zone, "by-policy", POOL, content)
    explained = await zone.call("GET", f"copies/{through['id']}/explain")
    chosen = next(answer for answer in explained["answers"] if answer["chosen"])
    assert "caches always" in chosen["reason"]
    refused = await zone.copy("by-policy", POOL_X)
    refused = await zone.settle(f"copies/{refused['id']}")
    assert (refused["state"], refused["error"]["code"]) == ("failed", "no_strategy")
    assert "never uses caches" in refused["error"]["cause"]


async def _goes(zone: Operator, content: bytes, strategy: str) -> str:
    """What speaks against it that copies are planned so now."""
    done = await copied(zone, "by-policy", POOL, content)
    return "" if done["strategy"] == strategy else f"{done['strategy']}: {done['answers']}"


async def test_what_was_prefetched_is_held_and_hit(zone: Operator) -> None:
    content = await template(zone, "ahead", 22, store_ids=["s1"])
    body = {"scope": "zone", "scope_id": ZONE, "hold_seconds": 600}
    asked = await zone.call("POST", "templates/ahead/prefetch", body)
    done = await zone.settle(f"copies/{asked['id']}")
    assert done["state"] == "done", done["error"]
    entry = await entry_of(zone, NEAR, "ahead")
    assert (entry["state"], bool(entry["held_until"])) == ("ready", True)
    copy = await copied(zone, "ahead", POOL_X, content)
    assert (copy["strategy"], [hop["state"] for hop in copy["hops"]]) == (
        "via-cache",
        ["committed"],
    )
    assert (await entry_of(zone, NEAR, "ahead"))["hits"] > entry["hits"]
    told = await zone.call("GET", f"decisions?subject=copy/{copy['id']}")
    assert told["decisions"]
    assert all(decision["reason"] for decision in told["decisions"])
    path = f"cache-entries/{entry['id']}"
    await zone.call("POST", f"{path}/hold", {"seconds": 0})
    await zone.call("POST", f"{path}/evict")

    async def still() -> str:
        held = await entries(zone, NEAR)
        return next((str(each) for each in held if each["id"] == entry["id"]), "")

    await until(still)


@pytest.mark.parametrize("what", ["hold", "evict"])
async def test_an_entry_nobody_has_is_not_found(zone: Operator, what: str) -> None:
    with pytest.raises(Refused) as refused:
        await zone.call("POST", f"cache-entries/nobody/{what}", {} if what == "hold" else None)
    assert (refused.value.status, refused.value.problem["code"]) == (404, "not_found.entry")


async def test_a_fleet_is_tried_on_a_made_up_day_before_and_after_it_is_set(zone: Operator) -> None:
    """Nothing is spawned: no host here runs VMs."""
    day = {
        "demand": [
            {"seconds": 8 * HOUR, "wanted_bytes": 0},
            {"seconds": 9 * HOUR, "wanted_bytes": 2 * 10**12},
        ]
    }
    path, wanted = "cache-fleets/tried", {"name": "tried", "scope": "zone", "scope_id": ZONE}
    with pytest.raises(Refused) as refused:
        await zone.call("POST", f"{path}/simulate", day)
    assert refused.value.status == 404
    small = await zone.call("POST", f"{path}/simulate", day | {"fleet": wanted | {"maximum": 1}})
    assert (small["fleet_id"], small["most"]) == ("tried", 1)
    await zone.call("PUT", path, wanted | {"maximum": 8})
    large = await zone.call("POST", f"{path}/simulate", day)
    assert 1 < large["most"] <= 8
    assert large["p95_wait_seconds"] < small["p95_wait_seconds"]
    assert large["steps"][-1]["members"] == 0
    assert all(step["reason"] for step in large["steps"])
    await zone.call("DELETE", path)


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"fleet": {"strategy": "nobodys"}}, "not_found"),
        ({"demand": [{"seconds": 8 * 24 * 3600, "wanted_bytes": 1}]}, "invalid.demand"),
        ({"demand": []}, "invalid.body"),
    ],
)
async def test_a_day_that_cannot_be_tried_is_refused_with_a_reason(
    zone: Operator, change: dict[str, Any], code: str
) -> None:
    fleet = {"name": "tried", "scope": "zone", "scope_id": ZONE, **change.get("fleet", {})}
    day = {"demand": [{"seconds": HOUR, "wanted_bytes": 1}], **change, "fleet": fleet}
    with pytest.raises(Refused) as refused:
        await zone.call("POST", "cache-fleets/tried/simulate", day)
    assert refused.value.problem["code"].startswith(code)


async def test_a_full_cache_lets_the_least_valuable_go_and_keeps_what_is_held(
    zone: Operator,
) -> None:
    keys = [f"full-{number}" for number in range(6)]
    for number, key in enumerate(keys):
        content = await template(zone, key, 30 + number, store_ids=["s1"])
        if number == 0:
            hold = {"scope": "zone", "scope_id": ZONE, "hold_seconds": 600}
            asked = await zone.call("POST", f"templates/{key}/prefetch", hold)
            await zone.settle(f"copies/{asked['id']}")
        else:
            await copied(zone, key, POOL_X, content)
    held = {entry["object"]["id"] for entry in await entries(zone, NEAR)}
    assert {keys[0], keys[-1]} <= held
    assert len(held) < len(keys)
    told = await zone.call("GET", "decisions?limit=500")
    evicted = [each for each in told["decisions"] if each["kind"] == "evict"]
    assert evicted
    assert all(each["reason"] for each in evicted)
    first = await entry_of(zone, NEAR, keys[0])
    await zone.call("POST", f"cache-entries/{first['id']}/hold", {"seconds": 0})


async def test_an_image_store_becomes_a_cache_without_moving_a_byte(
    zone: Operator, share: Share
) -> None:
    await template(zone, "alone", 40, store_ids=["filer"], min_copies=1, max_copies=1)
    content = await template(zone, "twice", 41, store_ids=["filer", "s1"], min_copies=2)
    await zone.call("POST", "stores/filer/demote", {"cache_store_id": "filer-cache"})

    async def accepted() -> str:
        return "" if (await zone.call("GET", "stores/filer"))["error"] else "nothing was refused"

    await until(accepted)
    assert (await zone.call("GET", "stores/filer"))["state"] == "Up"
    before = files(share.folder, "twice")
    assert before

    await until(lambda: _image_store(zone))
    cache = await zone.settle("stores/filer-cache")
    assert (cache["role"], cache["state"]) == ("ImageCache", "Up"), cache["error"]
    assert files(share.folder, "twice") == before
    alone = await zone.call("GET", "templates/alone")
    assert [replica["store_id"] for replica in alone["replicas"]] == ["s1"], "copied first"
    await zone.call("DELETE", "templates/alone")
    await until(lambda: _missing(zone, "filer-cache", "twice"))
    copy = await copied(zone, "twice", POOL_N, content)
    assert (copy["strategy"], len(copy["hops"])) == ("via-cache", 1)
    await zone.call("DELETE", "stores/filer-cache")  # others count on one cache
    await until(lambda: _removed(zone, "filer-cache"))


async def _removed(zone: Operator, store_id: str) -> str:
    try:
        found = await zone.call("GET", f"stores/{store_id}")
    except Refused as refused:
        return "" if refused.status == 404 else str(refused)
    return "" if found["state"] == "Removed" else f"it is {found['state']}"


async def _image_store(zone: Operator) -> str:
    """Why it is an image store still; it becomes a cache once others have what only it held."""
    filer = await zone.call("GET", "stores/filer")
    if filer["state"] == "Removed":
        return ""
    demotion = {"cache_store_id": "filer-cache", "copy_first": True}
    await zone.call("POST", "stores/filer/demote", demotion)
    return f"{filer['state']}: {filer['error']}"


async def _missing(zone: Operator, store_id: str, key: str) -> str:
    held = await entries(zone, store_id)
    return "" if any(entry["object"]["id"] == key for entry in held) else f"it holds {held}"


def files(folder: Path, key: str) -> dict[str, tuple[int, int]]:
    """Inode and time of last change of what a template has there."""
    found = (path for path in folder.rglob(f"{key}.raw*") if path.is_file())
    return {path.name: (path.stat().st_ino, path.stat().st_mtime_ns) for path in found}
