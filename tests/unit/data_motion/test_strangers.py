"""A foreign strategy and a foreign selector, installed as a stranger would, win by priority."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from data_motion.__main__ import wire
from data_motion.settings import Settings
from stowage_runtime.testing.bench import ServiceBench

from tests.strangers import install, run_suite
from tests.unit.data_motion.build import image, kvm, mover, pool
from tests.unit.data_motion.scene import Scene

NAME = "acme-motion"
ON_LINE = mover("acme-1")


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return install(NAME, tmp_path_factory.mktemp("acme"))


@pytest.fixture
async def foreign(
    installed: Path, monkeypatch: pytest.MonkeyPatch, settings: Settings, database_url: str
) -> AsyncIterator[Scene]:
    """data-motion, started where the package is installed."""
    monkeypatch.syspath_prepend(str(installed))
    async with ServiceBench.open(wire(settings), database_url) as bench:
        yield Scene(bench)


def test_it_passes_the_shipped_suites(installed: Path, tmp_path: Path) -> None:
    said = run_suite(NAME, installed, tmp_path)
    assert "passed" in said
    assert "failed" not in said


def test_it_depends_on_the_contracts_only(installed: Path) -> None:
    source = "".join(file.read_text() for file in (installed / "acme_motion").glob("*.py"))
    for ours in ("stowage_runtime", "data_motion.", "stowage_stores"):
        assert ours not in source


async def test_the_foreign_strategy_wins_where_it_can_handle(foreign: Scene) -> None:
    await foreign.join(mover(), ON_LINE)
    await foreign.ask(source=image("a", server="s3"), destination=image("b", server="s3"))
    assert (await foreign.offer()).host_id == "acme-1"
    view = await foreign.view()
    assert view.strategy == "acme-line"
    priorities = {answer.strategy: answer.priority for answer in view.answers}
    assert priorities["acme-line"] > priorities["store-native"] > priorities["direct"]


async def test_a_built_in_one_wins_elsewhere(foreign: Scene) -> None:
    await foreign.join(kvm(), ON_LINE)
    await foreign.ask(destination=pool(kvm()))
    view = await foreign.view()
    assert view.strategy == "direct"
    told = {answer.strategy: answer.reason for answer in view.answers}
    assert told["acme-line"] == "the line joins object stores, and changes no format"


async def test_the_foreign_selector_chooses_every_endpoint(foreign: Scene) -> None:
    await foreign.join(mover("busy", slots=2), mover("roomy", slots=9))
    await foreign.ask()
    assert (await foreign.offer()).host_id == "roomy"
    assert (await foreign.view()).hops[0].endpoint_reason == "roomy has most free slots: 9"


async def test_an_operator_may_name_the_built_in_selector(
    installed: Path, monkeypatch: pytest.MonkeyPatch, settings: Settings
) -> None:
    monkeypatch.syspath_prepend(str(installed))
    named = settings.model_copy(update={"endpoint_selector": "locality-then-load"})
    assert wire(named).deps.selector.name == "locality-then-load"
    assert wire(settings).deps.selector.name == "acme-roomiest"
