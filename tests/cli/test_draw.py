"""`cnncalc draw`: what is written where, and what is refused."""

from __future__ import annotations

import io
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Run = Callable[..., Any]


def test_the_suffix_decides(ended: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """SVG to standard output and to a file are the same; --format is for names without a suffix."""
    monkeypatch.chdir(tmp_path)
    piped = ended("draw", "lenet5")
    assert piped.status == 0
    assert piped.out.startswith("<svg ")
    for name, start in (
        ("a.svg", "<svg "),
        ("a.SVG", "<svg "),
        ("a.tex", "% LeNet-5"),
        ("a.tikz", "% LeNet-5"),
        ("a", "<svg "),
    ):
        done = ended("draw", "lenet5", "-o", name)
        assert (done.status, done.out, done.err) == (0, "", "")
        assert (tmp_path / name).read_text(encoding="utf-8").startswith(start)
    assert (tmp_path / "a.svg").read_text(encoding="utf-8") == piped.out
    assert ended("draw", "lenet5", "--format", "tex", "-o", "net").status == 0
    assert (tmp_path / "net").read_text(encoding="utf-8").startswith("% LeNet-5")


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (
            "draw lenet5 -o a.html",
            "`a.html` ends in `.html`, but pictures are SVG, TikZ, PDF or PNG: end the name in `.svg`, ",
        ),
        ("draw lenet5 -o a.svg --format tex", "`a.svg` does not match --format tex: remove --format"),
        ("draw lenet5 --show params,flops", "`flops` is not a figure: use `params`, `macs`, `memory` or `rf`"),
        ("draw lenet5 --width 180", "`180` is not a width: write 180mm, 18cm, 7in or 510pt"),
        ("draw lenet5 --width 2mm", "`2mm` is too narrow: use 36mm to 1760mm"),
        ("draw lenet5 --width 9000in", "`9000in` is too wide"),
        ("draw lenet5 --layer C1 --receptive-field C1", "--layer and --receptive-field are two pictures"),
        ("draw lenet5 --layer C1 --view memory", "--layer is a picture of its own: remove --view"),
        ("draw lenet5 --layer tanh1", "`tanh1` has no window"),
        ("draw lenet5 --layer C9", "no layer named `C9`: its layers are `input`, "),
        ("draw lenet5 --highlight nothing", "no layer or block named `nothing`"),
        ("draw lenet5 --optimizer adam", "--optimizer is only for the memory view: add --view memory"),
        ("draw lenet5 --mode infer", "--mode is only for the memory view"),
        ("draw lenet5 vgg16", "draw takes one network, not 2"),
    ],
)
def test_what_is_refused(line: str, message: str, ended: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Exit status 2, one message, and no file."""
    monkeypatch.chdir(tmp_path)
    done = ended(*line.split())
    assert (done.status, done.out) == (2, "")
    assert message in done.err
    assert list(tmp_path.iterdir()) == []


def test_a_terminal_gets_no_markup(ended: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """The message says what to write."""

    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    monkeypatch.setattr(sys, "stdout", Terminal())
    done = ended("draw", "lenet5")
    assert done.status == 2
    assert "a picture cannot be shown in a terminal: use -o net.svg" in done.err


def test_options_reach_the_picture(ended: Run) -> None:
    """Figures, width, theme, legend, and a network of a line."""
    done = ended(
        "draw", "-e", "32x32x3 -> CONV3-16 -> POOL2 -> FC-10", "--show", "params, rf", "--width", "100mm", "--no-legend"
    )
    assert done.status == 0
    assert 'width="283.46pt"' in done.out
    assert ">448 params<" in done.out
    assert ">RF 3<" in done.out
    assert ">convolution<" not in done.out
    assert "@media" in ended("draw", "lenet5", "--theme", "auto").out
    assert (
        ended("draw", "lenet5", "--batch", "8", "--show", "memory").out
        != ended("draw", "lenet5", "--show", "memory").out
    )


def test_mistakes_of_a_file_are_reported_as_usual(ended: Run, tmp_path: Path) -> None:
    """With the place in the file."""
    file = tmp_path / "n.yaml"
    file.write_text("input: 8x8x3\nlayers: [conv: {filters: 4, kernel: 9}]\n", encoding="utf-8")
    done = ended("draw", str(file))
    assert done.status == 1
    assert "[window-does-not-fit]" in done.err
