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
image.document             is a text document: a metalink, an envelope, a web server's error page
image.compressed           is a compressed stream where the caller takes none
image.bomb                 unpacks to absurdly more than it is, or takes absurdly long to
image.archive              is an archive other than an OVA, or a broken one, or one within another
image.archive_path         has a member whose name leads elsewhere
image.archive_link         has a member that is a link
image.archive_device       has a member that is a device or a pipe
image.archive_duplicate    has two members of one name
image.archive_sparse       has a member stored as a sparse file
image.manifest             is an OVA whose manifest disagrees with its members
image.ovf                  is an OVA without a sound envelope, or of disks other than VMDK
image.ovf_href             is an OVA whose envelope refers to something outside it
image.too_large            has a virtual size above what the caller allows
image.absurd_size          claims a virtual size that its own length cannot honestly describe
image.version              is of a version of its format that is not known
image.header               has a malformed header
image.footer               has a footer that is missing or contradicts its header
image.descriptor           is a VMDK with an unknown, hidden or foreign line in its descriptor
image.extent               is a VMDK of another extent than its own file
image.parent               needs a parent disk (VHD, VHDX, VDI, VMDK)
image.backing_file         names a backing file, or leaves room for one (qcow2)
image.data_file            keeps its data in another file
image.encrypted            is encrypted
image.corrupt              was marked corrupt by the last program that wrote it
image.dirty                was not closed cleanly, and would have to be repaired first
image.feature              needs a feature unknown to this gate
image.extended_l2          uses extended L2 entries where the caller forbids them
image.extension            has an unknown or malformed header extension
image.snapshots            holds internal snapshots
image.table                has a table that is out of place, or points out of place
image.cluster              has a block, grain or cluster that is out of place
image.volume_descriptor    is an ISO whose volume descriptors are missing or contradict its bytes
image.unreadable           could not be opened by qemu-img within its limits (second opinion)
image.second_opinion       looks different to qemu-img than to this gate
=========================  =====================================================================
"""

from hypervisor_agent.gate.door import JUDGED, inspect
from hypervisor_agent.gate.second_opinion import Jail, second_opinion
from hypervisor_agent.gate.terms import GATE_VERSION, USUAL, Expectation, Option, RangedReader

__all__ = [
    "GATE_VERSION",
    "JUDGED",
    "USUAL",
    "Expectation",
    "Jail",
    "Option",
    "RangedReader",
    "inspect",
    "second_opinion",
]
