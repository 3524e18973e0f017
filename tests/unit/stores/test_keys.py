"""Names of objects and writers."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from stowage_contracts.errors import InvalidInput
from stowage_contracts.keys import check_key, check_writer, is_key


@pytest.mark.parametrize(
    "key", ["a", "a/b/c", ".hidden", "a b", "käse", ".stowage2/x", "a.stowage"]
)
def test_relative_paths_are_keys(key: str) -> None:
    assert check_key(key) == key


@pytest.mark.parametrize(
    "key",
    [
        "",
        "/",
        "/a",
        "a/",
        "a//b",
        ".",
        "..",
        "a/..",
        "./a",
        ".stowage",
        ".stowage/x",
        "a\tb",
        "\x7f",
        "\ud800",
        "x" * 256,
        "a/" * 500 + "a",
    ],
)
def test_tricks_are_refused(key: str) -> None:
    assert not is_key(key)
    with pytest.raises(InvalidInput):
        check_key(key)


@settings(deadline=None)
@given(st.text(max_size=40))
def test_a_key_never_leaves_its_root(key: str) -> None:
    if is_key(key):
        assert not key.startswith("/")
        assert ".." not in key.split("/")


@pytest.mark.parametrize("writer", ["", ".a", "a/b", "a b", "-a", "a" * 129, "a\n"])
def test_a_writer_is_a_plain_file_name(writer: str) -> None:
    with pytest.raises(InvalidInput):
        check_writer(writer)
