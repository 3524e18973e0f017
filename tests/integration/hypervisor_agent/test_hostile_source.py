"""Whatever a source sends ends as a refusal of that source, never as a fault of the agent's."""

from __future__ import annotations

import gc
from collections.abc import Mapping
from pathlib import Path

import pytest
from aiohttp import ClientResponse
from hypervisor_agent.transports.http import HttpTransport
from hypervisor_agent.transports.http_reader import HttpReader
from hypervisor_agent.transports.http_source import Source
from stowage_contracts.errors import Retry, SourceRefused
from stowage_contracts.plugins.transport import ReadShape, TransportSettings
from stowage_contracts.values import EndKind

from tests.integration.hypervisor_agent.kit import (
    LOOPBACK,
    MIB,
    end,
    from_url,
    hop,
    make_tools,
    noise,
    order,
    part_of,
    url_grant,
)
from tests.integration.hypervisor_agent.raw_server import RawSource, serving_raw

DATA = noise(9 * MIB)
RAW_BYTES = b'ETag: "caf\xc3\xa9 \xff"\r\nLast-Modified: \xfe\xe9\r\n'


async def refusal(tmp_path: Path, url: str) -> SourceRefused:
    """What a hop from this URL is refused with."""
    asked = order(source=end().model_copy(update={"kind": EndKind.URL}))
    grants = from_url(url, part_of(tmp_path, asked))
    with pytest.raises(SourceRefused) as caught:
        await hop(asked, grants, make_tools(tmp_path)).run()
    assert caught.value.retry is Retry.FINAL
    assert caught.value.problem.model_dump_json()
    return caught.value


async def test_a_probe_that_is_answered_without_end_is_not_read(tmp_path: Path) -> None:
    async with serving_raw(RawSource(DATA, endless=True)) as source:
        assert (await refusal(tmp_path, source.url)).code == "source.range"
    assert source.sent < 32 * MIB


async def test_more_bytes_than_the_range_are_refused(tmp_path: Path) -> None:
    async with serving_raw(RawSource(DATA, extra=b"x")) as source:
        assert (await refusal(tmp_path, source.url)).code == "source.range"


@pytest.mark.parametrize("digits", [19, 5000])
async def test_a_length_of_too_many_digits_is_refused(tmp_path: Path, digits: int) -> None:
    async with serving_raw(RawSource(DATA, content_range=b"0-0/" + b"9" * digits)) as source:
        assert (await refusal(tmp_path, source.url)).code == "source.too_large"


async def test_a_store_that_names_such_a_length_is_refused_too() -> None:
    async with serving_raw(RawSource(DATA, content_range=b"0-0/" + b"9" * 5000)) as source:
        with pytest.raises(SourceRefused) as caught:
            await HttpTransport(TransportSettings()).open_reader(
                url_grant(source.url), ReadShape(stall_seconds=5)
            )
    assert caught.value.code == "source.range"


async def test_validators_that_are_no_ascii_are_not_used(tmp_path: Path) -> None:
    asked = order()
    part = part_of(tmp_path, asked)
    async with serving_raw(RawSource(DATA, headers=RAW_BYTES)) as source:
        receipt = await hop(asked, from_url(source.url, part), make_tools(tmp_path)).run()
    assert part.read_bytes() == DATA
    assert receipt.source_validator == ""


async def test_a_refusal_can_be_told_whatever_bytes_it_is_about(tmp_path: Path) -> None:
    headers = b"Content-Encoding: \xff\xfe\r\n"
    async with serving_raw(RawSource(DATA, headers=headers)) as source:
        assert (await refusal(tmp_path, source.url)).code == "source.encoding"


@pytest.mark.parametrize(
    "url",
    [
        "http://[",
        "http://127.0.0.1:99999/",
        "http://ex\\ample/",
        "http://a..b/",
        f"http://{'a' * 64}.b/",
        "http://.../",
        "http://1.2.3.4:8x/",
        "http://xn--a/",
    ],
)
async def test_what_is_no_url_is_refused_for_good_and_leaves_no_session(
    tmp_path: Path, url: str
) -> None:
    assert (await refusal(tmp_path, url)).code == "source.url"
    gc.collect()  # a session left open would warn here, and warnings are errors


async def test_no_url_is_a_refusal_for_the_transport_too() -> None:
    shape = ReadShape(stall_seconds=5, rules=LOOPBACK)
    with pytest.raises(SourceRefused) as caught:
        await HttpTransport(TransportSettings()).open_reader(url_grant("http://["), shape)
    assert caught.value.code == "source.url"


class Senseless:
    """Every request ends in what reading nonsense raises."""

    closed = False

    async def get(self, headers: Mapping[str, str]) -> ClientResponse:
        int("nonsense")
        raise AssertionError

    async def close(self) -> None:
        self.closed = True


async def test_nonsense_nobody_thought_of_is_the_fault_of_the_source() -> None:
    client = Senseless()
    with pytest.raises(SourceRefused) as caught:
        await HttpReader.open(client, ReadShape(stall_seconds=5), "http://h/x")
    assert (caught.value.code, caught.value.resource) == ("source.answer", "http://h/x")
    assert client.closed
    reader = HttpReader(client, Source(9, "", "", True), ReadShape(stall_seconds=5), "http://h/x")
    with pytest.raises(SourceRefused, match="no sense"):
        await reader.read_into(0, memoryview(bytearray(9)))
