"""Starts Stowage, a fleet without a VM, and a storm of copies; shows VMs come and go, and why."""

from __future__ import annotations

import argparse
import asyncio
import filecmp
import os
import sys
import tempfile
from pathlib import Path

from rich.console import Console
from standalone.cloud import ZONE, cloud
from standalone.house import House
from standalone.settings import Home
from stowage_client import Client
from stowage_contracts.errors import StowageError
from stowage_runtime.settings import ServiceSettings
from stowage_runtime.telemetry.logs import start_logs

from examples.demo.web import served
from examples.storm.blowing import FLEET, Storm
from examples.storm.scenery import MIB, Machines, Scene
from examples.storm.shown import shown, tell

PIPED_WIDTH = 200
SETTINGS = {
    "STOWAGE_FETCH_ALLOW": "127.0.0.0/8",
    "STOWAGE_CACHE_SHOWN_FLOOR": str(8 * MIB),
    "STOWAGE_FLEET_SPAWN_SECONDS": "5",
}
"""A cache is taken to be slow until it has shown more, so that a small storm wants several VMs."""


async def main(scene: Scene, console: Console, *, keep: bool) -> int:
    """0 when every byte was right and every VM is gone again."""
    with tempfile.TemporaryDirectory(prefix="stowage-storm-") as folder:
        home = Home(Path(folder, "data"))
        async with (
            cloud(home, 0) as house,
            Client(house.url, house.keyring["admin_api_key"]) as client,
            scene.set_up(house, client),
        ):
            _say_what_is_real(scene, console)
            _say_where(house, console)
            ended = await _storm(scene, house, client, console)
            if keep:
                await house.crashed()
            return ended


async def _storm(scene: Scene, house: House, client: Client, console: Console) -> int:
    storm = Storm(client, scene)
    images = {}
    for number in range(scene.images):
        image = scene.image(house.home.data.parent, number)
        async with served(image) as url:
            images[await storm.register(url, number)] = image
    await storm.set_fleet(ZONE)
    try:
        async with shown(client, console):
            await storm.blow(list(images))
            await storm.over()
    except StowageError:
        await tell(client, console, storm)
        raise
    await tell(client, console, storm)
    return _compared(scene, house, console, images)


def _compared(scene: Scene, house: House, console: Console, images: dict[str, Path]) -> int:
    copies = [house.home.data / pool / f"{key}.raw" for pool in scene.pools for key in images]
    right = [
        path.exists() and filecmp.cmp(path, images[path.stem], shallow=False) for path in copies
    ]
    console.print(f"{sum(right)} of {len(copies)} copies equal their image, byte by byte")
    return 0 if all(right) else 1


def _say_what_is_real(scene: Scene, console: Console) -> None:
    console.print(
        "Real: the five services (in one process), the bytes, the copies, the decisions. "
        "Pretended: the XenServer hosts (their agents read caches and nothing else)"
        + (
            " and the transport VMs (a directory each that appears after "
            f"{scene.machines.boot_seconds:g} s)."
            if scene.machines.kind == "fake"
            else f". The transport VMs are real, run by {scene.machines.kind}."
        )
        + f" See 'stowage fleet show {FLEET}' for the settings, which are for the impatient.",
        highlight=False,
        soft_wrap=True,
    )


def _say_where(house: House, console: Console) -> None:
    key = house.keyring["admin_api_key"]
    console.print("Meanwhile, in another terminal (stowage vm list, cache entries, cache why …):")
    console.print(f"  export STOWAGE_URL={house.url} STOWAGE_API_KEY={key}", soft_wrap=True)


def _asked() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m examples.storm", description=__doc__)
    parser.add_argument("--hosts", type=int, default=8, help="hosts that want every image")
    parser.add_argument("--images", type=int, default=4, help="images wanted")
    parser.add_argument("--mib", type=int, default=32, help="MiB of each image")
    parser.add_argument("--keep", action="store_true", help="go on until Ctrl-C, to look around")
    real = parser.add_argument_group("real VMs, instead of pretended ones")
    real.add_argument("--machines", choices=("fake", "uml", "qemu"), default="fake")
    real.add_argument("--image", default="", help="folder of a built transport-VM image")
    real.add_argument("--address", action="append", help="they may have: 10.1.0.10/24; repeatable")
    real.add_argument("--bridge", default="", help="their interfaces join")
    real.add_argument("--namespace", default="", help="network namespace they live in")
    return parser.parse_args()


def _scene(asked: argparse.Namespace) -> Scene:
    machines = Machines(
        kind=asked.machines,
        image=asked.image,
        addresses=tuple(asked.address or ()),
        bridge=asked.bridge,
        namespace=asked.namespace,
    )
    return Scene(machines, asked.hosts, asked.images, asked.mib * MIB)


if __name__ == "__main__":
    asked = _asked()
    scene = _scene(asked)
    for name, text in SETTINGS.items():
        os.environ.setdefault(name, text)
    start_logs(ServiceSettings.read(log_level="error"))
    try:
        console = Console(width=None if sys.stdout.isatty() else PIPED_WIDTH)
        sys.exit(asyncio.run(main(scene, console, keep=asked.keep)))
    except KeyboardInterrupt:
        sys.exit(130)
    except StowageError as error:
        sys.exit(f"storm: {error.problem.code}: {error.problem.cause} {error.problem.hint}")
