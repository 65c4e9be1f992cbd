"""One function opens the files of all commands and formats, and cnncalc reads the file that was checked."""

from __future__ import annotations

import ast
import json
import os
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import cnncalc
from cnncalc import readers
from cnncalc.problem import Refused
from cnncalc.readers import files

POSIX = pytest.mark.skipif(os.name != "posix", reason="links and pipes of POSIX")
PACKAGE = Path(cnncalc.__file__).parent
# the only reader, the writers, and reads of the package's own files, of open handles and of Linux's /proc
OWN = {"api/drawing.py", "api/files/reports.py", "api/shelf.py"}
OWN |= {
    "readers/files.py",
    "cli/run.py",
    "readers/onnx/file.py",
    "readers/tflite/file.py",
    "render/html/assets.py",
    "render/checks/html.py",
}
OWN |= {"cli/commands/show.py", "shelf_figures.py", "readers/torch/forward.py", "readers/torch/run.py"}
SUFFIXES = ("yaml", "yml", "json", "onnx", "keras", "tflite", "cfg", "prototxt")
GOOD = "input: 8x8x3\nlayers: [fc: 10]\n"
KERAS_LAYERS = [
    {"class_name": "InputLayer", "config": {"name": "in", "batch_shape": [None, 8]}},
    {"class_name": "Dense", "config": {"name": "fc", "units": 10}},
]
KERAS: dict[str, Any] = {"class_name": "Sequential", "config": {"name": "net", "layers": KERAS_LAYERS}}

Run = Callable[..., Any]


@pytest.fixture
def here(ended: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Return a function that runs a command line in an empty folder."""
    monkeypatch.chdir(tmp_path)
    return ended


def test_nothing_else_opens_a_file() -> None:
    """No other module calls `open`, `os.open`, `Path.read_text` or similar functions."""
    found = set()
    for path in PACKAGE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call):
                name = ast.unparse(node.func)
                of_path = name.endswith((".read_text", ".read_bytes")) and not node.args
                if of_path or name in ("open", "io.open", "os.open", "FileIO", "mmap.mmap"):
                    found.add(path.relative_to(PACKAGE).as_posix())
    assert found <= OWN


@POSIX
@pytest.mark.parametrize("suffix", SUFFIXES)
def test_what_is_not_a_regular_file(suffix: str, here: Run, tmp_path: Path) -> None:
    """Pipes without a writer and devices are refused with the same words and status 2 for every format."""
    pytest.importorskip("onnx")
    os.mkfifo(tmp_path / f"pipe.{suffix}")
    (tmp_path / f"folder.{suffix}").mkdir()
    (tmp_path / f"zero.{suffix}").symlink_to("/dev/zero")
    with socket.socket(socket.AF_UNIX) as one:
        one.bind(f"socket.{suffix}")
    for name, what in (
        ("pipe", "a pipe or device"), ("zero", "a pipe or device"), ("folder", "a folder"), ("socket", "a pipe or socket"),
    ):  # fmt: skip
        done = here("analyze", f"{name}.{suffix}")
        assert (done.status, done.out) == (2, "")
        assert done.err == f"error: {name}.{suffix} is {what} [not-regular]\n  = help: name a file\n"


@POSIX
@pytest.mark.parametrize("option", ["--policy", "--baseline"])
def test_a_policy_and_a_base_too(option: str, here: Run, tmp_path: Path) -> None:
    """Policies are opened by the same function, and links are followed because they belong to the teacher."""
    (tmp_path / "net.yaml").write_text(GOOD)
    os.mkfifo(tmp_path / "pipe.yaml")
    more = ("--max-growth", "5%") if option == "--baseline" else ()
    done = here("check", "net.yaml", option, "pipe.yaml", *more)
    assert done.status == 2
    assert "pipe.yaml is a pipe or device" in done.err
    (tmp_path / "real.yaml").write_text(GOOD if more else "cnncalc-policy: 1\noutput: 10\n")
    (tmp_path / "link.yaml").symlink_to("real.yaml")
    assert here("check", "net.yaml", option, "link.yaml", *more).status == 0


@POSIX
def test_links_are_followed_where_the_user_names_them(here: Run, tmp_path: Path) -> None:
    """No submission is read through a link."""
    (tmp_path / "net.yaml").write_text(GOOD)
    (tmp_path / "link.yaml").symlink_to("net.yaml")
    assert here("analyze", "link.yaml", "--get", "params").out == "1930\n"
    done = here("check", "link.yaml")
    assert done.status == 1
    assert "the file is a symbolic link [not-regular]" in done.out


def test_json_of_keras_is_opened_once(here: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """If another file replaces it after it was recognized, that file is not read."""
    path = tmp_path / "net.json"
    path.write_text(json.dumps(KERAS))
    opened = []
    plain = os.open

    def counted(name: Any, *more: Any, **options: Any) -> int:
        opened.append(str(name))
        return plain(name, *more, **options)

    recognize = readers.reader_of_text

    def swapped(text: str) -> readers.Reader:
        verdict = recognize(text)
        path.unlink()
        path.write_text(json.dumps(KERAS).replace('"units": 10', '"units": 20'))
        return verdict

    monkeypatch.setattr(os, "open", counted)
    monkeypatch.setattr(readers, "reader_of_text", swapped)
    assert here("analyze", "net.json", "--get", "params").out == "90\n"
    assert opened.count("net.json") == 1


def test_json_of_keras_from_standard_input(here: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """Keras JSON is recognized on standard input, too."""
    import io

    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(json.dumps(KERAS).encode())))
    assert here("analyze", "-", "--get", "params").out == "90\n"


@pytest.mark.parametrize("claimed", [0, 5, 100])
@pytest.mark.parametrize("most", [1, 5, 10, 11, 12, 50])
def test_a_file_that_grows(claimed: int, most: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The whole file is read, but at most one byte more than the limit, whatever size the system stated before."""
    path = tmp_path / "net.yaml"
    path.write_bytes(b"01234567890")
    facts = list(os.stat(path))
    facts[6] = claimed
    with files.opened(str(path)) as file:
        monkeypatch.setattr(os, "fstat", lambda handle: os.stat_result(facts))
        assert files.contents(file, most) == b"01234567890"[: most + 1]


def test_a_path_that_no_system_accepts() -> None:
    """A path that no system accepts is an error of the file, not of the program."""
    with pytest.raises(OSError, match="null"), files.opened("net\0.yaml"):
        pass


def test_what_is_too_large(tmp_path: Path) -> None:
    """A large file is refused after reading one byte more than the limit."""
    from cnncalc.readers.limits import UNTRUSTED

    path = tmp_path / "net.yaml"
    with open(path, "wb") as stream:
        stream.truncate(10 * 2**30)
    with pytest.raises(Refused, match="too-large"):
        files.text(str(path), UNTRUSTED)


@pytest.mark.parametrize(
    "words",
    [("check", "n.yaml"), ("analyze", "n.yaml"), ("memory", "n.yaml"), ("explain", "n.yaml"), ("compare", "n.yaml", "vgg16"),
     ("export", "n.yaml", "--to", "dot"), ("import", "n.json"), ("analyze", "n.json"), ("analyze", "-e", "8x8x3")],
)  # fmt: skip
def test_an_input_alone_is_not_a_network(words: tuple[str, ...], here: Run, tmp_path: Path) -> None:
    """A network without layers is refused in every command and format, because it would pass every limit."""
    (tmp_path / "n.yaml").write_text("input: 8x8x3\nlayers: []\n")
    (tmp_path / "n.json").write_text(json.dumps(KERAS | {"config": {"layers": KERAS_LAYERS[:1]}}))
    done = here(*words)
    assert done.status == 1
    assert "the network has no layers [no-layers]" in done.out + done.err
