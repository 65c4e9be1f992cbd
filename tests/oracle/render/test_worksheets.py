"""Worksheets with hostile names are compiled by pdflatex, and the figures are in the text of the PDF."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from cnncalc.network import Network
from cnncalc.render.worksheets import render
from cnncalc.teaching.worksheet import worksheets
from tests.teaching.networks import exam, hostile

TOOLS = ("pdflatex", "pdftotext")
if os.environ.get("CNNCALC_REQUIRE_ORACLES") != "1" and not all(map(shutil.which, TOOLS)):
    pytest.skip("pdflatex and pdftotext, the oracles of these tests, are not installed", allow_module_level=True)


def compiled(text: str, folder: Path) -> tuple[str, str]:
    """Return the text of the PDF and the log of pdflatex, which may run no program."""
    (folder / "sheet.tex").write_text(text, encoding="utf-8")
    words = ("pdflatex", "-interaction=nonstopmode", "-halt-on-error", "-no-shell-escape", "sheet.tex")
    for _ in range(2):
        done = subprocess.run(words, cwd=folder, capture_output=True, check=False)
        assert done.returncode == 0, done.stdout.decode("latin-1")[-2000:]
    log = (folder / "sheet.log").read_text(encoding="latin-1")
    subprocess.run(("pdftotext", "-layout", "sheet.pdf"), cwd=folder, check=True)
    return (folder / "sheet.txt").read_text(encoding="utf-8"), log


@pytest.mark.parametrize("network", [exam(), hostile()], ids=["exam", "hostile"])
@pytest.mark.parametrize("key", [False, True])
@pytest.mark.parametrize("hide", [("output", "params"), ("output", "activations", "memory", "params", "macs", "rf")])
def test_a_document_compiles(network: Network, key: bool, hide: tuple[str, ...], tmp_path: Path) -> None:
    """No file is read for a name, the table fits on the page, and a key has every answer."""
    sheets = worksheets(network, hide, variants=2, seed=1)
    text, log = compiled(render("latex", sheets, key=key), tmp_path)
    assert "root:" not in text
    wide = [float(size) for size in re.findall(r"Overfull \\hbox \(([0-9.]+)pt too wide\) in alignment", log)]
    assert not wide
    for number, sheet in enumerate(sheets, 1):
        assert f"variant {number}" in " ".join(text.split())
        for _, cell in sheet.blanks:
            assert not key or cell.answer in text
