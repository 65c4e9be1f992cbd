"""Rewritten networks as PyTorch modules: they build, run, and have the promised parameters and multiply-adds."""

from __future__ import annotations

import os
from typing import Any

import pytest

if os.environ.get("CNNCALC_REQUIRE_ORACLES") != "1":
    pytest.importorskip("torch", reason="PyTorch, which runs the networks, is not installed")

import torch
from torch.utils.flop_counter import FlopCounterMode

import cnncalc
from cnncalc.writers.torch.writer import source

QUICK = ("lenet5", "squeezenet1_1", "mlperf_tiny_kws")
NETWORKS = (
    "alexnet_torchvision", "vgg11", "resnet18", "resnet50", "cifar_resnet20", "densenet121", "googlenet", "mobilenet_v1",
    "mobilenet_v2", "mobilenet_v3_small", "efficientnet_b0", "unet", "zfnet", "dcgan_generator",
)  # fmt: skip
ALL = {"params": 0, "macs": 0, "memory": 0}


def counted(text: str) -> tuple[int, int, list[tuple[int, ...]]]:
    """Parameters, multiply-adds, and shapes of the outputs of a specification as a PyTorch module, without numbers."""
    network = cnncalc.parse(text)
    exported = source(network)
    names: dict[str, Any] = {"__name__": "exported"}
    exec(exported.text, names)  # source that cnncalc wrote
    with torch.device("meta"), torch.no_grad():
        model = names[exported.name]().eval()
        inputs = [torch.zeros(1, node.output[-1], *node.output[:-1]) for node in network.inputs]
        with FlopCounterMode(display=False) as counter:
            outputs = model(*inputs)
    found = [outputs] if isinstance(outputs, torch.Tensor) else list(outputs)
    shapes = [(*shape[2:], shape[1]) for shape in (tuple(output.shape) for output in found)]
    params = sum(parameter.numel() for parameter in model.parameters())
    return params, counter.get_total_flops() // 2, shapes


@pytest.mark.usefixtures("one_thread")
@pytest.mark.parametrize("name", [*QUICK, *[pytest.param(name, marks=pytest.mark.heavy) for name in NETWORKS]])
def test_rewritten_networks_have_the_promised_figures(name: str) -> None:
    """One place for every rewrite that helps, and the combination."""
    network = cnncalc.load(name)
    found = network.advise(ALL)
    first: dict[str, int] = {}
    for number, advice in enumerate(found.advice, 1):
        if advice.state.network is not found.advice[0].state.network or advice.edits:
            first.setdefault(advice.rewrite.name, number)
    structural = [number for number in first.values() if found.advice[number - 1].edits]
    assert len(structural) >= 2
    for number in structural:
        advice = found.advice[number - 1]
        params, macs, shapes = counted(found.to_specification(number))
        assert (params, macs) == (advice.after["params"], advice.after["macs"]), advice.rewrite.name
        assert shapes == [tuple(shape) for shape in network.output_shapes.values()]
