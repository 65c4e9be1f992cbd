"""The table that `cnncalc list` reads instead of analysing the whole shelf agrees with the files and is up to date."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from cnncalc import shelf, shelf_figures
from cnncalc.shelf_figures import TABLE, rows, table_text
from tests.helpers import ROOT, environment


def test_the_table_is_that_of_the_files(overwrite: bool) -> None:
    """After a change of an architecture or of a count, run `pytest tests/test_shelf_figures.py --overwrite`."""
    file = ROOT / "architectures" / TABLE
    if overwrite:
        file.write_text(table_text(), encoding="utf-8")
    assert file.read_text(encoding="utf-8") == table_text()


def test_nothing_is_analysed_for_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shelf_figures, "compute_row", None)
    assert [row["name"] for row in rows()] == shelf.every_name()


@pytest.mark.parametrize("table", [None, "", "[1", "[]", '{"a": 1}', "[1]", '[{"name": "lenet5"}]'])
def test_files_that_are_new_or_differ(table: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A working checkout with an outdated, broken or missing table."""
    for name in ("lenet5", "vgg16"):
        shutil.copy(ROOT / "architectures" / f"{name}.yaml", tmp_path)
    if table is None:
        shutil.copy(ROOT / "architectures" / TABLE, tmp_path)
    else:
        (tmp_path / TABLE).write_text(table, encoding="utf-8")
    text = (tmp_path / "lenet5.yaml").read_text(encoding="utf-8")
    (tmp_path / "lenet5.yaml").write_text(text.replace("120", "121"), encoding="utf-8")
    (tmp_path / "mine.yaml").write_text("input: 8\nlayers: [fc: 3]\n", encoding="utf-8")
    monkeypatch.setattr(shelf, "folder", lambda: str(tmp_path))
    found = {row["name"]: row for row in rows()}
    assert list(found) == ["lenet5", "mine", "vgg16"]
    assert (found["mine"]["params"], found["vgg16"]["params"]) == (27, 138_357_544)
    assert found["lenet5"]["params"] == 61_706 + (16 * 25 + 1) + 84
    assert "crc32" not in json.dumps(list(found.values()))


def test_neither_yaml_nor_layers_are_imported() -> None:
    """This is what makes it fast."""
    import subprocess

    line = "import sys\nfrom cnncalc.shelf_figures import rows\nrows()\nprint(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", line], cwd=ROOT, capture_output=True, check=True, encoding="utf-8")
    assert not {"yaml", "cnncalc.layers", "cnncalc.readers.yaml.reader"} & set(done.stdout.split())


def test_an_installed_package_has_its_own_shelf(tmp_path: Path) -> None:
    """In a wheel the architectures are inside the package, and other folders of that name are ignored."""
    package = tmp_path / "site" / "cnncalc"
    shutil.copytree(Path(shelf.__file__).parent, package, ignore=shutil.ignore_patterns("__pycache__"))
    (package / "architectures").mkdir()
    (package / "architectures" / "only.yaml").write_text("input: 8\nlayers: [fc: 2]\n", encoding="utf-8")
    env = environment()
    env["PYTHONPATH"] = os.pathsep.join([str(package.parent), env["PYTHONPATH"]])
    words = [sys.executable, "-m", "cnncalc", "analyze", "only", "--get", "params"]
    done = subprocess.run(words, cwd=tmp_path, env=env, capture_output=True, check=False, encoding="utf-8")
    assert (done.returncode, done.stdout, done.stderr) == (0, "18\n", "")
