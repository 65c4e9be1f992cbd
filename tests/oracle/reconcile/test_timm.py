"""timm's models through fvcore, as the benchmark script of timm makes the columns `gmacs`, `macts` and `param_count`."""

from __future__ import annotations

import warnings

import pytest

# timm needs torchvision, which comes with one build of PyTorch and cannot be imported beside another
try:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # they use functions of PyTorch that will be removed
        import timm
        from fvcore.nn import ActivationCountAnalysis, FlopCountAnalysis
except (ImportError, RuntimeError) as error:
    pytest.skip(f"timm or fvcore, which these tests run, cannot be imported: {error}", allow_module_level=True)

import torch

import cnncalc
from cnncalc.reconcile import reconcile

QUICK = ("lcnet_035", "tinynet_e", "vit_tiny_patch16_224")
MODELS = (
    "resnet10t", "resnet18", "mobilenetv3_small_050", "mobilenetv2_035", "regnety_002", "ghostnet_050", "convnext_atto",
    "mixer_s32_224", "efficientnet_lite0", "densenet121", "repvgg_a0", "dla46_c", "hardcorenas_a", "semnasnet_050",
    "mnasnet_small", "levit_128s",
)  # fmt: skip


@pytest.mark.usefixtures("one_thread")
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", [*QUICK, *[pytest.param(name, marks=pytest.mark.heavy) for name in MODELS]])
def test_the_columns_of_timm(name: str) -> None:
    """To the digit, although timm has classes of its own."""
    model = timm.create_model(name).eval()
    size = model.default_cfg["input_size"]
    x = torch.zeros(1, *size)
    flops, activations = [
        int(kind(model, x).unsupported_ops_warnings(False).uncalled_modules_warnings(False).total())
        for kind in (FlopCountAnalysis, ActivationCountAnalysis)
    ]
    params = sum(parameter.numel() for parameter in model.parameters())
    found = reconcile(cnncalc.from_torch(model, size), ["timm"]).results
    assert {one.figure: one.value for one in found} == {"gmacs": flops, "macts": activations, "param_count": params}


@pytest.mark.usefixtures("one_thread")
@pytest.mark.filterwarnings("ignore")
def test_what_is_not_known_is_unknown() -> None:
    """Cross-covariance attention divides tensors in ways that no rule covers."""
    network = cnncalc.from_torch(timm.create_model("xcit_nano_12_p16_224").eval(), (3, 224, 224))
    assert [one.value for one in reconcile(network, ["timm"]).results][:2] == [None, None]
