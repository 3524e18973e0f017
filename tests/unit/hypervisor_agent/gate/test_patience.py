"""Nothing hostile makes the gate think for long: patterns are walked once, work is counted."""

import pytest
from hypervisor_agent.gate.archives import Limits, Refused, unpacker
from hypervisor_agent.gate.detect import detect
from stowage_contracts.values import ImageFormat

from tests.images.packed import PACKERS
from tests.images.vmdk import Vmdk
from tests.unit.hypervisor_agent.gate.judging import judge

pytestmark = pytest.mark.timeout(60)


def test_a_page_of_comments_is_seen_through_at_once() -> None:
    assert "html" not in detect(b"<!---->" * 146 + b"<", b"")


@pytest.mark.parametrize(
    "line", ["ddb" + ".a" * 4000, "." * 8000, "a" * 8000, '"' * 8000, "= " * 4000]
)
async def test_a_line_made_to_confuse_is_refused_at_once(line: str) -> None:
    verdict = await judge(Vmdk(more=line).build(), ImageFormat.VMDK)
    assert verdict.code == "image.descriptor"


@pytest.mark.parametrize("kind", PACKERS)
def test_a_stream_that_takes_too_much_time_is_refused(kind: str) -> None:
    slow = unpacker(kind, Limits(max_bytes=1 << 40, seconds_per_gib=0.0, seconds=0.0))
    with pytest.raises(Refused, match="too long"):
        list(slow.feed(PACKERS[kind](b"\1" * 4096)))
