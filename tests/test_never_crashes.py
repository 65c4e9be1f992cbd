"""Files from strangers: whatever they contain, only `Refused` is raised, quickly, and nothing harmful is printed.

A seeded mutator changes the shelf and the invalid files of errors/; handwritten bombs follow.
"""

from __future__ import annotations

import copy
import json
import random
import re
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from cnncalc.analyses.claims import expected, published
from cnncalc.analyses.totals import analyze
from cnncalc.codes import CODES
from cnncalc.layers import KINDS
from cnncalc.problem import Refused, Source
from cnncalc.readers.files import decode
from cnncalc.readers.limits import UNTRUSTED
from cnncalc.readers.yaml.oneline import parse as parse_line
from cnncalc.readers.yaml.reader import Overrides, read, read_tree
from cnncalc.readers.yaml.tree import Scalar, Seq, Tree, parse
from cnncalc.render.problems import text as shown

pytestmark = pytest.mark.usefixtures("calm_collector")
HERE = Path(__file__).parent
SHELF = sorted((HERE.parent / "architectures").glob("*.yaml"))
CORPUS = sorted((HERE / "errors").glob("*.yaml"))
LONGEST = 2.0  # CPU seconds for one file
MUTANTS = 1500


def check(data: bytes) -> str:
    """Read, analyse and format one file like `cnncalc check`, and return the first code or ""."""
    begin = time.process_time()
    code = ""
    try:
        network = read(decode(data, "net.yaml", UNTRUSTED), limits=UNTRUSTED)
        analysis = analyze(network)
        published(analysis)
        expected(analysis)
        problems = network.warnings
        assert len(network.nodes) <= UNTRUSTED.steps + 100
    except Refused as refused:
        problems = refused.problems
        assert problems
        assert len(problems) <= UNTRUSTED.findings + 1
        assert {one.code for one in problems} <= set(CODES)
        code = problems[0].code
    printed = shown(problems)
    assert printed.replace("\n", "").isprintable(), "control or invisible characters would reach the terminal"
    assert not re.search(r"^(::|##)", printed, re.MULTILINE), "a log would take it for a command"
    assert len(printed) <= 64 * 1024
    assert time.process_time() - begin < LONGEST
    return code


# -- mutants ----------------------------------------------------------------------------------------------------------

EVIL = [
    "", "~", "null", "None", "true", "False", "yes", "0", "-1", "1", "2", "007", "0x1F", "1e9", "1_000", "1:30",
    ".nan", "-.inf", "999999999999", "9" * 13, "9" * 40, "1.5", "0.000000000000001", "1x7", "0x0", "3x3x3x3",
    "1x" * 9 + "1", "x", "$", "$n", "$in_channels", "$in_height // 0", "$in_channels / 7", "((((1", "1 +", "* 3",
    "round_to(3, 0)", "min(1, 2)", "2 ** 9", "a == b", "prev", "input", "none", "same", "sequence", "[]", "{}",
    "[[]]", "{a: {b: {c: d}}}", "[1, 2, 3]", "{top: -1}", "{left: 1, start: 1}", "&a 1", "*a", "!!int 3", "<<",
    "? a", "- - -", "'", '"', '"\\x00"', '"\\e[31m"', '"\\u202e"', "::error::", "##[group]", "[/red]", "\u202e",
    "\u200b", "\U000e0041", "depthwise", "crop", "residual", "seq", "concat", "Stage", "Block(n)", "x" * 100,
    "x" * 2000, "\u6df1" * 30, "1000000x1000000", "100000", "repeat", "as", "expect", "share", "$" * 50, "(" * 50,
    "-" * 50 + "1", "1" + "+1" * 300,
]  # fmt: skip
WORDS = [
    *KINDS, "as", "from", "repeat", "when", "share", "expect", "seq", "residual", "main", "projection", "axis",
    "prev", "input", "layers", "blocks", "params", "defaults", "outputs", "published", "name", "filters", "kernel",
    "pad",
]  # fmt: skip
SCALAR = re.compile(rb"(?<=[:,\[({ ])[\w.$*+/ %-]+(?=[,\]})\n])")
WORD = re.compile(rb"[A-Za-z_]\w*")

Mutation = Callable[[random.Random, bytes], bytes]


def change_bytes(dice: random.Random, data: bytes) -> bytes:
    body = bytearray(data)
    for _ in range(dice.randint(1, 4)):
        place = dice.randrange(len(body) + 1)
        what = dice.random()
        if what < 0.4 and place < len(body):
            body[place] = dice.randrange(256)
        elif what < 0.7:
            body[place:place] = bytes([dice.choice(b"{}[]:,-?&*!|>'\"%@`#$()\t\r\n\0 \x1b\xff.x0123456789")])
        else:
            del body[place : place + dice.randint(1, 8)]
    return bytes(body)


def change_scalars(dice: random.Random, data: bytes) -> bytes:
    for _ in range(dice.randint(1, 3)):
        found = list(SCALAR.finditer(data))
        if not found:
            return data
        match = dice.choice(found)
        data = data[: match.start()] + b" " + dice.choice(EVIL).encode() + data[match.end() :]
    return data


def change_words(dice: random.Random, data: bytes) -> bytes:
    for _ in range(dice.randint(1, 3)):
        found = list(WORD.finditer(data))
        if not found:
            return data
        match, other = dice.choice(found), dice.choice([*WORDS, dice.choice(found).group().decode("latin-1")])
        data = data[: match.start()] + other.encode("utf-8", "replace") + data[match.end() :]
    return data


def change_lines(dice: random.Random, data: bytes) -> bytes:
    lines = data.split(b"\n")
    for _ in range(dice.randint(1, 4)):
        one, other = dice.randrange(len(lines)), dice.randrange(len(lines))
        what = dice.randrange(6)
        if what == 0:
            lines[one], lines[other] = lines[other], lines[one]
        elif what == 1 and len(lines) > 2:
            del lines[one]
        elif what == 2:
            lines.insert(other, lines[one])
        elif what == 3:
            lines[one] = b"  " + lines[one]
        elif what == 4:
            lines[one] = lines[one][dice.randint(1, 4) :]
        else:
            lines[one] = lines[one] + b" " + lines[other].strip()
    return b"\n".join(lines)


def choose_step(dice: random.Random, lines: list[bytes]) -> int | None:
    """Return the index of a line that begins a step, if there is one."""
    steps = [number for number, line in enumerate(lines) if line.lstrip().startswith(b"- ")]
    return dice.choice(steps) if steps else None


def nest(dice: random.Random, data: bytes) -> bytes:
    lines = data.split(b"\n")
    number = choose_step(dice, lines)
    if number is None:
        return data
    indent = len(lines[number]) - len(lines[number].lstrip())
    body = lines[number].lstrip()[2:]
    inside = dice.choice(
        [b"seq: [%s]", b"residual: [%s]", b"concat: [[%s], prev]", b"add: {a: [%s], b: prev}", b"[%s]"]
    )
    for _ in range(dice.randint(1, 40)):
        body = inside.replace(b"%s", body if inside != b"[%s]" else b"seq: [" + body + b"]")
    lines[number] = b" " * indent + b"- " + body
    return b"\n".join(lines)


def repeat(dice: random.Random, data: bytes) -> bytes:
    lines = data.split(b"\n")
    number = choose_step(dice, lines)
    if number is None:
        return data
    indent = len(lines[number]) - len(lines[number].lstrip())
    times = dice.choice(
        [b"0", b"2", b"50", b"1000", b"9999", b"10000", b"999999999999", b"-1", b"$in_channels", b"$in_height"]
    )
    extra = dice.choice(
        [b"repeat: " + times, b"as: x", b"from: x", b"share: x", b"when: $in_channels > 3", b"expect: 1x1"]
    )
    lines.insert(number + 1, b" " * (indent + 2) + extra)
    return b"\n".join(lines)


def graft(dice: random.Random, data: bytes) -> bytes:
    """Exchange, repeat or wrap parts of the parsed tree, and write it as JSON, which is valid YAML."""
    try:
        root = plain(parse(decode(data, "net.yaml")))
    except Refused:
        return data
    for _ in range(dice.randint(1, 4) if isinstance(root, (dict, list)) else 0):
        places = list(_places(root))
        if not places:
            break
        holder, key = dice.choice(places)
        other_holder, other_key = dice.choice(places)
        what = dice.randrange(8)
        if what < 2:
            holder[key] = copy.deepcopy(other_holder[other_key])
        elif what == 2:
            del holder[key]
        elif what == 3 and isinstance(holder, list):
            holder.insert(key, copy.deepcopy(other_holder[other_key]))
        elif what == 4:
            holder[key] = {dice.choice(WORDS): holder[key]}
        elif what == 5 and isinstance(holder[key], dict):
            holder[key][dice.choice(["as", "from", "share", "repeat", "when", "expect"])] = dice.choice(
                ["x", "2", "prev", "$in_channels == 3", "$in_height", "7x7x3", "0"]
            )
        elif what == 6 and isinstance(holder, dict):
            holder[dice.choice(WORDS)] = holder.pop(key)
        else:
            holder[key] = dice.choice(EVIL)
    return json.dumps(root, ensure_ascii=dice.random() < 0.5).encode("utf-8", "backslashreplace")


def _places(node: Any) -> Iterator[tuple[Any, Any]]:
    """Return every part of a tree as its container and the key in it."""
    for key in list(node) if isinstance(node, dict) else range(len(node)):
        yield node, key
        if isinstance(node[key], (dict, list)):
            yield from _places(node[key])


def plain(node: Tree) -> Any:
    if isinstance(node, Scalar):  # quoted, `true` is a word
        return node.text == "true" if node.text in ("true", "false") and not node.quoted else node.text
    if isinstance(node, Seq):
        return [plain(item) for item in node.items]
    return {key: plain(inner) for key, inner in node.items.items()}


def truncate(dice: random.Random, data: bytes) -> bytes:
    return data[: dice.randrange(len(data) + 1)]


MUTATIONS: list[Mutation] = [
    change_bytes,
    change_scalars,
    change_scalars,
    change_words,
    change_lines,
    nest,
    repeat,
    repeat,
    truncate,
]


def mutants(seed: int, many: int) -> Iterator[bytes]:
    dice = random.Random(seed)
    shelf = [file.read_bytes() for file in SHELF]
    corpus = [file.read_bytes() for file in CORPUS]
    for number in range(many):
        data = dice.choice(shelf if dice.random() < 0.7 else corpus)
        for _ in range(dice.randint(1, 3)):
            data = graft(dice, data) if number % 2 else dice.choice(MUTATIONS)(dice, data)
        yield data


@pytest.mark.heavy
@pytest.mark.parametrize("part", range(10))
def test_mutants(part: int) -> None:
    codes: dict[str, int] = {}
    for number, data in enumerate(mutants(part, MUTANTS // 10)):
        try:
            code = check(data)
        except BaseException:
            print(f"mutant {number} of part {part}:\n{data.decode('utf-8', 'backslashreplace')}")
            raise
        codes[code] = codes.get(code, 0) + 1
    # the mutants reach the reader, the expansion and the analyses; valid ones are rare, and some parts have none
    assert len(codes) >= 10, codes
    assert codes.get("", 0) < MUTANTS / 20, codes


LINES = [
    "224x224x3 -> [CONV3-64 -> RELU]*2 -> POOL2 -> [[CONV3-128 -> RELU]*2 -> POOL2]*2 -> FC-100 -> SOFTMAX",
    "INPUT[32x32x3] -> CONV5-6p0 -> TANH -> AVGPOOL2/2 -> [FC-120 -> DROPOUT0.5]*3 -> FC-10",
    "100x300 \u2192 LSTM-5 \u2192 [BN \u2192 RELU6] * 2",
]


def test_mutants_of_the_one_line_form() -> None:
    dice = random.Random(0)
    signs = [
        "->",
        "-",
        ">",
        "[",
        "]",
        "*",
        "x",
        "0",
        "9" * 5,
        "?",
        "/",
        "p",
        " ",
        "CONV",
        "POOL",
        "ADD",
        "INPUT",
        "\u2192",
        "\x1b",
        "\u202e",
        "$n",
    ]
    codes = set()
    for _ in range(MUTANTS):
        text = dice.choice(LINES)
        for _ in range(dice.randint(1, 5)):
            place = dice.randrange(len(text) + 1)
            text = (
                text[:place] + (dice.choice(signs) if dice.random() < 0.6 else "") + text[place + dice.randint(0, 3) :]
            )
        source = Source("<-e>", text)
        begin = time.process_time()
        try:
            analyze(read_tree(parse_line(source, limits=UNTRUSTED), source, limits=UNTRUSTED))
            codes.add("")
        except Refused as refused:
            printed = shown(refused.problems)
            assert printed.replace("\n", "").isprintable()
            codes |= {one.code for one in refused.problems}
        assert time.process_time() - begin < LONGEST
    assert codes >= {"", "bad-line", "bad-value", "window-does-not-fit", "too-large"}


@pytest.mark.heavy
def test_evil_values_in_every_field_of_every_kind() -> None:
    for kind, layer in KINDS.items():
        for field in layer.fields:
            for evil in EVIL:
                check(f"input: 16x16x8\nlayers:\n  - {{{kind}: {{{field}: {evil}}}}}\n".encode())


def test_evil_values_everywhere_else() -> None:
    places = [
        "name: {0}", "source: {0}", "input: {0}", "input: {{a: {0}}}",
        "input: {{height: {0}, width: 2, channels: 2}}", "params: {0}", "params: {{p: {0}}}\nlayers: [fc: $p]",
        "params: {{{0}: 1}}", "defaults: {0}", "defaults: {{{0}: {{a: 1}}}}",
        "defaults: {{conv: {{kernel: {0}}}}}\nlayers: [conv: 4]", "blocks: {0}", "blocks: {{{0}: [relu]}}",
        "blocks: {{B: {0}}}\nlayers: [B]", "blocks: {{'B(n={0})': [fc: $n]}}\nlayers: [B]",
        "blocks: {{'B(n)': [fc: $n]}}\nlayers: [B: {0}]", "layers: {0}", "layers: [{0}]", "layers: [{{{0}: 1}}]",
        "layers: [{{relu: , {0}: 1}}]", "layers: [{{relu: , as: {0}}}]", "layers: [{{relu: , from: {0}}}]",
        "layers: [{{relu: , share: {0}}}]", "layers: [{{relu: , repeat: {0}}}]", "layers: [{{relu: , when: {0}}}]",
        "layers: [{{relu: , expect: {0}}}]", "layers: [{{relu: , expect: {{params: {0}}}}}]",
        "layers: [concat: [prev, {0}]]", "layers: [{{concat: [prev, prev], axis: {0}}}]",
        "layers: [add: {{{0}: prev, b: prev}}]", "layers: [residual: {0}]", "layers: [residual: {{main: {0}}}]",
        "layers: [residual: {{main: [fc: 3], projection: {0}}}]", "layers: [seq: {0}]", "outputs: {0}",
        "outputs: [{0}]", "published: {0}", "published: [{{params: {0}}}]", "published: [{{source: {0}, {0}: 1}}]",
        "published: [{{params: 1, when: {0}}}]", "{0}: 1", "{0}",
    ]  # fmt: skip
    for place in places:
        for evil in EVIL:
            body = place.format(evil)
            for key, value in (("input", "16x16x8"), ("layers", "[relu]")):
                if f"{key}:" not in body:
                    body += f"\n{key}: {value}"
            check(body.encode())


def answer(source: Source, given: Overrides) -> str:
    try:
        return shown(read(source, given, UNTRUSTED).warnings)
    except Refused as refused:
        return shown(refused.problems)


def test_evil_values_from_the_command_line() -> None:
    source = Source(
        "net.yaml", "input: 16x16x8\nparams: {n: 1, word: relu, on: true}\nlayers: [fc: $n, $word, {relu: , when: $on}]"
    )
    for evil in EVIL:
        for given in (Overrides({"n": evil}), Overrides({"word": evil}), Overrides({"on": evil}), Overrides({evil: "1"}),
                      Overrides({}, {"": evil}), Overrides({}, {evil: "3"})):  # fmt: skip
            assert answer(source, given).replace("\n", "").isprintable()


# -- bombs ------------------------------------------------------------------------------------------------------------


def chain(many: int, body: str = "[B{0}]") -> str:
    blocks = "\n".join(f"  B{number}: {body.format(number + 1)}" for number in range(many))
    return f"input: 8x8x3\nblocks:\n{blocks}\n  B{many}: [relu]\nlayers: [B0]"


def numbered(head: str, item: str, many: int) -> str:
    return head + "".join(item.format(number, number + 1) for number in range(many))


BOMBS = {
    "lists": "input: 1\nlayers: " + "[" * 100_000,
    "mappings": "input: 1\nlayers: [" + "{seq: " * 100_000,
    "dashes": "input: 1\nlayers:\n" + "- " * 100_000 + "relu",
    "indents": "input: 1\nlayers:\n" + "\n".join(" " * n + "- seq:" for n in range(0, 700, 2)),
    "chained blocks": chain(100_000),
    "as many chained blocks as are read": chain(6_500),
    "doubling blocks": chain(60, "[B{0}, B{0}]"),
    "tenfold blocks": chain(30, "[{{B{0}: , repeat: 10}}]"),
    "blocks in branches": chain(60, "[concat: [[B{0}], [B{0}]]]"),
    "repeat in repeat": "input: 8\nlayers: [" + "{repeat: 9999, seq: [" * 12 + "relu" + "]}" * 12 + "]",
    "repeat of nothing": "input: 8\nlayers: [{seq: [], repeat: 999999999999}]",
    "parentheses": f"input: 8\nlayers: [fc: {'(' * 450}1{')' * 450}]",
    "parentheses for ever": f"input: 8\nlayers: [fc: {'(' * 100_000}]",
    "signs": f"input: 8\nlayers: [fc: 1{'-' * 900}1]",
    "sums": "input: 8\nlayers: [" + ", ".join(["fc: 1" + "+1" * 450] * 250) + "]",
    "products": f"input: 8\nlayers: [fc: {'*'.join(['99'] * 300)}]",
    "towers": "input: 8\nlayers: [fc: " + "*".join(["999999999999"] * 70) + "]",
    "decimals": f"input: 8\nlayers: [dropout: {'*'.join(['0.00001'] * 120)}]",
    "a number of 4300 digits": f"input: 8\nlayers: [fc: {'9' * 4300}]",
    "a number of 900 digits": f"input: 8\nlayers: [fc: {'9' * 900}]",
    "a decimal of 900 digits": f"input: 8\nlayers: [dropout: 0.{'3' * 900}]",
    "a size of 400 axes": f"input: {'1x' * 400}1\nlayers: [relu]",
    "a figure of 900 digits": f"input: 8\nlayers: [{{relu: , expect: {{params: {'9' * 900}}}}}]",
    "a word of 200 KB": f"input: 8\nlayers: [{'x' * 200_000}]",
    "a text of 200 KB": f"input: 8\nname: |\n  {'x' * 200_000}\nlayers: [relu]",
    "a key of 200 KB": f"input: 8\n{'x' * 200_000}: 1",
    "an endless quote": 'input: 8\nname: "' + "x" * 200_000,
    "ten thousand mistakes": "input: 8\nlayers: [" + "rlu, " * 9_000 + "]",
    "ten thousand different mistakes": "input: 8\nlayers: [" + ", ".join(f"rlu{n}" for n in range(9_000)) + "]",
    "ten thousand names": "input: 8\nlayers: [" + ", ".join(f"{{relu: , as: n{n}}}" for n in range(3_900)) + "]",
    "names that are not there": numbered("input: 8\nlayers:\n", "- {{relu: , as: n{0}, from: m{0}}}\n", 2_800),
    "names that come too late": numbered("input: 8\nlayers:\n", "- {{relu: , from: n{1}, as: n{0}}}\n", 2_800),
    "names in blocks": numbered(
        "input: 8\nlayers: [B0]\nblocks:\n", "  B{0}: [{{relu: , as: n{0}}}, {{relu: , from: n{1}}}]\n", 1_600
    ),
    "fields that are not there": "input: 8\nlayers: [fc: {" + ", ".join(f"unit{n}: 1" for n in range(9_000)) + "}]",
    "keys that are not there": "\n".join(f"layer{n}: 1" for n in range(9_000)),
    "one key ten thousand times": "input: 8\nlayers: [relu]\n" + "name: x\n" * 9_000,
    "parameters": "input: 8\nparams:\n" + "\n".join(f"  p{n}: {n}" for n in range(9_000)) + "\nlayers: [fc: $q]",
    "a signature of many parameters": numbered("input: 8\nblocks: {'B(", "p{0},", 180) + "q)': [relu]}\nlayers: [B: 1]",
    "inputs": "input: {" + ", ".join(f"i{n}: 8" for n in range(9_000)) + "}\nlayers: [add: [i0, x]]",
    "a branch for everyone": "input: 8\nlayers: [add: [" + "prev, " * 19_000 + "]]",
    "outputs": "input: 8\nlayers: [relu]\noutputs: [" + "x, " * 15_000 + "]",
    "claims": "input: 8\nlayers: [relu]\npublished: [" + "{params: 1}, " * 6_000 + "]",
    "expectations": "input: 8\nlayers: [{repeat: 90, expect: 8, "
    "seq: [{repeat: 90, expect: {params: 1}, seq: [{relu: , expect: 8}]}]}]",
    "a large tensor": "input: 1000000x1000000\nlayers: [fc: 1000000]",
    "ever larger tensors": "input: 8x8x8\nlayers: [{upsample: 1000000, repeat: 50}]",
    "ever more channels": "input: 8x8x8\nlayers: [{concat: [prev, prev], repeat: 9000}]",
    "large groups": "input: 8x8x999983\nlayers: [groupnorm: 499999]",
    "a large window": "input: 1000000x1\n"
    "layers: [conv: {filters: 1, kernel: 999999, dilation: 1000000, pad: same}]",
    "aliases": "a: &a [x]\n" + "b: [" + "*a, " * 9_000 + "]",
    "tags": "a: [" + "!!x y, " * 9_000 + "]",
    "comments": "#" * 250_000,
    "empty lines": "\n" * 250_000,
    "colons": ":" * 250_000,
    "quotes": "'\"" * 120_000,
    "brackets that close": "]" * 250_000,
    "control characters": "\x01" * 250_000,
    "marks of direction": "input: 8\nlayers: [" + "\u202e" * 60_000 + "]",
    "backslashes": 'name: "' + "\\\\" * 120_000 + '"',
}  # fmt: skip


@pytest.mark.parametrize("name", BOMBS)
def test_bombs(name: str) -> None:
    check(BOMBS[name].encode())


def test_the_bombs_are_refused_for_what_they_are() -> None:
    assert check(BOMBS["doubling blocks"].encode()) == "too-large"
    assert check(BOMBS["repeat of nothing"].encode()) == "too-large"
    assert check(BOMBS["aliases"].encode()) == "no-anchors"
    assert check(BOMBS["parentheses"].encode()) == "bad-expression"
    assert check(BOMBS["a number of 4300 digits"].encode()) == "too-large"
    assert check(BOMBS["a number of 900 digits"].encode()) == "bad-value"


def test_bytes_of_every_kind() -> None:
    dice = random.Random(1)
    for size in (0, 1, 2, 3, 10, 1000, 100_000):
        check(dice.randbytes(size))
    for byte in range(256):
        check(bytes([byte]))
        check(b"input: 8\nlayers: [relu" + bytes([byte]) + b"]")


@pytest.mark.heavy
def test_characters_of_every_kind() -> None:
    for start in range(0, 0x110000, 0x400):
        block = "".join(chr(code) for code in range(start, start + 0x400, 97))
        check(f"input: 8\nname: '{block}'\nlayers: ['{block}']".encode("utf-8", "surrogatepass"))
        source = Source(f"{block}.yaml", f"input: 8\nlayers: ['{block}', {{relu: , from: '{block}'}}]")
        with pytest.raises(Refused) as refused:
            read(source, limits=UNTRUSTED)
        assert shown(refused.value.problems).replace("\n", "").isprintable()
