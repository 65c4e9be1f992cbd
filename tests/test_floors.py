"""Imports point down only: the picture in the README is checked for every module, from the syntax trees."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

import cnncalc

PACKAGE = Path(cnncalc.__file__).parent
MODULES = {
    ".".join(("cnncalc", *path.relative_to(PACKAGE).with_suffix("").parts)).removesuffix(".__init__"): path
    for path in sorted(PACKAGE.rglob("*.py"))
}
FLOORS = {
    **dict.fromkeys(("shape", "product", "units", "problem", "text", "record", "codes", "words"), 0),
    **dict.fromkeys(("reconcile", "deploy"), 4),
    **dict.fromkeys(("advice",), 5),
    "layers": 1, "network": 2, "analyses": 3, "readers": 4, "shelf": 4, "writers": 5, "checking": 5, "loading": 5,
    "shelf_figures": 5, "render": 5, "drawing": 5, "reports": 5, "search": 5, "verify": 6, "api": 7, "cli": 8, "__main__": 8,
    "teaching": 5,
}  # fmt: skip
# third-party package -> the modules that may import it; other packages are not dependencies
MAY_IMPORT = {
    "yaml": ("cnncalc.readers.yaml.",),
    "click": ("cnncalc.cli",),
    "rich": ("cnncalc.render.terminal", "cnncalc.render.progress"),
    "typing_extensions": ("cnncalc.",),  # for type checkers only; see below
}
HEAVY = ("torch", "onnx", "keras", "tensorflow", "numpy")


class Import(NamedTuple):
    """One import: its module, its target, whether it runs when the module is imported, and whether only type checkers see it."""

    by: str
    of: str
    line: int
    at_once: bool
    typing_only: bool


def imports(module: str, text: str) -> Iterator[Import]:
    """Return every import of a module, inside functions, too."""

    def inside(node: ast.AST, at_once: bool, typing_only: bool) -> Iterator[Import]:
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)):
            at_once = False
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test):
            for statement in node.body:
                yield from inside(statement, at_once, True)
            for statement in node.orelse:
                yield from inside(statement, at_once, typing_only)
            return
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield Import(module, alias.name, node.lineno, at_once, typing_only)
        if isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{module}:{node.lineno}: write imports in full"
            for alias in node.names:
                name = f"{node.module}.{alias.name}"
                yield Import(module, name if name in MODULES else str(node.module), node.lineno, at_once, typing_only)
        for child in ast.iter_child_nodes(node):
            yield from inside(child, at_once, typing_only)

    yield from inside(ast.parse(text), True, False)


ALL = [found for module, path in MODULES.items() for found in imports(module, path.read_text(encoding="utf-8"))]
OWN = [found for found in ALL if found.of.split(".")[0] == "cnncalc" and found.of != "cnncalc"]


def floor(module: str) -> int:
    """Return the floor of a module."""
    return FLOORS[module.split(".")[1]] if "." in module else 0


def room(module: str) -> str:
    """Return the folder of a module."""
    return module.split(".")[1] if "." in module else ""


def said(found: Import) -> str:
    """Format an import as one line."""
    return f"{found.by}:{found.line} imports {found.of}"


def test_every_module_has_a_floor() -> None:
    """A new folder must state its floor."""
    assert {room(module) for module in MODULES} - {""} <= set(FLOORS)
    assert len(MODULES) > 40
    assert len(OWN) > 100


def test_imports_point_down() -> None:
    """To the same floor or a lower one, even inside functions; those of the public API may import from every floor."""
    up = [found for found in OWN if floor(found.of) > floor(found.by)]
    assert [said(found) for found in up if found.by != "cnncalc" or not found.typing_only] == []


def test_renderers_and_readers_are_independent() -> None:
    """A table is made from an analysis, from whatever format the network was read."""
    readers, renderers = ("readers", "writers", "checking"), ("render",)
    assert [said(found) for found in OWN if room(found.by) in renderers and room(found.of) in readers] == []
    assert [said(found) for found in OWN if room(found.by) in readers and room(found.of) in renderers] == []


def test_the_command_line_is_built_on_the_public_api() -> None:
    """Commands import the API, renderers and the ground floor: whatever they can do, a program can do, too."""
    rooms = {"", "api", "cli", "render"}
    deeper = [found for found in OWN if room(found.by) == "cli" and room(found.of) not in rooms and floor(found.of) > 0]
    assert [said(found) for found in deeper] == []


def test_the_ground_floor_is_flat() -> None:
    """Modules on the ground floor share only the error type, records and text; a folder also imports its own files."""
    ground = [found for found in OWN if floor(found.by) == 0 and "." in found.by and room(found.of) != room(found.by)]
    assert {found.of.removeprefix("cnncalc.") for found in ground} <= {"problem", "record", "text"}


def cycle(graph: dict[str, set[str]]) -> list[str]:
    """Return the modules along a circle of imports; empty if there is no circle.

    >>> cycle({"a": {"b"}, "b": {"c"}, "c": {"b"}})
    ['b', 'c', 'b']
    """
    done: set[str] = set()

    def followed(module: str, path: list[str]) -> list[str]:
        if module in path:
            return [*path[path.index(module) :], module]
        if module in done:
            return []
        for other in sorted(graph.get(module, ())):
            found = followed(other, [*path, module])
            if found:
                return found
        done.add(module)
        return []

    return next((found for module in sorted(graph) if (found := followed(module, []))), [])


def circles(graph: dict[str, set[str]]) -> list[set[str]]:
    """Return every group of modules that reach each other through their imports.

    >>> [sorted(group) for group in circles({"a": {"b"}, "b": {"c"}, "c": {"b"}, "d": {"a"}})]
    [['b', 'c']]
    """
    reached: dict[str, set[str]] = {}
    for module in graph:
        seen: set[str] = set()
        waiting = [module]
        while waiting:
            new = graph.get(waiting.pop(), set()) - seen
            seen |= new
            waiting += new
        reached[module] = seen
    groups = [{other for other in seen if module in reached.get(other, ())} for module, seen in reached.items()]
    return [group for number, group in enumerate(groups) if group and group not in groups[:number]]


def graph_of(found: Iterable[Import]) -> dict[str, set[str]]:
    """Return the modules that each module imports when it runs, without the imports for type checkers."""
    graph: dict[str, set[str]] = {}
    for one in found:
        if not one.typing_only:
            graph.setdefault(one.by, set()).add(one.of)
    return graph


def test_no_module_is_imported_by_what_it_imports() -> None:
    """There is no circle among the imports that run when a module is imported."""
    graph = graph_of(found for found in OWN if found.at_once)
    assert cycle(graph) == []
    assert cycle({"a": {"b"}, "b": {"c"}, "c": {"a"}}) == ["a", "b", "c", "a"]


def test_no_circle_hides_in_functions() -> None:
    """There is no circle among all imports, including those inside functions."""
    graph = graph_of(OWN)
    groups = [{module: sorted(graph[module] & group) for module in sorted(group)} for group in circles(graph)]
    assert groups == []


@pytest.mark.parametrize("package", MAY_IMPORT)
def test_which_modules_import_a_dependency(package: str) -> None:
    """YAML is read in one place, options in another, and colours in a third."""
    users = [found for found in ALL if found.of.split(".")[0] == package]
    assert users
    assert [said(found) for found in users if not found.by.startswith(MAY_IMPORT[package])] == []


def test_nothing_else_is_imported() -> None:
    """Only the standard library and three dependencies, typing_extensions for type checkers, and frameworks inside functions."""
    known = {*sys.stdlib_module_names, *MAY_IMPORT, "cnncalc"}
    others = [found for found in ALL if found.of.split(".")[0] not in known]
    assert [said(found) for found in others if found.of.split(".")[0] not in HEAVY] == []
    assert [said(found) for found in others if found.at_once] == []
    for found in ALL:
        assert not found.of.startswith("typing_extensions") or found.typing_only, said(found)


def test_the_reader_of_syntax_trees_sees_every_import() -> None:
    """At module level, in functions, in classes, for type checkers only."""
    text = """
import a
from typing import TYPE_CHECKING
if TYPE_CHECKING:
    import b
else:
    import c
def function():
    from d.e import f
class Class:
    import g
    def method(self):
        import h
try:
    import i
except ImportError:
    pass
"""
    found = {one.of: (one.at_once, one.typing_only) for one in imports("x", text)}
    assert found == {
        "a": (True, False), "typing": (True, False), "b": (True, True), "c": (True, False), "d.e": (False, False),
        "g": (True, False), "h": (False, False), "i": (True, False),
    }  # fmt: skip


def test_rooms_and_files_are_small() -> None:
    """At most 20 modules in a folder, and 450 lines in a module."""
    folders: dict[Path, int] = {}
    for path in MODULES.values():
        folders[path.parent] = folders.get(path.parent, 0) + 1
        assert len(path.read_text(encoding="utf-8").splitlines()) <= 450, path
    assert {folder: count for folder, count in folders.items() if count > 20} == {}


def test_modules_are_imported_by_name_in_tables_only() -> None:
    """Those of readers, writers and commands; optional packages, and the module of a PyTorch model that the user names."""
    callers = {
        module for module, path in MODULES.items()
        if any(
            isinstance(node, ast.Call) and ast.unparse(node.func).endswith("import_module")
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        )
    }  # fmt: skip
    tables = {"cnncalc", "cnncalc.readers", "cnncalc.writers", "cnncalc.cli"}
    assert callers == {*tables, "cnncalc.readers.optional", "cnncalc.readers.torch.load"}
