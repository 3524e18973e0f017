"""Compressed single images (gzip, bzip2, xz, zip), unpacked while they stream and within limits.

    kind = compression_of(head)              # of the first bytes; "" where it is none of these
    unpack = unpacker(kind, Limits(max_bytes=…))
    for piece in unpack.feed(chunk): …       # each of at most 256 KiB; give it to a thread
    unpack.finish()                          # the end was seen and every check sum agrees

Each step raises ``Refused`` (``image.bomb``, ``image.archive``, ``image.archive_path``,
``image.too_large``…). Memory stays below 96 MiB, whatever the input.
"""

from hypervisor_agent.gate.archives.compressed import Unpacker, compression_of, unpacker
from hypervisor_agent.gate.archives.limits import Limits
from hypervisor_agent.gate.terms import Refused

__all__ = ["Limits", "Refused", "Unpacker", "compression_of", "unpacker"]
