"""Acme's motion keeps Stowage's contracts."""

from collections.abc import Sequence

import pytest
from acme_motion.line import AcmeLine
from acme_motion.roomiest import Roomiest
from stowage_contracts.plugins.data_motion_strategy import MotionAsk, Priority
from stowage_contracts.testing.endpoint_suite import EndpointSuite
from stowage_contracts.testing.motion_strategy_suite import MotionStrategySuite, ordinary_asks


def on_the_line(ask: MotionAsk) -> MotionAsk:
    """The same copy between two object stores, with an agent of Acme's."""
    mover = ask.agents[-1].model_copy(update={"host_id": "acme-1"})
    request, other = ask.request, ask.request.source.model_copy(update={"store_id": "other"})
    both = request.model_copy(update={"destination": other})
    return MotionAsk(request=both, agents=(*ask.agents, mover), caches=ask.caches)


class TestAcmeLine(MotionStrategySuite):
    @pytest.fixture
    def strategy(self) -> AcmeLine:
        return AcmeLine()

    @pytest.fixture
    def asks(self) -> Sequence[MotionAsk]:
        ordinary = ordinary_asks()
        return (*ordinary, *(on_the_line(ask) for ask in ordinary if ask.agents))

    def test_it_takes_what_its_line_reaches(
        self, strategy: AcmeLine, asks: Sequence[MotionAsk]
    ) -> None:
        taken = [ask for ask in asks if strategy.can_handle(ask).priority is Priority.PLUGIN]
        assert taken
        assert all(strategy.plan(ask).hops[0].must_run_on == "acme-1" for ask in taken)


class TestRoomiest(EndpointSuite):
    @pytest.fixture
    def selector(self) -> Roomiest:
        return Roomiest()
