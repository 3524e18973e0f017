"""A report as people read it, and as programs do."""

from __future__ import annotations

import json
from io import StringIO

import pytest
from rich.console import Console
from stowage_client.commands.importing.showing import show
from stowage_client.commands.shell import Shell
from stowage_client.importing.report import Outcome
from stowage_client.importing.survey import Survey

from tests.integration.importing.clouds import PASSWORD, SECRET, Cloud
from tests.integration.importing.conftest import Read


def shell(out: StringIO, *, as_json: bool = False) -> Shell:
    return Shell("", "", as_json, Console(file=out, width=200), Console(file=out))


def test_people_see_stores_reasons_pools_and_warnings(modern: Cloud, read: Read) -> None:
    out = StringIO()
    report = Survey(read(modern)).report()
    outcome = Outcome(progress={"ready": 3, "failed": 1})
    show(shell(out), report.model_copy(update={"outcome": outcome}))
    told = out.getvalue()
    for words in (
        "release   4.19.1.0 (read as 4.2+)",
        "zones     zone one, zone two",
        "provider: no provider for SMB",
        "1 templates skipped, direct_download: hosts fetch it themselves: register it by its URL",
        "1 copies of templates left, cached",
        "1 snapshots: delta",
        "filer:/primary",
        "warning: caches with the only copies of something are added read-only: staging",
        "done: 3 ready, 1 failed",
    ):
        assert words in told
    assert SECRET not in told
    assert PASSWORD not in told


def test_programs_get_all_of_it(
    modern: Cloud, read: Read, capsys: pytest.CaptureFixture[str]
) -> None:
    report = Survey(read(modern)).report()
    show(shell(StringIO(), as_json=True), report)
    assert json.loads(capsys.readouterr().out) == report.model_dump(mode="json")
