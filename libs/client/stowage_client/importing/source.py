"""Source: a CloudStack as it is read, with an operator's wishes; blocking, for one thread."""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from stowage_client.importing.choosing import Choice, Chooser
from stowage_client.importing.copies import HostRefs, StoreRefs
from stowage_client.importing.database import Database
from stowage_client.importing.reading import world_of
from stowage_client.importing.records import World
from stowage_client.importing.stores import StorePlan, Wishes, check_names, plan_of
from stowage_client.importing.things import Things
from stowage_client.importing.versions import Version, version_of

NOUNS = {"template": "vm_template", "volume": "volumes", "snapshot": "snapshots"}
"""In the order in which they are taken, and where they are kept."""
_READ = (
    "data_center domain account vm_template template_zone_ref launch_permission volumes snapshots "
    "storage_pool image_store image_store_details template_store_ref volume_store_ref "
    "snapshot_store_ref host template_host_ref volume_host_ref s3 template_s3_ref swift "
    "template_swift_ref"
)
_OLD = "host template_host_ref volume_host_ref s3 template_s3_ref swift template_swift_ref".split()  # noqa: SIM905
_NEW = (
    "image_store",
    "image_store_details",
    "template_store_ref",
    "volume_store_ref",
    "snapshot_store_ref",
)


@dataclass(frozen=True)
class Rules:
    """What an operator wishes for objects."""

    sizes: bool = True
    checksums: bool = True
    tags: tuple[str, ...] = ()


@dataclass
class Source:
    """Made by ``read``; what is small is known, what is large is read again for each pass."""

    database: Database
    version: Version
    world: World
    plans: dict[str, StorePlan]
    """By the key of their store."""
    rules: Rules = field(default_factory=Rules)

    @classmethod
    def read(cls, database: Database, wishes: Wishes, rules: Rules) -> "Source":
        """Raises InvalidInput for a database that is no CloudStack's, and as Database does."""
        version = version_of(database)
        world = world_of(database, version)
        check_names(wishes, world)
        plans = {key: plan_of(store, world, wishes) for key, store in world.stores.items()}
        return cls(database, version, world, plans, rules)

    def without(self, keys: frozenset[str]) -> "Source":
        """The same without stores that turned out to be of no use."""
        left = {
            key: replace(plan, code="refused") if key in keys else plan
            for key, plan in self.plans.items()
        }
        return replace(self, plans=left)

    def choices(self, noun: str) -> Iterator[list[Choice]]:
        """Every object of a noun with what is made of it, a page at a time."""
        copies = HostRefs(self.database) if self.version.legacy else StoreRefs(self.database)
        things = Things(self.database, self.world, copies)
        pages = {
            "template": things.templates,
            "volume": things.volumes,
            "snapshot": things.snapshots,
        }
        chooser = self._chooser()
        for page in pages[noun]():
            yield [chooser.choose(thing) for thing in page]

    def removed(self, noun: str) -> int:
        """How many were deleted there."""
        query = f"SELECT COUNT(*) AS n FROM {NOUNS[noun]} WHERE removed IS NOT NULL"  # noqa: S608 - a name of ours
        return int(self.database.rows(query)[0]["n"])

    def tables(self) -> dict[str, int]:
        """Rows of the tables that are read for this schema and are there."""
        other = _NEW if self.version.legacy else _OLD
        names = [name for name in _READ.split() if name not in other]
        return {name: self.database.count(name) for name in names if name in self.database.tables}

    def _chooser(self) -> Chooser:
        usable = {key: plan.store.id for key, plan in self.plans.items() if not plan.code}
        rules = self.rules
        return Chooser(self.world, usable, rules.sizes, rules.checksums, rules.tags)
