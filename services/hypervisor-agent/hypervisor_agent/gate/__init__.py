"""The image gate: the one door by which image bytes become usable.

It judges stored bytes by bounded reads of its own, before any other program opens them. Content
decides the format, and whatever is not plainly harmless is refused with one of these codes:

=========================  =====================================================================
code                       the image
=========================  =====================================================================
image.empty                has no bytes, or a virtual disk of no bytes
image.truncated            ends before its own header does, or shrank while it was read
image.format_mismatch      is not of the format that was declared
image.polyglot             is of two formats at once
image.unsupported_format   is of a format this gate recognises but does not judge
image.archive              is an archive or compressed stream, not a disk
image.too_large            has a virtual size above what the caller allows
image.absurd_size          claims a virtual size that its own length cannot honestly describe
image.version              is a qcow2 of a version other than 2 and 3
image.header               has a malformed qcow2 header
image.backing_file         names a backing file, or leaves room for one
image.data_file            keeps its data in another file
image.encrypted            is encrypted
image.corrupt              was marked corrupt by the last program that wrote it
image.dirty                was not closed cleanly, so its refcounts must be rebuilt first
image.feature              needs a feature unknown to this gate
image.extended_l2          uses extended L2 entries where the caller forbids them
image.extension            has an unknown or malformed header extension
image.snapshots            holds internal snapshots
image.table                has an L1 or refcount table that is out of place, or points out of place
image.cluster              has an L2 entry that points out of place
image.volume_descriptor    is an ISO whose volume descriptors are missing or contradict its bytes
image.unreadable           could not be opened by qemu-img within its limits (second opinion)
image.second_opinion       looks different to qemu-img than to this gate
=========================  =====================================================================
"""

from hypervisor_agent.gate.door import inspect
from hypervisor_agent.gate.second_opinion import Jail, second_opinion
from hypervisor_agent.gate.terms import GATE_VERSION, Expectation, Option, RangedReader

__all__ = [
    "GATE_VERSION",
    "Expectation",
    "Jail",
    "Option",
    "RangedReader",
    "inspect",
    "second_opinion",
]
