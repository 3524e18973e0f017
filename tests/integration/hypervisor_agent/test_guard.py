"""A user's URL never reaches a private address, also when its rules were forgotten."""

from __future__ import annotations

from pathlib import Path

import pytest
from stowage_contracts.errors import SourceRefused
from stowage_contracts.values import EndKind

from tests.integration.hypervisor_agent.kit import (
    end,
    file_grant,
    from_url,
    hop,
    make_tools,
    order,
    part_of,
    url_grant,
)
from tests.integration.hypervisor_agent.source_server import Source, serving


async def test_without_rules_the_strictest_hold(tmp_path: Path) -> None:
    asked = order(source=end().model_copy(update={"kind": EndKind.URL}))
    part = part_of(tmp_path, asked)
    async with serving(Source(b"x" * 1000)) as source:
        grants = from_url(source.url, part)
        grants.rules = None
        with pytest.raises(SourceRefused) as caught:
            await hop(asked, grants, make_tools(tmp_path)).run()
    assert caught.value.code == "source.address_refused"
    assert source.requests == []


async def test_a_file_uri_of_a_user_is_no_way_in(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_bytes(b"x" * 1000)
    asked = order(source=end().model_copy(update={"kind": EndKind.URL}))
    part = part_of(tmp_path, asked)
    grants = from_url("http://127.0.0.1/", part)
    grants.read = lambda: file_grant(secret)
    with pytest.raises(SourceRefused):
        await hop(asked, grants, make_tools(tmp_path)).run()
    grants.read = lambda: url_grant("gopher://127.0.0.1/x")
    with pytest.raises(SourceRefused):
        await hop(asked, grants, make_tools(tmp_path)).run()
