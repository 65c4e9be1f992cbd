"""`cnncalc check`: its options, its output and exit status, and that none of them depends on the run."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from cnncalc.analyses.budget import RULES
from cnncalc.analyses.quantities import LIMITS as QUANTITIES
from cnncalc.checking import submission
from cnncalc.checking.run import MANY
from cnncalc.cli.commands.check import LIMITS
from cnncalc.network import Network
from tests.helpers import Ended, environment, git

GIT = shutil.which("git")
posix = pytest.mark.skipif(os.name != "posix", reason="links, permissions and signals of POSIX")
needs_git = pytest.mark.skipif(GIT is None, reason="no git")

# conv: 3*3*3*4 + 4 = 112, batchnorm: 4 + 4 and as many buffers, fc: 6*6*4*10 + 10 = 1,450
NET = "input: 8x8x3\nlayers: [{conv: {filters: 4, kernel: 3}}, batchnorm, relu, {fc: 10}]\n"
FIGURES = {
    "params": 1570, "trainable": 1570, "weights": 108 + 4 + 1440, "biases": 4 + 4 + 10, "activations": 192 + 144 + 10,
    "macs": 36 * 108 + 1440, "activation-memory": 346 * 4, "layers": 4, "depth": 2, "conv-layers": 1, "receptive-field": 3,
    "training-memory": 15_280, "inference-memory": 8_240,
}  # fmt: skip
FILES = {
    "net": NET,
    "small": "input: 10\nlayers: [fc: 5]\n",
    "unsound": "input: 8x8x3\nlayers: [rlu]\n",
    "graded": "input: 8x8x3\nlayers: [{conv: {filters: 4, kernel: 3}, expect: {output: 6x6x4, params: 113}}, {fc: 10}]\n",
    # after the reshape the receptive field is unknown
    "reshaped": "input: 8x8x4\nlayers: [{conv: {filters: 4, kernel: 3}}, {reshape: 12x12x1}, {conv: {filters: 2, kernel: 3}}]\n",
}
MORE = "a global average pooling before it saves"
Check = Callable[..., Ended]


@pytest.fixture
def check(ended: Check, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Check:
    """Return a function that runs the command in this process, in a folder with the files above."""
    monkeypatch.chdir(tmp_path)
    for name, text in FILES.items():
        (tmp_path / f"{name}.yaml").write_text(text, encoding="utf-8")

    return partial(ended, "check")


def program(*args: str, folder: Path, stdin: bytes = b"", **options: Any) -> subprocess.CompletedProcess[bytes]:
    """Run the program in a separate process; `options` are those of `subprocess.run`."""
    words = [sys.executable, "-m", "cnncalc", "check", *args]
    env = environment(**options.pop("env", {}))
    return subprocess.run(words, cwd=folder, env=env, check=False, input=stdin, capture_output=True, **options)


def policy(folder: Path, body: str) -> str:
    """Write a policy file with this body and return its path."""
    file = folder / "budget.yaml"
    file.write_text(f"cnncalc-policy: 1\n{body}\n", encoding="utf-8")
    return str(file)


# -- limits on the command line ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("quantity", LIMITS)
def test_limits_are_inclusive(quantity: str, check: Check) -> None:
    """A figure equal to the limit passes. A larger one fails, and the report states by how much."""
    figure, unit = FIGURES[quantity], "B" if QUANTITIES[quantity].is_size else ""
    done = check("net.yaml", f"--max-{quantity}", f"{figure}{unit}")
    name, bytes_ = QUANTITIES[quantity].noun, " bytes" if unit else ""
    assert (done.status, done.err) == (0, "")
    assert done.lines == [
        f"PASS net.yaml  {name} {figure:,} <= {figure:,}{bytes_}",
        "1 file: 1 passed, 0 failed (limits are inclusive)",
    ]
    done = check("net.yaml", f"--max-{quantity}", f"{figure - 1}{unit}")
    assert done.status == 1
    assert done.lines[0] == f"FAIL net.yaml  {name} {figure:,} > {figure - 1:,}{bytes_}"
    assert done.lines[1].startswith(f"  over by 1{bytes_}")
    assert done.lines[-1] == "1 file: 0 passed, 1 failed (limits are inclusive)"


@pytest.mark.parametrize("quantity", FIGURES)
def test_both_bounds_of_a_policy_are_inclusive(quantity: str, check: Check, tmp_path: Path) -> None:
    """This holds for every quantity, for minimum and maximum."""
    figure, unit = FIGURES[quantity], " B" if QUANTITIES[quantity].is_size else ""

    def status(bounds: str) -> int:
        return check("net.yaml", "--policy", policy(tmp_path, f"limits: {{{quantity}: {{{bounds}}}}}")).status

    assert status(f"min: {figure}{unit}, max: {figure}{unit}") == 0
    assert status(f"max: {figure - 1}{unit}") == 1
    assert status(f"min: {figure + 1}{unit}") == 1
    assert status(f"min: {figure + 1}{unit}, level: warning") == 0


def test_every_quantity_has_a_figure_above() -> None:
    """The tables of this file are complete."""
    assert set(FIGURES) == set(QUANTITIES)
    assert set(LIMITS) <= set(QUANTITIES)


@pytest.mark.parametrize(
    ("option", "limit"),
    [("--max-params 1.57k", "1,570"), ("--max-params 1,570", "1,570"), ("--max-macs 0.5M", "500,000"),
     ("--max-macs 1G", "1,000,000,000"), ("--max-activation-memory 2KiB", "2,048 bytes"),
     ("--max-activation-memory 2kB", "2,000 bytes"), ("--max-activation-memory 1.5MiB", "1,572,864 bytes"),
     ("--max-activation-memory 2MB", "2,000,000 bytes")],
)  # fmt: skip
def test_units(option: str, limit: str, check: Check) -> None:
    """k, M and G are powers of ten. Sizes are decimal or binary, depending on their unit."""
    done = check("net.yaml", *option.split())
    assert done.status == 0
    assert done.lines[0].endswith(f" <= {limit}")


@pytest.mark.parametrize(
    ("option", "said"),
    [("--max-activation-memory 2000", "activation-memory needs a unit; got `2000`: write `2MB` (10^6 bytes) or `2MiB` (2^20)"),
     ("--max-params 5MB", "`5MB` is not a limit for params"), ("--max-params 1.5", "`1.5` is not a limit for params"),
     ("--max-params -5", "`-5` is not a limit for params"), ("--max-params nan", "`nan` is not a limit for params"),
     ("--max-params .inf", "`.inf` is not a limit for params"), ("--max-params 1e400", "`1e400` is not a limit for params"),
     ("--max-params 0x10", "`0x10` is not a limit for params"), ("--max-params ٣", "is not a limit for params"),
     ("--max-params 1_000", "is not a limit for params"), ("--max-layers many", "`many` is not a limit for layers"),
     (f"--max-params {'9' * 4300}", "is not a limit for params"), ("--max-macs=", "`` is not a limit for macs"),
     ("--input 8,8,3", "`8,8,3` is not a shape"), ("--input 0x8x3", "`0x8x3` is not a shape"),
     ("--output ten", "`ten` is not a shape"),
     ("--output 1x1x1x1x1", "is not a shape"), ("--input 8x8x3.5", "is not a shape"), ("--input true", "`true` is not a shape")],
)  # fmt: skip
def test_invalid_limits(option: str, said: str, check: Check) -> None:
    """A limit that cannot be read is neither zero nor infinity: nothing is checked."""
    done = check("net.yaml", *option.split(" "))
    assert (done.status, done.out) == (2, "")
    assert said in done.err


def test_a_limit_of_zero(check: Check) -> None:
    """0 is an ordinary limit."""
    assert check("net.yaml", "--max-params", "0").status == 1
    assert check("net.yaml", "--max-macs", "0", "--max-params", "0").out.count("over by") == 2


@pytest.mark.parametrize(
    ("option", "status", "said"),
    [("--input 8x8x3 --output 10", 0, ""),
     ("--input 8x3x8", 1, "the input is 8x8x3, not 8x3x8 [wrong-input]\n    write `input: 8x3x8`"),
     ("--output 11", 1, "the output is 10, not 11 [wrong-output]\n    end with `fc: 11`"),
     ("--output 1x1x1000", 1, "the output is 10, not 1x1x1000"), ("--input 3x8x8", 1, "the input is 8x8x3, not 3x8x8"),
     ("--output-shape 10", 0, "")],
)  # fmt: skip
def test_input_and_output(option: str, status: int, said: str, check: Check) -> None:
    """The required shape can be any shape, and is compared exactly."""
    done = check("net.yaml", *option.split())
    assert done.status == status
    assert said in done.out
    assert done.err == ""


def test_an_output_of_a_volume(check: Check, tmp_path: Path) -> None:
    """Only a network of convolutions has an output of 1x1x10."""
    (tmp_path / "a.yaml").write_text("input: 4x4x4\nlayers: [{conv: {filters: 10, kernel: 4}}]\n")
    assert check("a.yaml", "--output", "1x1x10", "--input", "4x4x4").status == 0
    assert check("a.yaml", "--policy", policy(tmp_path, "output: 1x1x10\ninput: 4x4x4")).status == 0
    assert check("a.yaml", "--output", "10").status == 1


def test_a_note_if_there_is_no_limit(check: Check, tmp_path: Path) -> None:
    """A note is printed if there is nothing to compare a file with, and only then."""
    note = "note: there are no limits, so cnncalc only checks that files are valid and that their own `expect` holds\n"
    done = check("net.yaml")
    assert (done.status, done.err) == (0, note)
    assert done.lines == ["PASS net.yaml", "1 file: 1 passed, 0 failed"]
    assert check("net.yaml", "--policy", policy(tmp_path, "")).err == note
    assert check("net.yaml", "--policy", policy(tmp_path, "limits: {}")).err == note
    for option in ("--max-params 5", "--input 8x8x3", "--baseline net.yaml --max-growth 5%"):
        assert check("net.yaml", *option.split()).err == ""
    assert check("net.yaml", "--policy", policy(tmp_path, "kinds: {require: [conv]}")).err == ""


def test_a_limit_given_both_ways(check: Check, tmp_path: Path) -> None:
    """The report does not guess which of the two counts."""
    file = policy(tmp_path, "input: 8x8x3\noutput: 10\nlimits: {params: {max: 5}, activation-memory: {min: 1B}}")
    for option, said in (
        ("--max-params 6", "both --max-params and the policy limit params: remove one of them"),
        ("--max-params 5", "--max-params and the policy limit params"),
        ("--max-activation-memory 1MB", "both --max-activation-memory and the policy limit activation-memory"),
        ("--input 8x8x3", "both --input and the policy set the input shape"),
        ("--output 10", "both --output and the policy set the output shape"),
    ):
        done = check("net.yaml", "--policy", file, *option.split())
        assert (done.status, done.out) == (2, "")
        assert said in done.err
    assert check("net.yaml", "--policy", file, "--max-macs", "1M").lines[0].count(";") == 2


# -- the policy file ---------------------------------------------------------------------------------------------------


def test_a_policy_is_never_discovered(check: Check, tmp_path: Path) -> None:
    """A budget.yaml that a student puts next to a submission is a submission, not a policy."""
    before = check("net.yaml", "--max-params", "1569").out
    for folder in (tmp_path, tmp_path / "sub"):
        folder.mkdir(exist_ok=True)
        for name in (
            "budget.yaml",
            ".cnncalc.yaml",
            "policy.yaml",
            "cnncalc.yaml",
            "pyproject.toml",
            "setup.cfg",
            ".cnncalc",
        ):
            (folder / name).write_text("cnncalc-policy: 1\nlimits: {params: {max: 999G}}\n")
        (folder / "net.yaml").write_text(NET)
    assert check("net.yaml", "--max-params", "1569").out == before
    done = check("sub", "--max-params", "1569", "--format", "json")
    assert done.status == 1
    found = {os.path.basename(file["path"]): file["status"] for file in done.data["files"]}
    assert found == {"net.yaml": "failed", ".cnncalc.yaml": "error", "budget.yaml": "error",
                     "cnncalc.yaml": "error", "policy.yaml": "error"}  # fmt: skip


def test_the_environment_changes_nothing(tmp_path: Path) -> None:
    """click can read options from variables, but a student's job must not set any."""
    (tmp_path / "net.yaml").write_text(NET)
    names = [
        "CNNCALC_POLICY",
        "CNNCALC_CHECK_POLICY",
        "CNNCALC_MAX_PARAMS",
        "CNNCALC_CHECK_MAX_PARAMS",
        "POLICY",
        "MAX_PARAMS",
    ]
    env = dict.fromkeys(names, "1000000")
    assert program("net.yaml", "--max-params", "1569", folder=tmp_path, env=env).returncode == 1
    assert b"there are no limits" in program("net.yaml", folder=tmp_path, env=env).stderr


@pytest.mark.parametrize(
    ("body", "said"),
    [("limits: {parms: {max: 5}}", "budget.yaml:2:10: error: there is no limit named `parms`"),
     ("limit: {params: {max: 5}}", "budget.yaml:2:1: error: a policy has no key `limit`"),
     ("limits: {params: {max: 5, maks: 6}}", "budget.yaml:2:27: error: a limit has no key `maks`"),
     ("limits: {params: {max: 5}}\nlimits: {params: {max: 6}}", "budget.yaml:3:1: error: `limits` is written twice")],
)  # fmt: skip
def test_an_unknown_key_of_a_policy(body: str, said: str, check: Check, tmp_path: Path) -> None:
    """The place and a suggestion are printed on standard error, and nothing is checked."""
    policy(tmp_path, body)
    done = check("net.yaml", "--policy", "budget.yaml")
    assert (done.status, done.out) == (2, "")
    assert said in done.err
    assert done.err.endswith("error: the policy is invalid\n")


def test_a_policy_that_cannot_be_read(check: Check, tmp_path: Path) -> None:
    """A missing or empty file, a folder or binary data gives exit status 2 before anything is checked."""
    (tmp_path / "empty.yaml").write_text("")
    (tmp_path / "folder.yaml").mkdir()
    (tmp_path / "bytes.yaml").write_bytes(b"\xff\xfe")
    for name in ("missing.yaml", "empty.yaml", "folder.yaml", "bytes.yaml", "net.yaml", ""):
        done = check("net.yaml", "--policy", name)
        assert (done.status, done.out) == (2, ""), name
        assert done.err.startswith("error: ") or ": error: " in done.err, name


def test_warnings_pass(check: Check, tmp_path: Path) -> None:
    """A limit of level warning is reported but does not fail. Another limit still can."""
    done = check("net.yaml", "--policy", policy(tmp_path, "limits: {macs: {max: 5k, level: warning}}"))
    assert done.status == 0
    assert done.lines == [
        "PASS net.yaml  MACs 5,328 > 5,000",
        "  warning: MACs 5,328 > 5,000 [over-budget]",
        "    over by 328; 73 % are in conv1",
        "1 file: 1 passed, 0 failed (limits are inclusive)",
    ]
    body = "limits: {macs: {max: 5k, level: warning}, params: {max: 5}}"
    assert check("net.yaml", "--policy", policy(tmp_path, body)).status == 1


def test_expect_is_graded(check: Check) -> None:
    """A wrong `expect` of a student fails, and the report shows the calculation."""
    done = check("graded.yaml", "--max-params", "1G")
    assert done.status == 1
    assert done.lines[1] == "  2:74: conv1: the file expects params 113, but it is 112 [expect-wrong]"
    assert "F*F*C*K = 3*3*3*4 = 108" in done.lines[2]
    assert done.lines[2].endswith("weight + bias = 108 + 4 = 112")


@pytest.mark.parametrize("name", ["reshaped", "small"])
def test_an_unknown_figure_passes_no_limit(name: str, check: Check, tmp_path: Path) -> None:
    """A receptive field after a reshape, or of a network without feature maps, is never within a limit."""
    for bounds in ("max: 999999", "min: 0", "min: 0, max: 999999999"):
        for body in (f"receptive-field: {{{bounds}}}", f"limits: {{receptive-field: {{{bounds}}}}}"):
            done = check(f"{name}.yaml", "--policy", policy(tmp_path, body))
            assert done.status == 1
            assert done.lines[0].startswith(f"FAIL {name}.yaml  receptive field ? ")
            assert "the figure is not known [not-known]" in done.out
    done = check(f"{name}.yaml", "--policy", policy(tmp_path, "receptive-field: {max: 5}"), "--format", "json")
    assert done.data["files"][0]["findings"][0]["actual"] is None
    assert done.data["files"][0]["metrics"]["receptive_field"] is None


def test_buffers_count_with_count_all(check: Check, tmp_path: Path) -> None:
    """`params` are trained. With `count: all`, running means and variances count, too."""

    def done(bounds: str) -> Ended:
        return check("net.yaml", "--policy", policy(tmp_path, f"limits: {{params: {{{bounds}}}}}"))

    assert done("max: 1570").status == done("max: 1570, count: trainable").status == 0
    assert done("max: 1577, count: all").status == 1
    assert done("max: 1578, count: all").lines[0] == "PASS net.yaml  params with buffers 1,578 <= 1,578"


def test_frozen_parameters_are_not_trainable(check: Check, tmp_path: Path) -> None:
    """The convolution and the norm are frozen, so that the 1,450 parameters of fc are trained."""
    (tmp_path / "tuned.yaml").write_text(
        "input: 8x8x3\nlayers: [{seq: [conv: {filters: 4, kernel: 3}, batchnorm], trainable: false}, fc: 10]\n"
    )
    for most, status in ((1450, 0), (1449, 1)):
        budget = policy(tmp_path, f"limits: {{trainable: {{max: {most}}}}}")
        done = check("tuned.yaml", "--policy", budget)
        assert done.status == status
        assert f"trainable 1,450 {'<=' if status == 0 else '>'} {most:,}" in done.out


def test_memory_for_a_batch_and_a_dtype(check: Check, tmp_path: Path) -> None:
    """346 activations of two bytes each, times eight."""
    body = "limits: {activation-memory: {max: 5536 B, batch: 8, dtype: float16}}"
    assert check("net.yaml", "--policy", policy(tmp_path, body)).lines[0].endswith("5,536 <= 5,536 bytes")
    assert check("net.yaml", "--policy", policy(tmp_path, body.replace("5536", "5535"))).status == 1


def test_kinds(check: Check, tmp_path: Path) -> None:
    """Required and forbidden kinds, with the place of the first one. Other names of a kind mean the same kind."""
    body = "kinds: {forbid: [maxpool, relu], require: [conv, dropout, lstm]}"
    done = check("net.yaml", "--policy", policy(tmp_path, body))
    assert done.status == 1
    assert "  2:54: `relu` is not allowed; the first is relu1 [forbidden-kind]" in done.lines
    assert "  the network must use `dropout` and `lstm` [missing-kind]" in done.lines
    assert check("net.yaml", "--policy", policy(tmp_path, "kinds: {forbid: maxpool, require: conv}")).status == 0
    (tmp_path / "in.yaml").write_text(
        "input: 8x8x3\nblocks: {B: [seq: [residual: [relu]]]}\nlayers: [{B: , repeat: 2}]\n"
    )
    assert check("in.yaml", "--policy", policy(tmp_path, "kinds: {forbid: [relu]}")).status == 1
    (tmp_path / "off.yaml").write_text("input: 8x8x3\nlayers: [{conv: {filters: 1, kernel: 1}, when: false}, relu]\n")
    assert check("off.yaml", "--policy", policy(tmp_path, "kinds: {require: [conv]}")).status == 1


def test_layers_that_reach_no_output_do_not_count(check: Check, tmp_path: Path) -> None:
    """A branch that does not reach an output cannot contain the required layers."""
    text = "input: 8x8x3\nlayers: [{relu: , as: a}, {conv: {filters: 3, kernel: 7}}, {fc: 10, from: a}]\n"
    (tmp_path / "dead.yaml").write_text(text)
    for body in (
        "kinds: {require: [conv]}",
        "receptive-field: {min: 7}",
        "limits: {conv-layers: {min: 1}}",
        "limits: {params: {min: 2000}}",
    ):
        done = check("dead.yaml", "--policy", policy(tmp_path, body))
        assert done.status == 1, body
        assert "2:28: conv1 does not lead to an output" in done.out
        (tmp_path / "live.yaml").write_text(text.replace(", from: a", ""))
        if "params" not in body:
            assert check("live.yaml", "--policy", policy(tmp_path, body)).status == 0
    assert check("dead.yaml", "--policy", policy(tmp_path, "kinds: {require: [conv]}"), "--only", "kinds").status == 1
    assert check("dead.yaml", "--max-params", "1M").status == 0


def test_several_outputs_are_reported(check: Check, tmp_path: Path) -> None:
    """A branch that is also an output counts unless the policy sets the output. The report states it in either case."""
    text = "input: 8x8x3\nlayers: [{relu: , as: a}, {conv: {filters: 3, kernel: 7}, as: b}, {fc: 10, from: a, as: c}]\n"
    (tmp_path / "two.yaml").write_text(text + "outputs: [b, c]\n")
    done = check("two.yaml", "--policy", policy(tmp_path, "kinds: {require: [conv]}"))
    assert done.status == 0
    assert "the network has 2 outputs" in done.out
    assert check("two.yaml", "--max-params", "1M").out.count("outputs") == 0
    done = check("two.yaml", "--policy", policy(tmp_path, "kinds: {require: [conv]}\noutput: 10"))
    assert done.status == 1
    assert "the output is 2x2x3, 10, not 10" in done.out


# -- one rule at a time ------------------------------------------------------------------------------------------------


def test_only(check: Check, tmp_path: Path) -> None:
    """Each criterion has an exit status. Other rules neither fail nor are shown."""
    options = ["--max-params", "5", "--max-macs", "1G", "--output", "10"]
    assert check("net.yaml", *options).status == 1
    for rule, status in {
        "params": 1,
        "macs": 0,
        "output": 0,
        "macs,output": 0,
        "output, params": 1,
        "sound": 0,
    }.items():
        done = check("net.yaml", *options, "--only", rule)
        assert done.status == status, rule
        assert ("over by" in done.out) == (status == 1)
        assert ("MACs" in done.lines[0]) == ("macs" in rule)


def test_only_never_passes_an_invalid_file(check: Check) -> None:
    """An invalid file fails every criterion."""
    for rule in ("params", "expect", "sound"):
        assert check("unsound.yaml", "--max-params", "1G", "--only", rule).status == 1
        assert check("missing.yaml", "--max-params", "1G", "--only", rule).status == 2


@pytest.mark.parametrize(
    "rule", ["parms", "macs", "", ",", "Params", "params,macs", "growth", "params;output", "kinds"]
)
def test_only_takes_rules_that_are_checked(rule: str, check: Check) -> None:
    """A criterion that nothing is compared with would always pass."""
    done = check("net.yaml", "--max-params", "1G", "--only", rule)
    assert (done.status, done.out) == (2, "")
    assert "--only" in done.err


# -- growth ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("growth", "status"),
    [("0%", 1), ("2842%", 1), ("2754.54%", 1), ("2754.55%", 0), ("params=2754.55%", 0), ("macs=100%", 1), ("macs=10556%", 0)],
)  # fmt: skip
def test_growth_against_a_file(growth: str, status: int, check: Check) -> None:
    """From 55 parameters to 1,570: 2,754.54...% more. From 50 multiply-adds to 5,328: 10,556 % more."""
    if growth == "2842%":
        growth = "27%"
    done = check("net.yaml", "--baseline", "small.yaml", "--max-growth", growth)
    assert done.status == status
    assert ("[grown]" in done.out) == (status == 1)
    assert "not compare" not in done.out


def test_the_report_of_growth(check: Check) -> None:
    """The finding states the old and new figure, the growth, and where most of it is."""
    done = check("net.yaml", "--baseline", "./small.yaml", "--max-growth", "5%", "--max-growth", "layers=400%")
    assert done.lines[1:3] == [
        "  params 1,570 > 57: it was 55 (+2754.55 %), and at most +5 % is allowed [grown]",
        f"    over by 1,513; 92 % are in fc1; {MORE} 1,400",
    ]
    assert check("small.yaml", "--baseline", "net.yaml", "--max-growth", "0%").status == 0


def test_growth_from_nothing(check: Check, tmp_path: Path) -> None:
    """If the base has no parameters, zero is no growth, and one is too much for any percentage."""
    (tmp_path / "none.yaml").write_text("input: 10\nlayers: [relu]\n")
    assert check("none.yaml", "--baseline", "none.yaml", "--max-growth", "5%").status == 0
    done = check("small.yaml", "--baseline", "none.yaml", "--max-growth", "1000000%")
    assert done.status == 1
    assert "params 55 > 0: it was 0, and at most" in done.out


@pytest.mark.parametrize("base", ["unsound.yaml", "missing.yaml", "./missing", "reshaped.yaml"])
def test_a_base_that_cannot_be_compared_with(base: str, check: Check) -> None:
    """The exit status is 2, and the message differs from that of growth, because nothing is known."""
    done = check("net.yaml", "--baseline", base, "--max-growth", "receptive-field=5%")
    assert done.status == 2
    assert "grown" not in done.out
    assert "could not compare" in done.err or "cannot read" in done.err


@pytest.mark.parametrize(
    "growth", ["5", "five%", "-5%", "%", "5.555%", "size=5%", "params=", "=5%", "5%%", "params=5%=6%", "nan%", "5k%"]
)
def test_invalid_growth(growth: str, check: Check) -> None:
    """The exit status is 2."""
    done = check("net.yaml", "--baseline", "small.yaml", "--max-growth", growth)
    assert (done.status, done.out) == (2, "")


def test_growth_and_baseline_belong_together(check: Check) -> None:
    """One without the other is an error, and so is a repeated quantity."""
    for options in (
        ["--max-growth", "5%"], ["--baseline", "small.yaml"], ["--baseline", "", "--max-growth", "5%"],
        ["--baseline", "small.yaml", "--max-growth", "5%", "--max-growth", "params=6%"],
        ["--baseline", "-x", "--max-growth", "5%"], ["--baseline", "main:net", "--max-growth", "5%"],
    ):  # fmt: skip
        done = check("net.yaml", *options)
        assert (done.status, done.out) == (2, ""), options


@pytest.fixture
def repository(check: Check, tmp_path: Path) -> Path:
    """Create a repository with two commits on main. In the second one, `sub/old.yaml` grows from 55 to 110 parameters."""
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "old.yaml").write_text(FILES["small"])
    git(tmp_path, "init", "-q", "-b", "main")
    git(tmp_path, "add", "sub")
    git(tmp_path, "commit", "-q", "-m", "one")
    git(tmp_path, "tag", "start")
    (tmp_path / "sub" / "old.yaml").write_text(FILES["small"].replace("5]", "10]"))
    git(tmp_path, "commit", "-q", "-a", "-m", "two")
    (tmp_path / "sub" / "new.yaml").write_text(NET)
    return tmp_path


@needs_git
def test_growth_against_a_revision(repository: Path, check: Check) -> None:
    """Each file is compared with its own earlier version. A new file passes."""
    for revision in ("main~1", "start", "HEAD^", git(repository, "rev-parse", "start")):
        done = check("sub", "--baseline", revision, "--max-growth", "5%")
        assert done.status == 1
        assert done.lines[0] == "PASS sub/new.yaml"
        assert done.lines[2] == "  params 110 > 57: it was 55 (+100.00 %), and at most +5 % is allowed [grown]"
        assert check("sub/old.yaml", "--baseline", revision, "--max-growth", "100%").status == 0
    assert check("sub", "--baseline", "HEAD", "--max-growth", "0%").status == 0


@needs_git
def test_the_repository_is_that_of_the_current_folder(
    repository: Path, check: Check, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is found from subfolders, and is never the repository in a submission."""
    monkeypatch.chdir(repository / "sub")
    assert check("old.yaml", "--baseline", "start", "--max-growth", "5%").status == 1
    assert check(str(repository / "sub" / "old.yaml"), "--baseline", "start", "--max-growth", "5%").status == 1
    monkeypatch.chdir(repository)
    theirs = repository / "theirs"
    theirs.mkdir()
    (theirs / "net.yaml").write_text(FILES["small"])
    git(repository, "add", "theirs")
    git(repository, "commit", "-q", "-m", "three")
    (theirs / "net.yaml").write_text(NET)
    git(theirs, "init", "-q", "-b", "main")
    git(theirs, "add", ".")
    git(theirs, "commit", "-q", "-m", "a base that has grown already")
    for way in ("theirs", "theirs/net.yaml", str(theirs / "net.yaml")):
        done = check(way, "--baseline", "main", "--max-growth", "5%")
        assert done.status == 1
        assert "it was 55" in done.out


@needs_git
def test_a_failed_comparison_is_not_a_pass(repository: Path, check: Check, monkeypatch: pytest.MonkeyPatch) -> None:
    """An unknown revision, a file outside the repository, no git, or standard input gives 2 and a reason."""
    (repository / "sub" / "bad.yaml").write_text("input: 3\nlayers: [fc: 1]\n")
    git(repository, "add", ".")
    git(repository, "commit", "-q", "-m", "three")
    (repository / "link").write_text("")
    outside = repository.parent / "outside.yaml"
    outside.write_text(NET)

    def said(*words: str) -> str:
        done = check(*words, "--max-growth", "5%")
        assert done.status == 2, words
        assert "[grown]" not in done.out
        assert done.lines[0].startswith("ERROR "), words
        assert "could not compare: " in done.lines[1]
        return done.lines[1]

    assert "no revision `nope`" in said("net.yaml", "--baseline", "nope")
    assert "no revision `main@{99}`" in said("net.yaml", "--baseline", "main@{99}")
    assert "outside the git repository" in said(str(outside), "--baseline", "main")
    assert "no revision" in said("net.yaml", "--baseline", "net.yam")
    with monkeypatch.context() as context:
        context.setenv("PATH", str(repository / "sub"))
        assert "cannot start git: No such file or directory" in said("net.yaml", "--baseline", "main")
    (repository / "sub" / "bad.yaml").write_text(NET)
    git(repository, "rm", "-q", "--cached", "sub/bad.yaml")
    (repository / "sub" / "old.yaml").write_text("rubbish: [")
    git(repository, "commit", "-q", "-a", "-m", "four")
    (repository / "sub" / "old.yaml").write_text(NET)
    assert "the baseline is invalid" in said("sub/old.yaml", "--baseline", "main")
    monkeypatch.chdir(repository.parent)
    assert "not a git repository" in said(str(outside), "--baseline", "main")


@needs_git
def test_standard_input_has_no_history(repository: Path) -> None:
    """A file of that name in the history would be a different file."""
    done = program("-", "--baseline", "main", "--max-growth", "5%", folder=repository, stdin=NET.encode())
    assert done.returncode == 2
    assert b"could not compare: standard input has no git history" in done.stdout
    done = program("-", "--baseline", "net.yaml", "--max-growth", "5%", folder=repository, stdin=NET.encode())
    assert (done.returncode, done.stdout[:12]) == (0, b"PASS <stdin>")


@needs_git
@pytest.mark.parametrize("name", ["main", "start", "origin/main", "HEAD"])
def test_a_file_named_like_the_revision(name: str, repository: Path, check: Check) -> None:
    """`--baseline main` is the revision, even if a submission has a large network in a file `main`."""
    git(repository, "update-ref", "refs/remotes/origin/main", "start")
    file = repository / name
    file.parent.mkdir(exist_ok=True)
    file.write_text(NET)
    (repository / "sub" / "old.yaml").write_text(FILES["small"].replace("5]", "100]"))
    done = check("sub/old.yaml", "--baseline", name, "--max-growth", "5%")
    assert done.status == 1
    assert "[grown]" in done.out


@needs_git
def test_policy_and_base_from_a_revision(repository: Path, check: Check) -> None:
    """`budget.yaml@main` is the committed file, not the one in the folder nor a file of that name."""
    policy(repository, "limits: {params: {max: 5}}")
    git(repository, "add", "budget.yaml", "net.yaml")
    git(repository, "commit", "-q", "-m", "policy")
    policy(repository, "limits: {params: {max: 1G}}")
    (repository / "budget.yaml@main").write_text("cnncalc-policy: 1\nlimits: {params: {max: 1G}}\n")
    assert check("net.yaml", "--policy", "budget.yaml").status == 0
    done = check("net.yaml", "--policy", "budget.yaml@main")
    assert (done.status, done.lines[0]) == (1, "FAIL net.yaml  params 1,570 > 5")
    assert check("net.yaml", "--policy", "budget.yaml@nope").status == 2
    (repository / "net.yaml").write_text(NET.replace("10", "1000"))
    assert check("net.yaml", "--baseline", "net.yaml@main", "--max-growth", "5%").status == 1


@needs_git
@posix
def test_an_earlier_version_that_is_no_file_or_too_large(repository: Path, check: Check) -> None:
    """A link, a folder or a file that is too large cannot be compared with."""
    (repository / "a.yaml").symlink_to("net.yaml")
    (repository / "b.yaml").mkdir()
    (repository / "b.yaml" / "x").write_text("x")
    (repository / "c.yaml").write_text("#" * 300_000)
    git(repository, "add", "a.yaml", "b.yaml", "c.yaml")
    git(repository, "commit", "-q", "-m", "odd")
    shutil.rmtree(repository / "b.yaml")
    for name, said in (("a", "not a regular file"), ("b", "not a regular file"), ("c", "larger than 262,144 bytes")):
        file = repository / f"{name}.yaml"
        file.unlink(missing_ok=True)
        file.write_text(NET)
        done = check(file.name, "--baseline", "main", "--max-growth", "5%")
        assert done.status == 2
        assert said in done.out


# -- files -------------------------------------------------------------------------------------------------------------


def names(done: Ended) -> list[str]:
    """Return the files of a text report, in order."""
    return [line.split()[1] for line in done.lines if line.startswith(("PASS ", "FAIL ", "ERROR "))]


@pytest.fixture
def tree(check: Check, tmp_path: Path) -> Path:
    """Create some folders of submissions."""
    for name in (
        "t/b/2.yaml",
        "t/b/1.yml",
        "t/a/x.YAML",
        "t/c.yaml",
        "t/a/no.txt",
        "t/.hidden/h.yaml",
        "t/a/n.json",
        "t/Z.yaml",
    ):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(FILES["small"])
    return tmp_path


def test_folders_are_read_to_the_bottom_and_sorted(tree: Path, check: Check) -> None:
    """Hidden folders are read, too. Files without a suffix of YAML are not submissions."""
    found = ["t/Z.yaml", "t/c.yaml", "t/.hidden/h.yaml", "t/a/x.YAML", "t/b/1.yml", "t/b/2.yaml"]
    assert names(check("t", "--max-params", "55")) == found
    assert names(check("t/b", "t", "--max-params", "55")) == [*found[-2:], *found[:-2]]


@pytest.mark.parametrize("form", ["text", "json", "junit", "sarif", "github", "gitlab", "gradescope"])
def test_files_that_are_not_checked_are_listed(form: str, tree: Path, check: Check) -> None:
    """Every report lists files with other suffixes. They do not change the result."""
    (tree / "t" / ".git").mkdir()
    (tree / "t" / ".git" / "HEAD").write_text("ref: refs/heads/main")
    done = check("t", "--max-params", "55", "--format", form)
    assert done.status == 0
    assert "2 files not looked at: t/a/n.json, t/a/no.txt" in done.out or form == "json"
    assert ".git" not in done.out
    if form == "json":
        assert done.data["summary"]["unread"] == 2
        assert done.data["unread"] == ["t/a/n.json", "t/a/no.txt"]
    assert "not looked at" not in check("t/b", "--max-params", "55", "--format", form).out
    assert "not looked at" not in check("t", "t/a/n.json", "t/a/no.txt", "--format", form).out


def test_many_files_that_are_not_checked(check: Check, tmp_path: Path) -> None:
    """Ten are listed, and their names are harmless."""
    (tmp_path / "t").mkdir()
    (tmp_path / "t" / "net.yaml").write_text(FILES["small"])
    for number in range(1234):
        (tmp_path / "t" / f"::error::\x1b[31m{number}{'x' * 200}.py").touch()
    done = check("t", "--max-params", "55")
    line = done.lines[-1]
    assert line.startswith("1,234 files not looked at: t/::error::\\x1b[31m0")
    assert line.endswith(", and 1,224 more")
    assert len(line) < 1200
    assert len(done.out) < 1400


def test_unread_files_as_errors(tree: Path, check: Check) -> None:
    """If only networks may be submitted, such a file is a finding with exit status 1."""
    done = check("t", "--max-params", "55", "--unread", "error")
    assert done.status == 1
    assert names(done)[-2:] == ["t/a/n.json", "t/a/no.txt"]
    assert done.lines[-1] == "8 files: 6 passed, 0 failed, 2 errors (limits are inclusive)"
    assert done.out.count("[not-looked-at]") == 2
    assert check("t/b", "--max-params", "55", "--unread", "error").status == 0


def test_patterns(tree: Path, check: Check) -> None:
    """Patterns that the shell did not expand are sorted; matching folders are read to the bottom, and any suffix is accepted."""
    assert names(check("t/*.yaml")) == ["t/Z.yaml", "t/c.yaml"]
    assert names(check("t/?")) == ["t/a/x.YAML", "t/b/1.yml", "t/b/2.yaml"]
    assert names(check("t/**/*.y*ml")) == ["t/Z.yaml", "t/b/1.yml", "t/b/2.yaml", "t/c.yaml"]
    assert names(check("t/a/*.txt")) == ["t/a/no.txt"]
    (tree / "[x].yaml").write_text(FILES["small"])
    assert names(check("[x].yaml")) == ["[x].yaml"]


def test_a_file_is_checked_once(tree: Path, check: Check) -> None:
    """A file that is named several times is checked once, at its first place."""
    assert names(check("t/c.yaml", "t/b", "t/c.yaml", "t/*.yaml", "t/b/2.yaml")) == [
        "t/c.yaml",
        "t/b/1.yml",
        "t/b/2.yaml",
        "t/Z.yaml",
    ]


def test_standard_input(tmp_path: Path) -> None:
    """`-` can be one of the files, and keeps its place."""
    (tmp_path / "net.yaml").write_text(NET)
    done = program("net.yaml", "-", "--max-params", "1569", folder=tmp_path, stdin=FILES["small"].encode())
    assert done.stdout.decode().splitlines()[3] == "PASS <stdin>  params 55 <= 1,569"
    assert done.returncode == 1
    for bad in (b"", b"rubbish", b"\0", b"#" * 300_000, b"\xff"):
        done = program("-", folder=tmp_path, stdin=bad)
        assert (done.returncode, done.stdout[:13]) == (1, b"ERROR <stdin>"), bad[:9]


def test_every_file_is_reported_even_if_others_fail(tree: Path, check: Check) -> None:
    """Over budget, invalid, missing, an empty folder, a pattern without a match: each keeps its place."""
    (tree / "empty").mkdir()
    words = ["net.yaml", "missing.yaml", "unsound.yaml", "empty", "nothing*", "graded.yaml", "small.yaml"]
    done = check(*words, "--max-params", "60")
    assert done.status == 2
    assert names(done) == words
    assert [line.split()[0] for line in done.lines if not line.startswith(" ")][:-1] == [
        "FAIL", "ERROR", "ERROR", "ERROR", "ERROR", "FAIL", "PASS",
    ]  # fmt: skip
    assert done.lines[-1] == "7 files: 1 passed, 2 failed, 4 errors (limits are inclusive)"
    found = check(*words, "--max-params", "60", "--format", "json")
    assert [file["status"] for file in found.data["files"]] == [
        "failed",
        "error",
        "error",
        "error",
        "error",
        "failed",
        "passed",
    ]
    assert json.loads(found.out)["summary"] == {"files": 7, "passed": 1, "failed": 2, "errors": 4, "unread": 0}


# -- exit status -------------------------------------------------------------------------------------------------------

STATUSES = {
    "small.yaml --max-params 55": 0,
    "small.yaml --max-params 54": 1,
    "unsound.yaml": 1,
    "graded.yaml": 1,
    "small.yaml unsound.yaml": 1,
    "": 2,
    "--max-params 5": 2,
    "empty": 2,
    "small.yaml empty": 2,
    "missing.yaml": 2,
    "small.yaml missing.yaml": 2,
    "unsound.yaml missing.yaml": 2,
    "nothing*.yaml": 2,
    "small.yaml nothing*.yaml": 2,
    "small.yaml --format pdf": 2,
    "small.yaml --max-params x": 2,
    "small.yaml --max-size 5": 2,
    "small.yaml -o folder": 2,
    "small.yaml -o missing/out": 2,
    "small.yaml --policy missing.yaml": 2,
}


@pytest.mark.parametrize("line", STATUSES)
@pytest.mark.parametrize("form", ["text", "json"])
def test_exit_status(line: str, form: str, check: Check, tmp_path: Path) -> None:
    """0 only if every file was read, computed and passed. 2 takes precedence over 1, in every format."""
    (tmp_path / "empty").mkdir()
    (tmp_path / "folder").mkdir()
    words = line.split() if "--format" in line else [*line.split(), "--format", form]
    assert check(*words).status == STATUSES[line]


@posix
def test_what_cannot_be_read() -> None:
    """An unreadable file or folder gives 2, and the others are checked. (Root can read everything, so it changes its user.)"""
    code = (
        "import os, sys\nfrom cnncalc.cli import cli\nfrom cnncalc.cli.run import run\n"
        "run(cli, ['check', 'a', '-o', os.devnull])\nprint(flush=True)\n"  # everything has been imported
        "os.geteuid() or os.seteuid(65534)\nsys.exit(run(cli, sys.argv[1:]))"
    )
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        folder.chmod(0o755)
        for name in ("a/net.yaml", "b/locked.yaml", "c/inside.yaml"):
            (folder / name).parent.mkdir()
            (folder / name).write_text(NET)
        (folder / "b" / "locked.yaml").chmod(0)
        (folder / "c").chmod(0)
        words = [sys.executable, "-c", code, "check", "a", "b", "c", "--max-params", "1M"]
        done = subprocess.run(words, cwd=folder, env=environment(), capture_output=True, check=False, encoding="utf-8")
        (folder / "c").chmod(0o755)
    assert done.stdout.splitlines()[1:] == [
        "PASS a/net.yaml  params 1,570 <= 1,000,000",
        "ERROR b/locked.yaml",
        "  cannot read the file: Permission denied [unreadable]",
        "    check the path and its permissions",
        "ERROR c",
        "  cannot read the folder: Permission denied [unreadable]",
        "    check the path and its permissions",
        "3 files: 1 passed, 0 failed, 2 errors (limits are inclusive)",
    ]
    assert done.returncode == 2


def test_help_names_what_matters(check: Check) -> None:
    """The help has every option, the exit status and examples, and says that limits are inclusive."""
    done = check("--help")
    assert done.status == 0
    for word in (
        "--policy",
        "--baseline",
        "--max-growth",
        "--only",
        "--format",
        "-o",
        "inclusive",
        "exit status is 0",
        "Examples:",
    ):
        assert word in done.out
    for quantity in LIMITS:
        assert f"--max-{quantity}" in done.out


# -- what is printed ---------------------------------------------------------------------------------------------------


def test_one_line_per_file(check: Check) -> None:
    """Each file has exact figures with thousands separators and every limit, and a summary follows."""
    done = check(
        "net.yaml", "small.yaml", "--max-params", "1k", "--max-activation-memory", "1KiB", "--max-macs", "5328"
    )
    assert done.out == (
        "FAIL net.yaml  params 1,570 > 1,000; activation memory 1,384 > 1,024 bytes; MACs 5,328 <= 5,328\n"
        f"  params: over by 570; 92 % are in fc1; {MORE} 1,400\n"
        "  activation-memory: over by 360 bytes; 55 % are in input\n"
        "  advice: double the stride of the first convolution, in conv1 (line 2): params 1,570 -> 490; "
        "activation memory 1,384 -> 952 bytes\n"
        "PASS small.yaml  params 55 <= 1,000; activation memory 60 <= 1,024 bytes; MACs 50 <= 5,328\n"
        "2 files: 1 passed, 1 failed (limits are inclusive)\n"
    )


def test_what_to_do(check: Check, tmp_path: Path) -> None:
    """The advice is right: a global average pooling before the layer saves exactly the amount that it states."""
    done = check("net.yaml", "--max-params", "1k")
    promised = int(re.findall(rf"{MORE} ([\d,]+)", done.out)[0].replace(",", ""))
    (tmp_path / "pooled.yaml").write_text(NET.replace("{fc", "globalavgpool, {fc"))
    pooled = check("pooled.yaml", "--max-params", "1G", "--format", "json").data["files"][0]["metrics"]["params"]
    assert FIGURES["params"] - pooled == promised == 1400
    (tmp_path / "wide.yaml").write_text(
        "input: 8x8x3\nlayers: [{conv: {filters: 99, kernel: 3}}, globalavgpool, {fc: 2}]\n"
    )
    assert MORE not in check("wide.yaml", "--max-params", "1k").out


def test_json(check: Check, tmp_path: Path) -> None:
    """The JSON has the documented keys."""
    body = "limits: {params: {max: 1k}, activation-memory: {min: 1kB, batch: 2}}\npoints: {params: 5}\noutput: 10"
    done = check("net.yaml", "unsound.yaml", "--policy", policy(tmp_path, body), "--format", "json")
    data = json.loads(done.out)
    assert list(data) == ["format", "cnncalc", "policy", "summary", "files", "unread", "anonymous", "leaderboard"]
    assert data["format"] == "cnncalc.check/1"
    assert data["policy"]["limits"][0] | {"optimizer": 0, "amp": 0} == {
        "quantity": "params", "min": None, "max": 1000, "level": "error", "batch": 1, "dtype": "float32", "count": "trainable",
        "optimizer": 0, "amp": 0,
    }  # fmt: skip
    assert data["policy"]["limits"][1]["min"] == 1000
    assert data["policy"]["limits"][1]["batch"] == 2
    assert data["policy"]["output"] == [10]
    assert data["policy"]["points"] == {"params": 5}
    assert data["policy"]["rules"] == ["sound", "output", "params", "activation-memory", "expect"]
    assert set(data["policy"]["rules"]) <= set(RULES)
    assert data["summary"] == {"files": 2, "passed": 0, "failed": 1, "errors": 1, "unread": 0}
    net, unsound = data["files"]
    assert net["status"] == "failed"
    assert {name: net["metrics"][name] for name in ("params", "buffers", "activation_bytes", "receptive_field")} == {
        "params": 1570, "buffers": 8, "activation_bytes": 1384, "receptive_field": 3,
    }  # fmt: skip
    assert net["measured"] == {"params": 1570, "activation-memory": 2768}
    assert net["results"] == {
        "sound": "pass", "output": "pass", "params": "fail", "activation-memory": "pass", "expect": "pass",
    }  # fmt: skip
    assert (net["points"], unsound["points"]) == ({"params": 0}, {"params": 0})
    assert set(unsound["results"].values()) == {"fail", "not known"}
    assert net["findings"] == [
        {
            "rule": "params", "code": "over-budget", "level": "error", "message": "params 1,570 > 1,000",
            "help": f"over by 570; 92 % are in fc1; {MORE} 1,400", "line": None, "column": None, "limit": 1000, "actual": 1570,
        }
    ]  # fmt: skip
    assert (unsound["status"], unsound["metrics"]) == ("error", None)
    finding = unsound["findings"][0]
    assert (finding["code"], finding["line"], finding["column"]) == ("unknown-layer", 2, 10)
    assert done.out.isascii()


def test_findings_have_a_limit(check: Check, tmp_path: Path) -> None:
    """At most twenty findings of a file are shown and the others counted, also for an invalid file."""
    wrong = ", ".join(["{relu: , expect: 1x1}"] * 300)
    (tmp_path / "many.yaml").write_text(f"input: 8x8x3\nlayers: [{wrong}]\n")
    (tmp_path / "worse.yaml").write_text(f"input: 8x8x3\nlayers: [{', '.join(['rlu'] * 300)}]\n")
    done = check("many.yaml", "worse.yaml", "--max-params", "1")
    assert done.status == 1
    assert done.out.count("[expect-wrong]") == 20
    assert "  and 280 more [more]" in done.lines
    assert done.out.count("[unknown-layer]") == 20
    found = check("many.yaml", "worse.yaml", "--format", "json")
    assert [len(file["findings"]) for file in found.data["files"]] == [21, 21]


def test_no_tables_and_no_colour(tmp_path: Path) -> None:
    """The output is plain text on any terminal, and rich and most modules are not imported."""
    (tmp_path / "net.yaml").write_text(NET)
    code = (
        "import sys\nfrom cnncalc.cli import cli\nfrom cnncalc.cli.run import run\n"
        "status = run(cli, sys.argv[1:])\nprint(status, 'rich' in sys.modules, 'torch' in sys.modules)"
    )
    env = environment(FORCE_COLOR="1", TERM="xterm-256color")
    for form in ("text", "json"):
        words = [sys.executable, "-c", code, "check", "net.yaml", "--max-params", "5", "--format", form]
        done = subprocess.run(words, cwd=tmp_path, env=env, capture_output=True, check=True, encoding="utf-8")
        assert done.stdout.splitlines()[-1] == "1 False False"
        assert "\x1b" not in done.stdout + done.stderr


# -- -o ----------------------------------------------------------------------------------------------------------------


def test_a_report_in_a_file(check: Check, tmp_path: Path) -> None:
    """The file has the same bytes as standard output would, for any exit status. Nothing else is printed."""
    for name, status in (("small.yaml", 0), ("net.yaml", 1), ("missing.yaml", 2)):
        shown = check(name, "--max-params", "55")
        done = check(name, "--max-params", "55", "-o", "out")
        assert (done.status, done.out, done.err) == (status, "", "")
        assert (tmp_path / "out").read_text() == shown.out
    assert not list(tmp_path.glob(".cnncalc-*"))


@posix
def test_a_report_is_written_whole_or_not_at_all(tmp_path: Path) -> None:
    """On a full file system the old report stays, and no partial file is left."""
    (tmp_path / "net.yaml").write_text(NET)
    (tmp_path / "out").write_text("the old report")
    done = program("net.yaml", "-o", "/dev/full", folder=tmp_path)
    assert done.returncode == 2
    assert b"No space left" in done.stderr

    def little_room() -> None:
        import resource
        import signal

        resource.setrlimit(resource.RLIMIT_FSIZE, (20, 20))
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)

    done = program("net.yaml", "--max-params", "5", "-o", "out", folder=tmp_path, preexec_fn=little_room)
    assert done.returncode == 2
    assert b"error: cannot write out: File too large" in done.stderr
    assert (tmp_path / "out").read_text() == "the old report"
    assert sorted(os.listdir(tmp_path)) == ["net.yaml", "out"]


# -- the same, however it is run ---------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def many(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Create more files than one process is given, of every kind."""
    folder = tmp_path_factory.mktemp("many")
    for number in range(MANY + 60):
        text = [NET, FILES["small"], FILES["unsound"], FILES["graded"], "", NET.replace("10", str(number + 1))][
            number % 6
        ]
        (folder / f"{number * 7919 % 1000:04d}-{number}.yaml").write_text(text)
    (folder / "folder.yaml").mkdir()
    return folder


@pytest.mark.heavy
@posix
def test_order_and_bytes_do_not_depend_on_the_run(many: Path) -> None:
    """The bytes do not depend on the number of processes, the hash seed or -o."""
    options = [".", "missing.yaml", "-", "--max-params", "1k", "--format"]
    found = set()
    for form in ("text", "json"):
        one = program(*options, form, folder=many, stdin=NET.encode(),
        preexec_fn=lambda: os.sched_setaffinity(0, {min(os.sched_getaffinity(0))}))  # fmt: skip
        several = [
            program(*options, form, folder=many, stdin=NET.encode(), env={"PYTHONHASHSEED": seed}) for seed in "12"
        ]
        found = {done.stdout for done in (one, *several)}
        assert len(found) == 1
        assert {(done.returncode, done.stderr) for done in (one, *several)} == {(2, b"")}
    data = json.loads(found.pop())
    paths = [file["path"] for file in data["files"]]
    assert len(paths) == MANY + 63
    assert all(a < b for a, b in pairwise(paths[:-2]))
    assert data["summary"]["passed"] == sum(file["status"] == "passed" for file in data["files"]) > 90


@posix
def test_more_processes_are_used_from_some_size_on(many: Path, check: Check, monkeypatch: pytest.MonkeyPatch) -> None:
    """With fewer files, with one core or without semaphores, no process is started."""
    from cnncalc.checking import run as run_module

    started: list[int] = []

    def no_pool(cores: int, **options: Any) -> Any:
        started.append(cores)
        raise OSError("no semaphores")

    monkeypatch.setattr("concurrent.futures.ProcessPoolExecutor", no_pool)
    monkeypatch.setattr(run_module, "_cores", lambda: 2)
    done = check(str(many), "--max-params", "1k")
    assert (done.status, started) == (1, [2])
    assert len(done.lines) > MANY
    check("net.yaml", "small.yaml")
    monkeypatch.setattr(run_module, "_cores", lambda: 1)
    assert check(str(many), "--max-params", "1k").out == done.out
    assert started == [2]


def test_a_bug_is_reported_as_one(check: Check, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """An internal error states its place and how to report it. The other files are still checked."""
    apply_rules = submission._apply_rules

    def fail(network: Network, path: str, task: submission.Task) -> submission.Checked:
        if path == "a.yaml":
            raise KeyError(path)
        return apply_rules(network, path, task)

    monkeypatch.setattr(submission, "_apply_rules", fail)
    monkeypatch.chdir(tmp_path)
    for name in ("a.yaml", "b.yaml"):
        Path(name).write_text("input: 8x8x3\nlayers: [fc: 10]\n")
    done = check("a.yaml", "b.yaml", "--max-params", "1M")
    assert done.status == 2
    assert re.search(
        r"internal error: KeyError in cnncalc\.checking\.submission, line [0-9]+ \[internal-error\]", done.out
    )
    assert "this is a bug in cnncalc and not a mistake in the file: please open an issue" in done.out
    assert "PASS b.yaml" in done.out
