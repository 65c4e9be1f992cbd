"""Random small networks, generated as a module and as a specification: predicted peaks compared with PyTorch's storages."""

from __future__ import annotations

import os
from typing import Any

import pytest

if os.environ.get("CNNCALC_REQUIRE_ORACLES") != "1":
    pytest.importorskip("torch", reason="the oracle is PyTorch")

import torch

from cnncalc.analyses.memory.peak import infer, train
from cnncalc.network import Network
from cnncalc.problem import Source
from cnncalc.readers.yaml.reader import read
from tests.oracle.storage import measure_inference, measure_training, random_network

SEEDS = range(150)
DTYPES = {"float16": torch.float16, "bfloat16": torch.bfloat16, "float64": torch.float64}


def drawn(seed: int) -> tuple[Any, Network]:
    module, text = random_network(seed)
    return module, read(Source(f"random{seed}.yaml", text))


@pytest.mark.parametrize("batch", [1, 3])
@pytest.mark.parametrize("seed", SEEDS)
def test_training_and_inference_to_the_byte(seed: int, batch: int) -> None:
    module, network = drawn(seed)
    optimizer = ("sgd", "momentum", "adam", "adamw", "adagrad", "rmsprop")[seed % 6]
    measured = measure_training(module, module.x_shape, batch, optimizer)
    predicted = train(network, batch, optimizer=optimizer)
    assert not predicted.unknown
    assert max(moment.live for moment in predicted.moments if moment.phase == "forward") == measured["fwd_peak"]
    assert max(moment.live for moment in predicted.moments if moment.phase == "backward") == measured["bwd_peak"]
    assert predicted.peak.live == measured["peak_bytes"]
    eager = measure_inference(module, module.x_shape, batch, torch.float32)["peak_bytes"]
    assert infer(network, batch).peak.live == eager
    assert infer(network, batch, least=True).peak.live <= eager


@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float64"])
@pytest.mark.parametrize("seed", range(30))
def test_other_dtypes(seed: int, dtype: str) -> None:
    module, network = drawn(seed)
    measured = measure_training(module, module.x_shape, 2, "sgd", DTYPES[dtype])
    assert train(network, 2, dtype).peak.live == measured["peak_bytes"]
    assert (
        infer(network, 2, dtype).peak.live == measure_inference(module, module.x_shape, 2, DTYPES[dtype])["peak_bytes"]
    )


@pytest.mark.parametrize("seed", SEEDS)
def test_mixed_precision_to_the_byte(seed: int) -> None:
    module, network = drawn(seed)
    dtype = ("float16", "bfloat16")[seed % 2]
    batch, amp = 1 + seed % 3, DTYPES[dtype]
    measured = measure_training(module, module.x_shape, batch, "adam", amp=amp)
    predicted = train(network, batch, optimizer="adam", amp=dtype)
    assert not predicted.unknown
    assert predicted.saved == measured["act_bytes_end_fwd"]
    assert max(moment.live for moment in predicted.moments if moment.phase == "forward") == measured["fwd_peak"]
    assert max(moment.live for moment in predicted.moments if moment.phase == "backward") == measured["bwd_peak"]
    assert predicted.peak.live == measured["peak_bytes"]
    eager = measure_inference(module, module.x_shape, batch, amp=amp)["peak_bytes"]
    assert infer(network, batch, amp=dtype).peak.live == eager
    assert infer(network, batch, least=True, amp=dtype).peak.live <= eager
