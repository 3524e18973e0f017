"""The files that deploy it keep to their schemas, and lock what they bring."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from deploy import subset
from tests.deploy.composed import ROOT, SERVICES
from tests.servers.process import run

DOCKERFILES = sorted((ROOT / "deploy").rglob("*Dockerfile"))
COMPOSE = ROOT / "compose.yaml"
LOCK = (ROOT / "requirements.lock").read_text()
TOOLS = {"pytest", "mypy", "ruff", "hypothesis", "hatchling", "testcontainers", "uv"}


def _services() -> dict[str, Any]:
    found: dict[str, Any] = YAML(typ="safe").load(COMPOSE.read_text())["services"]
    return found


def test_the_compose_file_keeps_to_its_schema() -> None:
    tool = Path(sys.executable).with_name("check-jsonschema")
    run([tool, "--builtin-schema", "vendor.compose-spec", COMPOSE])


@pytest.mark.parametrize("path", DOCKERFILES, ids=lambda path: path.name)
def test_a_dockerfile_has_nothing_a_linter_would_change(path: Path) -> None:
    tool = Path(sys.executable).with_name("hadolint")
    run([tool, "--failure-threshold", "warning", path])


@pytest.mark.parametrize("path", DOCKERFILES, ids=lambda path: path.name)
def test_a_dockerfile_needs_no_frontend_of_a_registry_and_tags_its_bases(path: Path) -> None:
    text = path.read_text()
    assert "syntax=" not in text
    bases = re.findall(r"^(?:FROM |ARG BASE=)(\S+)", text, re.MULTILINE)
    assert all(":" in base or base == "${BASE}" for base in bases)


def test_every_image_can_be_named_otherwise() -> None:
    services = _services()
    for name, service in services.items():
        assert re.fullmatch(r"\$\{[A-Z0-9_]+_IMAGE:-[\w./-]+:[\w.-]+\}", service["image"]), name


def test_every_one_shot_service_is_waited_for() -> None:
    services = _services()
    waited = {
        name
        for service in services.values()
        for name, how in service.get("depends_on", {}).items()
        if how["condition"] == "service_completed_successfully"
    }
    once = {name for name, service in services.items() if "restart" not in service}
    assert once == waited


def test_the_lock_has_hashes_and_no_addresses() -> None:
    sections = subset.sections(LOCK)
    assert all("--hash=sha256:" in text for text in sections.values())
    assert "://" not in LOCK
    assert not re.search(r"^(-|/|\.)", LOCK, re.MULTILINE)


@pytest.mark.parametrize("service", SERVICES)
def test_a_service_needs_no_tool_and_no_other_service(service: str) -> None:
    assert TOOLS.isdisjoint(subset.sections(subset.locked(service)))
    folders = {path.name for path in subset.ours(service)}
    assert folders & set(SERVICES) == {service}
    assert {"contracts", "runtime"} <= folders


def test_extras_decide_who_carries_an_s3_client() -> None:
    assert "aiobotocore" in subset.sections(subset.locked("image-store"))
    assert "aiobotocore" not in subset.sections(subset.locked("hypervisor-agent"))


def test_a_dependency_missing_from_the_lock_is_named(tmp_path: Path) -> None:
    (tmp_path / "requirements.lock").write_text("aiohttp==1 \\\n    --hash=sha256:0\n")
    with pytest.raises(KeyError, match=r"requirements\.lock lacks nowhere-to-be-found"):
        subset.locked("nowhere-to-be-found", tmp_path)
