"""cnncalc check on ONNX files: verdicts, policies, refused files, and attempts to hide weights.

The figures of the sound ones are those of the YAML files that they were exported from.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import unicodedata
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.helpers import ROOT

if os.environ.get("CNNCALC_REQUIRE_ORACLES") != "1":
    pytest.importorskip("onnx", reason="onnx, the oracle of these tests, is not installed")

from cnncalc.analyses.budget import Limit, Policy
from cnncalc.analyses.totals import analyze
from cnncalc.checking.submission import Checked, Task, check_file
from cnncalc.cli import cli
from cnncalc.cli.commands.check import FORMATS
from cnncalc.cli.run import run
from cnncalc.readers.onnx.file import FIELDS
from cnncalc.writers.onnx.writer import serialize
from tests.helpers import environment, git, network_of
from tests.oracle.onnx_mutants import fault, mutants, reports
from tests.oracle.onnx_threats import HIDDEN, REFUSED, SOUND, chain, dumped, files, model, op, weight

SHELF = ROOT / "architectures"
CONTROL = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}
posix = pytest.mark.skipif(os.name != "posix", reason="links, pipes and limits of POSIX")
NET = "input: 8x8x3\nlayers: [{conv: {filters: 4, kernel: 3}}, relu, {fc: 10}]\n"
Write = Callable[[str, bytes | str], str]


def as_onnx(text: str) -> bytes:
    """Return a specification as an ONNX file."""
    return serialize(network_of(text))


@pytest.fixture(name="write")
def writer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Write:
    """Return a function that writes files into an empty current folder."""
    monkeypatch.chdir(tmp_path)

    def write(name: str, content: bytes | str) -> str:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return name

    return write


def task(*limits: Limit, **policy: Any) -> Task:
    """Return a task whose policy has these limits."""
    return Task(Policy(limits=limits, **policy), metrics=True)


def codes(checked: Checked) -> list[str]:
    """Return the codes of the findings."""
    return [finding.code for finding in checked.findings]


# -- the same figures as in YAML --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name", ["lenet5", "resnet18", "mobilenet_v2", "googlenet", "densenet121", "stacked_lstm", "vit_b_16"]
)
def test_a_network_has_the_same_figures_in_both(name: str, write: Write) -> None:
    """Parameters, buffers, multiply-adds, input and output are the same without shape inference."""
    text = (SHELF / f"{name}.yaml").read_text(encoding="utf-8")
    ours = check_file(write(f"{name}.onnx", as_onnx(text)), task())
    theirs = check_file(write(f"{name}.yaml", text), task())
    assert ours.metrics is not None
    assert theirs.metrics is not None
    for quantity in ("params", "weights", "biases", "buffers", "macs", "input", "output"):
        assert ours.metrics[quantity] == theirs.metrics[quantity], quantity


def program(*words: str, folder: Path, **options: Any) -> subprocess.CompletedProcess[str]:
    """Run the command in a separate process."""
    return subprocess.run(
        [sys.executable, "-m", "cnncalc", *words], cwd=folder, env=environment(), capture_output=True, text=True, check=False,
        encoding="utf-8", **options,
    )  # fmt: skip


@pytest.mark.parametrize("form", FORMATS)
def test_every_dialect(form: str, write: Write, capsys: pytest.CaptureFixture[str]) -> None:
    """Reports have the figures of a file that passes and of one that fails, and the error of a broken one."""
    write("in/good.onnx", as_onnx(NET))
    write("in/over.ONNX", as_onnx(NET.replace("fc: 10", "fc: 100")))
    write("in/none.onnx", b"input: 3\nlayers: [relu]\n")
    assert run(cli, ["check", "in", "--max-params", "2k", "--format", form]) == 1
    out, err = capsys.readouterr()
    assert err == ""
    assert "none.onnx" in out
    assert "14,612" in out or "14612" in out
    if form == "text":
        assert "PASS in/good.onnx  params 1,562 <= 2,000" in out
        assert "ERROR in/none.onnx" in out
    if form == "json":
        statuses = {file["path"]: file["status"] for file in json.loads(out)["files"]}
        assert statuses == {"in/good.onnx": "passed", "in/over.ONNX": "failed", "in/none.onnx": "error"}


# -- policies ---------------------------------------------------------------------------------------------------------

FIRST = model([op("Conv", "x w", "y")], [weight("w", 4, 3, 3, 3)], ("N", 3, 32, 48))
LAST = model(
    [op("Transpose", "x", "t", perm=[0, 3, 1, 2]), op("Conv", "t w", "c"), op("Transpose", "c", "y", perm=[0, 2, 3, 1])],
    [weight("w", 4, 3, 3, 3)], ("N", 32, 48, 3),
)  # fmt: skip
OPEN = model([op("Conv", "x w", "y")], [weight("w", 4, 3, 3, 3)], ("N", 3, "height", "width"))
STEPS = model([op("MatMul", "x w", "y")], [weight("w", 5, 6)], ("N", 7, 5))


@pytest.mark.parametrize(
    ("made", "shape", "out"),
    [(FIRST, "32x48x3", "30x46x4"), (LAST, "32x48x3", "30x46x4"), (OPEN, "32x48x3", "30x46x4"), (STEPS, "7x5", "7x6")],
    ids=["channels first", "channels last", "open", "steps"],
)  # fmt: skip
def test_the_input_of_a_policy(
    made: Any, shape: str, out: str, write: Write, capsys: pytest.CaptureFixture[str]
) -> None:
    """The policy's input is height x width x channels for each layout, and it sets open sizes of the file."""
    path = write("net.onnx", dumped(made))
    assert run(cli, ["check", path, "--input", shape, "--output", out]) == 0, capsys.readouterr().out
    assert run(cli, ["check", path, "--input", shape, "--output", "9x9x9"]) == 1
    if made is not OPEN:
        capsys.readouterr()
        assert run(cli, ["check", path, "--input", "3x32x48" if len(shape) > 3 else "5x7"]) == 1
        assert f"the input is {shape}, not " in capsys.readouterr().out


def test_an_open_input_without_a_policy(write: Write, capsys: pytest.CaptureFixture[str]) -> None:
    """An open input without a policy is unknown, and no limit passes."""
    path = write("net.onnx", dumped(OPEN))
    assert run(cli, ["check", path, "--max-params", "1M"]) == 1
    assert "the sizes of `height` and `width` are unknown [unknown-size]" in capsys.readouterr().out


def test_help_for_a_wrong_shape_is_not_that_of_a_specification(
    write: Write, capsys: pytest.CaptureFixture[str]
) -> None:
    """The help does not suggest `input:`, which ONNX files do not have."""
    path = write("net.onnx", dumped(FIRST))
    assert run(cli, ["check", path, "--input", "9x9x3", "--output", "10"]) == 1
    out = capsys.readouterr().out
    assert "export the model for an input of 9x9x3" in out
    assert "write `input" not in out
    assert "fc: 10" not in out


def test_kinds(write: Write) -> None:
    """Kinds have the names that the reader gives: a depthwise convolution in ONNX is a `conv` with groups."""
    path = write("net.onnx", as_onnx("input: 8x8x4\nlayers: [{depthwise: 3}, relu6, {maxpool: 2}]\n"))
    assert codes(check_file(path, task(required=("conv", "relu6", "maxpool")))) == []
    assert codes(check_file(path, task(forbidden=("conv",)))) == ["forbidden-kind"]


def test_an_unknown_figure_passes_no_limit(write: Write) -> None:
    """The multiply-adds of an Einsum of three tensors are unknown, because they depend on the order. Its parameters are known."""
    made = model(
        [op("Einsum", "x w v", "y", equation="bi,ij,jk->bk")], [weight("w", 5, 6), weight("v", 6, 7)], ("N", 5)
    )
    path = write("net.onnx", dumped(made))
    checked = check_file(path, task(Limit("params", most=100)))
    assert (checked.status, checked.metrics["params"] if checked.metrics else None) == ("passed", 72)
    assert checked.metrics is not None
    assert checked.metrics["macs"] is None
    assert codes(check_file(path, task(Limit("macs", most=10**15)))) == ["not-known"]
    assert codes(check_file(path, task(Limit("training-memory", most=10**15)))) == ["not-known"]


# -- growth -----------------------------------------------------------------------------------------------------------


def test_growth_against_a_file(write: Write, capsys: pytest.CaptureFixture[str]) -> None:
    """An ONNX file is compared with another one and with a specification."""
    base, net = write("base.onnx", as_onnx(NET)), write("net.onnx", as_onnx(NET.replace("filters: 4", "filters: 5")))
    spec = write("base.yaml", NET)
    for before in (base, spec):
        assert run(cli, ["check", net, "--baseline", before, "--max-growth", "30%"]) == 0
        assert run(cli, ["check", net, "--baseline", before, "--max-growth", "20%"]) == 1
        assert "1,950 > 1,874" in capsys.readouterr().out
    assert run(cli, ["check", spec, "--baseline", base, "--max-growth", "0%"]) == 0
    bad = write("bad.onnx", b"nothing")
    assert run(cli, ["check", net, "--baseline", bad, "--max-growth", "0%"]) == 2
    assert run(cli, ["check", net, "--baseline", "missing.onnx", "--max-growth", "0%"]) == 2


@pytest.mark.skipif(shutil.which("git") is None, reason="no git")
def test_growth_against_a_revision(write: Write, tmp_path: Path) -> None:
    """A file is compared with its earlier version, and a new file passes."""
    write("net.onnx", as_onnx(NET))
    git(tmp_path, "init", "-q")
    git(tmp_path, "add", "net.onnx")
    git(tmp_path, "commit", "-qm", "one")
    write("net.onnx", as_onnx(NET.replace("fc: 10", "fc: 11")))
    write("new.onnx", as_onnx(NET))
    assert run(cli, ["check", "net.onnx", "new.onnx", "--baseline", "HEAD", "--max-growth", "10%"]) == 0
    assert run(cli, ["check", "net.onnx", "--baseline", "HEAD", "--max-growth", "9%"]) == 1


# -- which files ------------------------------------------------------------------------------------------------------


def test_folders_hold_models_too(write: Write, capsys: pytest.CaptureFixture[str]) -> None:
    """ONNX files are found in folders together with specifications, in order, with suffixes in either case."""
    for name in ("b/net.onnx", "a.ONNX"):
        write(name, as_onnx(NET))
    write("c.yaml", NET)
    write("d.keras", b"PK")
    assert run(cli, ["check", ".", "--max-params", "1M"]) == 0
    heads = [line.split()[1] for line in capsys.readouterr().out.splitlines() if line.startswith("PASS")]
    assert [head.removeprefix("./") for head in heads] == ["a.ONNX", "c.yaml", "b/net.onnx"]


def test_files_are_read_without_packages(
    write: Write, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """`check` decodes the files itself."""
    write("net.onnx", as_onnx(NET))
    for name in ("onnx", "numpy"):
        monkeypatch.setitem(sys.modules, name, None)
    assert run(cli, ["check", ".", "--max-params", "1M"]) == 0


def test_several_processes(write: Write, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """Several processes give the same report as one."""
    for number in range(12):
        write(f"{number:02d}.onnx", as_onnx(NET.replace("fc: 10", f"fc: {number + 5}")))
    status = run(cli, ["check", ".", "--max-params", "2k", "--format", "json"])
    alone = capsys.readouterr().out
    monkeypatch.setattr("cnncalc.checking.run.MANY", 2)
    monkeypatch.setattr("cnncalc.checking.run._cores", lambda: 2)
    assert run(cli, ["check", ".", "--max-params", "2k", "--format", "json"]) == status
    assert capsys.readouterr().out == alone


@posix
def test_links_pipes_and_folders(write: Write, tmp_path: Path) -> None:
    """Only regular files are read, so that cnncalc does not wait for a pipe."""
    write("net.onnx", as_onnx(NET))
    (tmp_path / "link.onnx").symlink_to("net.onnx")
    (tmp_path / "folder.onnx").mkdir()
    os.mkfifo(tmp_path / "pipe.onnx")
    for name in ("link", "folder", "pipe"):
        checked = check_file(f"{name}.onnx", task())
        assert (checked.status, codes(checked)) == ("error", ["not-regular"]), name
    assert check_file("gone.onnx", task()).status == "unreadable"
    assert check_file("nul\0.onnx", task()).status == "unreadable"


def test_a_file_that_shrinks(write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file that shrinks while it is read gives an error, not a signal."""
    path = write("net.onnx", as_onnx(NET))
    monkeypatch.setattr("os.fstat", _longer(os.fstat))
    assert codes(check_file(path, task())) == ["bad-model"]


def _longer(fstat: Callable[[int], os.stat_result]) -> Callable[[int], os.stat_result]:
    def claimed(handle: int) -> os.stat_result:
        facts = list(fstat(handle))
        facts[6] += 10_000
        return os.stat_result(facts)

    return claimed


# -- threats ----------------------------------------------------------------------------------------------------------

# the most memory that a process has had, in bytes: what Linux reports to getrusage includes the process that started it
PEAK = """
import os, resource
def peak():
    if os.path.exists("/proc/self/status"):
        with open("/proc/self/status") as file:
            return next(int(line.split()[1]) * 1024 for line in file if line.startswith("VmHWM"))
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
"""
MEASURED = (
    PEAK
    + """
import json, sys, time
from pathlib import Path
from cnncalc.analyses.budget import Limit, Policy
from cnncalc.checking.submission import Task, check_file
task = Task(Policy(limits=(Limit("params", most=10**12),)), metrics=True)
for path in sorted(Path(sys.argv[1]).iterdir()):
    start = time.process_time()
    checked = check_file(str(path), task)
    facts = {"status": checked.status, "codes": [one.code for one in checked.findings], "metrics": checked.metrics,
             "messages": [one.message + one.help for one in checked.findings], "seconds": time.process_time() - start,
             "memory": peak()}
    print(json.dumps([path.name, facts]))
"""
)


@pytest.fixture(scope="module", name="verdicts")
def read_by_itself(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """Return the findings for each threat and their cost, from a separate process."""
    if os.name != "posix":
        pytest.skip("memory is measured by POSIX")
    folder = tmp_path_factory.mktemp("threats")
    for name, data in files().items():
        (folder / name).write_bytes(data)
    done = subprocess.run(
        [sys.executable, "-c", MEASURED, str(folder)], env=environment(), capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
    return dict(json.loads(line) for line in done.stdout.splitlines())


@pytest.mark.parametrize("name", REFUSED)
def test_a_threat_is_refused_for_what_it_is(name: str, verdicts: dict[str, Any]) -> None:
    """Each threat gives one clear error with the expected code."""
    facts = verdicts[f"refused-{list(REFUSED).index(name):03d}.onnx"]
    assert (facts["status"], facts["codes"]) == ("error", [REFUSED[name][1]]), facts["messages"]


@pytest.mark.parametrize("name", SOUND)
def test_what_only_looks_like_a_threat(name: str, verdicts: dict[str, Any]) -> None:
    """A sound file is read, and its parameters follow from its dimensions."""
    facts = verdicts[f"sound-{list(SOUND).index(name):03d}.onnx"]
    assert (facts["status"], facts["codes"]) == ("passed", []), facts["messages"]
    assert facts["metrics"]["params"] == SOUND[name][1]


@pytest.mark.parametrize("name", HIDDEN)
def test_no_number_is_hidden(name: str, verdicts: dict[str, Any]) -> None:
    """Each way of hiding weights still counts at least its 300 numbers as parameters."""
    facts = verdicts[f"hidden-{list(HIDDEN).index(name):03d}.onnx"]
    assert (facts["status"], facts["codes"]) == ("passed", []), facts["messages"]
    assert 300 <= facts["metrics"]["params"] <= 301
    assert facts["metrics"]["buffers"] == 0


def test_what_threats_cost(verdicts: dict[str, Any]) -> None:
    """Each threat takes at most a second, and all together at most 200 MB."""
    assert len(verdicts) == len(REFUSED) + len(SOUND) + len(HIDDEN) > 80
    slow = {name: facts["seconds"] for name, facts in verdicts.items() if facts["seconds"] > 1.5}
    assert slow == {}
    assert max(facts["memory"] for facts in verdicts.values()) < 200 * 2**20


@pytest.mark.parametrize("form", FORMATS)
def test_no_report_carries_anything_hostile(form: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Reports in each format are safe for any names in a model."""
    names = [name for name in (*REFUSED, *SOUND) if "name" in name or "operator" in name or "text" in name]
    for number, name in enumerate(names):
        (tmp_path / f"{number}.onnx").write_bytes((REFUSED | SOUND)[name][0])
    (tmp_path / "op.onnx").write_bytes(dumped(model([op("\x1b[31m##[error]::error::x", "x", "y")])))
    words = ["check", str(tmp_path), "--max-params", "1", "--output", "3", "--input", "3", "--format", form]
    assert run(cli, words) == 1
    out, err = capsys.readouterr()
    assert err == ""
    for line in out.split("\n"):
        assert not [char for char in line if unicodedata.category(char) in CONTROL], ascii(line)[:300]
        assert "##[" not in line
        assert not line.startswith("::") or line.startswith(("::error file=", "::warning file="))


def test_the_limit_of_fields_leaves_room(write: Write) -> None:
    """A network of 5,000 nodes is far below the limit on fields."""
    checked = check_file(write("net.onnx", chain(5_000)), task())
    assert checked.status == "passed"
    assert FIELDS > 500_000


def test_mutants() -> None:
    """Try a few hundred mutants. `python tests/oracle/onnx_mutants.py 20000` tries more."""
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "mutant.onnx")
        seen: list[Checked] = []
        for number, (what, data) in enumerate(mutants(400, seed=20)):
            path.write_bytes(data)
            found, _, checked = fault(path)
            assert found == "", (number, what)
            seen.append(checked)
        assert reports(seen) == ""
        statuses = [one.status for one in seen]
    assert statuses.count("error") > 200
    assert statuses.count("failed") > 20
    assert [data for _, data in mutants(5, 3)] == [data for _, data in mutants(5, 3)]


# -- large files ------------------------------------------------------------------------------------------------------

RUN = (
    PEAK
    + """
import sys
from cnncalc.cli import cli
from cnncalc.cli.run import run
status = run(cli, sys.argv[1:])
print(status, peak(), file=sys.stderr)
"""
)


def _sized(number: int, length: int) -> bytes:
    out = bytearray([number << 3 | 2])
    while length > 127:
        out.append(length & 127 | 128)
        length >>= 7
    return bytes([*out, length])


@posix
@pytest.mark.parametrize(
    "words", [("analyze", "--get", "params"), ("check", "--max-params", "200M")], ids=["analyze", "check"]
)
def test_half_a_gigabyte_is_read_without_its_weights(words: tuple[str, ...], tmp_path: Path) -> None:
    """Write 125 million numbers as a hole in a sparse file."""
    made = model([op("Flatten", "x", "f"), op("Gemm", "f w", "y", transB=1)], (), ("N", 50, 50, 50))
    head = made.graph.SerializeToString()
    size = 1000 * 125_000 * 4
    tensor = weight("w", 1000, 125_000).SerializeToString() + _sized(9, size)
    opset = made.opset_import[0].SerializeToString()
    before = (
        _sized(8, len(opset))
        + opset
        + _sized(7, len(head) + len(_sized(5, len(tensor) + size)) + len(tensor) + size)
        + head
    )
    before += _sized(5, len(tensor) + size) + tensor
    path = tmp_path / "large.onnx"
    with path.open("wb") as file:
        file.write(b"\x08\x08" + before)
        file.truncate(2 + len(before) + size)
    assert path.stat().st_size > 500_000_000
    command = [sys.executable, "-c", RUN, words[0], str(path), *words[1:]]
    done = subprocess.run(command, env=environment(), capture_output=True, text=True, check=False)
    status, peak = done.stderr.split()[-2:]
    assert status == "0", done.stderr
    assert "125000000" in done.stdout.replace(",", "")
    assert int(peak) < 200 * 2**20


def test_two_thousand_nodes(write: Write) -> None:
    """Large files are read and analysed in a second or two."""
    import time

    from cnncalc.readers import ReaderOptions
    from cnncalc.readers import read as read_model

    path = write("net.onnx", chain(2_000))
    start = time.process_time()
    assert analyze(read_model(path, ReaderOptions({}, {}))).totals.layers == 2_000
    assert time.process_time() - start < 5


def test_time_grows_with_the_nodes(tmp_path: Path) -> None:
    """Eight times as many convolutions take about eight times as long. A stranger's file can have at most 9,999."""
    import time

    def seconds(count: int) -> float:
        nodes = [
            op("Conv", f"{f'c{number - 1}' if number else 'x'} w{number}", f"c{number}" if number < count - 1 else "y",
               pads=[1, 1, 1, 1])
            for number in range(count)
        ]  # fmt: skip
        path = tmp_path / f"{count}.onnx"
        path.write_bytes(dumped(model(nodes, [weight(f"w{number}", 3, 3, 3, 3) for number in range(count)])))
        taken = []
        for _ in range(2):
            start = time.process_time()
            assert check_file(str(path), task()).status == "passed"
            taken.append(time.process_time() - start)
        return min(taken)

    seconds(100)
    assert seconds(9_999) < 8 * 2.5 * seconds(1_250)


def test_an_internal_error_is_not_a_verdict(write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    """An exception from a bug in a rule is an internal error, not a verdict about the file."""
    from cnncalc.readers import ReaderOptions, read
    from cnncalc.readers.onnx import model as onnx_model

    def mistaken(*_: Any) -> None:
        raise TypeError("a fault of the program")

    monkeypatch.setitem(onnx_model.HANDLERS, "Relu", mistaken)
    path = write("net.onnx", as_onnx(NET))
    checked = check_file(path, task())
    assert (checked.status, codes(checked)) == ("unreadable", ["internal-error"])
    with pytest.raises(TypeError, match="a fault of the program"):
        read(path, ReaderOptions({}, {}))


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [("pads", 1, "`pads` is a whole number, not a list of whole numbers"), ("group", [1], "`group` is a list"),
     ("strides", [1.5, 2.0], "`strides` is a list of numbers"), ("auto_pad", 3, "`auto_pad` is a whole number, not text")],
)  # fmt: skip
def test_an_attribute_of_another_type(name: str, value: Any, words: str, write: Write) -> None:
    """An attribute of the wrong type is reported by its name as a mistake in the file."""
    checked = check_file(write("net.onnx", dumped(model([op("Conv", "x w", "y", **{name: value})],
                                                        [weight("w", 4, 3, 3, 3)]))), task())  # fmt: skip
    assert codes(checked) == ["bad-model"]
    assert words in checked.findings[0].message
