"""What a server needs is looked for, and what is missing is named."""

from __future__ import annotations

import os

import pytest

from tests.servers.apt import Requirement, provide
from tests.servers.process import ServerError


def test_a_program_on_path_is_not_missing() -> None:
    assert Requirement(("sh",), ("dash",)).missing() == []


def test_nothing_is_installed_when_nothing_is_missing() -> None:
    provide([Requirement(("sh",), ("no-such-package",))])


def test_without_root_what_is_missing_is_said_in_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    with pytest.raises(ServerError, match=r"^missing: no-such \(Debian packages: some-package\)$"):
        provide([Requirement(("sh", "no-such"), ("some-package",))])
