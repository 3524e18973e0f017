"""What every TemplateInstallStrategy must do. Subclass it and give a ``strategy`` fixture::

    class TestAcme(InstallStrategySuite):
        @pytest.fixture
        def strategy(self):
            return AcmeStrategy()

Override ``asks`` to add volumes your strategy is made for.
"""

from collections.abc import Sequence
from itertools import product

import pytest

from stowage_contracts.hosts import PoolView
from stowage_contracts.plugins.data_motion_strategy import Priority
from stowage_contracts.plugins.template_install_strategy import InstallAsk, TemplateInstallStrategy
from stowage_contracts.values import HopMethod, ImageFormat

RAW, QCOW2 = ImageFormat.RAW, ImageFormat.QCOW2


def ordinary_asks() -> tuple[InstallAsk, ...]:
    """Volumes every cloud makes, on pools of every kind."""
    abilities = ((), ("reflink",), ("overlay",), ("overlay", "reflink"))
    pins = ("", "full-copy", "reflink", "backing-file")
    formats = ((QCOW2, QCOW2), (RAW, RAW), (QCOW2, RAW), (RAW, QCOW2))
    return tuple(
        install_ask(can=can, install=pin, source=source, wanted=wanted, held=held)
        for can, pin, (source, wanted), held in product(
            abilities, pins, formats, (None, RAW, QCOW2)
        )
    )


def install_ask(
    *,
    can: tuple[str, ...] = (),
    install: str = "",
    source: ImageFormat = QCOW2,
    wanted: ImageFormat = QCOW2,
    held: ImageFormat | None = None,
) -> InstallAsk:
    """A volume of a template on a directory pool."""
    pool = PoolView(
        id="pool1",
        name="pool",
        provider="directory",
        root="/pool",
        formats=(RAW, QCOW2),
        can=can,
        install=install,
        total_bytes=1 << 40,
        free_bytes=1 << 40,
    )
    return InstallAsk(template_id="t1", source_format=source, wanted=wanted, pool=pool, held=held)


class InstallStrategySuite:
    """Every behaviour a strategy promises, over ``asks``."""

    @pytest.fixture
    def asks(self) -> Sequence[InstallAsk]:
        """Volumes to be asked about."""
        return ordinary_asks()

    def test_it_has_a_name(self, strategy: TemplateInstallStrategy) -> None:
        assert strategy.name.strip()

    def test_every_answer_gives_a_reason(
        self, strategy: TemplateInstallStrategy, asks: Sequence[InstallAsk]
    ) -> None:
        for ask in asks:
            assert strategy.can_handle(ask).reason.strip()

    def test_the_same_ask_gets_the_same_answer_and_plan(
        self, strategy: TemplateInstallStrategy, asks: Sequence[InstallAsk]
    ) -> None:
        for ask in asks:
            assert strategy.can_handle(ask) == strategy.can_handle(ask)
        for ask in _handled(strategy, asks):
            assert strategy.plan(ask) == strategy.plan(ask)

    def test_it_can_handle_some_volume(
        self, strategy: TemplateInstallStrategy, asks: Sequence[InstallAsk]
    ) -> None:
        assert _handled(strategy, asks)

    def test_a_clone_has_the_format_of_what_it_is_a_clone_of(
        self, strategy: TemplateInstallStrategy, asks: Sequence[InstallAsk]
    ) -> None:
        for ask in _handled(strategy, asks):
            plan = strategy.plan(ask)
            if plan.method is HopMethod.CLONE:
                assert plan.base is ask.wanted

    def test_a_linked_clone_stands_on_a_base_and_is_qcow2(
        self, strategy: TemplateInstallStrategy, asks: Sequence[InstallAsk]
    ) -> None:
        for ask in _handled(strategy, asks):
            if strategy.plan(ask).method is HopMethod.BACKING:
                assert strategy.plan(ask).base is not None
                assert ask.wanted is QCOW2

    def test_the_pool_is_never_asked_for_what_it_cannot(
        self, strategy: TemplateInstallStrategy, asks: Sequence[InstallAsk]
    ) -> None:
        needs = {HopMethod.CLONE: "reflink", HopMethod.BACKING: "overlay"}
        for ask in _handled(strategy, asks):
            need = needs.get(strategy.plan(ask).method)
            assert need is None or need in ask.pool.can

    def test_a_base_that_is_there_already_is_taken_as_it_is(
        self, strategy: TemplateInstallStrategy, asks: Sequence[InstallAsk]
    ) -> None:
        for ask in _handled(strategy, asks):
            assert strategy.plan(ask).base in (None, ask.held or strategy.plan(ask).base)


def _handled(strategy: TemplateInstallStrategy, asks: Sequence[InstallAsk]) -> list[InstallAsk]:
    return [ask for ask in asks if strategy.can_handle(ask).priority > Priority.CANT_HANDLE]
