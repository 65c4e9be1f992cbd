"""Pictures of models from PyTorch, torchvision, timm and ONNX: both views, without flaws, and quickly.

The models are of different kinds: plain, residual, dense, recurrent, with attention, with several inputs and outputs.
"""

from __future__ import annotations

import gc
from collections.abc import Callable
from functools import cache, partial
from importlib import import_module
from pathlib import Path
from time import process_time

import pytest

from cnncalc.analyses.totals import Analysis, analyze
from cnncalc.drawing.draw import draw
from cnncalc.drawing.options import Options
from cnncalc.loading import LoadOptions, Spec, load
from tests.drawing.geometry import flaws

torch = pytest.importorskip("torch")

pytestmark = pytest.mark.heavy

ONNX = Path(__file__).parents[2] / "reference" / "onnx"
SECONDS = 0.5  # of CPU for one picture
MODELS = (
    "torchvision.models:resnet50", "torchvision.models:densenet121", "torchvision.models:mobilenet_v3_large",
    "torchvision.models:efficientnet_b0", "torchvision.models:swin_t", "torchvision.models:vit_b_16",
    "torchvision.models:regnet_y_400mf", "torchvision.models:maxvit_t", "torchvision.models:shufflenet_v2_x1_0",
    "torchvision.models.segmentation:lraspp_mobilenet_v3_large", "torchvision.models.segmentation:deeplabv3_resnet50",
    "timm.models:nasnetalarge", "timm.models:hrnet_w18", "timm.models:mixer_b16_224", "timm.models:dla34",
    "timm.models:coat_lite_tiny", "timm.models:levit_128s", "timm.models:xcit_nano_12_p16_224",
    "timm.models:inception_resnet_v2", "timm.models:cait_xxs24_224", "timm.models:res2net50_26w_4s",
    "tests.oracle.drawing.modules:Tagger", "tests.oracle.drawing.modules:Nested", "tests.oracle.drawing.modules:Siamese",
    "tests.oracle.drawing.modules:Encoder", "tests.oracle.drawing.modules:Pyramid", "tests.oracle.drawing.modules:Shared",
)  # fmt: skip
SHAPES = {
    "Tagger": {"": "40"}, "Siamese": {"left": "32x32x3", "right": "32x32x3"}, "Encoder": {"": "20x64"}, "Nested": {"": "64x64x3"},
    "Pyramid": {"": "64x64x3"}, "Shared": {"": "32x32x3"},
}  # fmt: skip
UNTRAINED = {"weights": "null", "weights_backbone": "null"}


def seconds(task: Callable[[], object]) -> float:
    """Return the CPU time of the quicker of two runs."""
    best = 1e9
    for _ in range(2):
        gc.collect()
        start = process_time()
        task()
        best = min(best, process_time() - start)
    return best


def check(analysis: Analysis) -> None:
    for view in ("volumes", "graph"):
        options = Options(view=view)
        assert flaws(draw(analysis, options), analysis.network) == [], view
        assert seconds(partial(draw, analysis, options)) < SECONDS, view
    across = Options(view="graph", horizontal=True)
    assert flaws(draw(analysis, across), analysis.network) == []
    assert flaws(draw(analysis, Options(view="graph", color_by="macs", show=("params",))), analysis.network) == []


@cache
def reason_to_skip(package: str) -> str:
    """Return why a package of models cannot be imported, or an empty text. One build of torchvision suits one of PyTorch."""
    try:
        import_module(package)
    except (ImportError, RuntimeError) as error:
        return f"{package} cannot be imported: {error}"
    return ""


@pytest.mark.parametrize("model", MODELS)
def test_pytorch_models(model: str, one_thread: None) -> None:
    name = model.rpartition(":")[2]
    if reason := reason_to_skip(model.partition(".")[0]):
        pytest.skip(reason)
    options = LoadOptions(
        inputs=SHAPES.get(name, {"": "224x224x3"}), arguments=UNTRAINED if "segmentation" in model else {}
    )
    check(analyze(load(Spec(f"torch:{model}"), options)))


@pytest.mark.parametrize("file", sorted(ONNX.glob("*.onnx")), ids=lambda file: file.stem)
def test_onnx_models(file: Path) -> None:
    check(analyze(load(Spec(str(file)))))
