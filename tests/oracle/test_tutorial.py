"""docs/tutorial.ipynb runs from start to end in a real kernel, and its stored outputs are what it prints today."""

from __future__ import annotations

import json
import os
from typing import Any

import pytest

from cnncalc import shelf
from tests.helpers import ROOT
from tests.render.html.pages import read

if os.environ.get("CNNCALC_REQUIRE_ORACLES") != "1":
    for name in ("torch", "nbclient", "ipykernel"):
        pytest.importorskip(name, reason=f"the tutorial needs {name}, which is not installed")

TUTORIAL = ROOT / "docs" / "tutorial.ipynb"


def texts(cells: list[Any]) -> list[str]:
    """The text that each cell prints and returns, which depends neither on styles nor on how the kernel divides it."""
    return [
        "".join(
            output.get("text") or output.get("data", {}).get("text/plain", "") for output in cell.get("outputs", ())
        )
        for cell in cells
    ]


def portable(outputs: Any) -> Any:
    """Outputs without where the shelf is on this machine."""
    import nbformat

    folder = json.dumps(shelf.folder() + os.sep)[1:-1]
    return [nbformat.from_dict(output) for output in json.loads(json.dumps(outputs).replace(folder, "architectures/"))]


@pytest.mark.heavy
def test_the_tutorial(overwrite: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every cell runs, and the outputs are those of the file. `--overwrite` stores them."""
    import nbclient
    import nbformat

    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    notebook = nbformat.read(TUTORIAL, as_version=4)
    stored = texts(notebook.cells)
    nbclient.NotebookClient(notebook, timeout=120, kernel_name="python3", record_timing=False).execute()
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.outputs = portable(cell.outputs)
    if overwrite:
        nbformat.write(notebook, TUTORIAL)
    assert stored == texts(notebook.cells)
    outputs = [output for cell in notebook.cells for output in cell.get("outputs", ())]
    assert not [output for output in outputs if output.output_type == "error"]
    pages = [output.data["text/html"] for output in outputs if "text/html" in output.get("data", {})]
    assert len(pages) == 4
    assert all(read(page).all("table") for page in pages)
