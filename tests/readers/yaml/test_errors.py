"""Every error message: errors/NAME.yaml is a file with a mistake, errors/NAME.txt the expected output.

`pytest --overwrite` stores the current output. Other tests check the pages of the codes, and rules for all messages.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from cnncalc.codes import CODES
from cnncalc.problem import Problem, Refused, Source, Where
from cnncalc.readers.files import decode
from cnncalc.readers.limits import TRUSTED, UNTRUSTED, Limits
from cnncalc.readers.yaml.oneline import parse as parse_line
from cnncalc.readers.yaml.reader import Overrides, read, read_tree
from cnncalc.render.problems import lines, text
from tests.helpers import ROOT, TESTS

FOLDER = TESTS / "errors"
PACKAGE = ROOT / "cnncalc"
FILES = sorted(FOLDER.glob("*.yaml"))
NAMES = [file.stem for file in FILES]


def problems(file: Path, limits: Limits = TRUSTED) -> tuple[Problem, ...]:
    """The errors of a file, or its warnings if it can be read."""
    try:
        return read(decode(file.read_bytes(), file.name, limits), limits=limits).warnings
    except Refused as refused:
        return refused.problems


@pytest.mark.parametrize("file", FILES, ids=NAMES)
def test_shown(file: Path, overwrite: bool) -> None:
    shown = text(problems(file))
    stored = file.with_suffix(".txt")
    if overwrite:
        stored.write_bytes(shown.encode())
    assert shown == stored.read_bytes().decode()
    assert shown, "the file has no mistake"


def test_every_output_has_its_file() -> None:
    assert {file.stem for file in FOLDER.glob("*.txt")} == set(NAMES)
    assert len(NAMES) > 200


INSIDE = re.compile(r"\b(None|NoneType|tuple|dict|str|int|float|Fraction|scalar|node|event|token|invalid|illegal)\b")
ENDS = re.compile(r"(?<!\.\.)[.! ]\Z")  # a full stop, but not the `...` of a number
ON_A_BLANK = ("missing-field", "bad-character", "no-tabs", "bad-step", "bad-block", "bad-value")


@pytest.mark.parametrize("file", FILES, ids=NAMES)
def test_rules_of_a_message(file: Path) -> None:
    found = problems(file)
    places = [(one.where.line, one.where.column) for one in found if one.where is not None]
    assert places == sorted(places), "sorted by place"
    assert len({(one.where and (one.where.line, one.where.column), one.text) for one in found}) == len(found), (
        "no duplicates"
    )
    for one in found:
        assert one.code in CODES
        assert one.code.startswith("unused") is (one.level == "warning")
        assert not ENDS.search(one.text), one.text
        assert not ENDS.search(one.help), one.help
        assert not re.match(r"[A-Z][a-z]+ (?!takes|needs|has|gets)", one.text), "lower case, except for names of blocks"
        assert not INSIDE.search(re.sub("`[^`]*`", "", one.text + one.help)), "no internal terms"
        for shown in lines(one):
            assert shown.isprintable()
            assert len(shown) <= 200
        if one.where is not None:
            line = one.where.source.line(one.where.line)
            assert 1 <= one.where.column <= len(line) + 1
            culprit = line[one.where.column - 1 :][:1]
            assert culprit.strip() or one.code in ON_A_BLANK or "missing" in one.text, "the caret points at a blank"


@pytest.mark.parametrize("file", FILES, ids=NAMES)
def test_untrusted_files_get_the_same_codes(file: Path) -> None:
    """With the limits for untrusted files, the codes are the same unless a limit is exceeded."""
    strict = [one.code for one in problems(file, UNTRUSTED)]
    assert strict == [one.code for one in problems(file)] or "too-large" in strict


def test_the_caret_points_at_the_column() -> None:
    source = Source("net.yaml", "input: 32x32x3\nlayers: [relu, " + "relu, " * 40 + "rlu, tanh]")
    place = Where(source, 2, source.line(2).index("rlu") + 1)
    above, below = lines(Problem("unknown-layer", "no layer named `rlu`", where=place))[1:3]
    assert above[below.index("^") :].startswith("rlu, tanh]")
    assert len(above) < 120


def test_the_caret_under_hidden_and_wide_characters() -> None:
    source = Source("net.yaml", "a\tb\u202ec \u6df1\u5c64 culprit")
    shown = lines(Problem("bad-value", "x", where=Where(source, 1, source.text.index("culprit") + 1)))
    assert shown[1] == "  1 | a\\x09b\\u202ec \u6df1\u5c64 culprit"
    # the two ideographs are two characters of the text and take four columns of a terminal
    assert shown[2].index("^") == shown[1].index("culprit") + 2


def test_a_place_beyond_the_end_of_the_text() -> None:
    assert lines(Problem("bad-value", "x", "y", where=Where(Source("a", "one"), 7, 3))) == [
        "a:7:3: error: x [bad-value]",
        "    = help: y",
    ]


# -- the pages of the codes -------------------------------------------------------------------------------------------

# functions that create a problem -> the index of the code among their arguments
MAKERS = {"Problem": 0, "problem": 1, "_at": 2, "_character": 2}
CODE = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")


def used() -> Iterator[str]:
    """Every code in the source of the package."""
    for file in sorted(PACKAGE.rglob("*.py")):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call):
                name = getattr(node.func, "id", getattr(node.func, "attr", ""))
                place = MAKERS.get(name)
                if place is None or len(node.args) <= place:
                    continue
                code = node.args[place]
                if isinstance(code, ast.Constant) and isinstance(code.value, str) and CODE.fullmatch(code.value):
                    yield code.value
                elif name == "Problem":  # passed on by one of the other functions
                    assert isinstance(code, ast.Name), f"{file.name}:{node.lineno}"
                    assert code.id in ("code", "NO_CODE"), f"{file.name}:{node.lineno}"
            elif isinstance(node, ast.Assign) and any(getattr(one, "attr", "") == "code" for one in node.targets):
                assert isinstance(node.value, (ast.Constant, ast.Name)), f"{file.name}:{node.lineno}"
                if isinstance(node.value, ast.Constant):
                    yield str(node.value.value)


def test_every_code_has_a_page_and_every_page_a_code() -> None:
    assert set(used()) == set(CODES)
    assert list(CODES) == sorted(CODES)


@pytest.mark.parametrize("code", CODES)
def test_page(code: str) -> None:
    page = CODES[code]
    assert page.meaning.endswith(".")
    if not page.wrong:
        assert page.note, "neither an example nor a reason for its absence"
        assert not page.right
        return
    if code == "bad-line":
        with pytest.raises(Refused) as refused:
            parse_line(Source("<-e>", page.wrong))
        found = refused.value.problems
        right = Source("<-e>", page.right)
        assert not read_tree(parse_line(right), right).warnings
    else:
        source = Source("wrong.yaml", page.wrong)
        try:
            found = read(source).warnings
        except Refused as error:
            found = error.problems
        assert not read(Source("right.yaml", page.right)).warnings
    assert [one.code for one in found] == [code]


def test_every_code_that_a_file_can_have_is_shown() -> None:
    shown = {one.code for file in FILES for one in problems(file)}
    elsewhere = {
        "bad-line",
        "bad-argument",
        "bad-policy",
        "not-regular",
        "one-of-a-family",
        "unknown-input",
        "unknown-parameter",
    }
    elsewhere |= {"answered-twice", "bad-answer-key", "bad-table", "no-such-variant"}
    elsewhere |= {
        "ambiguous-batch",
        "bad-model",
        "signature-chosen",
        "stripped",
        "batch-fixed",
        "branch-chosen",
        "macs-disagree",
        "not-compared",
        "quantized-weights",
        "scale-chosen",
        "shapes-disagree",
        "sparse-weights",
        "unknown-size",
    }
    elsewhere |= {"assumed-length", "counted-in-full", "unknown-setting", "weights-differ"}  # of Hugging Face
    elsewhere |= {"scale-chosen"}  # of Ultralytics
    elsewhere |= {"one-run", "unsupported", "unused-parameters"}  # errors of other formats, like those above
    assert shown == set(CODES) - elsewhere


# -- values from the command line -------------------------------------------------------------------------------------

NET = """\
input: {left: 32x32x3, right: 32x32x3}
params: {width: 4, act: relu, on: true, kernel: 3x3}
layers: [conv: {filters: $width, kernel: $kernel, pad: same}, $act]
"""
ONE = "input: 32x32x3\nlayers: [relu]"
SEVERAL = "its inputs are `left` and `right`: write `--input NAME=SHAPE`"
PARAMETERS = "its parameters are `width`, `act`, `on` and `kernel`"
OCTAL = "write `10`: leading zeros are refused because YAML 1.1 reads them as octal"
SHAPE = "write height x width x channels, such as `224x224x3`; `784` is a vector"
FIRST = "`3x64x64` looks like channels first; cnncalc would read it as height 3, width 64, 64 channels"


@pytest.mark.parametrize(
    ("net", "given", "code", "message", "help"),
    [
        (NET, {"widht": "5"}, "unknown-parameter", "net.yaml has no parameter `widht`", "did you mean `width`?"),
        (NET, {"x": "5"}, "unknown-parameter", "net.yaml has no parameter `x`", PARAMETERS),
        (ONE, {"x": "5"}, "unknown-parameter", "net.yaml has no parameter `x`", "it has no `params:`"),
        (NET, {"width": "wide"}, "bad-argument", "parameter `width` must be a number; got `wide`", "the file has 4"),
        (NET, {"width": "010"}, "bad-argument", "parameter `width`: `010` is not a number", OCTAL),
        (NET, {"width": ".5"}, "bad-argument", "parameter `width`: `.5` is not a number", "write `0.5`"),
        (NET, {"on": "yes"}, "bad-argument", "parameter `on` must be true or false; got `yes`", "the file has true"),
        (NET, {"kernel": "big"}, "bad-argument", "parameter `kernel` must be a number; got `big`", "the file has 3x3"),
    ],
)
def test_given_parameters(net: str, given: dict[str, str], code: str, message: str, help: str) -> None:
    with pytest.raises(Refused) as refused:
        read(Source("net.yaml", net), Overrides(given))
    assert [(one.code, one.text, one.help) for one in refused.value.problems] == [(code, message, help)]


@pytest.mark.parametrize(
    ("net", "given", "code", "message", "help"),
    [
        (NET, {"": "64x64x3"}, "unknown-input", "net.yaml has several inputs", SEVERAL),
        (NET, {"up": "64x64x3"}, "unknown-input", "net.yaml has no input `up`", SEVERAL),
        (ONE, {"up": "64x64x3"}, "unknown-input", "net.yaml has no input `up`", "write `--input 224x224x3`"),
        (ONE, {"": "3x64x64"}, "bad-argument", FIRST, None),
        (ONE, {"": "big"}, "bad-argument", "`big` is not an input shape", SHAPE),
        (ONE, {"": "64 x 64 x 3"}, "bad-argument", "`64 x 64 x 3` is not an input shape", "write `64x64x3`"),
        (
            ONE,
            {"": "0x64x3"},
            "bad-argument",
            "every axis of the input must be from 1 to 1,000,000; got `0x64x3`",
            None,
        ),
    ],
)
def test_given_inputs(net: str, given: dict[str, str], code: str, message: str, help: str | None) -> None:
    with pytest.raises(Refused) as refused:
        read(Source("net.yaml", net), Overrides({}, given))
    (found,) = refused.value.problems
    assert (found.code, found.text) == (code, message)
    assert help is None or found.help == help


@pytest.mark.parametrize("name", ["", "input"])
def test_the_only_input_has_two_names(name: str) -> None:
    assert read(Source("net.yaml", ONE), Overrides({}, {name: "64x64x5"})).nodes[0].output == (64, 64, 5)


def test_an_input_from_the_command_line_replaces_a_missing_one() -> None:
    assert read(Source("net.yaml", "layers: [relu]"), Overrides({}, {"": "64"})).nodes[0].output == (64,)


def test_values_from_the_command_line_do_not_hide_the_mistakes_of_the_file() -> None:
    text = "input: [3, 4]\nparams: {n: [1]}\nlayers: [rlu]"
    with pytest.raises(Refused) as refused:
        read(Source("net.yaml", text), Overrides({"n": "1"}, {"x": "5"}))
    assert [one.code for one in refused.value.problems] == ["ambiguous-input", "bad-value", "unknown-layer"]
