"""Mutants of the shelf's files, reproducible from a seed: changed bytes, tokens and structure. `check` must handle all of them.

Most mutants may be valid or not. In any case, the status is one of four, there is no internal error, reports contain nothing
hostile, and the check takes at most a second and 200 MB. Mutants of structure have a known result: they must be refused.

Usage: python tests/mutants.py 50000 [--seed 1] [--keep FOLDER]; exit status 1 and the mutants in FOLDER if one survives.
"""

from __future__ import annotations

import argparse
import json
import random
import re
import sys
import tempfile
import time
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))  # as a script

import yaml

from cnncalc.analyses.budget import Limit, Policy
from cnncalc.checking.submission import ERROR, FAILED, PASSED, Checked, Task, check_file
from cnncalc.render import checks
from cnncalc.render.checks import Entry, Report, render
from cnncalc.shape import Shape

SHELF = {path.stem: path.read_text(encoding="utf-8") for path in sorted((ROOT / "architectures").glob("*.yaml"))}
SECONDS = 1.0
MEMORY = 200 * 2**20
HOSTILE = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}
# values that no number in a specification can have
EVIL = [
    "1e400", "1e3", ".inf", "-.inf", ".nan", "010", "0x1F", "0o17", "1_000", "1:30", "190:20:30", "9" * 25, "9" * 400, "1__0",
    "!!int 3", "&a 3", "*a", "{a: 1, a: 1}", '"\\ud800"', "[", "]", "}", "[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[", "'", '"',
]  # fmt: skip
WORDS = [
    "true", "null", "~", "-1", "0", "1", "2", "3.5", "1/0", "$n", "$in_channels", "prev", "input", "repeat", "999999",
    "1000000", "4294967296",
    "residual", "seq", "add", "concat", "mul", "relu", "conv", "fc", "upsample", "reshape", "lstm", "attention", "as",
    "from", "share", "when",
    "expect", "[]", "{}", "- ", "  ", "\n", "- - ", ": ", ", ", "#", "|", ">", "?", "%", "@", "`", "é", "漢",
    "\U0001f600", "１", "аs", "::error::x",
    "##[error]x", "<b>", "[red]", "=1+1", "x" * 300, "((((", "**", "//", "1x1", "7x7x7", "0x0x0", "same", "valid",
    "1e-3", "''", '""', "<<",
]  # fmt: skip
TOKEN = re.compile(r"\s+|[A-Za-z_]+|\d+|.", re.DOTALL)
TOKENS = {name: TOKEN.findall(text) for name, text in SHELF.items()}


class Mutant(NamedTuple):
    """A changed file. `refused` is true if it must be refused; otherwise the result is not known."""

    origin: str
    change: str
    refused: bool
    data: bytes


# -- changes with an unknown result ------------------------------------------------------------------------------------


def flipped(dice: random.Random, name: str) -> bytes:
    """Change some bytes."""
    data = bytearray(SHELF[name].encode())
    for _ in range(dice.choice([1, 1, 2, 5, 50])):
        data[dice.randrange(len(data))] = dice.choice(
            [dice.randrange(256), dice.choice(b" \n:-[]{},'\"#&*!|>%@`0123456789")]
        )
    return bytes(data)


def cut(dice: random.Random, name: str) -> bytes:
    """Remove, repeat or move a piece."""
    data = SHELF[name].encode()
    first, last = sorted((dice.randrange(len(data) + 1), dice.randrange(len(data) + 1)))
    piece, rest = data[first:last], data[:first] + data[last:]
    place = dice.randrange(len(rest) + 1)
    return dice.choice(
        [rest, data[:last], data[first:], data[:last] + piece + data[last:], rest[:place] + piece + rest[place:]]
    )


def spliced(dice: random.Random, name: str) -> bytes:
    """Join the beginning of one file and the end of another."""
    one, other = SHELF[name], SHELF[dice.choice(list(SHELF))]
    if dice.random() < 0.5:
        ours, theirs = one.splitlines(True), other.splitlines(True)
        return "".join(ours[: dice.randrange(len(ours))] + theirs[dice.randrange(len(theirs)) :]).encode()
    return (one[: dice.randrange(len(one))] + other[dice.randrange(len(other)) :]).encode()


def reworded(dice: random.Random, name: str) -> bytes:
    """Replace some tokens by others: from the same file, from another one, or hostile ones."""
    tokens = list(TOKENS[name])
    others = TOKENS[dice.choice(list(TOKENS))]
    for _ in range(dice.choice([1, 1, 1, 2, 3, 10])):
        place = dice.randrange(len(tokens))
        tokens[place : place + dice.choice([0, 1, 1, 1, 2])] = [
            dice.choice([dice.choice(tokens), dice.choice(others), dice.choice(WORDS), dice.choice(EVIL)])
        ]
    return "".join(tokens).encode("utf-8", "replace")


def renumbered(dice: random.Random, name: str) -> bytes:
    """Change some numbers."""
    tokens = list(TOKENS[name])
    places = [place for place, token in enumerate(tokens) if token.isdigit()] or [0]
    for _ in range(dice.choice([1, 1, 2, 4])):
        tokens[dice.choice(places)] = str(
            dice.choice([0, 1, 2, 3, 5, 7, 64, 97, 255, 1000, 65_536, 999_999, 10**6, 10**9, 10**12, 2**31, 2**63])
        )
    return "".join(tokens).encode()


def relined(dice: random.Random, name: str) -> bytes:
    """Remove, repeat or indent lines."""
    lines = SHELF[name].splitlines(True)
    for _ in range(dice.choice([1, 1, 2, 3])):
        place = dice.randrange(len(lines))
        line = lines[place]
        times = dice.choice([2, 2, 3, 100, 3000])
        lines[place : place + 1] = dice.choice(
            [[], [line] * times, [" " * dice.randrange(1, 5) + line], [line.lstrip()], [line, dice.choice(lines)]]
        )
        if not lines:
            lines = ["\n"]
    return "".join(lines).encode()


def repeated(dice: random.Random, name: str) -> bytes:
    """Repeat steps many times, zero times, or under a condition."""
    lines = SHELF[name].splitlines()
    places = [place for place, line in enumerate(lines) if line.lstrip().startswith("- ")] or [0]
    for place in dice.sample(places, min(len(places), dice.choice([1, 1, 2]))):
        column = len(lines[place]) - len(lines[place].lstrip()) + 2
        word = dice.choice(["repeat: 0", "repeat: 2", "repeat: 9", "repeat: 100", "repeat: 9999", "repeat: 10000",
        "repeat: 999999999999", "when: false", "when: 1 == 1",
                            "as: x", "share: x", "from: input", "from: x", "expect: 1x1x1", "expect: {params: 1}",
                            "as: prev"])  # fmt: skip
        lines[place] += "\n" + " " * column + word
    return ("\n".join(lines) + "\n").encode()


# -- changes with a known verdict --------------------------------------------------------------------------------------


class Place(NamedTuple):
    """A node of a file: where its text begins and ends, its column, its value, and the keys that lead to it."""

    first: int
    last: int
    column: int
    flow: bool
    value: str
    way: tuple[str, ...]
    key: bool


def places(text: str) -> list[Place]:
    """Return every scalar of a valid file; `flow` is true if the mapping or list around it is in braces or brackets."""
    found: list[Place] = []

    def below(node: yaml.Node, way: tuple[str, ...], flow: bool, key: bool) -> None:
        if isinstance(node, yaml.ScalarNode):
            mark = node.start_mark
            found.append(
                Place(
                    mark.index,
                    node.end_mark.index,
                    mark.column,
                    flow,
                    node.value if node.style is None else "",
                    way,
                    key,
                )
            )
        elif isinstance(node, yaml.MappingNode):
            alone = (
                bool(node.flow_style) and text[node.start_mark.index] != "{"
            )  # `[fc: 10]`: another pair is another step
            for name, value in node.value:
                if not alone:
                    below(name, way, bool(node.flow_style), True)
                below(value, (*way, name.value), bool(node.flow_style), False)
        elif isinstance(node, yaml.SequenceNode):
            for item in node.value:
                below(item, (*way, "-"), bool(node.flow_style), False)

    root = yaml.compose(text, yaml.SafeLoader)
    assert root is not None
    below(root, (), False, False)
    return found


PLACES = {name: places(text) for name, text in SHELF.items()}
TEXTS = ("name", "source", "description")  # where any words may stand


def replaced(name: str, place: Place, by: str) -> bytes:
    """Return the file with other text in a place."""
    text = SHELF[name]
    return (text[: place.first] + by + text[place.last :]).encode("utf-8")


def evil_number(dice: random.Random, name: str) -> bytes:
    """Write something that is not a number in place of one."""
    numbers = [
        place
        for place in PLACES[name]
        if re.fullmatch(r"[0-9]+(x[0-9]+)*", place.value) and not place.key and not set(place.way) & set(TEXTS)
    ]
    return replaced(name, dice.choice(numbers), dice.choice(EVIL))


def duplicate_key(dice: random.Random, name: str) -> bytes:
    """Write a key twice, perhaps in quotes or with an escape."""
    place = dice.choice([place for place in PLACES[name] if place.key and place.value])
    again = dice.choice(
        [
            place.value,
            f'"{place.value}"',
            f"'{place.value}'",
            f'"\\x{ord(place.value[0]):02x}{place.value[1:]}"',
            f'"\\u{ord(place.value[0]):04x}{place.value[1:]}"',
        ]
    )
    between = ", " if place.flow else "\n" + " " * place.column
    return replaced(name, place, f"{again}: 1{between}{place.value}")


def unknown_key(dice: random.Random, name: str) -> bytes:
    """Write an unknown key somewhere."""
    place = dice.choice([place for place in PLACES[name] if place.key and place.value])
    word = dice.choice(
        ["zz zz", "lаyers", "layеrs", "\u200blayers", '"layers "', "$x", "a.b", "::error::x", '"##[error]"', "é"]
    )
    between = ", " if place.flow else "\n" + " " * place.column
    return replaced(name, place, f"{word}: 1{between}{place.value}")


def second_document(dice: random.Random, name: str) -> bytes:
    """Add a second document."""
    mark = dice.choice(["---\n", "--- \n", "...\n---\n", "...\n", "---\n# nothing\n", "--- !!map\n"])
    other = SHELF[dice.choice(list(SHELF))] if mark == "...\n" or dice.random() < 0.5 else ""
    return (SHELF[name] + mark + other).encode()


def tagged(dice: random.Random, name: str) -> bytes:
    """Add a tag to a word."""
    place = dice.choice([place for place in PLACES[name] if place.value])
    tag = dice.choice(
        [
            "!!str ",
            "!!int ",
            "! ",
            "!x ",
            "!!python/name:os.system ",
            "!<tag:yaml.org,2002:str> ",
            "!!binary ",
            "!include ",
        ]
    )
    return replaced(name, place, tag + place.value)


def anchored(dice: random.Random, name: str) -> bytes:
    """Add an anchor or an alias."""
    place = dice.choice([place for place in PLACES[name] if place.value])
    return replaced(
        name, place, dice.choice([f"&a {place.value}", "*a ", "*a " if place.key else f"&a1 {place.value}"])
    )


def merged(dice: random.Random, name: str) -> bytes:
    """Add a merge key."""
    place = dice.choice([place for place in PLACES[name] if place.key and place.value])
    return replaced(name, place, "<<: {a: 1}" + (", " if place.flow else "\n" + " " * place.column) + place.value)


def unseen(dice: random.Random, name: str) -> bytes:
    """Add an invisible character, or bytes that are not characters."""
    data = SHELF[name].encode()
    place = dice.randrange(1, len(data))
    while data[place] & 0xC0 == 0x80:  # not inside a character
        place -= 1
    evil = dice.choice(
        [
            b"\0",
            b"\x1b[31m",
            b"\x7f",
            b"\xc2\x85",
            b"\xe2\x80\xa8",
            b"\xe2\x80\xa9",
            b"\xef\xbb\xbf",
            b"\xff",
            b"\xc0\xaf",
            b"\xed\xa0\x80",
            b"\x08",
            b"\x0c",
            b"\xef\xbf\xbf",
        ]
    )
    return data[:place] + evil + data[place:]


def encoded(dice: random.Random, name: str) -> bytes:
    """Use another encoding."""
    return SHELF[name].encode(dice.choice(["utf-16", "utf-16-le", "utf-16-be", "utf-32"]))


def deepened(dice: random.Random, name: str) -> bytes:
    """Nest deeper than any limit, in place of a value."""
    place = dice.choice([place for place in PLACES[name] if place.value and not place.key])
    depth = dice.choice([40, 1000, 25_000])
    return replaced(name, place, dice.choice(["[" * depth, "{a: " * depth, "[" * depth + "]" * depth]))


UNKNOWN: list[Callable[[random.Random, str], bytes]] = [flipped, cut, spliced, reworded, renumbered, relined, repeated]
KNOWN: list[Callable[[random.Random, str], bytes]] = [
    evil_number, duplicate_key, unknown_key, second_document, tagged, anchored, merged, unseen, encoded, deepened,
]  # fmt: skip


def mutants(many: int, seed: int = 1) -> Iterator[Mutant]:
    """Yield this many mutants. Mutant n does not depend on `many`."""
    names = sorted(SHELF)
    for number in range(many):
        dice = random.Random(f"{seed} {number}")
        name = dice.choice(names)
        refused = dice.random() < 0.4
        change = dice.choice(KNOWN if refused else UNKNOWN)
        yield Mutant(name, change.__name__, refused, change(dice, name))


# -- what must hold ----------------------------------------------------------------------------------------------------

# a policy with every rule, one with high limits and one with low limits, so that all of `check` runs and files can pass
FORMATS = tuple(checks.FORMATS)
TASKS = [
    Task(
        Policy(
            input=Shape((224, 224, 3)), output=Shape((1000,)), required=("conv", "relu"), forbidden=("lstm", "embedding"),
            limits=tuple(Limit(quantity, least=10, most=10**9) for quantity in (
                "params", "weights", "biases", "activations", "activation-memory", "training-memory",
                "inference-memory", "macs", "layers", "depth",
                "conv-layers", "receptive-field")),
        ),
        metrics=True,
    ),
    Task(Policy(limits=(Limit("params", most=10**15),))),
    Task(Policy(limits=(Limit("receptive-field", least=1), Limit("inference-memory", most=10**15)))),
]  # fmt: skip


def judged(mutant: Mutant, number: int, path: Path) -> tuple[Checked, str]:
    """Check a mutant, and return the result and what is wrong with it ("" for nothing)."""
    path.write_bytes(mutant.data)
    task = TASKS[number % len(TASKS)]
    start = time.process_time()
    found = check_file(str(path), task)
    took = time.process_time() - start
    wrong = ""
    if found.status not in (PASSED, FAILED, ERROR):
        wrong = f"status {found.status}: {found.findings[0].message}"
    elif mutant.refused and found.status != ERROR:
        wrong = f"is {found.status} and must be refused"
    elif found.status != PASSED and not found.findings:
        wrong = "fails without a word"
    elif len(found.findings) > 25:
        wrong = f"{len(found.findings)} findings"
    elif took > SECONDS:
        wrong = f"took {took:.2f} s"
    report = Report(
        task.policy, task.policy.rules, [Entry("net.yaml", found.status, found.metrics, found.measured, found.findings)]
    )
    for form in {"text", "json", FORMATS[number % len(FORMATS)]}:
        text = render(form, report)
        if any(unicodedata.category(char) in HOSTILE for char in text.replace("\n", "")) or re.search(r"##\w*\[", text):
            wrong = wrong or f"something hostile in {form}"
        if form != "github" and re.search(r"^\s*::", text, re.MULTILINE):
            wrong = wrong or f"a command in {form}"
        if len(text) > 200_000:
            wrong = wrong or f"{len(text):,} characters of {form}"
    return found, wrong


def limited() -> None:
    """Limit this process to 200 MB more than it uses."""
    import resource

    with open("/proc/self/statm", encoding="ascii") as stream:
        taken = int(stream.read().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (taken + MEMORY, taken + MEMORY))


def main() -> int:
    """Check this many mutants and print a summary as JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("many", type=int, nargs="?", default=2000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--keep", type=Path, help="where to leave the mutants that survive")
    asked = parser.parse_args()
    statuses: Counter[str] = Counter()
    slowest = 0.0
    survivors = []
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "net.yaml"
        for number, form in enumerate(FORMATS * len(TASKS)):  # everything is imported before memory is counted
            judged(Mutant("vgg16", form, False, SHELF["vgg16"].encode()), number, path)
        if sys.platform == "linux":
            limited()
        for number, mutant in enumerate(mutants(asked.many, asked.seed)):
            start = time.process_time()
            found, wrong = judged(mutant, number, path)
            slowest = max(slowest, time.process_time() - start)
            statuses[found.status] += 1
            if wrong:
                survivors.append(f"mutant {number} of seed {asked.seed}, {mutant.change} of {mutant.origin}: {wrong}")
                if asked.keep is not None:
                    asked.keep.mkdir(parents=True, exist_ok=True)
                    (asked.keep / f"{asked.seed}-{number}-{mutant.change}.yaml").write_bytes(mutant.data)
    print(
        json.dumps(
            {"mutants": asked.many, "statuses": statuses, "slowest": round(slowest, 3), "survivors": survivors},
            indent=2,
        )
    )
    return 1 if survivors else 0


if __name__ == "__main__":
    sys.exit(main())
