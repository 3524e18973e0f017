"""Serves an image, registers it, copies it directly and through a cache, compares every byte."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import filecmp
import os
import sys
import tempfile
from pathlib import Path
from typing import Any

from rich.console import Console
from standalone.agents import Host, attached
from standalone.cloud import POD, POOL, ZONE, cloud
from standalone.house import House
from standalone.settings import Home
from stowage_contracts.errors import StowageError
from stowage_contracts.values import HypervisorKind, Location
from stowage_runtime.settings import ServiceSettings
from stowage_runtime.telemetry.logs import start_logs

from examples.demo.pictures import MissingToolError, chosen_image, format_of
from examples.demo.screen import Screen
from examples.demo.web import Api, RefusedError, served

XEN, XEN_CLUSTER, XEN_POOL, CACHE = "xen-1", "cluster-xen", "pool-xen", "cache-1"
WAIT_SECONDS = 60


async def main(given: str) -> int:
    """0 when every byte was right."""
    console = Console()
    with tempfile.TemporaryDirectory(prefix="stowage-demo-") as folder:
        image = await chosen_image(given, Path(folder))
        home = Home(Path(folder, "data"))
        async with cloud(home, 0) as house, Api.of(house.url, _key(house)) as api:
            console.print(f"image: {image or given}")
            if image is None:
                return await _show(console, house, api, (given, "raw", None))
            async with served(image) as url:
                return await _show(console, house, api, (url, format_of(image), image))


def _key(house: House) -> str:
    return house.keyring["admin_api_key"]


async def _show(
    console: Console, house: House, api: Api, picture: tuple[str, str, Path | None]
) -> int:
    screen = Screen(console, api)
    following = asyncio.create_task(screen.follow())
    try:
        await _xen_cluster(house, api)
        async with attached(house, _xen(house.home)):
            await _settled(api, f"stores/{XEN_POOL}")
            return await _story(screen, house, api, picture)
    finally:
        following.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await following
        screen.timeline()


async def _xen_cluster(house: House, api: Api) -> None:
    """A XenServer host that reads files only, and a cache store for it."""
    cluster = {"id": XEN_CLUSTER, "name": "xen", "pod_id": POD, "hypervisor": "XenServer"}
    await api.call("POST", "clusters", cluster)
    host = {"id": XEN, "name": XEN, "hypervisor": "XenServer", "cluster_id": XEN_CLUSTER}
    await api.call("POST", "hosts", host)
    _cache(house.home).mkdir()
    store = {
        "id": CACHE,
        "name": "staging",
        "provider": "directory",
        "role": "ImageCache",
        "scope": "zone",
        "scope_id": ZONE,
        "settings": {"root": str(_cache(house.home))},
    }
    await api.call("POST", "stores", store)
    await _settled(api, f"stores/{CACHE}")


def _cache(home: Home) -> Path:
    return home.data / "cache"


def _xen(home: Home) -> Host:
    where = Location(zone_id=ZONE, pod_id=POD, cluster_id=XEN_CLUSTER, host_id=XEN)
    pool = home.data / "primary-xen"
    pool.mkdir()
    only_files = {"kind": "XenServer", "reads": ["file"], "writes": ["file"]}
    return Host(
        where,
        HypervisorKind.XENSERVER,
        XEN_POOL,
        pool,
        hypervisor="fake",
        roots=(_cache(home),),
        fetch=False,
        options=only_files,
    )


async def _story(
    screen: Screen, house: House, api: Api, picture: tuple[str, str, Path | None]
) -> int:
    url, image_format, image = picture
    with screen.progress:
        body = {"name": "demo", "url": url, "format": image_format, "zone_id": ZONE}
        made = await api.call("POST", "templates", body)
        screen.name(made["copy_id"], "register")
        template = await _settled(api, f"templates/{made['id']}")
        copies = [
            await _copied(screen, api, made["id"], (pool, text))
            for pool, text in ((POOL, "copy to KVM"), (XEN_POOL, "copy to XenServer"))
        ]
    for copy in copies:
        screen.plan(await api.call("GET", f"copies/{copy['id']}/explain"))
    stored = next((house.home.image_store / "template").rglob(f"{made['id']}.*"))
    name = stored.name
    pools = (house.home.pool / name, house.home.data / "primary-xen" / name)
    return _compare(screen, template, image or stored, (stored, *pools))


async def _copied(screen: Screen, api: Api, template_id: str, to: tuple[str, str]) -> Any:
    body = {"template_id": template_id, "store_id": to[0]}
    asked = await api.call("POST", "copies", body)
    screen.name(asked["id"], to[1])
    copy = await _settled(api, f"copies/{asked['id']}")
    if copy["state"] != "done":
        raise RefusedError(f"the copy {copy['state']}: {copy['error']}")
    return copy


def _compare(
    screen: Screen, template: dict[str, Any], image: Path, results: tuple[Path, ...]
) -> int:
    same = [filecmp.cmp(image, path, shallow=False) for path in results]
    for path, equal in zip(results, same, strict=True):
        screen.console.print(f"{'equal' if equal else 'DIFFERENT'}: {path.parent.name}/{path.name}")
    screen.console.print(f"{template['size']} bytes, {template['digest']}")
    return 0 if all(same) else 1


async def _settled(api: Api, path: str) -> Any:
    """The resource once it ended; raises RefusedError when it failed."""
    for _ in range(600):
        found = await _maybe(api, f"{path}?wait={WAIT_SECONDS}")
        if found is None:
            await asyncio.sleep(0.1)
        elif found.get("error"):
            raise RefusedError(f"{path}: {found['error']['code']}: {found['error']['cause']}")
        elif found.get("state") != "Adding" and found.get("ready", True):
            return found
    raise RefusedError(f"{path} never settled")


async def _maybe(api: Api, path: str) -> Any:
    try:
        return await api.call("GET", path)
    except RefusedError as error:
        if str(error).startswith("not_found"):
            return None
        raise


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="make demo", description=__doc__)
    parser.add_argument("image", nargs="?", default="", help="URL or file of a disk image")
    asked = parser.parse_args()
    os.environ.setdefault("STOWAGE_FETCH_ALLOW", "127.0.0.0/8")
    start_logs(ServiceSettings.read(log_level="error"))
    try:
        sys.exit(asyncio.run(main(asked.image)))
    except (StowageError, RefusedError, MissingToolError) as error:
        sys.exit(f"demo: {error}")
