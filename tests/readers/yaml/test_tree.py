"""YAML text to a tree: positions, uninterpreted scalars, limits, refused features of YAML, and the same from both parsers."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import pytest
import yaml

from cnncalc.problem import Problem, Refused, Source
from cnncalc.readers.files import decode
from cnncalc.readers.limits import TRUSTED, UNTRUSTED, Limits
from cnncalc.readers.yaml import tree
from cnncalc.readers.yaml.reader import read as read_file
from cnncalc.readers.yaml.tree import Map, Scalar, Seq, Tree, parse
from cnncalc.render.problems import lines
from tests.helpers import TESTS

HERE = TESTS
SHELF = sorted((HERE.parent / "architectures").glob("*.yaml"))
CORPUS = sorted((HERE / "errors").glob("*.yaml"))


@pytest.fixture(params=["libyaml", "python"])
def parser(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Both parsers: libyaml's, and the one that replaces it if PyYAML was built without it."""
    if request.param == "python":
        monkeypatch.setattr(tree, "CParser", yaml.Loader)
    else:
        assert tree.CParser is not yaml.Loader, "PyYAML has no libyaml here"
    return str(request.param)


def plain(node: Tree) -> Any:
    """Return the tree without positions."""
    if isinstance(node, Scalar):
        return node.text
    if isinstance(node, Seq):
        return [plain(item) for item in node.items]
    return {key: plain(inner) for key, inner in node.items.items()}


def placed(node: Tree) -> Any:
    """Return the tree with the line and column of every part, counted from 1, and whether a scalar is quoted."""
    at = (node.mark.line + 1, node.mark.column + 1)
    if isinstance(node, Scalar):
        # for an empty value the parsers differ in its place
        return (node.text, node.quoted, at if node.text or node.quoted else None)
    if isinstance(node, Seq):
        return (at, [placed(item) for item in node.items])
    keys = {key: (mark.line + 1, mark.column + 1) for key, mark in node.keys.items()}
    return (at, keys, {key: placed(inner) for key, inner in node.items.items()})


def read(text: str, limits: Limits = TRUSTED) -> Any:
    return plain(parse(Source("net.yaml", text), limits))


def refused(text: str, limits: Limits = TRUSTED) -> Problem:
    """Return the only problem of a text."""
    with pytest.raises(Refused) as error:
        parse(Source("net.yaml", text), limits)
    (problem,) = error.value.problems
    return problem


def code_at(text: str, limits: Limits = TRUSTED) -> tuple[str, int, int]:
    """Return code, line and column of the only problem of a text."""
    problem = refused(text, limits)
    assert problem.where is not None
    return problem.code, problem.where.line, problem.where.column


# -- what is read -----------------------------------------------------------------------------------------------------


def test_positions(parser: str) -> None:
    text = "name: LeNet\nlayers:\n  - conv: {filters: 6,\n      kernel: '5'}\n  - relu\n"
    assert placed(parse(Source("net.yaml", text))) == (
        (1, 1),
        {"name": (1, 1), "layers": (2, 1)},
        {
            "name": ("LeNet", False, (1, 7)),
            "layers": (
                (3, 3),
                [
                    (
                        (3, 5),
                        {"conv": (3, 5)},
                        {
                            "conv": (
                                (3, 11),
                                {"filters": (3, 12), "kernel": (4, 7)},
                                {"filters": ("6", False, (3, 21)), "kernel": ("5", True, (4, 15))},
                            )
                        },
                    ),
                    ("relu", False, (5, 5)),
                ],
            ),
        },
    )


@pytest.mark.parametrize("word", ["on", "no", "Yes", "~", "null", "010", "0x1F", "1_000", "1:30", "1e3", ".inf", "<"])
def test_scalars_stay_text(parser: str, word: str) -> None:
    # YAML 1.1 turns these into booleans, null and other numbers
    assert read(f"a: {word}") == {"a": word}
    assert read(f'a: "{word}"') == {"a": word}


def test_json_is_read_as_it_is(parser: str) -> None:
    net = {"input": "32x32x3", "layers": [{"conv": {"filters": "6", "kernel": "5"}}, "relu", []], "x": {}}
    assert read(json.dumps(net)) == net
    assert read(json.dumps(net, indent="\t")) == net, "JSON may be indented by tabs"
    assert read(json.dumps(net, indent=2)) == net


def test_text_of_several_lines(parser: str) -> None:
    assert read("a: |\n  one\n   two\nb: >\n  one\n  two\nc: one\n  two\n") == {
        "a": "one\n two\n",
        "b": "one two\n",
        "c": "one two",
    }


def test_line_ends_and_byte_order_mark() -> None:
    for text in (b"a: 1\nb: 2\n", b"a: 1\r\nb: 2\r\n", b"a: 1\rb: 2\r", b"\xef\xbb\xbfa: 1\nb: 2"):
        source = decode(text, "net.yaml")
        assert plain(parse(source)) == {"a": "1", "b": "2"}
        assert source.line(2) == "b: 2"


def test_other_scripts(parser: str) -> None:
    assert read("name: Größe 深 \U0001f600\u00a0x") == {"name": "Größe 深 \U0001f600\u00a0x"}


def test_tabs_in_comments_are_ignored(parser: str) -> None:
    assert read("a: 1 #\tone\n#\tx\n") == {"a": "1"}


def test_the_merge_key_in_quotes_is_a_word(parser: str) -> None:
    assert read('{"<<": 1}') == {"<<": "1"}


# -- what of YAML is refused ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "code", "line", "column"),
    [
        ("a: &x 1", "no-anchors", 1, 4),
        ("a: &x [1]", "no-anchors", 1, 4),
        ("&x a: 1", "no-anchors", 1, 1),
        ("a: *x", "no-anchors", 1, 4),
        ("- *x", "no-anchors", 1, 3),
        ("a: {<<: {b: 1}}", "no-anchors", 1, 5),
        ("a: !!int 1", "no-tags", 1, 4),
        ("a: ! 1", "no-tags", 1, 4),
        ("a: !local [1]", "no-tags", 1, 4),
        ("a: !<tag:yaml.org,2002:str> 1", "no-tags", 1, 4),
        ("!!map {a: 1}", "no-tags", 1, 1),
        ("%YAML 1.1\n---\na: 1", "no-tags", 1, 1),
        ("%TAG ! tag:x,2000:\n---\na: 1", "no-tags", 1, 1),
        ("a: 1\n---\nb: 1", "second-document", 2, 1),
        ("a: 1\n...\nb: 1", "second-document", 3, 1),
        ("{[1]: 2}", "bad-key", 1, 2),
        ("{{a: 1}: 2}", "bad-key", 1, 2),
        ("? [1]\n: 2", "bad-key", 1, 3),
        ("a:\n\t- 1", "no-tabs", 2, 1),
        ("a: 1\t# b", "no-tabs", 1, 5),
        ("a: '\t'", "no-tabs", 1, 5),
    ],
)
def test_refused(parser: str, text: str, code: str, line: int, column: int) -> None:
    assert code_at(text) == (code, line, column)


def test_a_document_may_have_start_and_end_marks(parser: str) -> None:
    assert read("---\na: 1\n...\n") == {"a": "1"}


@pytest.mark.parametrize(
    ("text", "column"),
    [
        ("{a: 1, a: 2}", 8),
        ('{a: 1, "a": 2}', 8),
        ("{'a': 1, \"a\": 2}", 10),
        (r'{a: 1, "\x61": 2}', 8),
        (r'{"\u0061": 1, "\U00000061": 2}', 15),
    ],
)
def test_a_key_twice_however_it_is_written(parser: str, text: str, column: int) -> None:
    assert code_at(text) == ("duplicate-key", 1, column)


def test_keys_twice_are_noted_while_the_rest_is_read(parser: str) -> None:
    noted: list[Problem] = []
    found = parse(Source("net.yaml", "a: 1\nb: {c: 1, c: 2}\na: 3\n"), TRUSTED, noted)
    assert list(plain(found)) == ["a", "b"]
    assert [(one.code, one.where and one.where.line) for one in noted] == [("duplicate-key", 2), ("duplicate-key", 3)]
    assert isinstance(found, Map)
    assert found.keys["a"].line == 0, "a key keeps its first position"


def test_many_keys_twice_end_the_reading() -> None:
    noted: list[Problem] = []
    with pytest.raises(Refused) as error:
        parse(Source("net.yaml", "{" + ", ".join(["a: 1"] * 1000) + "}"), TRUSTED, noted)
    assert len(error.value.problems) == TRUSTED.findings + 1


@pytest.mark.parametrize(
    ("char", "name"),
    [
        ("\x00", "U+0000, NUL"),
        ("\x07", "U+0007"),
        ("\x1b", "U+001B"),
        ("\x7f", "U+007F"),
        ("\x85", "U+0085, NEL, a line break"),
        ("\x9b", "U+009B"),
        ("\u2028", "U+2028, a line break"),
        ("\u2029", "U+2029, a line break"),
        ("\ufeff", "U+FEFF, a byte order mark"),
        ("\ufffe", "U+FFFE"),
        ("\ud800", "U+D800"),
    ],
)
def test_invisible_characters(parser: str, char: str, name: str) -> None:
    for text in (f"a: 1\nb: x{char}y", f"a: 1\n# x{char}y", f'a: 1\n"x{char}y"'):
        problem = refused(text)
        assert (problem.code, problem.where and problem.where.line) == ("bad-character", 2)
        assert f"({name})" in problem.text


@pytest.mark.parametrize(
    ("data", "says"),
    [
        ("a: ü".encode("latin-1"), "net.yaml is not UTF-8 (byte 4, line 1)"),
        (b"a: 1\nb: \xc0\xaf", "net.yaml is not UTF-8 (byte 9, line 2)"),
        (b"a: \xed\xa0\x80", "net.yaml is not UTF-8 (byte 4, line 1)"),
        ("a: 1".encode("utf-16"), "net.yaml is UTF-16 (byte 1, line 1)"),
        ("a: 1".encode("utf-16-le"), None),
        ("a: 1".encode("utf-32"), None),
    ],
)
def test_other_encodings(data: bytes, says: str | None) -> None:
    with pytest.raises(Refused) as error:
        parse(decode(data, "net.yaml"))
    (problem,) = error.value.problems
    assert problem.code in ("not-text", "bad-character")
    if says:
        assert (problem.code, problem.text) == ("not-text", says)


# -- limits -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("limits", [TRUSTED, UNTRUSTED])
def test_nesting(parser: str, limits: Limits) -> None:
    most = limits.nesting
    assert read("[" * most + "]" * most, limits) is not None
    assert code_at("[" * (most + 1) + "]" * (most + 1), limits) == ("too-large", 1, most + 1)
    for many in (most + 1, 999, 1001, 25_000):  # libyaml 0.2.6 gives up at 1,000 brackets, before any event
        assert code_at("[" * many, limits) == ("too-large", 1, most + 1)
        assert code_at('"a[": ' + "[" * many, limits)[0] == "too-large"
    assert code_at("[" * most, limits)[0] == "bad-yaml"
    assert code_at("- " * (most + 1) + "a", limits)[0] == "too-large"
    nested = "\n".join(" " * depth + "a:" for depth in range(most + 1))
    assert code_at(nested, limits) == ("too-large", most + 1, most + 1)


def test_number_of_values(parser: str) -> None:
    limits = UNTRUSTED.__class__(nodes=10)
    assert read("[" + "a, " * 9 + "]", limits) == ["a"] * 9  # the list counts, too
    assert code_at("[" + "a, " * 10 + "]", limits) == ("too-large", 1, 29)
    assert read("{a: 1, b: 2, c: 3, d: 4}", limits)  # keys count too
    assert code_at("{a: 1, b: 2, c: 3, d: 4, e: 5}", limits)[0] == "too-large"


def test_length_of_keys_and_texts(parser: str) -> None:
    assert read("a" * 64 + ": 1")
    assert code_at("a" * 65 + ": 1") == ("too-large", 1, 1)
    assert read("a: " + "b" * 1000)
    assert code_at("a: " + "b" * 1001) == ("too-large", 1, 4)
    signature = "Block(" + ", ".join(f"p{number}" for number in range(100)) + ")"
    assert read(f"{signature}: 1") == {signature: "1"}, "the signature of a block may be as long as a text"
    assert code_at('"Block(' + "p" * 1000 + '": 1')[0] == "too-large"


def test_size_of_the_file() -> None:
    assert decode(b"#" * UNTRUSTED.file_bytes, "net.yaml", UNTRUSTED)
    with pytest.raises(Refused) as error:
        decode(b"#" * (UNTRUSTED.file_bytes + 1), "net.yaml", UNTRUSTED)
    (problem,) = error.value.problems
    assert (problem.code, problem.text) == ("too-large", "net.yaml has more than 262,144 bytes")


LAUGHS = "a0: &a0 [x, x]\n" + "".join(f"a{n}: &a{n} [*a{n - 1}, *a{n - 1}]\n" for n in range(1, 40))


@pytest.mark.parametrize(
    "text",
    [
        LAUGHS,
        LAUGHS.replace("[", "{<<: [").replace("]", "]}"),
        "[" * 100_000,
        "- " * 100_000,
        "{a: " * 50_000,
        "? " * 100_000,
        "a: " + "'" * 200_001,
        "a: |\n" + " x\n" * 80_000,
        "'" + "a" * 250_000,
        "[" + "a, " * 80_000,
        "\n" * 250_000 + "[",
        "!" * 250_000,
        "a: &" + "x" * 250_000,
        "\n".join("a" * 60 for _ in range(4000)),
        "".join(f"a{n}: 1\n" for n in range(30_000)),
        "{" + ", ".join(f'"\\x61{n}": 1' for n in range(15_000)) + "}",
    ],
    ids=lambda text: repr(text[:12]),
)
def test_bombs_end_soon(text: str, calm_collector: None) -> None:
    begin = time.process_time()
    with pytest.raises(Refused) as error:
        parse(decode(text.encode(), "net.yaml", UNTRUSTED), UNTRUSTED)
    assert time.process_time() - begin < 1
    assert error.value.problems[0].code in ("no-anchors", "too-large", "bad-yaml", "bad-key", "no-tags")


# -- both parsers -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("file", SHELF, ids=lambda file: file.stem)
def test_both_parsers_read_the_same(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fast = placed(parse(decode(file.read_bytes(), file.name)))
    monkeypatch.setattr(tree, "CParser", yaml.Loader)
    assert placed(parse(decode(file.read_bytes(), file.name))) == fast


def answer(file: Path) -> list[str]:
    """Return the problems of an invalid file."""
    try:
        found = read_file(decode(file.read_bytes(), file.name)).warnings
    except Refused as error:
        found = error.problems
    return [line for one in found for line in lines(one)]


@pytest.mark.parametrize("file", CORPUS, ids=lambda file: file.stem)
def test_both_parsers_refuse_the_same(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fast = answer(file)
    monkeypatch.setattr(tree, "CParser", yaml.Loader)
    assert answer(file) == fast


def test_the_shelf_has_what_other_readers_find() -> None:
    """The tree equals that of PyYAML's base loader, which leaves every scalar as text, too."""
    for file in SHELF:
        assert read(file.read_text()) == yaml.load(file.read_text(), yaml.BaseLoader), file.name
