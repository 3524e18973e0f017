"""The map from CloudStack's interfaces to ours names every method, and only what there is."""

import re
from pathlib import Path

import pytest
from stowage_contracts import plugins

PAGE = (Path(__file__).parents[3] / "docs" / "plugins.md").read_text()
METHODS = [
    "getName",
    "getTypes",
    "configure",
    "registerDriver",
    "getDataStoreDriver",
    "getDatastoreLifeCycle",
    "getHostListener",
    "initialize",
    "maintain",
    "cancelMaintain",
    "deleteDataStore",
    "attachHost",
    "attachCluster",
    "attachZone",
    "getTO",
    "getStoreTO",
    "createAsync",
    "deleteAsync",
    "resize",
    "canCopy",
    "copyAsync",
    "grantAccess",
    "revokeAccess",
    "listObjects",
    "takeSnapshot",
    "revertSnapshot",
    "canHandle",
    "takeVMSnapshot",
    "deleteVMSnapshot",
    "revertVMSnapshot",
    "createBucket",
    "deleteObject",
    "getObject",
    "generatePresignedUrl",
    "deleteBucket",
    "listBuckets",
    "putObject",
    "setEndpoint",
    "setObjectAcl",
    "upload",
]
"""Every method the documents of CloudStack's storage subsystem 2.0 ask a plug-in or store for."""
INTERFACES = [
    "DataStoreProvider",
    "DataStoreDriver",
    "DataStoreLifecycle",
    "DataMotionStrategy",
    "EndPointSelector",
    "AutoScaleStrategy",
    "TemplateInstallStrategy",
    "VMSnapshotStrategy",
]
NOT_YET = {
    "takeSnapshot",
    "revertSnapshot",
    "VMSnapshotStrategy",
    "takeVMSnapshot",
    "deleteVMSnapshot",
    "revertVMSnapshot",
}


def rows() -> list[tuple[str, str]]:
    """Both columns of every row of the maps."""
    after = PAGE.partition("## Coming from CloudStack")[2]
    return re.findall(r"^\| (.+?) \| (.+) \|$", after, re.MULTILINE)


@pytest.mark.parametrize("method", METHODS)
def test_every_method_has_its_row(method: str) -> None:
    found = [row for row in rows() if re.search(rf"`{method}\b", row[0])]
    assert found


@pytest.mark.parametrize("interface", INTERFACES)
def test_every_interface_has_its_row(interface: str) -> None:
    assert f"**{interface}**" in PAGE


def test_what_the_map_names_of_ours_is_there() -> None:
    named = re.findall(r"`([A-Z]\w+)\.(\w+)", " ".join(right for _, right in rows()))
    assert len(named) > 20
    for interface, member in named:
        protocol = getattr(plugins, interface)
        assert member in {*dir(protocol), *protocol.__annotations__}, f"{interface}.{member}"


def test_what_is_not_there_yet_is_said_and_nothing_else_is() -> None:
    left_out = " ".join(left for left, right in rows() if right == "not in this release")
    assert {name for name in (*METHODS, *INTERFACES) if name in left_out} == NOT_YET
