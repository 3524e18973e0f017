"""What operators ask of a simulated cloud: copies of every shape, asked again, withdrawn."""

from dataclasses import dataclass, field

from image_store.ends import image_end
from image_store.objects.replicas import add_grant, ask, destroy
from image_store.objects.rows import add_image_ref
from image_store.store import lock_ref, need
from stowage_contracts.message import Message
from stowage_contracts.messages.data_motion import (
    CancelCopy,
    ChangeCopy,
    DrainHost,
    PauseCopy,
    RerouteCopy,
    ResumeCopy,
)
from stowage_contracts.messages.image_store import CopyRequested, PrefetchObject, RequestCopy
from stowage_contracts.topology import address
from stowage_contracts.values import Location, ObjectKind, ObjectRef, Scope, ServiceName, StoreRole

from tests.simulator.scenery import POOLS, ZONE
from tests.simulator.stores import RANGE, Stored, content_of, digest_of
from tests.simulator.tables.image_store import BLANK_REF
from tests.simulator.tables.rows import MemoryTx, Row
from tests.simulator.world import World

GATEWAY = ServiceName.API_GATEWAY.value
PRIORITIES = (10, 0, 0, -10)
ACCOUNTS = ("acc1", "acc2")


@dataclass
class Workload:
    """Acts on a world by chance; remembers what it asked for."""

    world: World
    copies: list[str] = field(default_factory=list)
    destroyed: set[str] = field(default_factory=set)
    """Replicas that were ordered to go, by store and key."""
    _made: int = 0

    def prepare(self, images: int = 2) -> None:
        """Images that are Ready on one store, and known to the catalogue."""
        for number in range(images):
            self._image(f"img{number}", ("s3", "nfs")[number % 2])

    def act(self) -> None:
        """One thing somebody wants."""
        random = self.world.kernel.random
        if not self.world.services[ServiceName.IMAGE_STORE].node.up:
            return
        random.choices(
            (
                self._bring,
                self._pool,
                self._volume,
                self._again,
                self._destroy,
                self._order,
                self._prefetch,
            ),
            weights=(4, 4, 4, 2, 1, 9, 2),
        )[0]()

    def settle(self) -> None:
        """Nothing is held back any more."""
        for copy in list(self.world.motion.unfinished()):
            self._tell(ResumeCopy(copy_id=copy.id))
        for host_id in self.world.agents:
            self._tell(DrainHost(host_id=host_id, drains=False))

    # Wishes

    def _bring(self) -> None:
        """A replica on the other image store, as the keeper asks for one."""
        image, copy_id = self._any_image(), self._id()
        there, wanted = ("s3", "nfs") if self._home(image) == "s3" else ("nfs", "s3")
        tables = self.world.images
        if tables.q_ref_on("template", image, wanted) or not self._ready(image, there):
            return
        self._in_catalogue(lambda tx: self._begin(tx, image, (there, wanted), copy_id))

    async def _begin(self, tx: MemoryTx, image: str, way: tuple[str, str], copy_id: str) -> None:
        row = await tx.row("object", "template", image)
        here, there = await need(tx, "store", way[0]), await need(tx, "store", way[1])
        source = (await tx.rows("ref_on", "template", image, way[0]))[0]
        ref = await add_image_ref(tx, row, there, copy_id)
        await tx.run("reserve", ref["id"], row["size"])
        read = await add_grant(tx, ref_id=source["id"], for_ref=ref["id"])
        write = await add_grant(tx, ref_id=ref["id"], writes=True)
        request = CopyRequested(
            copy_id=copy_id,
            account_id=row["account_id"],
            priority=self._priority(),
            source=image_end(source, here, read),
            destination=image_end(ref, there, write),
            size=source["size"],
            digest=source["digest"],
            location=Location(zone_id=ZONE),
        )
        await ask(tx, ref, request)

    def _pool(self) -> None:
        """A template on a host's pool; asked for twice, it is one transfer."""
        self._request(self._any_pool())

    def _volume(self) -> None:
        """A new volume of a template."""
        self._request(self._any_pool(), volume_id=f"vol{len(self.copies)}")

    def _again(self) -> None:
        """Another asker of a pool's template."""
        self._request("xen1")

    def _prefetch(self) -> None:
        """An image on the zone's cache, before anybody asks."""
        request = PrefetchObject(
            copy_id=self._id(),
            account_id=self.world.kernel.random.choice(ACCOUNTS),
            object=ObjectRef(kind=ObjectKind.TEMPLATE, id=self._any_image()),
            scope=Scope.zone(ZONE),
            hold_seconds=30,
            priority=self._priority(),
        )
        self.world.say(request, GATEWAY, address(ServiceName.IMAGE_STORE))

    def _request(self, host_id: str, volume_id: str | None = None) -> None:
        request = RequestCopy(
            copy_id=self._id(),
            account_id=self.world.kernel.random.choice(ACCOUNTS),
            template_id=self._any_image(),
            store_id=f"pool-{host_id}",
            volume_id=volume_id,
            priority=self._priority(),
        )
        self.world.say(request, GATEWAY, address(ServiceName.IMAGE_STORE))

    def _order(self) -> None:
        """Something said of a copy that was asked for, or of a host."""
        random = self.world.kernel.random
        if not self.copies:
            return
        copy_id, host_id = random.choice(self.copies), random.choice(list(self.world.agents))
        self._tell(
            random.choice(
                (
                    CancelCopy(copy_id=copy_id),
                    PauseCopy(copy_id=copy_id),
                    PauseCopy(copy_id=copy_id),
                    ResumeCopy(copy_id=copy_id),
                    ResumeCopy(copy_id=copy_id),
                    ChangeCopy(
                        copy_id=copy_id, priority=self._priority(), bytes_per_second=1 << 30
                    ),
                    RerouteCopy(copy_id=copy_id),
                    RerouteCopy(copy_id=copy_id, host_id=host_id),
                    DrainHost(host_id=host_id),
                    DrainHost(host_id=host_id, drains=False),
                )
            )
        )

    def _tell(self, order: Message) -> None:
        self.world.say(order, GATEWAY, address(ServiceName.DATA_MOTION))

    def _destroy(self) -> None:
        """A source is deleted while copies may read it: its bytes wait for them."""
        image = self._any_image()
        store_id = self._home(image)
        if not self._ready(image, store_id) or self.world.kernel.chance(0.5):
            return
        ref = self.world.images.q_ref_on("template", image, store_id)[0]
        self.destroyed.add(f"{store_id}/{ref['install_path']}")
        self._in_catalogue(lambda tx: self._gone(tx, ref["id"]))

    async def _gone(self, tx: MemoryTx, ref_id: str) -> None:
        ref = await lock_ref(tx, ref_id)
        assert ref is not None
        await destroy(tx, ref)

    # Helpers

    def _in_catalogue(self, work: object) -> None:
        self.world.services[ServiceName.IMAGE_STORE].transact(work)

    def _id(self) -> str:
        self._made += 1
        self.copies.append(f"copy{self._made}")
        return self.copies[-1]

    def _any_image(self) -> str:
        names = sorted(key[1] for key in self.world.images.objects if key[0] == "template")
        return str(self.world.kernel.random.choice(names))

    def _any_pool(self) -> str:
        return self.world.kernel.random.choice((*POOLS, "xen1"))

    def _priority(self) -> int:
        return self.world.kernel.random.choice(PRIORITIES)

    def _home(self, image: str) -> str:
        return ("s3", "nfs")[int(image.removeprefix("img")) % 2]

    def _ready(self, image: str, store_id: str) -> bool:
        found = self.world.images.q_ref_on("template", image, store_id)
        return bool(found) and found[0]["state"] == "Ready"

    def _image(self, name: str, store_id: str) -> None:
        tables, content = self.world.images, content_of(name, self.world.ranges)
        size, digest, key = len(content) * RANGE, digest_of(content), f"template/acc1/{name}.qcow2"
        what = ObjectRef(kind=ObjectKind.TEMPLATE, id=name)
        tables.now = self.world.kernel.time()
        tables.q_add_object(
            {
                "noun": what.noun,
                "id": name,
                "kind": what.kind.value,
                "account_id": "acc1",
                "name": name,
                "format": "qcow2",
                "hypervisor": "KVM",
                "scope_type": "zone",
                "zones": [ZONE],
                "origin": "url",
                "sealed_url": "",
                "url_scheme": "https",
                "checksum": None,
                "tags": [],
                "min_copies": 1,
                "max_copies": None,
                "wanted_stores": [],
                "template_id": None,
                "volume_id": None,
                "parent_id": None,
            }
        )
        tables.q_object_known(what.noun, name, size, size, digest)
        self._held(what, store_id, (key, size, digest))
        self.world.stores[store_id].objects[key] = Stored(content, size, "before")

    def _held(self, what: ObjectRef, store_id: str, held: tuple[str, int, str]) -> None:
        ref_id, (key, size, digest) = f"ref-{what.id}-{store_id}", held
        tables = self.world.images
        tables.refs[ref_id] = Row(
            {
                **BLANK_REF,
                "id": ref_id,
                "noun": what.noun,
                "kind": what.kind.value,
                "object_id": what.id,
                "account_id": "acc1",
                "store_id": store_id,
                "role": StoreRole.IMAGE,
                "state": "Ready",
                "update_count": 2,
                "install_path": key,
                "format": "qcow2",
                "copy_id": None,
                "size": size,
                "digest": digest,
                "reserved": 0,
                "in_place": False,
                "updated": self.world.kernel.time(),
            }
        )
