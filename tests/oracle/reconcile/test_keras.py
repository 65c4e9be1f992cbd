"""Keras' `model.summary()` of the networks of the shelf, as the Keras source that cnncalc exports."""

from __future__ import annotations

import os
import re
from typing import Any

import pytest

if os.environ.get("CNNCALC_REQUIRE_ORACLES") != "1":
    for needed in ("torch", "keras"):
        pytest.importorskip(needed, reason="Keras, which these tests run, is not installed")
os.environ.setdefault("KERAS_BACKEND", "torch")

from cnncalc.loading import LoadOptions, Spec, load
from cnncalc.reconcile import reconcile
from cnncalc.writers.keras.writer import source

QUICK = ("lenet5", "cifar_resnet20", "mlperf_tiny_kws")
NETWORKS = (
    "alexnet", "vgg11", "resnet18", "resnet50", "densenet_bc_100_k12", "googlenet", "mobilenet_v1", "mobilenet_v2",
    "mobilenet_v3_small", "squeezenet1_1", "efficientnet_b0", "zfnet", "mlp", "mlperf_tiny_vww", "mlperf_tiny_ic",
    "mlperf_tiny_ad", "unet", "inception_v3", "dcgan_generator", "tf_cifar10",
)  # fmt: skip


@pytest.mark.usefixtures("one_thread")
@pytest.mark.parametrize("name", [*QUICK, *[pytest.param(name, marks=pytest.mark.heavy) for name in NETWORKS]])
def test_the_summary_of_keras(name: str) -> None:
    """All three numbers below the table, as printed."""
    network = load(Spec(name), LoadOptions())
    exported = source(network)
    names: dict[str, Any] = {"__name__": "exported"}
    exec(exported.text, names)  # source that cnncalc wrote
    model = names[exported.name]()
    lines: list[str] = []
    model.summary(print_fn=lambda line, **_: lines.append(line))
    text = "\n".join(lines)
    printed = {
        label: int(found[1].replace(",", ""))
        for label in ("Total params", "Trainable params", "Non-trainable params")
        for found in [re.search(rf"(?m)^\s*{label}: ([\d,]+)", text)]
        if found is not None
    }
    assert {one.figure: one.value for one in reconcile(network, ["keras"]).results} == printed
