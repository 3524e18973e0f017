"""The built-in install strategies against the shared suite, and the choice among all."""

from collections.abc import Mapping

import pytest
from image_store.installing.backing_file import BackingFile
from image_store.installing.choosing import choose
from image_store.installing.full_copy import FullCopy
from image_store.installing.reflink import Reflink
from stowage_contracts.errors import NoStrategy
from stowage_contracts.plugins import TemplateInstallStrategy
from stowage_contracts.plugins.data_motion_strategy import Answer, Priority
from stowage_contracts.plugins.template_install_strategy import InstallAsk, InstallPlan
from stowage_contracts.testing.install_strategy_suite import InstallStrategySuite, install_ask
from stowage_contracts.values import HopMethod, ImageFormat

BUILT_IN: Mapping[str, TemplateInstallStrategy] = {
    "full-copy": FullCopy(),
    "reflink": Reflink(),
    "backing-file": BackingFile(),
}
BOTH = ("overlay", "reflink")


class TestFullCopy(InstallStrategySuite):
    @pytest.fixture
    def strategy(self) -> TemplateInstallStrategy:
        return FullCopy()


class TestReflink(InstallStrategySuite):
    @pytest.fixture
    def strategy(self) -> TemplateInstallStrategy:
        return Reflink()


class TestBackingFile(InstallStrategySuite):
    @pytest.fixture
    def strategy(self) -> TemplateInstallStrategy:
        return BackingFile()


class Stranger:
    """A foreign strategy that wants everything."""

    name = "stranger"

    def can_handle(self, ask: InstallAsk) -> Answer:
        return Answer(priority=Priority.PLUGIN, reason="it always does")

    def plan(self, ask: InstallAsk) -> InstallPlan:
        raise ValueError("it never did")


@pytest.mark.parametrize(
    ("asked", "strategy", "method", "base"),
    [
        (install_ask(), "full-copy", HopMethod.COPY, None),
        (install_ask(can=("overlay",)), "full-copy", HopMethod.COPY, None),
        (install_ask(can=BOTH), "reflink", HopMethod.CLONE, "qcow2"),
        (install_ask(can=BOTH, wanted=ImageFormat.RAW), "reflink", HopMethod.CLONE, "raw"),
        (install_ask(can=BOTH, held=ImageFormat.RAW), "full-copy", HopMethod.COPY, None),
        (install_ask(can=BOTH, install="full-copy"), "full-copy", HopMethod.COPY, None),
        (install_ask(can=BOTH, install="backing-file"), "backing-file", "backing", "qcow2"),
        (
            install_ask(can=BOTH, install="backing-file", held=ImageFormat.RAW),
            "backing-file",
            "backing",
            "raw",
        ),
    ],
)
def test_the_best_strategy_of_a_pool_is_chosen(
    asked: InstallAsk, strategy: str, method: str, base: str | None
) -> None:
    choice = choose(asked, BUILT_IN)
    assert (choice.strategy, choice.plan.method, choice.plan.base) == (strategy, method, base)
    assert [answer.strategy for answer in choice.answers if answer.chosen] == [strategy]
    assert len(choice.answers) == len(BUILT_IN)


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        (install_ask(install="reflink"), "XFS"),
        (install_ask(install="backing-file"), "qemu-img"),
        (install_ask(can=BOTH, install="backing-file", wanted=ImageFormat.RAW), "qcow2"),
        (install_ask(install="acme"), "install that strategy"),
    ],
)
def test_a_pinned_strategy_that_cannot_is_refused_with_what_is_missing(
    asked: InstallAsk, told: str
) -> None:
    with pytest.raises(NoStrategy) as refused:
        choose(asked, BUILT_IN)
    assert refused.value.code == "no_strategy.install"
    assert told in refused.value.hint


def test_a_broken_stranger_is_passed_over_and_told() -> None:
    choice = choose(install_ask(), {**BUILT_IN, "stranger": Stranger()})
    assert choice.strategy == "full-copy"
    (told,) = [answer for answer in choice.answers if answer.strategy == "stranger"]
    assert "it never did" in told.reason
