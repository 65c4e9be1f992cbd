"""Every shape of the stored models, and of the files named in CNNCALC_TFLITE, against LiteRT's interpreter.

It needs ai-edge-litert: `pip install ai-edge-litert`. CNNCALC_TFLITE is a folder with more `.tflite` files.
"""

from __future__ import annotations

import os
from collections.abc import Collection
from pathlib import Path

import numpy
import pytest

from cnncalc.readers.options import ReaderOptions
from cnncalc.readers.tflite.graph import Scope
from cnncalc.readers.tflite.reader import read
from cnncalc.readers.tflite.shapes import ShapeCheck

interpreters = pytest.importorskip("ai_edge_litert.interpreter", reason="ai-edge-litert is not installed")
STORED = Path(__file__).parents[3] / "readers" / "tflite" / "models"
MORE = [Path(os.environ["CNNCALC_TFLITE"])] if "CNNCALC_TFLITE" in os.environ else []
FILES = sorted(path for folder in (STORED, *MORE) for path in folder.glob("*.tflite"))


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_all_shapes(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each value that an operator computes has the shape that the interpreter gives it."""
    ours: dict[int, tuple[int, ...]] = {}

    def keep(check: ShapeCheck, scope: Scope, made: Collection[int]) -> None:
        ours.clear()  # the main graph is the last one that is compared
        ours.update({place: scope.values[place].dims for place in made if place in scope.values})
        for place in scope.hidden:
            ours.pop(place, None)

    monkeypatch.setattr(ShapeCheck, "compare", keep)
    read(str(path), ReaderOptions({}, {}))
    interpreter = interpreters.Interpreter(
        str(path), experimental_op_resolver_type=interpreters.OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES
    )
    interpreter.allocate_tensors()
    for one in interpreter.get_input_details():
        interpreter.set_tensor(one["index"], numpy.zeros(one["shape"], one["dtype"]))
    interpreter.invoke()  # some shapes are known only then
    theirs = {one["index"]: tuple(int(n) for n in one["shape"]) for one in interpreter.get_tensor_details()}
    assert {place: theirs[place] for place in ours} == ours
    assert ours
