"""Files, functions and parameter lists stay small, and the code says so by itself."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

FILE_LINES, FUNCTION_LINES, PARAMETERS = 350, 40, 5
"""Parameters count without self; keyword-only ones of a constructor of values count too."""
ROOTS = ("libs", "services", "examples", "bench", "tests", "docs")
FunctionNode = ast.FunctionDef | ast.AsyncFunctionDef


def sources() -> Iterator[tuple[Path, ast.Module]]:
    for root in ROOTS:
        for path in sorted(Path(root).rglob("*.py")):
            if not {".venv", "build"} & set(path.parts):
                yield path, ast.parse(path.read_text())


def functions() -> Iterator[tuple[Path, FunctionNode]]:
    for path, tree in sources():
        for node in ast.walk(tree):
            if isinstance(node, FunctionNode):
                yield path, node


def test_no_file_is_longer_than_a_reader_keeps_in_mind() -> None:
    long = [str(path) for path, _ in sources() if len(path.read_text().splitlines()) > FILE_LINES]
    assert long == []


def test_no_function_is_longer_than_a_screen() -> None:
    long = [
        f"{path}:{node.lineno} {node.name}"
        for path, node in functions()
        if (node.end_lineno or 0) - node.lineno >= FUNCTION_LINES
    ]
    assert long == []


def test_no_product_function_takes_more_parameters_than_a_hand_has_fingers() -> None:
    many = [
        f"{path}:{node.lineno} {node.name}"
        for path, node in functions()
        if path.parts[0] in ("libs", "services")
        and "commands" not in path.parts  # an option of the command line is a parameter there
        and _parameters(node) > PARAMETERS
    ]
    assert many == []


def _parameters(node: FunctionNode) -> int:
    given = [*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs]
    return sum(1 for arg in given if arg.arg not in ("self", "cls"))


def test_every_product_module_says_in_a_sentence_what_it_is() -> None:
    silent = [
        str(path)
        for path, tree in sources()
        if path.parts[0] in ("libs", "services") and tree.body and not ast.get_docstring(tree)
    ]
    assert silent == []


def test_no_shell_is_ever_asked() -> None:
    for path, tree in sources():
        for node in ast.walk(tree):
            if isinstance(node, ast.keyword) and node.arg == "shell":
                raise AssertionError(f"{path}:{node.value.lineno} uses a shell")
