"""Disk images of a few bytes, honest and hostile, for whoever needs one."""

from tests.images.disks import gpt_disk, mbr_disk
from tests.images.foreign import FOREIGN
from tests.images.iso import Iso
from tests.images.qcow2 import Qcow2
from tests.images.reader import MemoryImage, SparseImage

__all__ = ["FOREIGN", "Iso", "MemoryImage", "Qcow2", "SparseImage", "gpt_disk", "mbr_disk"]
