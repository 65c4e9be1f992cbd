"""Forty submissions written for this test, a policy with every rule, and all formats of `cnncalc check`."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import unicodedata
from collections import Counter
from functools import cache
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import jsonschema
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cnncalc.analyses.budget import RULES, Finding, Limit, Measured, Policy
from cnncalc.render.checks import FORMATS, Entry, Report, render
from cnncalc.render.checks.csv import MARK
from cnncalc.text import visible
from tests.helpers import ROOT, git

HERE = Path("tests/submissions")
FOLDER = HERE / "handed-in"
POLICY = HERE / "policy.yaml"
SCHEMAS = ROOT / "tests" / "schemas"
ASCII = tuple(form for form in FORMATS if form not in ("text", "csv", "github"))
NATIVE = {"json": "check", "sarif": "sarif", "gitlab": "gitlab", "gradescope": "gradescope"}
OVER, UNDER = "over-budget", "under-budget"

# file -> its result and the codes of its findings, in order
EXPECTED: dict[str, tuple[str, list[str]]] = {
    "good-100%, [of it](x)": ("passed", []),  # with a hostile name and description
    "good-activations-at-most": ("passed", []),
    "good-blocks": ("passed", []),
    "good-conv-layers-at-most": ("passed", []),
    "good-depth-at-most": ("passed", []),
    "good-expect": ("passed", []),
    "good-json": ("passed", []),
    "good-layers-at-most": ("passed", []),
    "good-macs-warning": ("passed", [OVER]),
    "good-params-at-most": ("passed", []),
    "good-plain": ("passed", []),
    "good-receptive-field-at-most": ("passed", []),
    "bad-activations-one-above": ("failed", [OVER, OVER]),
    "bad-conv-layers-one-above": ("failed", [OVER]),
    "bad-depth-one-above": ("failed", [OVER]),
    "bad-expect": ("failed", ["expect-wrong"] * 3),
    "bad-expect-28-times": ("failed", ["expect-wrong"] * 20 + ["more"]),
    "bad-forbidden-kind": ("failed", ["forbidden-kind"]),
    "bad-heavy": ("failed", [OVER] * 5),
    "bad-input": ("failed", ["wrong-input"]),
    "bad-layers-one-above": ("failed", [OVER]),
    "bad-missing-kinds": ("failed", ["missing-kind"]),
    "bad-no-biases": ("failed", [UNDER]),
    "bad-output": ("failed", ["wrong-output", *[OVER] * 4]),
    "bad-params-one-above": ("failed", [OVER]),
    "bad-receptive-field-not-known": ("failed", ["not-known"]),
    "bad-receptive-field-one-above": ("failed", [OVER]),
    "bad-receptive-field-one-below": ("failed", [UNDER]),
    "bad-too-small": ("failed", [UNDER] * 8),
    "unsound-alias": ("error", ["no-anchors"]),
    "unsound-deep": ("error", ["too-large"]),
    "unsound-duplicate-key": ("error", ["duplicate-key"]),
    "unsound-empty": ("error", ["empty-file"]),
    "unsound-hostile": ("error", ["unknown-layer"]),
    "unsound-number": ("error", ["bad-value"]),
    "unsound-second-document": ("error", ["second-document"]),
    "unsound-tab": ("error", ["no-tabs"]),
    "unsound-unknown-words": ("error", ["unknown-layer", "unknown-field"]),
    "unsound-utf-16": ("error", ["not-text"]),
    "unsound-window": ("error", ["window-does-not-fit"]),
}
# the rules that fail in the forty files: file -> rules; invalid files have only errors
BROKEN = {
    "good-macs-warning": {"macs"},
    "bad-activations-one-above": {"activations", "activation-memory"},
    "bad-conv-layers-one-above": {"conv-layers"},
    "bad-depth-one-above": {"depth"},
    "bad-expect": {"expect"},
    "bad-expect-28-times": {"expect"},
    "bad-forbidden-kind": {"kinds"},
    "bad-heavy": {"params", "weights", "activations", "activation-memory", "macs"},
    "bad-input": {"input"},
    "bad-layers-one-above": {"layers"},
    "bad-missing-kinds": {"kinds"},
    "bad-no-biases": {"biases"},
    "bad-output": {"output", "params", "weights", "biases", "macs"},
    "bad-params-one-above": {"params"},
    "bad-receptive-field-not-known": {"receptive-field"},
    "bad-receptive-field-one-above": {"receptive-field"},
    "bad-receptive-field-one-below": {"receptive-field"},
    "bad-too-small": {
        "activations", "activation-memory", "training-memory", "macs", "layers", "depth", "conv-layers", "receptive-field",
    },
}  # fmt: skip
# a figure exactly at its limit, and a file that is one off
BOUNDARIES = [
    ("params", "good-params-at-most", 11_730, "bad-params-one-above", 11_731),
    ("activations", "good-activations-at-most", 18_570, "bad-activations-one-above", 18_571),
    ("activation-memory", "good-activations-at-most", 297_120, "bad-activations-one-above", 297_136),
    ("layers", "good-layers-at-most", 12, "bad-layers-one-above", 13),
    ("layers", None, 5, "bad-too-small", 4),
    ("depth", "good-depth-at-most", 5, "bad-depth-one-above", 6),
    ("depth", "good-plain", 3, "bad-too-small", 2),
    ("conv-layers", "good-conv-layers-at-most", 4, "bad-conv-layers-one-above", 5),
    ("conv-layers", "good-plain", 2, "bad-too-small", 1),
    ("receptive-field", "good-receptive-field-at-most", 40, "bad-receptive-field-one-above", 41),
    ("receptive-field", "good-plain", 10, "bad-receptive-field-one-below", 9),
    ("macs", "good-plain", 526_336, "good-macs-warning", 1_042_944),
    ("biases", None, 1, "bad-no-biases", 0),
]


def cnncalc(
    *arguments: str | Path, cwd: Path = ROOT, environment: dict[str, str] | None = None
) -> subprocess.CompletedProcess[bytes]:
    """Run `cnncalc check` in a separate process."""
    variables = {"PYTHONPATH": os.pathsep.join([str(ROOT), *sys.path]), "PYTHONIOENCODING": "utf-8"}
    return subprocess.run(
        [sys.executable, "-m", "cnncalc", "check", *map(str, arguments)],
        cwd=cwd,
        capture_output=True,
        check=False,
        env={**os.environ, **variables, **(environment or {})},
    )


def checked(*arguments: str | Path, cwd: Path = ROOT, status: int) -> str:
    """Return the output of `cnncalc check`, which must have this exit status."""
    done = cnncalc(*arguments, cwd=cwd)
    assert done.returncode == status, done.stdout.decode() + done.stderr.decode()
    return done.stdout.decode("utf-8")


@cache
def report(form: str) -> str:
    """Return the report of the forty submissions in one format."""
    return checked(FOLDER, "--policy", POLICY, "--format", form, status=1)


@cache
def data(form: str) -> Any:
    """Return the report in a JSON format."""
    return json.loads(report(form))


def by_name() -> dict[str, Any]:
    """Return the files of the JSON report by name."""
    return {Path(file["path"]).stem: file for file in data("json")["files"]}


# what the readers of other programs do ---------------------------------------------------------------------------


COMMANDS = {
    "error", "warning", "notice", "debug", "group", "endgroup", "echo", "add-mask", "add-path", "set-env", "set-output",
    "save-state", "stop-commands", "add-matcher", "remove-matcher", "internal-set-repo-path",
}  # fmt: skip


def command(line: str) -> tuple[str, dict[str, str], str] | None:
    """Parse a line as GitHub's runner does: a command with properties and data, or None for plain text.

    It follows `TryParseV2` and `TryParse` of actions/runner, `src/Runner.Common/ActionCommand.cs`.
    """
    start = line.lstrip()
    if start.startswith("::") and "::" in start[2:]:
        head, _, text = start[2:].partition("::")
        name, _, rest = head.partition(" ")
        if name in COMMANDS:
            pairs = [pair.split("=", 1) for pair in rest.strip().split(",") if "=" in pair]
            return name, {key: unescaped(value, ":,") for key, value in pairs}, unescaped(text, "")
    _, prefix, rest = line.partition("##[")
    name = rest.partition("]")[0].partition(" ")[0]
    if prefix and "]" in rest and name in COMMANDS:
        return name, {}, rest.partition("]")[2]
    return None


def unescaped(text: str, extra: str) -> str:
    """Undo the runner's escapes; the percent sign comes last."""
    for char in ["\r", "\n", *extra, "%"]:
        text = text.replace(f"%{ord(char):02X}", char)
    return text


def junit_problems(text: str) -> list[str]:
    """Return what is wrong with a JUnit report, by the schema and by its own counts."""
    schema = json.loads((SCHEMAS / "junit.json").read_text(encoding="utf-8"))
    root = ElementTree.fromstring(text)
    found = [] if root.tag == schema["root"] else [f"root {root.tag}"]
    for element in root.iter():
        rule = schema["elements"].get(element.tag)
        if rule is None:
            found.append(f"element {element.tag}")
            continue
        found += [f"{element.tag} without {name}" for name in rule["required"] if name not in element.attrib]
        found += [
            f"{element.tag} with {name}" for name in element.attrib if name not in rule["required"] + rule["allowed"]
        ]
        found += [f"{child.tag} in {element.tag}" for child in element if child.tag not in rule["children"]]
        if not rule["text"] and (element.text or "").strip():
            found.append(f"text in {element.tag}")
        if rule["text"] and not (element.text or "").strip():
            found.append(f"no text in {element.tag}")
        found += [
            f"{name}={value!r}"
            for name, value in element.attrib.items()
            if not re.fullmatch(schema["patterns"][name], value)
        ]
    for suite in [root, *root]:
        cases = list(suite.iter("testcase"))
        counts = [len(cases), *(len(list(suite.iter(tag))) for tag in ("failure", "error"))]
        if [suite.get("tests"), suite.get("failures"), suite.get("errors")] != list(map(str, counts)):
            found.append(f"counts of {suite.get('name')}")
    pairs = Counter((case.get("classname"), case.get("name")) for case in root.iter("testcase"))
    found += [f"twice {pair}" for pair, count in pairs.items() if count > 1]
    found += [f"two outcomes of {case.attrib}" for case in root.iter("testcase") if len(case) > 1]
    return found


def problems(form: str, text: str) -> list[str]:
    """Return what is wrong with a report for the program that reads it."""
    found = [] if text.endswith("\n") and not text.endswith("\n\n") else ["no newline, or several, at the end"]
    text = text.removeprefix(MARK) if form == "csv" else text
    bad = {char for char in text if char != "\n" and (unicodedata.category(char) in ("Cc", "Cf", "Cs", "Zl", "Zp"))}
    found += [f"character {ord(char):#x}" for char in bad]
    if form in ASCII and not text.isascii():
        found.append("not ASCII")
    if form in NATIVE:
        schema = json.loads((SCHEMAS / f"{NATIVE[form]}.json").read_text(encoding="utf-8"))
        validator = jsonschema.Draft202012Validator(schema)
        found += [f"{error.json_path}: {error.message}" for error in validator.iter_errors(json.loads(text))]
    if form == "junit":
        found += junit_problems(text)
    lines = text.split("\n")  # a runner may execute commands in any report
    commands = [read for read in map(command, lines) if read is not None]
    first = [command(line) is not None for line in lines[: len(commands)]]
    found += [] if all(first) else ["commands below the annotations"]
    kinds = ("error", "warning", "notice")
    found += [f"{form} commands {name}" for name, _, _ in commands if name not in kinds or form != "github"]
    found += ["more than ten annotations"] if sum(name != "notice" for name, _, _ in commands) > 10 else []
    found += ["more than one notice"] if sum(name == "notice" for name, _, _ in commands) > 1 else []
    if form == "sarif":
        found += sarif_problems(json.loads(text))
    if form == "gitlab":
        prints = Counter(issue["fingerprint"] for issue in json.loads(text))
        found += [f"fingerprint {name} twice" for name, count in prints.items() if count > 1]
    if form == "gradescope":
        tests = json.loads(text)["tests"]
        found += [f"{test['name']} scores too much" for test in tests if test["score"] > test["max_score"]]
        found += [] if json.loads(text)["score"] == sum(test["score"] for test in tests) else ["the sum"]
    return found


def sarif_problems(log: Any) -> list[str]:
    """Return what a schema cannot check: whether indices, levels and fingerprints fit together."""
    found = []
    run = log["runs"][0]
    rules = [rule["id"] for rule in run["tool"]["driver"]["rules"]]
    if len(set(rules)) != len(rules):
        found.append("a rule twice")
    prints = Counter(result["partialFingerprints"]["cnncalc/v1"] for result in run["results"])
    found += [f"fingerprint {name} twice" for name, count in prints.items() if count > 1]
    for result in run["results"]:
        place = result["locations"][0]["physicalLocation"]
        artifact = place["artifactLocation"]
        if rules[result["ruleIndex"]] != result["ruleId"]:
            found.append(f"rule {result['ruleId']}")
        if run["artifacts"][artifact["index"]]["location"]["uri"] != artifact["uri"]:
            found.append(f"artifact {artifact['uri']}")
        if ("region" in place) == ("primaryLocationLineHash" in result["partialFingerprints"]):
            found.append("a print for GitHub is needed where there is no line")
    return found


# the forty --------------------------------------------------------------------------------------------------------


def test_there_are_forty_submissions() -> None:
    assert len(EXPECTED) == 40
    assert {path.stem for path in (ROOT / FOLDER).iterdir()} == set(EXPECTED)


def test_the_policy_uses_every_rule() -> None:
    policy = data("json")["policy"]
    assert policy["rules"] == [rule for rule in RULES if rule != "growth"]
    assert all(limit["min"] is not None and limit["max"] is not None for limit in policy["limits"])
    assert {limit["level"] for limit in policy["limits"]} == {"error", "warning"}
    memory = next(limit for limit in policy["limits"] if limit["quantity"] == "activation-memory")
    assert (memory["batch"], memory["dtype"]) == (8, "float16")
    training = next(limit for limit in policy["limits"] if limit["quantity"] == "training-memory")
    assert (training["batch"], training["optimizer"]) == (8, "adam")
    assert policy["kinds"] == {"forbid": ["max pooling", "recurrent"], "require": ["conv", "batchnorm", "dropout"]}
    assert policy["points"] == {"sound": 1, "output": 3, "params": 5, "macs": 1, "kinds": 2, "expect": 2}


@pytest.mark.parametrize("name", EXPECTED)
def test_verdict(name: str) -> None:
    file = by_name()[name]
    assert (file["status"], [finding["code"] for finding in file["findings"]]) == EXPECTED[name]


def test_the_summary_counts_the_table() -> None:
    counts = Counter(status for status, _ in EXPECTED.values())
    assert data("json")["summary"] == {
        "files": 40,
        "passed": counts["passed"],
        "failed": counts["failed"],
        "errors": counts["error"],
        "unread": 0,
    }
    assert report("text").endswith("\n40 files: 12 passed, 17 failed, 11 errors (limits are inclusive)\n")


@pytest.mark.parametrize(("quantity", "inside", "limit", "outside", "beyond"), BOUNDARIES)
def test_limits_are_inclusive(quantity: str, inside: str | None, limit: int, outside: str, beyond: int) -> None:
    files = by_name()
    [finding] = [finding for finding in files[outside]["findings"] if finding["rule"] == quantity]
    assert (finding["limit"], finding["actual"]) == (limit, beyond)
    if inside is not None:
        assert not files[inside]["findings"]
        kept = [line for line in report("text").split("\n") if f"/{inside}.yaml" in line]
        assert re.search(rf" (>=|<=) {limit:,}\b", kept[0])


@pytest.mark.parametrize("quantity", ["training-memory", "inference-memory"])
def test_limits_on_memory_are_inclusive(quantity: str, tmp_path: Path) -> None:
    """A limit equal to the peak passes, and one byte less fails."""
    line = next(line for line in report("text").split("\n") if "/good-plain.yaml" in line)
    [peak] = re.findall(rf"{quantity.replace('-', ' ')} ([\d,]+) >=", line)
    for less, status in ((0, 0), (1, 1)):
        text = (ROOT / POLICY).read_text()
        bounds = re.search(rf"{quantity}: {{min: [^,]*, max: ([^,]*),", text)
        assert bounds is not None
        size = f"{int(peak.replace(',', '')) - less} B"
        (tmp_path / "policy.yaml").write_text(text[: bounds.start(1)] + size + text[bounds.end(1) :])
        told = checked(FOLDER / "good-plain.yaml", "--policy", tmp_path / "policy.yaml", status=status)
        assert ("over by 1 bytes" in told) is bool(less)


@pytest.mark.parametrize("form", FORMATS)
def test_the_report_is_valid(form: str) -> None:
    assert not problems(form, report(form))


@pytest.mark.heavy
@pytest.mark.parametrize("form", FORMATS)
def test_the_report_is_always_the_same(form: str, tmp_path: Path) -> None:
    for seed in ("1", "2"):
        done = cnncalc(FOLDER, "--policy", POLICY, "--format", form, environment={"PYTHONHASHSEED": seed})
        assert done.stdout.decode() == report(form)
    file = tmp_path / "report"
    assert checked(FOLDER, "--policy", POLICY, "--format", form, "-o", file, status=1) == ""
    assert file.read_bytes().decode() == report(form)


@pytest.mark.heavy
@pytest.mark.parametrize("form", FORMATS)
@pytest.mark.parametrize("encoding", ["ascii", "cp1252", "utf-8"])
def test_every_encoding(form: str, encoding: str, tmp_path: Path) -> None:
    (tmp_path / "grüße-网络.yaml").write_bytes((ROOT / FOLDER / "bad-output.yaml").read_bytes())
    done = cnncalc(".", "--max-params", "1", "--format", form, cwd=tmp_path, environment={"PYTHONIOENCODING": encoding})
    assert done.returncode == 1
    assert not problems(form, done.stdout.decode(encoding))
    assert not done.stderr


# one dialect after the other --------------------------------------------------------------------------------------


def outcome(name: str, rule: str) -> str:
    """Return the expected result of a rule for a file."""
    if EXPECTED[name][0] == "error":
        return "error"
    warns = rule == "macs"  # the limit with `level: warning`
    return "failure" if rule in BROKEN.get(name, set()) and not warns else "passed"


def test_junit_has_a_case_for_every_file_and_rule() -> None:
    root = ElementTree.fromstring(report("junit"))
    cases = {(case.get("classname"), case.get("name")): case for case in root.iter("testcase")}
    rules = data("json")["policy"]["rules"]
    assert set(cases) == {(str(FOLDER / f"{name}.yaml"), rule) for name in EXPECTED for rule in rules}
    for name in EXPECTED:
        for rule in rules:
            case = cases[str(FOLDER / f"{name}.yaml"), rule]
            tags = [child.tag for child in case if child.tag != "system-out"]
            assert (tags or ["passed"]) == [outcome(name, rule)], (name, rule)


def test_junit_has_messages_as_attribute_and_text() -> None:
    root = ElementTree.fromstring(report("junit"))
    for case in root.iter("testcase"):
        for child in case:
            if child.tag != "system-out":
                said = str(child.get("message")).split("; ")[0].partition(" [")[0]
                assert said in str(child.text)
    window = next(case for case in root.iter("testcase") if "unsound-window" in str(case.get("classname")))
    error = window.find("error")
    assert error is not None
    assert error.get("type") == "window-does-not-fit"
    assert str(error.text).startswith(f"{FOLDER}/unsound-window.yaml:7:14: avgpool: the 40-wide window")
    warned = [out.text for out in root.iter("system-out") if "warning: MACs" in str(out.text)]
    assert len(warned) == 4


def test_sarif_has_every_finding() -> None:
    run = data("sarif")["runs"][0]
    found = [
        (finding["rule"], finding["code"], finding["level"], finding["line"], finding["column"])
        for file in data("json")["files"]
        for finding in file["findings"]
    ]
    told = []
    for result in run["results"]:
        region = result["locations"][0]["physicalLocation"].get("region", {})
        place = (region.get("startLine"), region.get("startColumn"))
        told.append((result["ruleId"], result["properties"]["code"], result["level"], *place))
    assert told == found
    assert len(run["artifacts"]) == 40
    levels = {rule["id"]: rule["defaultConfiguration"]["level"] for rule in run["tool"]["driver"]["rules"]}
    assert levels["macs"] == "warning"
    assert set(levels.values()) == {"warning", "error"}
    assert "tests/submissions/handed-in/good-100%25%2C%20%5Bof%20it%5D(x).yaml".replace("%2C", ",") in [
        artifact["location"]["uri"] for artifact in run["artifacts"]
    ]


def test_sarif_has_no_absolute_path(tmp_path: Path) -> None:
    net = tmp_path / "a" / "net.yaml"
    net.parent.mkdir()
    net.write_text("")
    below = checked(net, "--format", "sarif", cwd=tmp_path, status=1)
    assert str(tmp_path) not in below
    assert json.loads(below)["runs"][0]["artifacts"][0]["location"]["uri"] == "a/net.yaml"
    (tmp_path / "b").mkdir()
    beside = checked(net, "--format", "sarif", cwd=tmp_path / "b", status=1)
    assert str(tmp_path) not in beside
    assert json.loads(beside)["runs"][0]["artifacts"][0]["location"]["uri"] == "../a/net.yaml"


def test_github_annotates_ten_files_at_most() -> None:
    lines = report("github").split("\n")
    read = [found for found in map(command, lines) if found is not None]
    assert len(read) == 10
    assert all(name == "error" for name, _, _ in read)
    files = [properties["file"] for _, properties, _ in read]
    assert len(set(files)) == 10
    assert all((ROOT / file).is_file() for file in files)
    assert lines[10] == "19 more files with findings, listed below; GitHub shows ten annotations"
    plain = [line for line in lines[11:] if "##" not in line]
    assert "\n".join(plain) in report("text")
    many = next(message for _, properties, message in read if "28-times" in properties["file"])
    assert many.endswith("\nand 20 more findings in this file")
    percent = next(message for _, properties, message in read if "bad-heavy" in properties["file"])
    assert "89 % are in fc1" in percent


def test_github_puts_errors_before_warnings(tmp_path: Path) -> None:
    good = (ROOT / FOLDER / "good-macs-warning.yaml").read_bytes()
    for number in range(11):
        (tmp_path / f"{number:02}.yaml").write_bytes(good)
    (tmp_path / "zz.yaml").write_bytes((ROOT / FOLDER / "unsound-window.yaml").read_bytes())
    text = checked(".", "--policy", ROOT / POLICY, "--format", "github", cwd=tmp_path, status=1)
    read = [found for found in map(command, text.split("\n")) if found is not None]
    assert [name for name, _, _ in read] == ["error"] + ["warning"] * 9
    assert read[0][1] == {"file": "zz.yaml", "line": "7", "col": "14", "title": "sound: window-does-not-fit"}


def test_gitlab_has_every_finding() -> None:
    found = [
        (f"{finding['rule']}/{finding['code']}", file["path"], finding["line"] or 1)
        for file in data("json")["files"]
        for finding in file["findings"]
    ]
    told = [
        (issue["check_name"], issue["location"]["path"], issue["location"]["lines"]["begin"])
        for issue in data("gitlab")
    ]
    assert told == found
    severities = {issue["check_name"]: issue["severity"] for issue in data("gitlab")}
    assert severities["sound/no-tabs"] == "critical"
    assert severities["macs/over-budget"] == "minor"
    assert severities["params/over-budget"] == "major"


def graded(*arguments: str | Path, cwd: Path = ROOT, status: int) -> tuple[int, dict[str, tuple[int, int, str]]]:
    """Return the score, and for every test its score, maximum and status, by its first word."""
    result = json.loads(checked(*arguments, "--format", "gradescope", cwd=cwd, status=status))
    assert not problems("gradescope", json.dumps(result) + "\n")
    tests = {test["name"].split(":")[0].split(" at ")[0]: test for test in result["tests"]}
    return result["score"], {name: (test["score"], test["max_score"], test["status"]) for name, test in tests.items()}


def test_gradescope_scores() -> None:
    score, tests = graded(FOLDER / "good-plain.yaml", "--policy", POLICY, status=0)
    assert score == 14
    assert tests["params with buffers"] == (5, 5, "passed")
    assert tests["depth"] == (0, 0, "passed")
    assert set(tests.values()) == {(n, n, "passed") for n in (0, 1, 2, 3, 5)}

    score, tests = graded(FOLDER / "bad-output.yaml", "--policy", POLICY, status=1)
    assert score == 1 + 2 + 2  # sound, kinds, expect
    assert tests["output"] == (0, 3, "failed")
    assert tests["weights"] == (0, 0, "failed")
    assert tests["kinds"] == (2, 2, "passed")

    score, tests = graded(FOLDER / "good-macs-warning.yaml", "--policy", POLICY, status=0)
    assert score == 13
    assert tests["MACs"] == (0, 1, "failed")  # a warning does not fail and has no points


def test_gradescope_gives_no_points_next_to_an_invalid_file() -> None:
    both = [FOLDER / "good-plain.yaml", FOLDER / "unsound-empty.yaml"]
    score, tests = graded(*both, "--policy", POLICY, status=1)
    assert score == 0
    assert all(test[2] == "failed" for test in tests.values())
    assert data("gradescope")["score"] == 0
    assert data("gradescope")["output"].endswith("no points are given while a file is not sound")


def test_gradescope_with_two_files_needs_both() -> None:
    both = [FOLDER / "good-plain.yaml", FOLDER / "bad-missing-kinds.yaml"]
    score, tests = graded(*both, "--policy", POLICY, status=1)
    assert score == 12
    assert tests["kinds"] == (0, 2, "failed")


def test_gradescope_without_points() -> None:
    assert graded(FOLDER / "good-plain.yaml", "--max-params", "20k", status=0) == (1, {"every rule": (1, 1, "passed")})
    assert graded(FOLDER / "good-plain.yaml", "--max-params", "20", status=1) == (0, {"every rule": (0, 1, "failed")})


def test_gradescope_is_written_for_an_empty_submission(tmp_path: Path) -> None:
    (tmp_path / "submission").mkdir()
    results = tmp_path / "results.json"
    checked(tmp_path / "submission", "--policy", POLICY, "--format", "gradescope", "-o", results, status=2)
    result = json.loads(results.read_text(encoding="utf-8"))
    assert result["score"] == 0
    assert "it contains no .yaml, .yml, .onnx, .tflite or .pt2 files" in result["tests"][0]["output"]


@pytest.mark.heavy
@pytest.mark.parametrize("form", FORMATS)
def test_only_one_rule(form: str) -> None:
    """A file that cannot be checked fails every single rule."""
    text = checked(FOLDER, "--policy", POLICY, "--only", "kinds", "--format", form, status=1)
    assert not problems(form, text)
    if form == "junit":
        root = ElementTree.fromstring(text)
        told = {Path(str(case.get("classname"))).stem: [child.tag for child in case] for case in root.iter("testcase")}
        assert {name for name, tags in told.items() if tags == ["failure"]} == {
            "bad-forbidden-kind",
            "bad-missing-kinds",
        }
        assert {name for name, tags in told.items() if tags == ["error"]} == {
            name for name, (status, _) in EXPECTED.items() if status == "error"
        }
    if form == "gradescope":
        assert [(test["score"], test["max_score"]) for test in json.loads(text)["tests"]] == [(0, 2)]


def fingerprints(text: str) -> set[str]:
    """Return the fingerprints in a SARIF report."""
    return {result["partialFingerprints"]["cnncalc/v1"] for result in json.loads(text)["runs"][0]["results"]}


def test_fingerprints_stay_when_lines_move_and_figures_change(tmp_path: Path) -> None:
    net = tmp_path / "net.yaml"
    known = []
    for more, width in (("", 32), ("# a line\n\n", 32), ("# two\n# lines\n\n", 36)):
        text = (ROOT / FOLDER / "bad-heavy.yaml").read_text().replace("filters: 32", f"filters: {width}")
        net.write_text(more + text.replace("- relu", "- relu: {}\n    expect: 7"))
        known.append(
            fingerprints(checked("net.yaml", "--policy", ROOT / POLICY, "--format", "sarif", cwd=tmp_path, status=1))
        )
    assert known[0] == known[1] == known[2]
    assert len(known[0]) == 5 + 2
    other = tmp_path / "other.yaml"
    other.write_text(net.read_text())
    here = fingerprints(checked("other.yaml", "--policy", ROOT / POLICY, "--format", "sarif", cwd=tmp_path, status=1))
    assert not here & known[0]


def test_the_same_file_under_two_names(tmp_path: Path) -> None:
    (tmp_path / "net.yaml").write_text("")
    for form in FORMATS:
        text = checked("net.yaml", "./net.yaml", tmp_path / "net.yaml", "--format", form, cwd=tmp_path, status=1)
        assert not problems(form, text)


def test_a_base_that_cannot_be_compared_is_an_error(tmp_path: Path) -> None:
    net = tmp_path / "net.yaml"
    net.write_bytes((ROOT / FOLDER / "good-plain.yaml").read_bytes())
    text = checked(net, "--baseline", "gone", "--max-growth", "5%", "--format", "junit", status=2)
    assert not problems("junit", text)
    root = ElementTree.fromstring(text)
    assert [case.get("name") for case in root.iter("testcase") if case.find("error") is not None] == ["growth"]


# harm ---------------------------------------------------------------------------------------------------------------

HOSTILE = [
    "\x1b[31mred\x1b[0m.yaml",
    "\u202eevil\u2066.yaml",
    "::error::boo.yaml",
    "::set-env name=PATH::x.yaml",
    "##[error]boo.yaml",
    "a ##[add-path]boo.yaml",
    "###[group]boo.yaml",
    "line\nline.yaml",
    "line\r\n::error::x.yaml",
    "nel\x85ls\u2028.yaml",
    "]]>.yaml",
    "<script>alert(1)<.yaml",
    "&lt;&amp;.yaml",
    "%0A::error::x.yaml",
    "%25, a=b,line=7.yaml",
    "a:b,c.yaml",
    "[text](http:x).yaml",
    "{0} ${HOME} $(id) `id`.yaml",
    "'\" onload=x.yaml",
    "zero\u200bwidth\ufeff.yaml",
    "\ufdd0 nonch\U0001fffe.yaml",
    os.fsdecode(b"latin-\xe9\xff.yaml"),
    "-o.yaml",
    " .yaml",
]


@pytest.mark.heavy
@pytest.mark.skipif(sys.platform in ("win32", "darwin"), reason="such names exist on Linux only")
@pytest.mark.parametrize("form", FORMATS)
def test_hostile_paths(form: str, tmp_path: Path) -> None:
    bodies = [(ROOT / FOLDER / f"{name}.yaml").read_bytes() for name in ("bad-output", "unsound-hostile", "good-plain")]
    for number, name in enumerate(HOSTILE):
        (tmp_path / name).write_bytes(bodies[number % 3])
    text = checked(".", "--policy", ROOT / POLICY, "--format", form, cwd=tmp_path, status=1)
    assert not problems(form, text)
    if form == "junit":
        names = [str(suite.get("name")) for suite in ElementTree.fromstring(text)]
        assert sorted(names) == sorted(map(visible, HOSTILE))
    if form == "json":
        assert sorted(file["path"] for file in json.loads(text)["files"]) == sorted(f"./{name}" for name in HOSTILE)


WORDS = st.text(max_size=30) | st.sampled_from(HOSTILE) | st.text("#[]:%<>&\n\r\x1b\u202e error", max_size=20)


@pytest.mark.heavy
@given(paths=st.lists(WORDS.filter(bool), min_size=1, max_size=4), message=WORDS, help=WORDS, line=st.integers(0, 3))
@settings(max_examples=150, deadline=None)
def test_no_text_breaks_a_dialect(paths: list[str], message: str, help: str, line: int) -> None:
    """Messages with any text contain nothing forbidden and nothing that is a command or markup."""
    limit = Limit("params", most=7)
    finding = Finding("params", "over-budget", "error", "x" + message, help, line or None, line or None, 7, 9)
    wide = Finding("kinds", "forbidden-kind", "error", "y" + message, help)
    said = Finding("sound", "bad-value", "error", "z" + message, help, 1, 1)
    kinds = [
        Entry("", "failed", {"params": 9}, (Measured(limit, 9),), (finding, wide)),
        Entry("", "error", None, (), (said, said)),
        Entry("", "passed", {"params": 7}, (Measured(limit, 7),), ()),
        Entry("", "unreadable", None, (), (said,)),
    ]
    made = []
    for number, path in enumerate(
        dict.fromkeys(os.path.normpath(path.replace("/", "|").replace("\0", "")) for path in paths)
    ):
        entry = kinds[number % 4]
        made.append(Entry("n" + path, entry.status, entry.metrics, entry.measured, entry.findings))
    policy = Policy(limits=(limit,), forbidden=("maxpool",), points=(("params", 2),))
    whole = Report(policy, policy.rules, made, tuple(f"n{path}" for path in paths))
    for form in FORMATS:
        assert not problems(form, render(form, whole)), form


@pytest.mark.heavy
def test_a_long_report_is_cut(tmp_path: Path) -> None:
    """A file with thousands of wrong `expect` marks takes no more space than one with twenty."""
    step = "{relu: {}, expect: 7}"
    (tmp_path / "net.yaml").write_text(f"input: 8x8x3\nlayers: [{{seq: [{step}], repeat: 3000}}]\n")
    for form in FORMATS:
        text = checked("net.yaml", "--max-params", "5", "--format", form, cwd=tmp_path, status=1)
        assert not problems(form, text)
        assert len(text) < 64 * 1024
        assert "and 2,980 more" in text or form in ("github", "csv")


def test_many_files_are_cut_in_gradescope_only(tmp_path: Path) -> None:
    for number in range(400):
        (tmp_path / f"{'n' * 200}{number}.yaml").write_text("")
    (tmp_path / "a.yaml").write_text("input: 3\nlayers: [relu]\n")
    text = checked(".", "--max-params", "5", "--format", "gradescope", cwd=tmp_path, status=1)
    output = json.loads(text)["tests"][0]["output"]
    assert len(output) < 66 * 1024
    assert re.search(r"and \d+ more files$", output)
    assert text.count('"failed"') == 1


def test_every_path_is_reported(tmp_path: Path) -> None:
    """A missing path does not prevent other files from being checked, and does not pass."""
    (tmp_path / "empty").mkdir()
    (tmp_path / "linked").symlink_to(ROOT / FOLDER)
    (tmp_path / "net.yaml").write_bytes((ROOT / FOLDER / "good-plain.yaml").read_bytes())
    told = json.loads(checked("net.yaml", "gone.yaml", "empty", "*.yml", "--format", "json", cwd=tmp_path, status=2))
    assert [(file["path"], file["status"]) for file in told["files"]] == [
        ("net.yaml", "passed"),
        ("gone.yaml", "error"),
        ("empty", "error"),
        ("*.yml", "error"),
    ]
    assert [file["findings"][0]["message"] for file in told["files"][1:]] == [
        "there is no such file or folder",
        "it contains no .yaml, .yml, .onnx, .tflite or .pt2 files",
        "it contains no .yaml, .yml, .onnx, .tflite or .pt2 files",
    ]
    shipped = json.loads(checked("vgg16", "--format", "json", cwd=tmp_path, status=2))["files"][0]["findings"][0]
    assert "`cnncalc show vgg16 -o vgg16.yaml`" in shipped["help"]
    told = json.loads(checked(".", "--format", "json", cwd=tmp_path, status=1))
    assert [(file["path"], file["status"]) for file in told["files"]] == [
        ("./linked", "error"),
        ("./net.yaml", "passed"),
    ]
    (tmp_path / "linked").unlink()
    told = json.loads(checked("*", "--format", "json", cwd=tmp_path, status=0))
    assert [file["path"] for file in told["files"]] == ["net.yaml"]


def test_a_limit_given_twice_is_refused(tmp_path: Path) -> None:
    policy = tmp_path / "policy.yaml"
    policy.write_text("cnncalc-policy: 1\nlimits: {receptive-field: {min: 3}}\nreceptive-field: {min: 4}\n")
    done = cnncalc(FOLDER / "good-plain.yaml", "--policy", policy)
    assert done.returncode == 2
    assert b"receptive-field is limited twice" in done.stderr


def test_a_submitted_repository_runs_nothing(tmp_path: Path) -> None:
    """A `.git` folder inside a submission is untrusted: its filters and transports are not used."""
    (tmp_path / "net.yaml").write_bytes((ROOT / FOLDER / "good-plain.yaml").read_bytes())
    (tmp_path / ".gitattributes").write_text("*.yaml diff=evil filter=evil\n")
    git(tmp_path, "init")
    git(tmp_path, "add", "-A")
    git(tmp_path, "commit", "-m", "x")
    evil = tmp_path / "evil"
    evil.write_text(f"#!/bin/sh\ntouch {tmp_path}/pwned\ncat\n")
    evil.chmod(0o755)
    for key in ("diff.evil.textconv", "filter.evil.smudge", "core.fsmonitor", "core.pager", "core.sshCommand"):
        git(tmp_path, "config", key, str(evil))
    options = ["--baseline", "HEAD", "--max-growth", "5%"]
    checked("net.yaml", *options, cwd=tmp_path, status=0)
    assert not (tmp_path / "pwned").exists()
    # missing objects of a base are not fetched from the server that the repository names
    git(tmp_path, "config", "extensions.partialClone", "origin")
    git(tmp_path, "config", "remote.origin.promisor", "true")
    git(tmp_path, "config", "remote.origin.url", "ssh://example.invalid/x")
    for packed in (tmp_path / ".git" / "objects").glob("??"):
        packed.rename(packed.with_name(f"gone-{packed.name}"))
    checked("net.yaml", *options, cwd=tmp_path, status=2)
    assert not (tmp_path / "pwned").exists()


@pytest.mark.parametrize("form", FORMATS)
def test_rendering_imports_little(form: str) -> None:
    """rich and yaml are not imported, and xml only with its format."""
    code = (
        "import sys, cnncalc.render.checks as checks\n"
        "from cnncalc.analyses.budget import Policy\n"
        f"checks.render({form!r}, checks.Report(Policy(), ('sound',), [checks.Entry('a', 'passed', {{}}, (), ())]))\n"
        "print(*[name for name in ('rich', 'yaml', 'xml', 'click') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, check=True, encoding="utf-8")
    assert done.stdout.split() == (["xml"] if form == "junit" else [])


def test_the_command_does_not_import_rich() -> None:
    code = (
        "import sys\n"
        "from cnncalc.cli import cli\n"
        "from cnncalc.cli.run import run\n"
        f"run(cli, ['check', {str(FOLDER)!r}, '--policy', {str(POLICY)!r}])\n"
        "sys.exit('rich' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr.decode()
