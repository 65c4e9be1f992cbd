"""Models of torchvision and timm: both readers of PyTorch have the same parameters, buffers, products and leaf modules."""

import os
from pathlib import Path

import pytest

if os.environ.get("CNNCALC_REQUIRE_ORACLES") != "1":
    pytest.importorskip("torch", reason="torch, which exports these models, is not installed")
try:  # builds of torchvision for another PyTorch raise RuntimeError
    import timm  # noqa: F401
    import torchvision  # noqa: F401
except (ImportError, RuntimeError) as error:
    pytest.skip(f"torchvision and timm cannot be imported: {error}", allow_module_level=True)

from cnncalc.readers import ReaderOptions, read
from tests.oracle.readers.pt2.models import cached, differences, facts, model_names

SAMPLE = ["torchvision:shufflenet_v2_x0_5"]
MORE = [
    "torchvision:resnet18",
    "torchvision:googlenet",
    "timm:vit_tiny_patch16_224",
    "timm:coat_lite_tiny",
    "timm:efficientnet_b0",
]


def compare(names: list[str], folder: Path) -> None:
    for name, path, theirs in cached(names, str(folder)):
        assert not isinstance(theirs, str), theirs
        assert differences(theirs, facts(read(path, ReaderOptions({}, {})))) == [], name


def test_sample(tmp_path: Path) -> None:
    compare(SAMPLE, tmp_path)


@pytest.mark.heavy
@pytest.mark.parametrize("name", MORE)
def test_more_models(name: str, tmp_path: Path) -> None:
    compare([name], tmp_path)


def test_enough_models_are_named() -> None:
    """The script can compare at least 200."""
    assert len(set(model_names(220))) == 220
