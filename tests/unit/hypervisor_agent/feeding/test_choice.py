"""Which peer is asked, and when the origin is."""

import pytest
from aiohttp import ClientSession
from hypervisor_agent.feeding.choice import (
    BARREN_SECONDS,
    LONGEST_REST,
    ORIGIN_SECONDS,
    SILENT_SECONDS,
    STUCK_SECONDS,
    Choice,
    Standing,
)
from hypervisor_agent.feeding.client import PeerClient
from stowage_contracts.messages.hypervisor_agent import Peer


@pytest.fixture
async def choice() -> Choice:
    async with ClientSession() as session:
        peers = [
            Peer(host_id=name, hop_id=name, url="http://127.0.0.1:1", ticket="t")
            for name in ("feeder", "above", "leader")
        ]
        return Choice(0.0, tuple(Standing(PeerClient(peer, session)) for peer in peers))


def asked(choice: Choice, now: float) -> str:
    peer = choice.next(now)
    return peer.client.peer.host_id if peer else ""


async def test_the_feeder_is_asked_while_it_grows(choice: Choice) -> None:
    for second in range(0, 100, 5):
        assert asked(choice, second) == "feeder"
        choice.told(choice.peers[0], second, second)


async def test_a_feeder_that_is_stuck_is_passed_over_but_not_for_the_leader(choice: Choice) -> None:
    choice.told(choice.peers[0], 0, STUCK_SECONDS + 1)
    choice.told(choice.peers[0], 0, 2 * STUCK_SECONDS + 2)
    choice.told(choice.peers[1], 9, 2 * STUCK_SECONDS + 2)
    assert asked(choice, 2 * STUCK_SECONDS + 2) == "above"
    later = 4 * STUCK_SECONDS
    assert asked(choice, later) == "feeder"


async def test_the_leader_is_asked_when_both_before_it_are_gone(choice: Choice) -> None:
    for peer in choice.peers[:2]:
        peer.failed(1.0)
    assert asked(choice, 1.0) == "leader"
    assert asked(choice, 1.0 + LONGEST_REST) == "feeder"


async def test_a_liar_is_never_asked_again(choice: Choice) -> None:
    choice.peers[0].banned = True
    assert asked(choice, 1e6) == "above"


async def test_without_a_word_the_origin_is_read_for_a_while(choice: Choice) -> None:
    assert not choice.given_up(SILENT_SECONDS - 1)
    assert choice.given_up(SILENT_SECONDS + 1)
    assert choice.given_up(SILENT_SECONDS + ORIGIN_SECONDS)
    assert not choice.given_up(SILENT_SECONDS + 2 + ORIGIN_SECONDS)


async def test_peers_that_live_and_bring_nothing_have_a_limit_too(choice: Choice) -> None:
    for second in range(0, int(BARREN_SECONDS), 5):
        choice.told(choice.peers[0], 0, second)
        assert not choice.given_up(second)
    choice.told(choice.peers[0], 0, BARREN_SECONDS)
    assert choice.given_up(BARREN_SECONDS)


async def test_with_liars_only_the_origin_is_read_at_once(choice: Choice) -> None:
    for peer in choice.peers:
        peer.banned = True
    assert choice.given_up(0.0)
