"""Load of caches is counted per store and time."""

from __future__ import annotations

from hypervisor_agent.load import LoadMeter
from stowage_contracts.values import (
    CopyEnd,
    GrantRef,
    ImageFormat,
    ObjectKind,
    ObjectRef,
    ServiceName,
    StoreRole,
)


def cache(store_id: str, role: StoreRole = StoreRole.IMAGE_CACHE) -> CopyEnd:
    return CopyEnd(
        object=ObjectRef(kind=ObjectKind.TEMPLATE, id="t"),
        role=role,
        store_id=store_id,
        schemes=("file",),
        format=ImageFormat.RAW,
        grant=GrantRef(id="g", owner=ServiceName.CACHE_AUTOSCALER),
    )


def test_rates_add_up_and_the_best_is_remembered() -> None:
    now = [0.0]
    meter = LoadMeter(lambda: now[0])
    moved = {"a": 0, "b": 0}
    ends = (cache("c1"), cache("s1", StoreRole.IMAGE))
    with meter.moving(ends, lambda: moved["a"]), meter.moving(ends, lambda: moved["b"]):
        now[0], moved["a"], moved["b"] = 2.0, 100, 300
        (load,) = meter.report()
        assert (load.store_id, load.bytes_per_second, load.streams) == ("c1", 200.0, 2)
        now[0], moved["a"] = 3.0, 150
        (load,) = meter.report()
        assert (load.bytes_per_second, load.shown_bytes_per_second) == (50.0, 200.0)
    now[0] = 4.0
    (load,) = meter.report()
    assert (load.bytes_per_second, load.streams) == (0.0, 0)
    assert meter.report() == ()
