"""`cnncalc report` and `Network.report`: the same files, whose format the suffix decides."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import cnncalc

WRONG = "input: 32x32x3\nlayers:\n  - conv: {filters: 16, kernel: 5}\n    expect: 32x32x16\n"


def test_a_page(ended: Any, tmp_path: Path) -> None:
    """What the command writes is what the API returns."""
    file = tmp_path / "page.html"
    assert ended("report", "vgg16", "-o", str(file)).status == 0
    assert file.read_text(encoding="utf-8") == cnncalc.load("vgg16").report().to_html()
    assert [path.name for path in tmp_path.iterdir()] == ["page.html"]


def test_a_page_on_standard_output(ended: Any) -> None:
    """For a pipe."""
    done = ended("report", "lenet5", "--batch", "8", "--optimizer", "adam")
    assert done.out == cnncalc.load("lenet5").report(batch=8, optimizer="adam").to_html()
    assert done.err == ""


def test_markdown_has_its_picture_in_a_file_next_to_it(ended: Any, tmp_path: Path) -> None:
    assert ended("report", "lenet5", "-o", str(tmp_path / "net.md")).status == 0
    assert sorted(path.name for path in tmp_path.iterdir()) == ["net.md", "net.svg"]
    assert "![LeNet-5](net.svg)" in (tmp_path / "net.md").read_text(encoding="utf-8")
    assert (tmp_path / "net.svg").read_text(encoding="utf-8").startswith("<svg")


def test_several_networks(ended: Any, tmp_path: Path) -> None:
    """The API saves the same files as the command writes."""
    ours, theirs = tmp_path / "ours", tmp_path / "theirs"
    ours.mkdir()
    theirs.mkdir()
    assert ended("report", "lenet5", "mnist_cnn", "-o", str(ours / "both.md")).status == 0
    cnncalc.load("lenet5").report(cnncalc.load("mnist_cnn")).save(theirs / "both.md")
    found = [{path.name: path.read_text(encoding="utf-8") for path in folder.iterdir()} for folder in (ours, theirs)]
    assert found[0] == found[1]
    assert sorted(found[0]) == ["both-1.svg", "both-2.svg", "both.md"]


def test_markdown_on_standard_output_has_no_picture(ended: Any) -> None:
    done = ended("report", "lenet5", "--format", "markdown")
    assert done.status == 0
    assert done.out.startswith("### LeNet-5\n")
    assert "![" not in done.out


def test_a_wrong_expectation_is_a_finding(ended: Any, tmp_path: Path) -> None:
    """The report is written, and the status is that of `analyze`."""
    (tmp_path / "net.yaml").write_text(WRONG, encoding="utf-8")
    file = tmp_path / "net.html"
    assert ended("report", str(tmp_path / "net.yaml"), "-o", str(file)).status == 1
    assert "\\u2717" in file.read_text(encoding="utf-8") or "&#10007;" in file.read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("arguments", "status", "message"),
    [
        (["lenet5", "-o", "net.pdf"], 2, "`net.pdf` ends in `.pdf`"),
        (["lenet5", "-o", "net.md", "--format", "html"], 2, "use --format markdown, or end the name in"),
        (["lenet5", "nothing"], 2, "no shipped architecture is named `nothing`"),
        ([], 2, "no SPEC"),
    ],
)
def test_what_is_refused(
    arguments: list[str], status: int, message: str, ended: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing is written."""
    monkeypatch.chdir(tmp_path)
    done = ended("report", *arguments)
    assert done.status == status
    assert message in done.err.replace("\n", " ")
    assert done.out == ""
    assert list(tmp_path.iterdir()) == []


def test_int8_has_inference_only(ended: Any) -> None:
    done = ended("report", "lenet5", "--dtype", "int8")
    assert done.status == 0
    assert "Memory during inference" in done.out


def test_what_the_api_refuses(tmp_path: Path) -> None:
    report = cnncalc.load("lenet5").report()
    with pytest.raises(ValueError, match=r"end it in `\.html`, `\.htm`, `\.md` or `\.markdown`"):
        report.save(tmp_path / "net.pdf")
    with pytest.raises(ValueError, match="optimizer must be one of"):
        cnncalc.load("lenet5").report(optimizer="none")
    assert str(report) == report.to_markdown()
    assert repr(report) == "<Report about `LeNet-5`>"
