"""Plug-ins load by name; a broken one is reported, a clash refused."""

from importlib.metadata import EntryPoint

import pytest
from stowage_contracts.errors import Conflict, NotFound
from stowage_runtime.plugins import instance, load

GROUP = "stowage.demo"
GOOD = EntryPoint("Good", "collections:OrderedDict", GROUP)
BROKEN = EntryPoint("broken", "no_such_package:Thing", GROUP)


def test_a_group_nobody_provides_is_empty() -> None:
    assert dict(load("stowage.nobody")) == {}


def test_a_broken_plugin_is_reported_and_the_others_load() -> None:
    found = load(GROUP, found=[BROKEN, GOOD])
    assert list(found) == ["Good"]
    assert [(f.name, "no_such_package" in f.reason) for f in found.failures] == [("broken", True)]


def test_a_plugin_whose_making_fails_is_reported() -> None:
    picky = EntryPoint("picky", "fractions:Decimal.from_float", GROUP)
    found = load(GROUP, make=lambda thing: thing(), found=[picky, GOOD])
    assert list(found) == ["Good"]
    assert "TypeError" in found.failures[0].reason


def test_classes_may_be_instantiated() -> None:
    assert load(GROUP, make=instance, found=[GOOD])["Good"] == {}


def test_names_are_picked_ignoring_case() -> None:
    found = load(GROUP, found=[GOOD])
    assert found.pick("gOOd") is found["Good"]


def test_an_unknown_name_is_answered_with_the_installed_ones() -> None:
    with pytest.raises(NotFound, match="installed: Good"):
        load(GROUP, found=[GOOD]).pick("bad")


def test_a_broken_name_says_why() -> None:
    with pytest.raises(NotFound) as caught:
        load(GROUP, found=[BROKEN]).pick("broken")
    assert "no_such_package" in caught.value.hint


def test_two_plugins_of_one_name_are_refused() -> None:
    with pytest.raises(Conflict, match=r"fractions:Fraction"):
        load(GROUP, found=[GOOD, EntryPoint("GOOD", "fractions:Fraction", GROUP)])


def test_the_same_plugin_found_twice_is_one() -> None:
    assert list(load(GROUP, found=[GOOD, GOOD])) == ["Good"]
