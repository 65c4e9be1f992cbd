"""The table of readers: every row names a reader that offers what the guide in `cnncalc.readers` asks for."""

from __future__ import annotations

import json
from importlib import import_module
from pathlib import Path

import pytest

from cnncalc import readers
from cnncalc.readers import READERS, Reader, ReaderOptions
from tests.helpers import ROOT


@pytest.mark.parametrize("reader", READERS, ids=lambda reader: reader.name)
def test_every_row_names_a_reader(reader: Reader) -> None:
    """Each has `read`, and `read_submission` if `check` opens its files."""
    module = import_module(f"cnncalc.readers.{reader.name}.reader")
    assert callable(module.read)
    assert set(reader.options) <= set(ReaderOptions._names)
    if reader.submissions and reader.is_other_format:
        assert callable(module.read_submission)
    assert set(reader.submissions) <= set(reader.suffixes)
    assert not (reader.runs_code and reader.submissions)


def test_no_suffix_belongs_to_two_readers() -> None:
    """A file has one reader."""
    assert len(set(readers.SUFFIXES)) == len(readers.SUFFIXES)


@pytest.mark.parametrize(
    ("spec", "name", "checked"),
    [
        ("net.yaml", "yaml", "yaml"), ("net.json", "yaml", "yaml"), ("net.ONNX", "onnx", "onnx"),
        ("net.cfg", "darknet", "yaml"), ("a/b.keras", "keras", "yaml"), ("torch:nets:Net", "torch", "yaml"),
        ("torch:evil.onnx", "torch", "onnx"), ("vgg16", "yaml", "yaml"), ("-", "yaml", "yaml"),
    ],
)  # fmt: skip
def test_the_reader_of_a_spec(spec: str, name: str, checked: str) -> None:
    """A prefix selects a reader only where the user typed it, never in a submission."""
    assert readers.reader_of(spec).name == name
    assert readers.reader_of_submission(spec).name == checked


def test_extras_exist() -> None:
    """Every extra in the table is declared by the package."""
    text = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    assert all(f"\n{reader.extra} = [" in text for reader in READERS if reader.extra)


def test_json_of_keras_is_read_by_path(tmp_path: Path) -> None:
    """Its suffix is that of specifications."""
    layers = [
        {"class_name": "InputLayer", "config": {"name": "in", "batch_shape": [None, 8]}},
        {"class_name": "Dense", "config": {"name": "fc", "units": 10}},
    ]
    path = tmp_path / "net.json"
    path.write_text(json.dumps({"class_name": "Sequential", "config": {"name": "net", "layers": layers}}))
    assert [node.kind for node in readers.read(str(path), ReaderOptions({}, {})).nodes] == ["input", "fc"]
