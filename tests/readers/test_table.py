"""The table of readers: every row names a reader that offers what the guide in `cnncalc.readers` asks for."""

from __future__ import annotations

import json
from importlib import import_module
from pathlib import Path

import pytest

from cnncalc import readers
from cnncalc.analyses.budget import Policy
from cnncalc.checking.submission import Task, check_source
from cnncalc.problem import Source
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
    if reader.marks:
        assert callable(module.read_text)
    assert set(reader.submissions) <= set(reader.suffixes)
    assert not (reader.runs_code and reader.submissions)


def test_no_suffix_belongs_to_two_readers() -> None:
    """A file has one reader."""
    assert len(set(readers.SUFFIXES)) == len(readers.SUFFIXES)


@pytest.mark.parametrize(
    ("spec", "name", "checked"),
    [
        ("net.yaml", "yaml", "yaml"), ("net.json", "yaml", "yaml"), ("net.ONNX", "onnx", "onnx"),
        ("net.prototxt", "caffe", "yaml"),
        ("net.cfg", "darknet", "yaml"), ("a/b.keras", "keras", "yaml"), ("torch:nets:Net", "torch", "yaml"),
        ("net.TFLite", "tflite", "tflite"), ("net.pt2", "pt2", "pt2"),
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


LAYERS = [
    {"class_name": "InputLayer", "config": {"name": "in", "batch_shape": [None, 8]}},
    {"class_name": "Dense", "config": {"name": "fc", "units": 10}},
]
RECOGNIZED = {
    "caffe": """
layer { name: "data" type: "Input" top: "data" input_param { shape { dim: 1 dim: 3 dim: 8 dim: 8 } } }
layer { name: "relu" type: "ReLU" bottom: "data" top: "data" }
""",
    "ultralytics": "nc: 3\nbackbone:\n  - [-1, 1, Conv, [8, 3, 2]]\nhead:\n  - [[0], 1, Detect, [nc]]\n",
    "keras": json.dumps({"class_name": "Sequential", "config": {"name": "net", "layers": LAYERS}}),
    "huggingface": json.dumps({"model_type": "vit", "hidden_size": 8, "num_attention_heads": 2}),
}
BY_CONTENT = [reader for reader in READERS if reader.marks]


def test_every_format_recognized_by_its_content_is_tried() -> None:
    """A new one needs an example here."""
    assert {reader.name for reader in BY_CONTENT} == RECOGNIZED.keys()


@pytest.mark.parametrize("reader", BY_CONTENT, ids=lambda reader: reader.name)
def test_text_is_recognized(reader: Reader) -> None:
    """The text is read by that reader, whatever the file is called."""
    text = RECOGNIZED[reader.name]
    assert readers.reader_of_text(text) is reader
    nodes = readers.read_text(reader, Source("net.json", text), ReaderOptions({}, {})).nodes
    assert nodes[0].kind == "input"


@pytest.mark.parametrize("reader", BY_CONTENT, ids=lambda reader: reader.name)
def test_recognition_does_not_raise(reader: Reader) -> None:
    """Whatever follows the words of a format, the answer is whether the text has it."""
    module = import_module(f"cnncalc.readers.{reader.name}.recognition")
    text = RECOGNIZED[reader.name]
    texts = [text[:end] for end in range(0, len(text), 7)] + [text[start:] for start in range(0, len(text), 7)]
    texts += [*reader.marks, "".join(reader.marks), *("[" * 5000 + word for word in reader.marks), "\0" + text]
    texts += [f'{{"{word}": {"9" * 5000}}}' for word in reader.marks]
    assert {module.recognizes(each) for each in texts} <= {True, False}


@pytest.mark.parametrize("path", sorted((ROOT / "architectures").glob("*.yaml")), ids=lambda path: path.stem)
def test_the_shelf_imports_no_recognition(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An ordinary specification costs a search for a few words."""
    monkeypatch.setattr(readers, "import_module", lambda name: pytest.fail(f"imports {name}"))
    assert readers.reader_of_text(path.read_text(encoding="utf-8")) is readers.SPECIFICATIONS


@pytest.mark.parametrize("name", RECOGNIZED)
def test_check_recognizes_no_content(name: str) -> None:
    """A submission with the suffix of specifications is read as one."""
    checked = check_source(Source("net.yaml", RECOGNIZED[name]), Task(Policy()))
    assert checked.status == "error"
    assert checked.metrics is None
