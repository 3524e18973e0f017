"""What apache-libcloud's CloudStack driver can do about images and disks."""

from __future__ import annotations

from typing import Any

from libcloud.common.types import LibcloudError
from libcloud.compute.providers import get_driver
from libcloud.compute.types import Provider
from yarl import URL

from tests.e2e.clients.day import SECRET, Day
from tests.e2e.deployment import API_KEY
from tests.e2e.operator import ZONE


def worked(day: Day) -> dict[str, Any]:
    """Lists, an ISO, a snapshot deleted, and what it says of a refusal."""
    url = URL(day.url)
    driver: Any = get_driver(Provider.CLOUDSTACK)(
        API_KEY, SECRET, secure=False, host=url.host, port=url.port, path=url.path
    )
    driver.connection.poll_interval = 0.2
    places = driver.list_locations()
    here = next(place for place in places if place.id == ZONE)
    iso = driver.ex_register_iso(name="libcloud iso", url=day.iso, location=here)
    snapshots = driver.list_snapshots()
    mine = next(snapshot for snapshot in snapshots if snapshot.id == day.snapshot)
    return {
        "locations": {place.id: place.name for place in places},
        "images": driver.list_images(),
        "offerings": [offering.name for offering in driver.ex_list_disk_offerings()],
        "iso": iso,
        "volumes": {volume.name: volume.size for volume in driver.list_volumes()},
        "snapshots": {snapshot.id for snapshot in snapshots},
        "deleted": driver.destroy_volume_snapshot(mine),
        "limits": driver.ex_limits(),
        "refused": _refused(driver, here),
    }


def _refused(driver: Any, here: Any) -> str:
    try:
        driver.create_volume(1, "libcloud volume", here)
    except LibcloudError as error:
        return str(error)
    except Exception as error:
        return f"{type(error).__name__}: {error}"
    raise AssertionError("a volume of nothing was made")
