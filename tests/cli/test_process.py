"""The program as a process: closed, full and broken streams, signals, terminals, encodings, imports."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

import pytest

from cnncalc import shelf
from cnncalc.cli import COMMANDS
from tests.helpers import environment, run_on_terminal

PROGRAM = [sys.executable, "-m", "cnncalc"]
ENVIRONMENT = environment()
GOOD = "name: Good\ninput: 8x8x3\nlayers: [{conv: {filters: 4, kernel: 3}}, relu, {fc: 10}]\n"
posix = pytest.mark.skipif(os.name != "posix", reason="terminals, pipes and signals of POSIX")


def program(
    *args: str,
    stdin: bytes = b"",
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
    start: Sequence[str] = PROGRAM,
) -> subprocess.CompletedProcess[bytes]:
    """Run the program to its end."""
    return subprocess.run(
        [*start, *args], input=stdin, capture_output=True, env={**ENVIRONMENT, **(env or {})}, cwd=cwd, check=False
    )


def redirected(redirection: str, *args: str) -> subprocess.CompletedProcess[bytes]:
    """Run the program from a shell with a redirection such as `>&-`."""
    return subprocess.run(
        ["sh", "-c", f'exec "$@" {redirection}', "sh", *PROGRAM, *args],
        capture_output=True,
        env=ENVIRONMENT,
        check=False,
    )


@pytest.fixture
def net(tmp_path: Path) -> Path:
    """Create a file whose name and words an ASCII stream cannot represent."""
    file = tmp_path / "net.yaml"
    file.write_text(GOOD.replace("Good", "Réseau 漢字 ✓"), encoding="utf-8")
    return file


# -- streams ---------------------------------------------------------------------------------------------------------


def test_standard_input() -> None:
    """`-` is a specification on standard input, and errors in it have a place."""
    done = program("analyze", "-", "--get", "params", stdin=GOOD.encode())
    assert (done.returncode, done.stdout, done.stderr) == (0, b"1562\n", b"")
    done = program("analyze", "-", stdin=b"input: 8x8x3\nlayers: [rlu]\n")
    assert done.returncode == 1
    assert done.stderr.startswith(b"<stdin>:2:10: error: no layer named `rlu`")
    done = program("analyze", "-", stdin=b"name: \xff\xfe\n")
    assert done.returncode == 1
    assert b"[not-text]" in done.stderr


@posix
def test_closed_streams(tmp_path: Path) -> None:
    """There is no traceback, and a file is written even if the streams are closed."""
    done = redirected("<&-", "analyze", "-")
    assert (done.returncode, done.stderr) == (2, b"error: standard input is closed\n")
    done = redirected(">&-", "analyze", "lenet5")
    assert (done.returncode, done.stderr) == (2, b"error: standard output is closed\n")
    done = redirected("2>&-", "analyze", "missing.yaml")
    assert (done.returncode, done.stdout) == (2, b"")
    file = tmp_path / "out"
    done = redirected(">&- 2>&-", "analyze", "lenet5", "--get", "params", "-o", str(file))
    assert (done.returncode, file.read_text()) == (0, "61706\n")
    for word in ("--version", "--help"):
        done = redirected(">&-", word)
        assert (done.returncode, done.stderr) == (0, b"")


@posix
@pytest.mark.parametrize(
    "line",
    ["analyze vgg16", "analyze vgg16 --format json", "analyze vgg16 --get params", "analyze lenet5 -o /dev/stdout",
     "list", "show vgg16", "explain conv", "schema", "completion fish", "new", "--help", "analyze --help", "--version"],
)  # fmt: skip
def test_a_broken_pipe(line: str) -> None:
    """With `| true` the reader ends before anything is written. The command is silent and ends with 141, as in a shell."""
    read, write = os.pipe()
    os.close(read)
    done = subprocess.run([*PROGRAM, *line.split()], stdout=write, stderr=subprocess.PIPE, env=ENVIRONMENT, check=False)
    os.close(write)
    assert (done.returncode, done.stderr) == (141, b"")


@posix
def test_a_pipe_that_breaks_half_way(tmp_path: Path) -> None:
    """`| head -1` closes a pipe that holds only part of the output."""
    file = tmp_path / "long.yaml"
    file.write_text("name: Long\ninput: 8x8x3\nlayers: [{relu: {}, repeat: 20000}]\n")
    with subprocess.Popen(
        [*PROGRAM, "analyze", str(file)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=ENVIRONMENT
    ) as running:
        assert running.stdout is not None
        assert running.stderr is not None
        assert running.stdout.readline() == b"Long\n"
        running.stdout.close()
        assert running.stderr.read() == b""
        assert running.wait() == 141


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="no /dev/full")
@pytest.mark.parametrize("line", ["analyze vgg16", "analyze vgg16 --format json", "list", "--help", "schema"])
def test_a_full_disk(line: str) -> None:
    """The reason in one line, and 2."""
    with open("/dev/full", "wb") as full:
        done = subprocess.run(
            [*PROGRAM, *line.split()], stdout=full, stderr=subprocess.PIPE, env=ENVIRONMENT, check=False
        )
    assert (done.returncode, done.stderr) == (2, b"error: No space left on device\n")


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="no /dev/full")
def test_a_full_disk_elsewhere() -> None:
    """The same with -o, and if messages cannot be written."""
    done = program("analyze", "vgg16", "-o", "/dev/full")
    assert (done.returncode, done.stderr) == (2, b"error: cannot write /dev/full: No space left on device\n")
    assert redirected("2>/dev/full", "analyze", "missing.yaml").returncode == 2
    assert redirected("2>/dev/full", "analyze", "vgg16", "--input", "10x10x3").returncode == 1


@posix
@pytest.mark.skipif(hasattr(os, "geteuid") and os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_that_is_not_writable(tmp_path: Path) -> None:
    """The error names it, and the status is 2."""
    tmp_path.chmod(0o500)
    done = program("analyze", "lenet5", "-o", str(tmp_path / "out"))
    tmp_path.chmod(0o700)
    assert done.returncode == 2
    assert done.stderr.endswith(b"out: Permission denied\n")


@posix
def test_interrupted() -> None:
    """Ctrl-C while standard input is read gives 130 and no output. The input is larger than a pipe, so it is being read."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # a child inherits an ignored signal
    try:
        running = subprocess.Popen(
            [*PROGRAM, "analyze", "-"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=ENVIRONMENT,
        )
    finally:
        signal.signal(signal.SIGINT, before)
    with running:
        assert running.stdin is not None
        assert running.stdout is not None
        assert running.stderr is not None
        try:
            running.stdin.write(b"# a comment\n" * 50_000)
            running.stdin.flush()
            for _ in range(60):  # a signal between two reads is seen at the next one
                running.send_signal(signal.SIGINT)
                with suppress(subprocess.TimeoutExpired):
                    running.wait(timeout=1)
                    break
            assert running.returncode == 130
            assert running.stdout.read() == b""
            assert running.stderr.read().strip() == b""
        finally:
            running.kill()
            running.stdin.close()


# -- colour and terminals --------------------------------------------------------------------------------------------


def terminal(columns: int, *args: str, encoding: str = "utf-8", **env: str) -> str:
    """Return what the program writes to a terminal with this many columns, including escapes, with `
    ` line ends.
    """
    everything = {**ENVIRONMENT, "TERM": "xterm-256color", **env}
    printed = run_on_terminal([*PROGRAM, *args], columns, everything, silent=True)
    return printed.decode(encoding).replace("\r\n", "\n")


def bare(text: str) -> str:
    """Return a text without colour escapes and without blanks at line ends."""
    return re.sub(r"[ ]+$", "", re.sub(r"\x1b\[[0-9;]*m", "", text), flags=re.MULTILINE)


@pytest.mark.heavy
@posix
@pytest.mark.parametrize(
    "line", ["analyze vgg16", "analyze resnet50 --depth 2 --columns kind,fields,output,formula,rf"]
)
def test_nothing_is_cut_off(line: str) -> None:
    """A terminal shows every word that a pipe gets, with colour. On narrow ones names are repeated for each group of columns."""
    piped = program(*line.split()).stdout.decode()
    assert "\x1b" not in piped
    words = re.findall(r"\w+", piped)
    for columns in (200, 80, 40, 0):
        shown = terminal(columns, *line.split(), COLUMNS="")
        assert "\x1b[" in shown
        assert not set(words) - set(re.findall(r"\w+", bare(shown)))
        assert columns or bare(shown) == piped


@posix
def test_more_room_shows_more() -> None:
    """Bars appear from 100 columns on and fields from 130 on. Every figure stays, and the table fits."""
    piped = program("analyze", "vgg16").stdout.decode()
    for columns, fields in ((100, False), (129, False), (130, True), (200, True)):
        shown = bare(terminal(columns, "analyze", "vgg16"))
        row = next(line for line in shown.splitlines() if " fc1 " in line)
        assert row.split()[-4:-1] == ["102,764,544", "74.3", "%"]
        assert set(row.split()[-1]) <= set("█▏▎▍▌▋▊▉")
        assert ("units 4096" in row) == fields
        assert max(len(line) for line in shown.partition("total")[0].splitlines()) <= columns
        assert set(re.findall(r"[\d,]{4,}", piped)) <= set(re.findall(r"[\d,]{4,}", shown))


@posix
def test_columns_of_the_environment() -> None:
    """COLUMNS sets the width; invalid values are ignored."""
    assert "units 4096" in terminal(80, "analyze", "vgg16", COLUMNS="150")
    for nonsense in ("0", "-5", "wide", "9" * 5000):
        assert "units 4096" not in terminal(80, "analyze", "vgg16", COLUMNS=nonsense)


@posix
@pytest.mark.parametrize(
    ("args", "env"),
    [((), {"NO_COLOR": "1"}), (("--no-color",), {}), ((), {"TERM": "dumb"})],
    ids=["NO_COLOR", "option", "dumb"],
)
def test_no_colour(args: tuple[str, ...], env: dict[str, str]) -> None:
    """No option or variable against colour leaves a single escape."""
    for line in ("analyze vgg16", "explain vgg16 conv1", "list"):
        shown = terminal(90, *line.split(), *args, **env)
        assert "\x1b" not in shown
        assert "VGG-16" in shown or "conv1" in shown or "vgg16" in shown


@pytest.mark.parametrize("force", ["CLICOLOR_FORCE", "TTY_COMPATIBLE"])
def test_a_pipe_gets_no_colour(force: str) -> None:
    """Other programs read it, so variables that only rich knows change nothing."""
    assert b"\x1b" not in program("analyze", "vgg16", env={force: "1", "TERM": "xterm-256color"}).stdout


PIPED = [
    ("--color always", {}, True),
    ("--color always", {"NO_COLOR": "1"}, True),
    ("--color always", {"TERM": "dumb"}, True),
    ("--color always --no-color", {}, False),
    ("--color auto", {}, False),
    ("--color auto", {"FORCE_COLOR": "1"}, True),
    ("--color never", {"FORCE_COLOR": "1"}, False),
    ("", {"FORCE_COLOR": "1"}, True),
    ("", {"FORCE_COLOR": "1", "NO_COLOR": "1"}, False),
    ("", {"FORCE_COLOR": ""}, False),
    ("", {"FORCE_COLOR": "0"}, False),
]


@pytest.mark.parametrize(("words", "env", "coloured"), PIPED)
def test_colour_by_option_and_variable(words: str, env: dict[str, str], coloured: bool, tmp_path: Path) -> None:
    """An option takes precedence over NO_COLOR, and NO_COLOR over FORCE_COLOR. The text is the same as without."""
    plain = program("analyze", "vgg16").stdout.decode()
    found = program("analyze", "vgg16", *words.split(), env=env).stdout.decode()
    assert ("\x1b[" in found) == coloured
    assert re.sub(r"\x1b\[[0-9;]*m", "", found) == plain
    assert b"\x1b" not in program("analyze", "lenet5", *words.split(), "--format", "json", env=env).stdout
    program("analyze", "lenet5", *words.split(), "-o", str(tmp_path / "a.txt"), env=env)
    assert "\x1b" not in (tmp_path / "a.txt").read_text(encoding="utf-8")


@posix
@pytest.mark.parametrize("encoding", ["utf-8", "ascii", "cp1252"])
def test_a_hostile_name_on_a_terminal(encoding: str, tmp_path: Path) -> None:
    """rich's markup is plain text, escapes are shown, and unprintable characters cause no error."""
    file = tmp_path / "net.yaml"
    name = "[/red][bold]:smile: é 漢 \\u202e \\e]0;title\\a \\e[31m"
    file.write_text(GOOD.replace("Good", f'"{name}"'), encoding="utf-8")
    shown = bare(terminal(120, "analyze", str(file), encoding=encoding, PYTHONIOENCODING=encoding, PYTHONUTF8="0"))
    assert "[/red][bold]:smile: " in shown
    assert "\\u202e" in shown
    assert "\\x1b]0;title\\x07 \\x1b[31m" in shown
    assert "\x1b" not in shown
    assert ("─" in shown) == (encoding == "utf-8")


# -- encodings -------------------------------------------------------------------------------------------------------


@pytest.mark.heavy
@pytest.mark.parametrize("encoding", ["ascii", "cp1252", "latin-1", "utf-8"])
@pytest.mark.parametrize(
    "line", ["analyze", "analyze --format markdown", "analyze --format csv", "analyze --format json", "explain"]
)
def test_encodings(encoding: str, line: str, net: Path) -> None:
    """Without box drawing, rules are ASCII, and characters that cannot be written are escaped."""
    done = program(*line.split(), str(net), env={"PYTHONIOENCODING": encoding, "PYTHONUTF8": "0"})
    assert (done.returncode, done.stderr) == (0, b"")
    text = done.stdout.decode(encoding)
    if line == "analyze":
        assert ("Réseau 漢字 ✓" if encoding == "utf-8" else "\\u6f22\\u5b57 \\u2713") in text
        assert (" ─────" if encoding == "utf-8" else " -----") in text


def test_the_plain_c_locale(net: Path) -> None:
    """As in a minimal container, without Python's UTF-8 mode."""
    env = {"LC_ALL": "C", "PYTHONCOERCECLOCALE": "0", "PYTHONUTF8": "0"}
    done = program("analyze", str(net), env=env)
    assert (done.returncode, done.stderr) == (0, b"")
    assert b"R\\xe9seau" in done.stdout


def test_a_file_is_utf8_whatever_the_terminal_is(net: Path, tmp_path: Path) -> None:
    """-o does not depend on the locale."""
    out = tmp_path / "out"
    program("analyze", str(net), "-o", str(out), env={"PYTHONIOENCODING": "ascii"})
    assert out.read_bytes().startswith("Réseau 漢字 ✓\n".encode())


@posix
def test_a_path_that_is_not_utf8(tmp_path: Path) -> None:
    """A byte in the file's name is not valid UTF-8."""
    file = os.path.join(os.fsencode(tmp_path), b"caf\xe9.yaml")
    with open(file, "wb") as stream:
        stream.write(b"input: 10\nlayers: [fc: 5]\n")
    for args in ([], ["--format", "json"], ["--format", "markdown"], ["--format", "csv"], ["--format", "latex"]):
        done = subprocess.run([*PROGRAM, "analyze", file, *args], capture_output=True, env=ENVIRONMENT, check=False)
        assert (done.returncode, done.stderr) == (0, b"")
        assert done.stdout.decode("utf-8")
    done = subprocess.run([*PROGRAM, "analyze", b"caf\xe9.yml"], capture_output=True, env=ENVIRONMENT, check=False)
    assert (done.returncode, done.stderr) == (2, b"error: there is no file caf\\udce9.yml\n")


# -- how Python is run -----------------------------------------------------------------------------------------------

LINES = ["analyze vgg16", "analyze vgg16 --format json", "explain", "explain conv", "explain vgg16 conv1", "list",
         "schema", "compare vgg16 vgg19", "memory lenet5", "completion bash", "--help", "analyze --help"]  # fmt: skip


@pytest.mark.heavy
@pytest.mark.parametrize("line", LINES)
def test_warnings_are_errors(line: str) -> None:
    """Nothing deprecated is used, and every file is closed."""
    done = program(*line.split(), env={"PYTHONWARNINGS": "error", "PYTHONDEVMODE": "1"})
    assert (done.returncode, done.stderr) == (0, b"")


@pytest.mark.heavy
@pytest.mark.parametrize("line", [*LINES, "explain bad-yaml", "show vgg16", "new"])
def test_without_docstrings_and_assertions(line: str) -> None:
    """With `python -OO`, help and explain are shorter, but nothing crashes and the figures are the same."""
    done = program(*line.split(), env={"PYTHONOPTIMIZE": "2", "PYTHONDONTWRITEBYTECODE": "1"})
    assert (done.returncode, done.stderr) == (0, b"")
    if not line.endswith("--help") and not line.startswith(("explain", "schema")):
        assert done.stdout == program(*line.split()).stdout


@pytest.mark.parametrize("start", ["stand-in", "installed"])
def test_modules_next_to_a_submission_are_not_imported(start: str, tmp_path: Path) -> None:
    """The console script does not import `yaml.py`, `rich.py` and others next to the specification."""
    names = ("yaml", "rich", "click", "json", "csv", "cnncalc", "typing", "gc")
    for name in names:
        (tmp_path / f"{name}.py").write_text("raise SystemExit('this is my own file')\n")
    (tmp_path / "net.yaml").write_text(GOOD)
    if start == "installed":
        script = shutil.which("cnncalc", path=os.path.dirname(sys.executable))
        if script is None:
            pytest.skip("cnncalc is not installed next to this Python")
        command = [script]
    else:
        script = str(tmp_path / "bin" / "cnncalc")
        os.mkdir(tmp_path / "bin")
        Path(script).write_text("from cnncalc.cli import main\nmain()\n")
        command = [sys.executable, script]
    for line in (
        ["analyze", "net.yaml"],
        ["analyze", "net.yaml", "--format", "csv"],
        ["list"],
        ["explain", "net.yaml"],
    ):
        done = program(*line, cwd=tmp_path, start=command)
        assert (done.returncode, done.stderr) == (0, b"")


def test_from_any_folder(tmp_path: Path) -> None:
    """The shelf is found, and nothing is written to the current folder."""
    done = program("analyze", "vgg16", "--get", "params", cwd=tmp_path)
    assert done.stdout == b"138357544\n"
    assert list(tmp_path.iterdir()) == []


# -- what is imported ------------------------------------------------------------------------------------------------


def modules(*args: str) -> set[str]:
    """Return the modules that a fresh interpreter has imported after the command."""
    code = (
        "import sys\nfrom cnncalc.cli import cli\nfrom cnncalc.cli.run import run\n"
        "status = run(cli, sys.argv[1:])\nprint(*sys.modules, file=sys.stderr)\nsys.exit(status)"
    )
    done = program(*args, start=[sys.executable, "-c", code])
    assert done.returncode == 0
    return set(done.stderr.decode().split())


@pytest.mark.parametrize("line", ["--help", "--version", "analyze --help", "new", "completion zsh"])
def test_help_imports_no_reader_and_no_renderer(line: str) -> None:
    """It is printed at once."""
    assert not [name for name in modules(*line.split()) if re.match(r"yaml|rich|cnncalc\.(render|spec\.file)", name)]


@pytest.mark.parametrize(
    "line", ["analyze vgg16", "analyze vgg16 --format json", "analyze vgg16 --format markdown", "list"]
)
def test_a_pipe_needs_no_terminal_library(line: str) -> None:
    """Importing rich takes longer than the analysis."""
    found = modules(*line.split())
    assert ("yaml" in found) == (line != "list")  # it reads a table
    assert not [
        name for name in found if name.partition(".")[0] in ("rich", "markdown_it", "pygments", "torch", "numpy")
    ]


# -- completion ------------------------------------------------------------------------------------------------------


def completed(*words: str) -> list[str]:
    """Return the words that bash offers for the last word."""
    line = " ".join(["cnncalc", *words])
    env = {"_CNNCALC_COMPLETE": "bash_complete", "COMP_WORDS": line, "COMP_CWORD": str(len(words))}
    done = program(env=env)
    assert (done.returncode, done.stderr) == (0, b"")
    return [part.partition(",")[2] for part in done.stdout.decode().splitlines()]


def test_completion_of_commands_options_and_names() -> None:
    """From any folder, and after other specifications, too; files as well as names."""
    assert completed("") == list(COMMANDS)
    assert completed("comp") == ["compare", "completion"]
    vgg = [name for name in shelf.names() if name.startswith("vgg1")]
    assert len(vgg) > 3
    for words in (["analyze", "vgg1"], ["analyze", "lenet5", "vgg1"], ["explain", "vgg1"], ["show", "vgg1"]):
        assert completed(*words) == ["vgg1", *vgg]
    assert "--format" in completed("analyze", "--fo")
    assert completed("analyze", "--format", "ma") == ["markdown"]


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_scripts(shell: str) -> None:
    """The shell itself finds no error in them."""
    done = program("completion", shell)
    assert (done.returncode, done.stderr) == (0, b"")
    assert b"_CNNCALC_COMPLETE" in done.stdout
    if shutil.which(shell):
        subprocess.run([shell, "-n"], input=done.stdout, check=True)


@pytest.mark.skipif(shutil.which("bash") is None, reason="no bash")
@pytest.mark.parametrize(
    ("typed", "offered"),
    [
        ("resnet1", ["resnet101", "resnet152", "resnet18", "resnet1_mine.yaml"]),
        ("vgg16", ["vgg16", "vgg16_conv", "vgg16c"]),
        ("mine", []),  # then bash completes the names of files
    ],
)
def test_completion_in_bash(typed: str, offered: list[str], tmp_path: Path) -> None:
    """As in the README: the script is evaluated, a word is begun, and Tab is pressed."""
    script = tmp_path / "cnncalc"
    script.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m cnncalc "$@"\n')
    script.chmod(0o755)
    for name in ("resnet1_mine.yaml", "resnet1.txt", "mine.yaml"):
        (tmp_path / name).touch()
    pressed = (
        f'eval "$(cnncalc completion bash)"; compopt() {{ :; }}; COMP_WORDS=(cnncalc analyze {typed}); COMP_CWORD=2; '
        '_cnncalc_completion cnncalc; echo "${COMPREPLY[@]}"'
    )
    env = {**ENVIRONMENT, "PATH": f"{tmp_path}{os.pathsep}{ENVIRONMENT.get('PATH', '')}"}
    done = subprocess.run(["bash", "-c", pressed], capture_output=True, env=env, cwd=tmp_path, check=False)
    assert (done.stdout.decode().split(), done.stderr) == (offered, b"")


def test_importing_changes_nothing() -> None:
    """Importing the commands leaves the garbage collector as it was."""
    line = (
        "import gc\nbefore = gc.isenabled(), gc.get_threshold(), gc.get_freeze_count()\n"
        "import cnncalc.__main__, cnncalc.cli\nfrom cnncalc.cli.run import run\nrun(cnncalc.cli.cli, ['analyze', 'lenet5'])\n"
        "assert before == (gc.isenabled(), gc.get_threshold(), gc.get_freeze_count())"
    )
    assert program(start=[sys.executable, "-c", line]).returncode == 0
