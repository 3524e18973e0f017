"""Every command's answers are CloudStack's, field by field: the tests' client checks each it reads.

Here it is made sure that there is something for it to read of each command, and that it would see.
"""

import re
from pathlib import Path
from typing import Any

import pytest
from api_gateway.cloudstack.commands import COMMANDS

from tests.unit.api_gateway.cloudstack import facts

HERE = Path(__file__).parent
_NAME = re.compile(r'"((?:[a-z]+)(?:[A-Z0-9]\w*)?)"')


def asked() -> set[str]:
    """Words in quotes of this suite: names of the commands it asks are among them."""
    return {name for file in HERE.glob("*.py") for name in _NAME.findall(file.read_text())}


def test_facts_know_every_command_and_no_other() -> None:
    assert {command.name for command in COMMANDS.values()} == set(facts.COMMANDS)


@pytest.mark.parametrize("name", sorted(facts.COMMANDS))
def test_its_looks_are_those_of_the_facts(name: str) -> None:
    wire, fact = COMMANDS[name.lower()].wire, facts.COMMANDS[name]
    assert facts.Fact(wire.kind, wire.envelope, wire.object, wire.answer) == fact


def test_every_command_is_asked_somewhere_in_this_suite() -> None:
    assert set(facts.COMMANDS) - asked() == set()


GOOD: dict[str, Any] = {
    "count": 1,
    "imagestore": [{"id": "1", "disksizetotal": 5, "readonly": False, "state": "Enabled"}],
}
ENVELOPE = "listimagestoresresponse"


def test_an_answer_of_cloudstacks_passes() -> None:
    facts.check("listImageStores", 200, ENVELOPE, GOOD)
    facts.check("listImageStores", 200, ENVELOPE, {})


@pytest.mark.parametrize(
    ("envelope", "body"),
    [
        ("listimagestoreresponse", GOOD),
        (ENVELOPE, {**GOOD, "imagestores": []}),
        (ENVELOPE, {**GOOD, "count": "1"}),
        (ENVELOPE, {"imagestore": [{"id": 1}]}),
        (ENVELOPE, {"imagestore": [{"disksizetotal": True}]}),
        (ENVELOPE, {"imagestore": [{"details": {}}]}),
        (ENVELOPE, {"imagestore": [{"readonly": "false"}]}),
    ],
)
def test_others_are_seen(envelope: str, body: dict[str, Any]) -> None:
    with pytest.raises(AssertionError):
        facts.check("listImageStores", 200, envelope, body)


def test_a_date_is_written_as_cloudstack_does() -> None:
    row = {"created": "2026-01-02T03:04:05Z"}
    with pytest.raises(AssertionError, match="created"):
        facts.check("listSnapshots", 200, "listsnapshotsresponse", {"snapshot": [row]})
