"""Submissions that try to crash, stall or mislead the check, one test for each known way.

Most threats are files: they are written into one folder and passed to the real command at once, within limits on memory and
time. The others are paths, streams, terminals, and how Python is started.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import socket
import stat
import struct
import subprocess
import sys
import tempfile
import threading
import time
import unicodedata
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from cnncalc.analyses.budget import Limit, Policy
from cnncalc.checking import history
from cnncalc.checking.run import MANY
from cnncalc.checking.submission import PASSED, Task, check_file
from cnncalc.cli import cli
from cnncalc.cli.run import run
from cnncalc.render.checks import FORMATS
from tests.helpers import ROOT, environment

pytestmark = pytest.mark.skipif(os.name != "posix", reason="links, pipes, limits and signals of POSIX")
HEAD = "input: 32x32x3\nlayers:\n"
GOOD = HEAD + "- fc: 10\n"
SECRET = "hunter2-the-secret-of-the-teacher"
PROMISES = ["--max-params", "1T", "--max-macs", "1T"]  # nothing fails because it is too large
CONTROL = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}


def program(*args: str | bytes, folder: Path, **options: Any) -> subprocess.CompletedProcess[bytes]:
    """Run `cnncalc check` in a separate process, for a minute at most."""
    env = environment(**options.pop("env", {}))
    options = {"capture_output": True, "stdin": subprocess.DEVNULL, "timeout": 60} | options
    words = [*options.pop("start", [sys.executable, "-m", "cnncalc"]), "check", *args]
    done: Any = subprocess.run(words, cwd=folder, env=env, check=False, **options)  # these are not text
    found: subprocess.CompletedProcess[bytes] = done
    return found


def harmless(text: str) -> None:
    """Check that a text has one line per finding and nothing that a terminal or a CI runner executes."""
    for line in text.split("\n"):
        assert not [char for char in line if unicodedata.category(char) in CONTROL], ascii(line)
        assert not line.lstrip().startswith("::"), line
        assert not re.search(r"##\w*\[", line), line
    assert "Traceback" not in text
    assert not re.search(r'File ".*", line \d', text)


def said(done: subprocess.CompletedProcess[bytes]) -> str:
    """Return both streams of a process, which must be harmless."""
    text = done.stdout.decode("utf-8") + done.stderr.decode("utf-8")
    harmless(text)
    return text


# -- files -------------------------------------------------------------------------------------------------------------


def laughs(levels: int = 20) -> str:
    """Return a "billion laughs" file."""
    return "a0: &a0 [x, x]\n" + "".join(f"a{n + 1}: &a{n + 1} [*a{n}, *a{n}]\n" for n in range(levels)) + GOOD


def merges(levels: int = 24) -> str:
    """Return mappings that each merge the previous one twice."""
    return "a0: &a0 {x: 1}\n" + "".join(f"a{n + 1}: &a{n + 1} {{<<: [*a{n}, *a{n}]}}\n" for n in range(levels)) + GOOD


def layer(text: str) -> str:
    """Return a file with this layer."""
    return HEAD + f"- {text}\n"


def nested(depth: int) -> str:
    """Return nested groups on one line."""
    return HEAD + "- " + "{seq: [" * depth + "relu" + "]}" * depth + "\n"


DOUBLING = "".join(f"  B{n}: [B{n + 1}, B{n + 1}]\n" for n in range(50))
WIDE = "input: {0}x{0}x{0}\nlayers: [{{conv: {{filters: {0}, kernel: {1}, pad: {2}}}}}]\n"

# name -> (the file, the code of the first finding)
FILES: dict[str, tuple[str | bytes, str]] = {
    # aliases
    "alias bomb": (laughs(), "no-anchors"),
    "merge bomb": (merges(), "no-anchors"),
    "merge of nothing": (GOOD + "<<: {}\n", "no-anchors"),
    "recursive alias": ("a: &a [*a]\n" + GOOD, "no-anchors"),
    "recursive mapping": ("&a input: *a\n" + GOOD, "no-anchors"),
    "alias of a layer": (HEAD + "- &a {fc: 10}\n- *a\n", "no-anchors"),
    "anchor alone": ("input: &i 32x32x3\nlayers: [{fc: 10}]\n", "no-anchors"),
    "merge into a layer": (layer("{<<: {fc: 5}, relu: }"), "no-anchors"),
    # nesting
    "25,000 lists": ("input: 3\nlayers: " + "[" * 25_000, "too-large"),
    "100,000 lists": ("input: 3\nlayers: " + "[" * 100_000, "too-large"),
    "100,000 closed lists": ("input: 3\nlayers: " + "[" * 100_000 + "]" * 100_000, "too-large"),
    "25,000 mappings": ("{a: " * 25_000, "too-large"),
    "100,000 dashes": ("- " * 100_000, "too-large"),
    "25,000 questions": ("? " * 25_000, "bad-key"),
    "25,000 colons": (": " * 25_000, "bad-yaml"),
    "300 indents": ("".join(" " * n + "a:\n" for n in range(300)), "too-large"),
    "33 levels": (nested(33), "too-large"),
    # sizes
    "huge scalar": (f"name: {'x' * 200_000}\n" + GOOD, "too-large"),
    "huge block scalar": ("name: |\n" + " x\n" * 60_000 + GOOD, "too-large"),
    "huge folded scalar": ('name: "' + "x\\\n" * 60_000 + '"\n' + GOOD, "too-large"),
    "huge key": (f"{'k' * 200_000}: 1\n" + GOOD, "too-large"),
    "huge name": (f"name: {'n' * 500}\n" + GOOD, "too-large"),
    "too many bytes": (GOOD + "#" * 262_144, "too-large"),
    "too many nodes": (HEAD + "- relu\n" * 20_001, "too-large"),
    "too many steps": (HEAD + "- relu\n" * 10_001, "too-large"),
    # structure
    "duplicate key": (GOOD + "input: 1x1x1\n", "duplicate-key"),
    "duplicate key in quotes": (GOOD + '"input": 1x1x1\n', "duplicate-key"),
    "duplicate key by escapes": (GOOD + '"inp\\x75t": 1x1x1\n', "duplicate-key"),
    "duplicate key by a folded line": (GOOD + '"in\\\n  put": 1x1x1\n', "bad-yaml"),
    "duplicate key by a folded line, written out": (GOOD + '? "in\\\n  put"\n: 1x1x1\n', "duplicate-key"),
    "duplicate key written out": (GOOD + "? input\n: 1x1x1\n", "duplicate-key"),
    "duplicate field": (layer("{fc: {units: 5, units: 10}}"), "duplicate-key"),
    "duplicate field in quotes": (layer("{fc: {units: 5, 'units': 10}}"), "duplicate-key"),
    "duplicate layer": (layer("{fc: 5, fc: 10}"), "duplicate-key"),
    "duplicate layers": (GOOD + "layers: [relu]\n", "duplicate-key"),
    "duplicate block": ("blocks: {A: [relu], A: [fc: 5]}\n" + GOOD, "duplicate-key"),
    "the same block twice": ("blocks: {A(n): [relu], A: [fc: 5]}\n" + GOOD, "duplicate-key"),
    "second document": (GOOD + "---\n" + GOOD, "second-document"),
    "second empty document": (GOOD + "---\n", "second-document"),
    "document after the end": (GOOD + "...\n" + GOOD, "second-document"),
    "garbage after the end": (GOOD + "...\ngarbage: [\n", "second-document"),
    "garbage": (GOOD + "}\n", "bad-yaml"),
    "tabs": ("input: 32x32x3\nlayers:\n\t- fc: 10\n", "no-tabs"),
    "empty": ("", "empty-file"),
    "comments only": ("# nothing\n" * 10, "empty-file"),
    "only a document mark": ("---\n", "bad-file"),
    "a list": ("- relu\n", "bad-file"),
    "a word": ("relu\n", "bad-file"),
    "null": ("~\n", "bad-file"),
    "no layers": ("input: 3\n", "missing-field"),
    "null layers": ("input: 3\nlayers:\n", "bad-value"),
    "layers as a mapping": ("input: 3\nlayers: {fc: 10}\n", "bad-value"),
    "a list as a key": (GOOD + "? [a, b]\n: 1\n", "bad-key"),
    "a mapping as a key": (GOOD + "{a: b}: 1\n", "bad-key"),
    # encodings
    "UTF-16": (GOOD.encode("utf-16"), "not-text"),
    "UTF-16 LE without a mark": (GOOD.encode("utf-16-le"), "bad-character"),
    "UTF-16 BE without a mark": (GOOD.encode("utf-16-be"), "bad-character"),
    "UTF-32": (GOOD.encode("utf-32"), "not-text"),
    "UTF-7": ("+AGkAbg-put: 3\nlayers: [relu]\n", "unknown-field"),
    "two byte order marks": (b"\xef\xbb\xbf\xef\xbb\xbf" + GOOD.encode(), "bad-character"),
    "a byte order mark inside": (HEAD + "- \ufefffc: 10\n", "bad-character"),
    "invalid UTF-8": (GOOD.encode() + b"# \xff\n", "not-text"),
    "overlong UTF-8": (GOOD.encode() + b"# \xc0\xaf\n", "not-text"),
    "surrogates in UTF-8": (GOOD.encode() + b"# \xed\xa0\x80\n", "not-text"),
    "surrogates by escapes": (f'name: "\\ud800"\n{GOOD}', "bad-yaml"),
    "surrogate pair by escapes": (f'name: "\\ud83d\\ude00"\n{GOOD}', "bad-yaml"),
    "beyond Unicode": (f'name: "\\U00110000"\n{GOOD}', "bad-yaml"),
    "cut off UTF-8": (GOOD.encode() + b"# \xe2\x82", "not-text"),
    "NUL": (GOOD + "\0", "bad-character"),
    "NUL hides a layer": (HEAD + "- fc: 10\0\n- fc: 99999\n", "bad-character"),
    "NEL as a line break": (HEAD + "- fc: 10 # \x85- fc: 99999\n", "bad-character"),
    "U+2028 as a line break": (HEAD + "- fc: 10 # \u2028- fc: 99999\n", "bad-character"),
    "U+2029 as a line break": (HEAD + "- fc: 10 # \u2029- fc: 99999\n", "bad-character"),
    "form feed": (HEAD + "- fc: 10\n\x0c", "bad-character"),
    "vertical tab": (HEAD + "- fc: 10\n\x0b", "bad-character"),
    "bell": (GOOD + "# \a\n", "bad-character"),
    "escape": (GOOD + "# \x1b[2K\x1b[1A\n", "bad-character"),
    "delete": (GOOD + "# \x7f\n", "bad-character"),
    "C1": (GOOD + "# \x9b31m\n", "bad-character"),
    "a noncharacter": (GOOD + "# \uffff\n", "bad-character"),
    # words that look alike
    "a Cyrillic key": ("input: 32x32x3\nlаyers: [{fc: 10}]\n", "unknown-field"),
    "a Cyrillic key next to the real one": (GOOD + "lаyers: [{fc: 99999}]\n", "unknown-field"),
    "a Cyrillic layer": (layer("rеlu"), "unknown-layer"),
    "a Cyrillic field": (layer("{fc: {units: 5, biаs: false}}"), "unknown-field"),
    "a full-width key": ("input: 32x32x3\nｌａｙｅｒｓ: [{fc: 10}]\n", "missing-field"),
    "a zero-width space in a key": ("input: 32x32x3\nlay\u200bers: [{fc: 10}]\n", "unknown-field"),
    "a blank at the end of a key": ('input: 32x32x3\n"layers ": [{fc: 10}]\n', "unknown-field"),
    "a key in capitals": ("input: 32x32x3\nLAYERS: [{fc: 10}]\n", "unknown-field"),
    "a ligature": (layer("{ﬂatten: }"), "unknown-layer"),
    "a combining mark": (layer("relu\u0301"), "unknown-layer"),
    # tags
    "a Python tag": ('x: !!python/object/apply:os.system ["touch /tmp/pwned"]\n' + GOOD, "no-tags"),
    "a Python name": ("x: !!python/name:os.system\n" + GOOD, "no-tags"),
    "a Python module": ("x: !!python/module:antigravity\n" + GOOD, "no-tags"),
    "a binary": ("name: !!binary aGVsbG8=\n" + GOOD, "no-tags"),
    "a string tag": ("name: !!str 5\n" + GOOD, "no-tags"),
    "a set": ("x: !!set {a, b}\n" + GOOD, "no-tags"),
    "a local tag": ("x: !include /etc/passwd\n" + GOOD, "no-tags"),
    "a verbatim tag": ("x: !<tag:yaml.org,2002:int> 5\n" + GOOD, "no-tags"),
    "no tag but its sign": ("name: ! x\n" + GOOD, "no-tags"),
    "a tag on a layer": (layer("!!int relu"), "no-tags"),
    "a tag on the document": ("!!map\n" + GOOD, "no-tags"),
    "a YAML directive": ("%YAML 1.1\n---\n" + GOOD, "no-tags"),
    "a TAG directive": ("%TAG ! tag:x,2000:\n---\n" + GOOD, "no-tags"),
    "an unknown directive": ("%FOO bar\n---\n" + GOOD, "bad-yaml"),
    # networks
    "a gigantic repeat": (layer("{relu: , repeat: 999999999999}"), "too-large"),
    "a gigantic repeat of nothing": (layer("{seq: [], repeat: 999999999999}"), "too-large"),
    "nested repeats": (layer("{repeat: 9999, seq: [" * 10 + "relu" + "]}" * 10), "too-large"),
    "a repeat by a product": (layer("{relu: , repeat: 1000000*1000000}"), "too-large"),
    "a block that calls itself": ("blocks: {A: [A]}\n" + HEAD + "- A\n", "recursive-block"),
    "blocks that call each other": ("blocks: {A: [B], B: [C, C], C: [A]}\n" + HEAD + "- A\n", "recursive-block"),
    "blocks that double": (f"blocks:\n{DOUBLING}  B50: []\n" + HEAD + "- B0\n", "too-large"),
    "a kernel larger than the input": (layer("{conv: {filters: 1, kernel: 33}}"), "window-does-not-fit"),
    "a dilated kernel larger than the input": (layer("{conv: {filters: 1, kernel: 3, dilation: 16}}"), "window-does-not-fit"),
    "a pool larger than the input": (layer("{maxpool: 33}"), "window-does-not-fit"),
    "stride 0": (layer("{conv: {filters: 1, kernel: 1, stride: 0}}"), "bad-value"),
    "kernel 0": (layer("{conv: {filters: 1, kernel: 0}}"), "bad-value"),
    "0 filters": (layer("{conv: {filters: 0, kernel: 1}}"), "bad-value"),
    "a negative pad": (layer("{conv: {filters: 1, kernel: 40, pad: -4}}"), "bad-value"),
    "groups that do not divide": (layer("{conv: {filters: 6, kernel: 1, groups: 2}}"), "groups-do-not-divide"),
    "groups that do not divide the filters": (layer("{conv: {filters: 4, kernel: 1, groups: 3}}"), "groups-do-not-divide"),
    "division by zero": (layer("{fc: 5//0}"), "bad-expression"),
    "remainder by zero": (layer("{fc: 5%0}"), "bad-expression"),
    "half a filter": (layer("{fc: 5/2}"), "bad-expression"),
    "beyond 2^63": (layer("{fc: 99999999999*99999999999}"), "bad-expression"),
    "beyond 2^63 step by step": (layer("{fc: " + "*".join(["9999"] * 70) + "}"), "bad-expression"),
    "a tensor beyond 2^40": (WIDE.format(1_000_000, 1, 0), "too-large"),
    "a crop below nothing": (layer("{crop: 40}"), "bad-value"),
    "a reshape that does not fit": (layer("{reshape: 7x7x7}"), "sizes-differ"),
    "a name that is not there": (layer("{relu: , from: nowhere}"), "unknown-name"),
    "a name from below": (layer("{relu: , from: b}\n- {relu: , as: b}"), "unknown-name"),
    "a parameter that is not there": (layer("{fc: $n}"), "bad-expression"),
    "a layer that imports": (layer("torch:os:system"), "unknown-layer"),
    "a file to read": (layer("{include: /etc/passwd}"), "unknown-layer"),
}  # fmt: skip

# values in place of a whole number; none of them is one
NUMBERS = [
    "1e400", "1e3", ".inf", "-.inf", ".nan", "nan", "Infinity", "010", "0o17", "0x1F", "0b11", "1_000", "1:30",
    "190:20:30.15", "yes", "no", "on",
    "off", "True", "null", "~", "", "2016-01-01", "2001-12-14t21:59:43.10-05:00", "-1", "+3", "1.5", "0.1", "9" * 13, "9" * 900,
    "9" * 4300, "٣", "３", "²", "1 000", '""', '"x"', "[]", "[3, 3, 3, 3, 3]", "!!int 3", "&a 3", "*a", "1/0", "1/3",
    "$nope", "99999999999*99999999999",
    "x3", "0x", "1x1x1x1x1x1", "3 3", "3e0", "3.", ".3", "1e-3", "None", "9223372036854775807*2", "true",
    "4294967297", "1000000*1000000", "__import__('os')",
]  # fmt: skip
PLACES = {
    "filters": "{conv: {filters: @, kernel: 3}}", "kernel": "{conv: {filters: 4, kernel: @}}",
    "stride": "{conv: {filters: 4, kernel: 3, stride: @}}",
    "pad": "{conv: {filters: 4, kernel: 3, pad: @}}", "dilation": "{conv: {filters: 4, kernel: 3, dilation: @}}",
    "groups": "{conv: {filters: 4, kernel: 3, groups: @}}", "units": "{fc: @}", "window": "{maxpool: @}",
    "repeat": "{relu: , repeat: @}",
    "expected params": "{fc: 10, expect: {params: @}}", "expected output": "{fc: 10, expect: @}",
}  # fmt: skip
for place, text in PLACES.items():
    for index, number in enumerate(NUMBERS):
        FILES[f"{place} {index}: {number[:20]}"] = (layer(text.replace("@", number)), "")
for index, number in enumerate(NUMBERS):
    FILES[f"input {index}: {number[:20]}"] = (f"input: {number}\nlayers: [relu]\n", "")
    FILES[f"height {index}: {number[:20]}"] = (
        f"input: {{height: {number}, width: 3, channels: 3}}\nlayers: [relu]\n",
        "",
    )
    FILES[f"parameter {index}: {number[:20]}"] = (f"params: {{n: {number}}}\n" + layer("{fc: $n}"), "")

HOSTILE = [
    "\\e[2J\\e[31mred", "\\x9b31m", "[red]bold[/red]", "[/]", ":smile:", "\\u202egnp.exe", "\\u2066x\\u2069",
    "a\\u200bb", "\\ufeffa", "\\u00ad",
    "::error::pwned", " ::error::pwned", "##[error]pwned", "x ##[add-mask]e", "##vso[task.complete result=Succeeded]",
    "%0A::error::pwned",
    "\\n::error::pwned", "\\r\\n::set-output name=x::y", "]]></failure><script>alert(1)</script>",
    "<img src=x onerror=alert(1)>", "\\x00", "\\x08\\x08\\x08PASS",
    "\\uffff", "&amp;", "=1+1", "@SUM(1)", "+cmd|' /C calc'!A0", "PASS net.yaml", "\\nPASS everything.yaml", "`id`",
    "$(id)", "```", "|a|", "\\u2028x", "\\U0001f600",
    "%s%s%n", "{0.__class__}", "\\ud83d", "\\t", "'; DROP TABLE", "\\x7f\\x7f", "a" * 900,
]  # fmt: skip
SPOTS = [
    HEAD + '- "@"\n', HEAD + '- {"@": 5}\n', HEAD + '- {fc: "@"}\n', HEAD + '- {fc: {"@": 5}}\n',
    HEAD + '- {relu: , as: "@"}\n', HEAD + '- {relu: , from: "@"}\n',
    HEAD + '- {relu: , expect: "@"}\n', HEAD + '- {relu: , repeat: "@"}\n', HEAD + '- {relu: , when: "$n == @"}\n',
    'input: "@"\nlayers: [relu]\n',
    GOOD + '"@": 1\n', 'blocks: {"@": [relu]}\n' + GOOD, GOOD + 'outputs: ["@"]\n', GOOD + 'published: {"@": 3}\n',
    GOOD + 'params: {"@": 3}\n',
    HEAD + '- {concat: ["@"]}\n', HEAD + "- {fc: 10, expect: 11}\n- {relu: , as: x, expect: '@'}\n",
]  # fmt: skip
for index, evil in enumerate(HOSTILE):
    for where, spot in enumerate(SPOTS):
        FILES[f"hostile {index} in {where}"] = (spot.replace("@", evil), "")


def file_name(number: int) -> str:
    """Return where a threat is written. The names of threats are for people."""
    return f"{number:04d}.yaml"


@pytest.fixture(scope="module")
def handed_in(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Write all the files above into one folder."""
    folder = tmp_path_factory.mktemp("handed-in")
    for number, (content, _) in enumerate(FILES.values()):
        (folder / file_name(number)).write_bytes(
            content if isinstance(content, bytes) else content.encode("utf-8", "surrogatepass")
        )
    return folder


def little_memory() -> None:
    """Limit this process to a gigabyte of address space and a minute of time."""
    import resource

    resource.setrlimit(resource.RLIMIT_AS, (2**30, 2**30))
    resource.setrlimit(resource.RLIMIT_CPU, (60, 60))


@pytest.fixture(scope="module")
def verdicts(handed_in: Path) -> dict[str, Any]:
    """Return the result of the command for each file."""
    done = program(".", *PROMISES, "--format", "json", folder=handed_in, preexec_fn=little_memory)
    assert (done.returncode, done.stderr) == (1, b""), said(done)
    return {os.path.basename(file["path"]): file for file in json.loads(done.stdout)["files"]}


@pytest.mark.heavy
def test_every_bad_file_is_refused(verdicts: dict[str, Any]) -> None:
    """None passes, none causes an internal error, and each has a short entry in the report."""
    assert len(verdicts) == len(FILES) > 1500
    for number, name in enumerate(FILES):
        file = verdicts[file_name(number)]
        codes = [finding["code"] for finding in file["findings"]]
        assert file["status"] != "passed", (name, FILES[name])
        assert codes, name
        assert "internal-error" not in codes, (name, codes)
        assert len(codes) <= 21, name
        assert len(json.dumps(file)) < 30_000, name


@pytest.mark.parametrize("name", [name for name, (_, code) in FILES.items() if code])
def test_a_threat_is_refused_for_what_it_is(name: str, verdicts: dict[str, Any]) -> None:
    """The code is checked, because a file that is refused for another reason tests nothing."""
    file = verdicts[file_name(list(FILES).index(name))]
    assert (file["status"], file["findings"][0]["code"]) == ("error", FILES[name][1]), file["findings"][0]["message"]


@pytest.mark.heavy
@pytest.mark.parametrize("form", FORMATS)
def test_no_report_carries_anything_hostile(form: str, handed_in: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """No format has a character that a terminal executes, or a command where a CI runner reads the format."""
    assert run(cli, ["check", str(handed_in), *PROMISES, "--format", form]) == 1
    out, err = capsys.readouterr()
    assert err == ""
    out = out.removeprefix("\ufeff") if form == "csv" else out  # spreadsheets read the mark of the encoding
    for line in out.split("\n"):
        assert not [char for char in line if unicodedata.category(char) in CONTROL], ascii(line)[:300]
        assert not re.search(r"##\w*\[", line), line[:300]
    commands = [line for line in out.split("\n") if line.lstrip().startswith("::")]
    assert (1 <= len(commands) <= 10) == (form == "github")
    assert all(re.match(r"::(error|warning|notice) file=[^:]*::", line) for line in commands)


def test_the_text_report_has_a_line_for_every_file(handed_in: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """No text of a submission begins a line, so that none can imitate a result."""
    run(cli, ["check", str(handed_in), *PROMISES])
    lines = capsys.readouterr().out.splitlines()
    heads = [line for line in lines if not line.startswith("  ")]
    assert len(heads) == len(FILES) + 1
    assert not [line for line in heads if line.startswith("PASS")]
    harmless("\n".join(lines))
    assert max(map(len, lines)) < 1500


# -- what costs time or memory -----------------------------------------------------------------------------------------


def wide(many: int, item: str) -> str:
    """Return a list of many equal items."""
    return "[" + ", ".join([item] * many) + "]"


def towers(levels: int, inside: str, beside: str) -> str:
    """Return nested groups, each with something next to it."""
    return (
        HEAD
        + "- "
        + "{seq: [" * levels
        + inside
        + "".join(f"], {beside.format(level)}}}" for level in range(levels))
        + "\n"
    )


FAR = "{conv: {filters: 1, kernel: 511, pad: same}, repeat: 9000}"
TERMS = "+".join(["$w"] * 330)
BOMBS = {
    "operands by the thousand, repeated": HEAD + f"- {{fc: 3, as: a}}\n- {{add: {wide(15_000, 'a')}, repeat: 9000}}\n",
    "channels by the thousand, repeated": HEAD + f"- {{fc: 3, as: a}}\n- {{concat: {wide(9_000, 'a')}, repeat: 900}}\n",
    "a long expression, repeated": "params: {w: 2}\n" + HEAD + f"- {{fc: {TERMS}, repeat: 9990}}\n",
    "a long condition, repeated": "params: {w: 2}\n" + HEAD + f"- {{seq: [{{relu: , when: {TERMS} == 1}}], repeat: 4990}}\n",
    "long arguments, repeated": "params: {w: 2}\nblocks: {'B(" + ",".join(f"p{n}" for n in range(150)) + ")': [relu]}\n"
    + HEAD + f"- {{B: {wide(150, TERMS)}, repeat: 4000}}\n",
    "thousands of arguments, repeated": "params: {w: 2}\nblocks: {'B(" + ",".join(f"p{n}" for n in range(240)) + ")': [relu]}\n"
    + HEAD + f"- {{B: {wide(240, '$w')}, repeat: 4900}}\n",
    "many parameters, repeated": "params:\n" + "".join(f"  p{n}: {n}\n" for n in range(9_000))
    + "blocks: {'A(x)': [fc: $x]}\n" + HEAD + "- {A: $p5, repeat: 4900}\n",
    "expectations, repeated": HEAD + "- {seq: [{relu: , expect: {params: 1, weights: 1, biases: 1, macs: 1, activations: 1, "
    "receptive_field: 4, output: 3}}], repeat: 4900}\n",
    "expectations of all, nested": towers(13, "{conv: {filters: 3, kernel: 1}, repeat: 9000}",
    "expect: {{params: 1, macs: 1, activations: 1}}"),
    "long names, nested": towers(14, "{relu: , repeat: 9900}", "as: " + "n" * 90 + "{}"),
    "shared weights, nested": towers(13, "{conv: {filters: 3, kernel: 1}, repeat: 4000}", "as: r{}")
    + towers(13, "{conv: {filters: 3, kernel: 1}, repeat: 4000}", "share: r{}").removeprefix(HEAD),
    "patterns of 512 cells": f"input: 4x4x1\nlayers: [upsample: 512, {FAR}]\n",
    "patterns of 512 cells in a volume": f"input: 4x4x4x1\nlayers: [upsample: 512, {FAR}]\n",
    "patterns that are added": "input: 4x4x1\nlayers: [upsample: 509, "
    "{seq: [{maxpool: {kernel: 3, stride: 1, pad: 1}}, {add: [prev, prev]}], repeat: 900}]\n",
    "patterns of transposed convolutions": "input: 64x64x1\nlayers: [{convtranspose: {filters: 1, kernel: 1023, stride: 512}}, "
    "{conv: {filters: 1, kernel: 511, pad: same}, repeat: 100}]\n",
    "ten thousand layers": HEAD + "- {conv: {filters: 3, kernel: 1}, repeat: 9999}\n",
    "large divisors": "input: 8x8x999983\nlayers: [" + "{groupnorm: 499999}, " * 2000 + "]\n",
    "thousands of unknown names": HEAD + "".join(f"- {{relu: , as: n{n}, from: m{n}}}\n" for n in range(2_800)),
}  # fmt: skip
TOO_LARGE = [
    "operands by the thousand, repeated", "channels by the thousand, repeated", "a long expression, repeated",
    "a long condition, repeated", "long arguments, repeated", "thousands of arguments, repeated", "expectations, repeated",
    "shared weights, nested",
]  # fmt: skip
EVERYTHING = Policy(
    limits=(
        Limit("params", most=10**15),
        Limit("receptive-field", most=10**9),
        Limit("training-memory", most=10**18),
        Limit("inference-memory", most=10**18),
    ),
    required=("lstm",),
)


def defused(folder: Path) -> None:
    """Check every bomb in a folder with 200 MB more than the program itself uses, and print the results.

    Run in a separate process.
    """
    import resource

    check_file(str(folder / "warm-up.yaml"), Task(EVERYTHING))
    with open("/proc/self/statm", encoding="ascii") as stream:
        taken = int(stream.read().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (taken + 200 * 2**20, taken + 200 * 2**20))
    found = {}
    for name, text in BOMBS.items():
        (folder / "net.yaml").write_text(text)
        start = time.process_time()
        checked = check_file(str(folder / "net.yaml"), Task(EVERYTHING))
        found[name] = (checked.status, checked.findings[0].code, time.process_time() - start)
    print(json.dumps(found))


@pytest.fixture(scope="module")
def after(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """Return the results for the bombs."""
    folder = tmp_path_factory.mktemp("bombs")
    (folder / "warm-up.yaml").write_text(layer("{conv: {filters: 3, kernel: 3, repeat: 5}}") + layer("upsample: 2"))
    code = f"from pathlib import Path; from tests.checking.test_threats import defused; defused(Path({str(folder)!r}))"
    done = subprocess.run([sys.executable, "-c", code], env=environment(), capture_output=True, check=True, timeout=120)
    found: dict[str, Any] = json.loads(done.stdout)
    return found


@pytest.mark.parametrize("name", BOMBS)
def test_bombs(name: str, after: dict[str, Any]) -> None:
    """Each takes at most a second and 200 MB with any policy. (The limit is two seconds, because test machines are shared.)"""
    status, code, seconds = after[name]
    assert status in ("error", "failed")
    assert (code == "too-large") == (name in TOO_LARGE)
    assert code != "internal-error"  # if memory is limited
    assert seconds < 2


# -- paths -------------------------------------------------------------------------------------------------------------

PATHS = [
    b"a\nPASS b.yaml", b"\x1b[31mred.yaml", b"\x1b]0;title\x07.yaml", b"::error::x.yaml", b" ::error::x.yaml",
    b"##[error]x.yaml", b"x##[add-mask]e.yaml",
    b"[red]x[bold].yaml", b"$(touch pwned).yaml", b"`touch pwned`.yaml", b"-o.yaml", b"--max-params=1T.yaml",
    b"<b>&.yaml", b"=1+1.yaml", b"a b.yaml",
    "\u202egnp.yaml".encode(), "\u200b.yaml".encode(), "a\u2028b.yaml".encode(), b"\xff\xfe.yaml", b"caf\xe9.yaml",
    b"%0A::error::x.yaml", b"a\\b.yaml",
    b"'\".yaml", b"]]>.yaml", b"a\rb.yaml", b"a\tb.yaml", b"\x7f.yaml", b"*.yaml", b"[x].yaml", b"~.yaml", b".yaml",
    b"n" * 250 + b".yaml", b"a@HEAD.yaml",
    "é漢\U0001f600.yaml".encode(), "\u0085.yaml".encode(), b"torch:os:system.yaml", b"#.yaml", b"con.yaml", b"a;b|c.yaml",
]  # fmt: skip


@pytest.fixture(scope="module")
def paths(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Create a folder of valid files with hostile names, inside a folder with such a name."""
    folder = tmp_path_factory.mktemp("paths")
    inner = os.path.join(os.fsencode(folder), b"::error::\x1b[31m\nPASS")
    os.mkdir(inner)
    for place in (os.fsencode(folder), inner):
        for name in PATHS:
            with open(os.path.join(place, name), "w") as stream:
                stream.write(GOOD)
    return folder


@pytest.mark.parametrize("form", FORMATS)
def test_names_of_files_and_folders(form: str, paths: Path) -> None:
    """Every file is found by folder and by name, and names are plain text in every format."""
    ways: list[list[str | bytes]] = [["."], ["--", *PATHS]]
    for words in ways:
        done = program("--max-params", "5", "--format", form, *words, folder=paths)
        assert (done.returncode, done.stderr) == (1, b"")
        text = done.stdout.decode(
            "utf-8-sig" if form == "csv" else "utf-8"
        )  # spreadsheets read the mark of the encoding
        for line in text.split("\n"):
            assert not [char for char in line if unicodedata.category(char) in CONTROL], ascii(line)
            assert not re.search(r"##\w*\[", line), line
        if form == "text":
            harmless(text)
            many = len(PATHS) * (2 if words == ["."] else 1)
            assert len(re.findall(r"^FAIL ", text, re.MULTILINE)) == many
            assert f"{many} files: 0 passed, {many} failed" in text
            assert "PASS" not in re.sub(r"^FAIL .*", "", text, flags=re.MULTILINE)
        if form == "github":
            assert all(
                re.match(r"::(error|warning|notice) ", line) for line in text.split("\n") if line.lstrip()[:2] == "::"
            )
    assert not (paths / "pwned").exists()


def test_a_name_that_looks_like_an_option(paths: Path) -> None:
    """A file found in a folder never becomes an option. On a command line, use `--`."""
    done = program(".", "--max-params", "5", folder=paths)
    assert b"./--max-params=1T.yaml" in done.stdout
    assert done.returncode == 1


# -- what is not a regular file -----------------------------------------------------------------------------------------


@pytest.fixture
def odd(tmp_path: Path) -> Path:
    """Create a folder with every special kind of file as a submission, and a secret outside it."""
    (tmp_path / "secret").mkdir()
    for name in ("secret.yaml", "secret.txt"):
        (tmp_path / "secret" / name).write_text(f"{SECRET}: {SECRET}\nlayers: [{SECRET}]\n")
    folder = tmp_path / "odd"
    folder.mkdir()
    (folder / "link.yaml").symlink_to(tmp_path / "secret" / "secret.yaml")
    (folder / "passwd.yaml").symlink_to("/etc/passwd")
    (folder / "relative.yaml").symlink_to("../secret/secret.txt")
    (folder / "dangling.yaml").symlink_to("nowhere")
    (folder / "self.yaml").symlink_to("self.yaml")
    (folder / "good-link.yaml").symlink_to("good.yaml")
    (folder / "linked").symlink_to(tmp_path / "secret")
    (folder / "up").symlink_to("..")
    (folder / "zero.yaml").symlink_to("/dev/zero")
    (folder / "proc.yaml").symlink_to("/proc/self/environ")
    (folder / "folder.yaml").mkdir()
    (folder / "folder.yaml" / "inside.yaml").write_text("rubbish")
    os.mkfifo(folder / "fifo.yaml")
    with socket.socket(socket.AF_UNIX) as one:
        here = os.getcwd()
        os.chdir(folder)  # names of sockets are short
        one.bind("socket.yaml")
        os.chdir(here)
    with open(folder / "sparse.yaml", "wb") as stream:
        stream.truncate(10 * 2**30)
    (folder / "good.yaml").write_text(GOOD)
    return folder


@pytest.mark.parametrize("form", FORMATS)
def test_links_pipes_devices_and_folders(form: str, odd: Path) -> None:
    """Nothing blocks, no link is followed, every file is reported, and no byte of a link's target is printed."""
    start = time.monotonic()
    done = program(
        "odd", "--max-params", "1T", "--format", form, folder=odd.parent, preexec_fn=little_memory, timeout=20
    )
    assert time.monotonic() - start < 10
    assert (done.returncode, done.stderr) == (1, b"")
    assert SECRET.encode() not in done.stdout
    assert b"root:" not in done.stdout
    if form == "text":
        assert sorted(re.findall(r"^[A-Z]+ odd/\S+", done.stdout.decode(), re.MULTILINE)) == sorted(
            ["PASS odd/good.yaml", "ERROR odd/folder.yaml/inside.yaml"]
            + [f"ERROR odd/{path.name}" for path in odd.iterdir() if path.name != "good.yaml"]
        )
        harmless(done.stdout.decode())


@pytest.mark.heavy
@pytest.mark.parametrize(
    ("path", "said_of_it"),
    [("odd/link.yaml", "a symbolic link"), ("odd/linked", "a symbolic link"), ("odd/fifo.yaml", "a pipe or device"),
     ("odd/socket.yaml", "a pipe or socket"),
     ("/dev/zero", "a pipe or device"), ("/dev/null", "a pipe or device"), ("/dev/tty", ""),
      ("odd/sparse.yaml", "more than 262,144 bytes"),
     ("/proc/self/environ", ""), ("/proc/kmsg", ""), ("/dev/stdin", "a symbolic link"), ("odd/*/secret.yaml", "a symbolic link"),
     ("odd/link*", "a symbolic link"), ("odd/u?/odd/good.yaml", "a symbolic link"), ("/proc/self/mem", ""),
      ("/proc/self/fd/0", "")],
)  # fmt: skip
def test_one_by_one(path: str, said_of_it: str, odd: Path) -> None:
    """The same by name, and by a pattern that leads through a link."""
    done = program(path, "--max-params", "1T", folder=odd.parent, preexec_fn=little_memory, timeout=20)
    text = said(done)
    assert done.returncode in (1, 2)
    assert said_of_it in text
    assert "PASS" not in text
    assert SECRET not in text


def test_a_file_that_grows_or_goes_away(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The opened file counts, and the size that the system stated does not."""
    file = tmp_path / "net.yaml"
    file.write_text(GOOD)
    real = os.fstat

    def smaller(handle: int) -> os.stat_result:
        found = list(real(handle))
        found[stat.ST_SIZE] = 20  # as before it grew, and as /proc states
        return os.stat_result(found)

    monkeypatch.setattr(os, "fstat", smaller)
    assert check_file(str(file), Task(Policy())).status == PASSED
    file.write_text(GOOD + "#" * 262_144)
    assert check_file(str(file), Task(Policy())).findings[0].code == "too-large"
    monkeypatch.undo()
    file.unlink()
    assert check_file(str(file), Task(Policy())).status == "unreadable"
    assert check_file("a\0b.yaml", Task(Policy())).status == "unreadable"


@pytest.mark.heavy
def test_a_folder_deeper_than_python() -> None:
    """Thousands of nested folders are read to the bottom, or reported as unreadable."""
    place = tempfile.mkdtemp()  # pytest could not tidy this up
    try:
        inner = os.open(place, os.O_RDONLY)
        for _ in range(2100):  # longer than the longest path that the system accepts
            os.mkdir("d", dir_fd=inner)
            outer, inner = inner, os.open("d", os.O_RDONLY, dir_fd=inner)
            os.close(outer)
        os.close(inner)
        (Path(place) / "good.yaml").write_text(GOOD)
        done = program(".", "--max-params", "1T", folder=Path(place))
    finally:
        subprocess.run(["rm", "-rf", place], check=True)
    text = said(done)
    assert done.returncode == 2
    assert "PASS ./good.yaml" in text
    assert "cannot read the folder: File name too long" in text


# -- a repository of a stranger's --------------------------------------------------------------------------------------


@pytest.mark.skipif(shutil.which("git") is None, reason="no git")
def test_nothing_of_a_repository_is_run(tmp_path: Path) -> None:
    """A repository's configuration can name programs for git to run, and servers to fetch objects from."""
    repository = tmp_path / "repository"
    repository.mkdir()
    marker = tmp_path / "pwned"
    evil = tmp_path / "evil.sh"
    evil.write_text(f"#!/bin/sh\ntouch {marker}\nexit 1\n")
    evil.chmod(0o755)

    def git(*words: str) -> str:
        env = environment(GIT_CONFIG_GLOBAL=os.devnull, GIT_CONFIG_SYSTEM=os.devnull)
        named = ["-c", "user.name=a", "-c", "user.email=a@b"]
        return subprocess.run(
            ["git", *named, *words], cwd=repository, env=env, check=True, capture_output=True, text=True
        ).stdout.strip()

    git("init", "-q", "-b", "main")
    (repository / "net.yaml").write_text(GOOD)
    (repository / "gone.yaml").write_text(GOOD + "# missing\n")
    (repository / ".gitattributes").write_text("*.yaml diff=evil filter=evil\n")
    git("add", ".")
    git("commit", "-q", "-m", "one")
    blob = git("rev-parse", "main:gone.yaml")
    for name in ("core.fsmonitor", "core.pager", "core.sshCommand", "core.editor", "diff.external",
    "diff.evil.textconv", "diff.evil.command",
                 "filter.evil.smudge", "filter.evil.clean", "pager.show", "pager.cat-file", "gpg.program",
                 "credential.helper", "core.askPass",
                 "uploadpack.packObjectsHook", "core.alternateRefsCommand", "alias.ls-tree", "alias.rev-parse",
                 "core.gitProxy"):  # fmt: skip
        git("config", name, f"!{evil}" if name.startswith("alias") else str(evil))
    for name, value in (
        ("core.hooksPath", str(tmp_path)), ("remote.origin.url", f"ext::{evil} %S"), ("remote.origin.promisor", "true"),
        ("protocol.allow", "always"), ("protocol.ext.allow", "always"), ("core.repositoryformatversion", "1"),
        ("extensions.partialClone", "origin"), ("remote.origin.partialclonefilter", "blob:none"), ("log.showSignature", "true"),
        ("remote.origin.uploadpack", str(evil)),
    ):  # fmt: skip
        git("config", name, value)
    os.unlink(repository / ".git" / "objects" / blob[:2] / blob[2:])
    marker.unlink(missing_ok=True)  # making the repository may have run some of them
    done = program("net.yaml", "gone.yaml", "--baseline", "main", "--max-growth", "5%", folder=repository)
    text = said(done)
    assert done.returncode == 2
    assert "PASS net.yaml" in text
    assert "could not compare: the git repository does not contain the file's content at that revision" in text
    for spec in ("net.yaml@main", "gone.yaml@main"):
        words = [sys.executable, "-m", "cnncalc", "compare", spec, "net.yaml"]
        subprocess.run(words, cwd=repository, env=environment(), capture_output=True, check=False)
    assert not marker.exists()
    assert history._git(str(repository), "cat-file", "blob", blob)[0]
    assert not marker.exists()
    subprocess.run(["git", "show", "main:gone.yaml"], cwd=repository, capture_output=True, check=False)
    assert marker.exists()  # git itself does run it, so the trap works


# -- streams, signals, terminals ---------------------------------------------------------------------------------------


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Create a folder with a valid submission and one with words that an ASCII stream cannot represent."""
    (tmp_path / "net.yaml").write_text(GOOD)
    (tmp_path / "é漢.yaml").write_text(layer('"é漢 \u202e"'), encoding="utf-8")
    return tmp_path


@pytest.fixture(scope="module")
def crowd(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Create many more files than one process is given, which take some time each."""
    folder = tmp_path_factory.mktemp("crowd")
    for number in range(6 * MANY):
        (folder / f"{number:05d}.yaml").write_text(HEAD + f"- {{fc: {number + 1}, repeat: 900}}\n")
    return folder


@pytest.fixture(scope="module")
def group(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Create a few more files than one process is given."""
    folder = tmp_path_factory.mktemp("group")
    for number in range(MANY + 10):
        (folder / f"{number:05d}.yaml").write_text(GOOD)
    return folder


@pytest.mark.parametrize("form", ["text", "json"])
def test_a_broken_pipe(form: str, folder: Path) -> None:
    """With `| true` the command is silent and ends with 141, the shell's status, never 0."""
    ours, theirs = os.pipe()
    os.close(ours)
    done = program(
        "net.yaml",
        "--format",
        form,
        "--max-params",
        "1T",
        folder=folder,
        stdout=theirs,
        stderr=subprocess.PIPE,
        capture_output=False,
    )
    os.close(theirs)
    assert (done.returncode, done.stderr) == (141, b"")


def test_a_full_disk(folder: Path) -> None:
    """On standard output, with -o or on standard error, the status is never 0."""
    for form in ("text", "json"):
        with open("/dev/full", "wb") as full:
            done = program(
                "net.yaml",
                "--max-params",
                "1T",
                "--format",
                form,
                folder=folder,
                stdout=full,
                stderr=subprocess.PIPE,
                capture_output=False,
            )
        assert (done.returncode, done.stderr) == (2, b"error: No space left on device\n")
    done = program("net.yaml", "--max-params", "1T", "-o", "/dev/full", folder=folder)
    assert done.returncode == 2
    assert b"error: cannot write /dev/full: No space left on device" in said(done).encode()
    with open("/dev/full", "wb") as full:
        done = program("missing.yaml", folder=folder, stderr=full, stdout=subprocess.PIPE, capture_output=False)
    assert done.returncode == 2


@pytest.mark.heavy
@pytest.mark.parametrize(
    ("redirection", "args", "status"),
    [(">&-", "net.yaml", 2), (">&- 2>&-", "net.yaml", 2), ("2>&-", "net.yaml", 0), ("<&-", "net.yaml", 0),
     ("<&-", "net.yaml -", 2), ("<&-", "-", 2),
     ("<&- >&- 2>&-", "net.yaml -o out", 0), (">&-", "missing.yaml", 2), ("<&- >&- 2>&-", "é漢.yaml -o out", 1),
     ("<&- >&- 2>&-", "net.yaml", 2)],
)  # fmt: skip
def test_closed_streams(redirection: str, args: str, status: int, folder: Path) -> None:
    """Output that can be written is written, and nothing goes to the wrong file."""
    shell = ["sh", "-c", f'exec "$@" {redirection}', "sh", sys.executable, "-m", "cnncalc"]
    done = program(*args.split(), "--max-params", "1T", folder=folder, start=shell)
    assert done.returncode == status
    said(done)
    if "-o" in args:
        assert (folder / "out").read_text(encoding="utf-8").startswith("PASS" if status == 0 else "ERROR")
    assert (folder / "net.yaml").read_text() == GOOD


@pytest.mark.heavy
@pytest.mark.parametrize("everybody", [False, True], ids=["parent", "group"])
def test_interrupted(everybody: bool, crowd: Path) -> None:
    """Ctrl-C while many files are checked, sent to all processes or to one, gives 130 and no output.

    A shell's background jobs ignore the signal, and so do their children.
    """
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    words = [sys.executable, "-m", "cnncalc", "check", ".", "--max-params", "1T"]
    with subprocess.Popen(
        words, cwd=crowd, env=environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True
    ) as running:
        signal.signal(signal.SIGINT, before)
        time.sleep(0.8)
        assert running.poll() is None, "too fast to be interrupted"
        (os.killpg if everybody else os.kill)(running.pid, signal.SIGINT)
        start = time.monotonic()
        out, err = running.communicate(timeout=30)
    assert (running.returncode, out, err.strip()) == (130, b"", b"")
    assert time.monotonic() - start < 10
    with pytest.raises(ProcessLookupError):  # no process is left
        os.killpg(running.pid, 0)


def test_a_worker_that_is_killed(crowd: Path) -> None:
    """As in a container without memory: the status is 2, with one line and no report of the other files."""
    words = [sys.executable, "-m", "cnncalc", "check", ".", "--max-params", "1T"]
    with subprocess.Popen(
        words, cwd=crowd, env=environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True
    ) as running:
        children: list[str] = []
        while not children and running.poll() is None:
            time.sleep(0.05)
            children = Path(f"/proc/{running.pid}/task/{running.pid}/children").read_text().split()
        if not children:
            pytest.skip("one core only")
        os.kill(int(children[0]), signal.SIGKILL)
        out, err = running.communicate(timeout=60)
    assert (running.returncode, out) == (2, b"")
    assert err.count(b"\n") == 1
    assert b"a worker process was killed" in err
    harmless(err.decode())


def on_a_terminal(columns: int, *args: str, folder: Path, **env: str) -> tuple[int, str]:
    """Return the exit status, and what is written to a terminal of this size."""
    import fcntl
    import pty
    import termios

    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    words = [sys.executable, "-m", "cnncalc", "check", *args]
    found = bytearray()

    def drain() -> None:
        try:
            while part := os.read(ours, 65536):
                found.extend(part)
        except OSError:
            return

    with subprocess.Popen(
        words, stdin=theirs, stdout=theirs, stderr=theirs, cwd=folder, env=environment(TERM="xterm", **env)
    ) as running:
        os.close(theirs)
        reader = threading.Thread(target=drain)
        reader.start()
        status = running.wait(timeout=60)
        reader.join()
    os.close(ours)
    return status, found.decode("utf-8").replace("\r\n", "\n")


@pytest.mark.parametrize("columns", [0, 1, 10, 80])
def test_terminals(columns: int, folder: Path) -> None:
    """A terminal gets the same text as a pipe, wrapped if it is narrow, without colour. Its width can be 0."""
    piped = program(".", "--max-params", "1T", folder=folder)
    status, shown = on_a_terminal(
        columns, ".", "--max-params", "1T", folder=folder, COLUMNS=str(columns), FORCE_COLOR="1"
    )
    told = piped.stdout.decode()
    assert (status, "".join(shown.split())) == (1, "".join(told.split()))
    assert columns in (1, 10) or shown == told


def test_progress_on_a_terminal(group: Path) -> None:
    """A check that takes less than a second shows no progress, and a longer one removes its bar."""
    status, shown = on_a_terminal(80, ".", "--max-params", "5", "-o", os.devnull, folder=group)
    assert status == 1
    assert shown == "" or shown.endswith("\x1b[2K")


def test_no_terminal_at_all(folder: Path) -> None:
    """Jobs run in a session of their own."""
    done = program(".", "--max-params", "1T", folder=folder, start_new_session=True, env={"TERM": ""})
    assert done.returncode == 1
    assert b"\x1b" not in done.stdout + done.stderr


@pytest.mark.heavy
@pytest.mark.parametrize("encoding", ["ascii", "cp1252", "cp437", "shift_jis", "utf-16", "utf-8"])
def test_encodings(encoding: str, folder: Path) -> None:
    """Characters that the stream cannot represent are escaped. The result is the same."""
    done = program(".", "--max-params", "1T", folder=folder, env={"PYTHONIOENCODING": encoding, "PYTHONUTF8": "0"})
    assert done.returncode == 1
    text = done.stdout.decode(encoding)
    harmless(text)
    assert "PASS ./net.yaml  params 30,730 <= 1,000,000,000,000" in text
    assert ("ERROR ./é漢.yaml" in text) == (encoding in ("utf-8", "utf-16"))
    assert "\\u202e" in text
    assert done.stderr == b""


def test_the_plain_c_locale(folder: Path) -> None:
    """As in a minimal container, without Python's UTF-8 mode."""
    done = program(
        ".", "--max-params", "1T", folder=folder, env={"LC_ALL": "C", "PYTHONCOERCECLOCALE": "0", "PYTHONUTF8": "0"}
    )
    assert done.returncode == 1
    assert done.stdout.isascii()
    harmless(done.stdout.decode())


# -- how Python is started ---------------------------------------------------------------------------------------------


@pytest.mark.heavy
@pytest.mark.parametrize(
    "env",
    [{"PYTHONOPTIMIZE": "2"}, {"PYTHONOPTIMIZE": "1"}, {"PYTHONWARNINGS": "error", "PYTHONDEVMODE": "1"},
     {"PYTHONHASHSEED": "0"}, {"PYTHONDONTWRITEBYTECODE": "1"},
     {"PYTHONINTMAXSTRDIGITS": "0"}, {"PYTHONINTMAXSTRDIGITS": "640"}, {"CNNCALC_DEBUG": "1"},
     {"PYTHONUNBUFFERED": "1"}, {"NO_COLOR": "1"}, {"HOME": "/nowhere"}],
    ids=str,
)  # fmt: skip
def test_the_verdicts_do_not_depend_on_the_environment(
    env: dict[str, str], handed_in: Path, verdicts: dict[str, Any]
) -> None:
    """Assertions, warnings and environment variables do not affect the result."""
    done = program(".", *PROMISES, "--format", "json", folder=handed_in, env=env)
    assert (done.returncode, done.stderr) == (1, b"")
    assert {os.path.basename(file["path"]): file for file in json.loads(done.stdout)["files"]} == verdicts


def test_few_digits(tmp_path: Path) -> None:
    """Numbers of a few thousand digits are never computed."""
    (tmp_path / "net.yaml").write_text(layer("{fc: " + "9" * 700 + "}"))
    done = program("net.yaml", folder=tmp_path, env={"PYTHONINTMAXSTRDIGITS": "640"})
    assert done.returncode == 1
    assert "internal" not in said(done)


SHADOWS = ["yaml", "click", "rich", "cnncalc", "json", "glob", "re", "os", "sys", "multiprocessing", "concurrent",
"subprocess", "tempfile", "difflib",
           "sitecustomize", "usercustomize", "_yaml", "signal", "fractions", "typing_extensions", "xml", "hashlib"]  # fmt: skip


@pytest.fixture
def shadowed(group: Path) -> Iterator[Path]:
    """Create a folder of submissions with modules named like those of the program and of Python."""
    trap = "open('/dev/stderr', 'w').write('pwned\\n')\nraise SystemExit(0)\n"
    made = [group / f"{name}.py" for name in SHADOWS]
    for file in made:
        file.write_text(trap)
    yield group
    for file in made:
        file.unlink()
    shutil.rmtree(group / "__pycache__", ignore_errors=True)


def starts() -> dict[str, list[str]]:
    """Return the ways to start the program that SECURITY.md calls safe."""
    found = {
        "isolated": [
            sys.executable,
            "-I",
            "-c",
            f"import sys; sys.path[1:1] = {[str(ROOT), *sys.path]!r}; from cnncalc.cli import main; main()",
        ]
    }
    if sys.version_info >= (3, 11):
        found["-P"] = [sys.executable, "-P", "-m", "cnncalc"]
    return found


@pytest.mark.parametrize("way", ["script", *starts()])
def test_modules_of_a_student(way: str, shadowed: Path) -> None:
    """The console script, `python -P -m cnncalc` and their workers import nothing from the current folder."""
    with tempfile.TemporaryDirectory() as place:
        script = Path(place) / "cnncalc"  # as pip writes it
        script.write_text(
            f"#!{sys.executable}\nimport sys\nfrom cnncalc.cli import main\nif __name__ == '__main__':\n    sys.exit(main())\n"
        )
        script.chmod(0o755)
        start = [str(script)] if way == "script" else starts()[way]
        done = program("00000.yaml", "--max-params", "1", folder=shadowed, start=start)
        assert (done.returncode, done.stderr) == (1, b""), done.stdout[-500:]
        done = program(".", "--max-params", "1T", "--format", "json", "-o", os.devnull, folder=shadowed, start=start)
        assert (done.returncode, done.stderr) == (0, b"")
    env = {"PYTHONPATH": str(ROOT)}
    trapped = program("00000.yaml", "--max-params", "1", folder=shadowed, env=env)
    assert b"pwned" in trapped.stderr  # `python -m cnncalc` itself does import them, so the trap works


def test_python_m_is_safe_with_its_variable(shadowed: Path) -> None:
    """PYTHONSAFEPATH has the effect of `-P`."""
    if sys.version_info < (3, 11):
        pytest.skip("from Python 3.11 on")
    done = program("00000.yaml", "--max-params", "1", folder=shadowed, env={"PYTHONSAFEPATH": "1"})
    assert (done.returncode, done.stderr) == (1, b"")


# -- spreadsheets ------------------------------------------------------------------------------------------------------


def test_formulas_in_csv(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """No cell of a CSV file is a formula: such names are refused, or quoted if they come from a file."""
    for name in ("=1+1", "@SUM(1)", "+1", "-1", "\t=1", "\r=1", "|cmd"):
        file = tmp_path / "net.yaml"
        file.write_text(layer(f'{{relu: , as: "{name}"}}'.replace("\t", "\\t").replace("\r", "\\r")))
        assert run(cli, ["analyze", str(file), "--format", "csv"]) == 1
        assert capsys.readouterr().out == ""
    file.write_text("input: 8x8x3\nlayers: [{fc: 5, as: a-1}, {seq: [relu], as: x}]\n")
    assert (
        run(cli, ["analyze", str(file), "--format", "csv", "--columns", "kind,fields,output,params,formula,share,rf"])
        == 0
    )
    for line in capsys.readouterr().out.splitlines():
        for cell in line.split(","):
            assert not cell.startswith(("=", "+", "@", "\t", "\r")), line
            assert not cell.startswith("-") or cell == "-", line


# -- mutants of the shelf ----------------------------------------------------------------------------------------------


@pytest.mark.heavy
def test_mutants() -> None:
    """Of two thousand mutants in a process with 200 MB, none crashes, is slow, or passes that must be refused."""
    words = [sys.executable, str(ROOT / "tests" / "mutants.py"), "2000"]
    done = subprocess.run(words, env=environment(), capture_output=True, check=False, timeout=300)
    found = json.loads(done.stdout)
    assert (done.returncode, done.stderr, found["survivors"]) == (0, b"", [])
    assert found["mutants"] == sum(found["statuses"].values()) == 2000
    assert min(found["statuses"].values()) > 50  # passed, failed and error: not all mutants are invalid
    assert set(found["statuses"]) == {"passed", "failed", "error"}


@pytest.mark.heavy
@pytest.mark.parametrize("seed", [2, 3])
def test_mutants_through_the_command(seed: int, tmp_path: Path) -> None:
    """A few hundred in a folder have the same results as one by one, and every format has a valid report."""
    from tests.mutants import mutants

    made = list(mutants(150, seed))
    for number, mutant in enumerate(made):
        (tmp_path / f"{number:03d}.yaml").write_bytes(mutant.data)
    done = program(".", *PROMISES, "--format", "json", folder=tmp_path, preexec_fn=little_memory)
    assert (done.returncode, done.stderr) == (1, b"")
    files = json.loads(done.stdout)["files"]
    assert [file["path"] for file in files] == [f"./{number:03d}.yaml" for number in range(150)]
    for mutant, file in zip(made, files, strict=True):
        assert not mutant.refused or file["status"] == "error", mutant
        assert file["status"] in ("passed", "failed", "error")
        assert "internal-error" not in [finding["code"] for finding in file["findings"]], mutant
    for form in FORMATS:
        done = program(".", *PROMISES, "--format", form, folder=tmp_path, preexec_fn=little_memory)
        assert (done.returncode, done.stderr) == (1, b"")
        text = done.stdout.decode("utf-8-sig" if form == "csv" else "utf-8").replace("\n", "")
        assert not [char for char in text if unicodedata.category(char) in CONTROL]
        if form == "text":
            harmless(done.stdout.decode())


def test_mutants_are_the_same_for_the_same_seed() -> None:
    """Mutant n does not depend on their number. Other seeds give other mutants, and every kind of change occurs."""
    from tests.mutants import KNOWN, SHELF, UNKNOWN, mutants

    some = list(mutants(300, 5))
    assert some[:20] == list(mutants(20, 5))
    assert some[:20] != list(mutants(20, 6))
    assert {mutant.change for mutant in some} == {change.__name__ for change in (*KNOWN, *UNKNOWN)}
    changed = [mutant.data != SHELF[mutant.origin].encode() for mutant in some]
    assert sum(changed) > 280
    assert all(different for different, mutant in zip(changed, some, strict=True) if mutant.refused)
