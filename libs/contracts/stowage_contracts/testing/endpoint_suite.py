"""What every EndpointSelector must do. Subclass it and give a ``selector`` fixture."""

import pytest

from stowage_contracts.plugins.data_motion_strategy import AgentView, Priority
from stowage_contracts.plugins.endpoint_selector import EndpointAsk, EndpointSelector
from stowage_contracts.testing.motion_strategy_suite import ordinary_asks


class EndpointSuite:
    """Every behaviour a selector promises."""

    @pytest.fixture
    def asks(self) -> list[EndpointAsk]:
        """Hops with one, two and all of their agents able."""
        return [
            EndpointAsk(
                source=ask.request.source,
                destination=ask.request.destination,
                able=ask.agents[:count],
            )
            for ask in ordinary_asks()
            for count in range(1, len(ask.agents) + 1)
        ]

    def test_it_has_a_name_and_a_priority(self, selector: EndpointSelector) -> None:
        assert selector.name.strip()
        assert Priority(selector.priority) > Priority.CANT_HANDLE

    def test_it_chooses_one_of_the_able(
        self, selector: EndpointSelector, asks: list[EndpointAsk]
    ) -> None:
        for ask in asks:
            assert selector.select(ask).host_id in {agent.host_id for agent in ask.able}

    def test_every_choice_gives_a_reason(
        self, selector: EndpointSelector, asks: list[EndpointAsk]
    ) -> None:
        for ask in asks:
            assert selector.select(ask).reason.strip()

    def test_the_same_ask_gets_the_same_choice_in_any_order(
        self, selector: EndpointSelector, asks: list[EndpointAsk]
    ) -> None:
        for ask in asks:
            turned = _with(ask, ask.able[::-1])
            assert selector.select(turned).host_id == selector.select(ask).host_id

    def test_of_equal_agents_one_without_work_comes_before_one_that_is_full(
        self, selector: EndpointSelector, asks: list[EndpointAsk]
    ) -> None:
        for ask in asks:
            idle = ask.able[0]
            full = idle.model_copy(
                update={"host_id": "a-full-twin", "running": idle.abilities.slots}
            )
            assert selector.select(_with(ask, (full, idle))).host_id == idle.host_id


def _with(ask: EndpointAsk, able: tuple[AgentView, ...]) -> EndpointAsk:
    return EndpointAsk(source=ask.source, destination=ask.destination, able=able)
