"""Plug-in interfaces: at most seven methods each, values in, values out.

Each has an entry-point group ``stowage.<interface_name>`` and a contract suite in
``stowage_contracts.testing``.
"""

from stowage_contracts.plugins.autoscale_strategy import AutoscaleStrategy
from stowage_contracts.plugins.cache_selector import CacheSelector
from stowage_contracts.plugins.data_motion_strategy import DataMotionStrategy
from stowage_contracts.plugins.data_store_lifecycle import (
    DataStoreLifecycle,
    HypervisorHostListener,
)
from stowage_contracts.plugins.data_store_provider import DataStoreProvider
from stowage_contracts.plugins.endpoint_selector import EndpointSelector
from stowage_contracts.plugins.hypervisor import Hypervisor, VolumeMotion
from stowage_contracts.plugins.image_store_driver import (
    ImageStoreDriver,
    NoteKeeper,
    ServerSideCopy,
    WriteLister,
)
from stowage_contracts.plugins.machines import Machines
from stowage_contracts.plugins.primary_store_driver import PrimaryStoreDriver
from stowage_contracts.plugins.template_install_strategy import TemplateInstallStrategy
from stowage_contracts.plugins.transport import (
    GrowingWriter,
    RangedReader,
    RangedWriter,
    StreamReader,
    Transport,
)

__all__ = [
    "AutoscaleStrategy",
    "CacheSelector",
    "DataMotionStrategy",
    "DataStoreLifecycle",
    "DataStoreProvider",
    "EndpointSelector",
    "GrowingWriter",
    "Hypervisor",
    "HypervisorHostListener",
    "ImageStoreDriver",
    "Machines",
    "NoteKeeper",
    "PrimaryStoreDriver",
    "RangedReader",
    "RangedWriter",
    "ServerSideCopy",
    "StreamReader",
    "TemplateInstallStrategy",
    "Transport",
    "VolumeMotion",
    "WriteLister",
]
