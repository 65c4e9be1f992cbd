"""Every model file of the installed package ultralytics: parameters, shapes and multiply-adds are those of its own modules.

The files are read where the package has them. Nothing of the package is copied here.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from cnncalc.analyses.totals import analyze
from cnncalc.network import Network
from cnncalc.problem import Refused, Source
from cnncalc.readers import ReaderOptions
from cnncalc.readers.ultralytics.reader import read_text

os.environ.setdefault("YOLO_OFFLINE", "true")
torch: Any = pytest.importorskip("torch", reason="PyTorch, which runs Ultralytics' modules, is not installed")
tasks: Any = pytest.importorskip(
    "ultralytics.nn.tasks", reason="ultralytics, the oracle of these tests, is not installed"
)
import ultralytics  # noqa: E402
import yaml  # noqa: E402
from torch.utils.flop_counter import FlopCounterMode  # noqa: E402

FOLDER = Path(ultralytics.__file__).parent / "cfg" / "models"
FILES = sorted(FOLDER.rglob("*.yaml"))
# modules that cnncalc refuses by name
REFUSED = ("rtdetr", "world", "yoloe", "resnet18", "26-depth", "26-obb", "26-pose", "26-seg", "26-sem", "yoloe-26")
CASES = [
    (path, scale)
    for path in FILES
    if not any(word in path.stem for word in REFUSED)
    for scale in (yaml.safe_load(path.read_text()).get("scales") or {"": None})
]
LEAVES = ("Conv2d", "ConvTranspose2d", "BatchNorm2d", "Linear")


def built(path: Path, scale: str, side: int) -> tuple[Any, dict[str, tuple[int, ...]], int]:
    """Return Ultralytics' modules without numbers, the output shape of every leaf, and the multiply-adds of one image."""
    definition = yaml.safe_load(path.read_text())
    definition["scale"] = scale
    with torch.device("meta"):
        model, _ = tasks.parse_model(definition, 3, verbose=False)
        shapes: dict[str, tuple[int, ...]] = {}

        def note(name: str) -> Any:
            return lambda module, given, output: shapes.__setitem__(name, tuple(output.shape[1:]))

        for name, module in model.named_modules():
            if type(module).__name__ in LEAVES:
                module.register_forward_hook(note(name))
        x, outputs = torch.empty(2, 3, side, side), []
        counter = FlopCounterMode(display=False)
        with counter:
            for module in model:
                source = module.f
                if source != -1:
                    x = (
                        outputs[source]
                        if isinstance(source, int)
                        else [x if place == -1 else outputs[place] for place in source]
                    )
                x = module(x)
                outputs.append(x)
            dfl = getattr(model[-1], "dfl", None)
            if dfl is not None and model[-1].reg_max > 1:  # training leaves it out
                raw = x.get("one2one", x)
                dfl(raw["boxes"])
    return model, shapes, counter.get_total_flops() // 4


def ours(path: Path, scale: str, side: int) -> Network:
    """Return the network as cnncalc reads it."""
    parameters = {"scale": scale} if scale else {}
    options = ReaderOptions({"": f"{side}x{side}x3"}, {}, parameters=parameters)
    return read_text(Source(str(path), path.read_text(encoding="utf-8")), options)


@pytest.mark.parametrize(("path", "scale"), CASES, ids=[f"{path.stem}-{scale}" for path, scale in CASES])
def test_model_files(path: Path, scale: str) -> None:
    """Parameters and buffers of all modules, the shape of every convolution and norm, and the multiply-adds."""
    side = 320
    model, shapes, macs = built(path, scale, side)
    net = ours(path, scale, side)
    totals = analyze(net).totals
    assert totals.params == sum(tensor.numel() for tensor in model.parameters())
    counters = sum(1 for name, _ in model.named_buffers() if name.endswith("num_batches_tracked"))
    assert totals.buffers == sum(tensor.numel() for tensor in model.buffers()) - counters
    assert totals.macs == macs
    names = {f"{module.type.rpartition('.')[2]}_{index}": str(index) for index, module in enumerate(model)}
    compared = 0
    for node in net.nodes:
        block, _, rest = node.name.partition(".")
        theirs = shapes.get(f"{names.get(block, block)}.{rest}" if rest else names.get(block, block))
        if theirs is not None and node.kind != "linear":
            assert tuple(node.output) == (*theirs[1:], theirs[0]), node.name
            compared += 1
    assert compared >= len(shapes) - 2


@pytest.mark.parametrize(
    "path", [path for path in FILES if any(word in path.stem for word in REFUSED)], ids=lambda path: path.stem
)
def test_refused_files(path: Path) -> None:
    """The error names the module."""
    with pytest.raises(Refused) as caught:
        ours(path, "", 640)
    assert caught.value.problems[0].code == "unsupported"
