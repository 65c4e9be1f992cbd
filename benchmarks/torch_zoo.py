"""Read the models of torchvision and timm, and compare every figure with PyTorch's own.

The figures are parameters, buffers, multiply-adds and the output shape of every leaf module. A table shows which agree. The
exit status is 1 if anything differs.

    python benchmarks/torch_zoo.py torchvision
    python benchmarks/torch_zoo.py timm --sample 250 --seed 1
    python benchmarks/torch_zoo.py timm resnet50 vit_base_patch16_224

This is not part of CI, because it needs the packages. If torchvision has no compiled operators, they are declared without a
body.
"""

from __future__ import annotations

import argparse
import json
import random
import sys
import time
import traceback
import warnings
from collections import defaultdict
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent.parent))

import torch
from torch.utils.flop_counter import FlopCounterMode

from cnncalc import from_torch
from cnncalc.analyses.totals import analyze

# modules of timm whose models are transformers or multi-layer perceptrons rather than CNNs
NO_CNN = (
    "beit",
    "cait",
    "convit",
    "crossvit",
    "csatv2",
    "davit",
    "deit",
    "eva",
    "gcvit",
    "gemma",
    "hiera",
    "levit",
    "mlp_mixer",
    "mvitv2",
    "naflexvit",
    "nest",
    "pit",
    "pvt",
    "sequencer",
    "swin",
    "tiny_vit",
    "tnt",
    "twins",
    "visformer",
    "vision_transformer",
    "vitamin",
    "volo",
    "xcit",
    "coat",
)
OPERATORS = (
    "nms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
    "qnms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
)


def torchvision() -> Any:
    """Import the package, with or without its compiled operators."""
    library = torch.library.Library("torchvision", "FRAGMENT")
    for schema in OPERATORS:
        library.define(schema)
    import torchvision

    torchvision.kept = library
    return torchvision


def torchvision_models(names: list[str]) -> dict[str, Any]:
    """Return a builder for each classification CNN and vision transformer, by name."""
    package = torchvision()
    module = package.models
    names = names or [name for name in package.models.list_models(module=module) if not name.startswith("get_")]
    return {
        name: lambda name=name: (
            module.get_model(name, weights=None),
            (3, 299, 299) if "inception" in name else (3, 224, 224),
        )
        for name in names
    }


def timm_models(names: list[str], sample: int, seed: int) -> dict[str, Any]:
    """Return builders by name: a random sample of all models that depends only on the seed."""
    torchvision()
    import timm

    every = [
        name
        for module in timm.list_modules()
        if not module.startswith(NO_CNN)
        for name in timm.list_models(module=module)
    ]
    names = names or sorted(random.Random(seed).sample(every, min(sample, len(every))))

    def build(name: str) -> tuple[Any, tuple[int, ...]]:
        model = timm.create_model(name, pretrained=False)
        return model, tuple(model.default_cfg["input_size"])

    return {name: lambda name=name: build(name) for name in names}


def facts(model: Any, size: tuple[int, ...]) -> tuple[int, int, float, dict[str, list[tuple[int, ...]]]]:
    """Return PyTorch's own figures: parameters, buffers, multiply-adds, and the output shapes of leaf modules by path."""
    shapes: dict[str, list[tuple[int, ...]]] = defaultdict(list)
    removed = []
    for path, module in model.named_modules():
        if path and not any(True for _ in module.children()):

            def hook(_: Any, __: Any, out: Any, path: str = path) -> None:
                out = out[0] if isinstance(out, tuple) else out
                if isinstance(out, torch.Tensor):
                    shapes[path].append(tuple(out.shape))

            removed.append(module.register_forward_hook(hook))
    counter = FlopCounterMode(display=False)
    with torch.no_grad(), torch.device("meta"), counter:
        model(torch.empty(1, *size))
    for handle in removed:
        handle.remove()
    kept = model.state_dict(keep_vars=True)
    buffers = {id(b): b for name, b in model.named_buffers() if name in kept and "num_batches_tracked" not in name}
    held = sum(buffer.numel() for buffer in buffers.values())
    return sum(p.numel() for p in model.parameters()), held, counter.get_total_flops() / 2, shapes


def alike(shape: tuple[int, ...], theirs: tuple[int, ...]) -> bool:
    """Return whether a shape is that of a tensor, either channels last or unchanged, without a batch of 1."""
    forms = set()
    for dims in (theirs, theirs[1:] if theirs[:1] == (1,) else theirs):
        forms |= {dims, (*dims[1:], *dims[:1]), (*dims[:1], *dims[2:], *dims[1:2])}
    return tuple(shape) in forms or tuple(n for n in shape if n != 1) in {
        tuple(n for n in form if n != 1) for form in forms
    }


def compare(build: Any) -> dict[str, Any]:
    """Return the figures of one model from PyTorch and from cnncalc."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            with torch.device("meta"):
                model, size = build()
        except (NotImplementedError, RuntimeError):  # it needs numbers
            model, size = build()
            model = model.to("meta")
        model = model.eval().requires_grad_(False)
        start = time.perf_counter()
        network = from_torch(model, size)
        analysis = analyze(network)
        seconds = time.perf_counter() - start
        params, buffers, macs, shapes = facts(model, size)
    nodes = {node.name: node for node in network.nodes}
    leaves = wrong = absent = 0
    said = []
    for path, found in shapes.items():
        for number, theirs in enumerate(found, 1):
            leaves += 1
            node = nodes.get(path if number == 1 else f"{path}_{number}")
            if node is None:
                inside = [one for name, one in nodes.items() if name.startswith(path + ".")]
                if not inside:
                    absent += 1
                    continue
                if any(alike(one.output, theirs) for one in inside):
                    continue
                node = inside[-1]
            if not alike(node.output, theirs):
                wrong += 1
                said.append(f"{path}: {node.output} for {theirs}")
    totals = analysis.totals
    return {
        "nodes": len(network.nodes), "seconds": round(seconds, 2), "params": totals.params, "params_theirs": params,
        "buffers": totals.buffers, "buffers_theirs": buffers,
        "macs": totals.macs, "macs_theirs": macs, "leaves": leaves, "leaves_wrong": wrong, "leaves_absent": absent,
        "uncounted": totals.uncounted, "warnings": [str(w) for w in network.warnings], "said": said[:3],
        "unknown": sorted({node.kind for node in network.nodes if node.layer is not None and not node.layer.known_cost}),
    }  # fmt: skip


def main() -> int:
    """Compare, print the table, and write all figures to a file if one is named."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("zoo", choices=["torchvision", "timm"])
    parser.add_argument("names", nargs="*", help="only these models")
    parser.add_argument("--sample", type=int, default=250, help="how many models of timm")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--json", help="write all figures to this file")
    parser.add_argument("--traceback", action="store_true")
    asked = parser.parse_args()
    zoo = (
        torchvision_models(asked.names)
        if asked.zoo == "torchvision"
        else timm_models(asked.names, asked.sample, asked.seed)
    )
    print(f"{'model':44} {'nodes':>6} {'s':>6} {'parameters':>13} {'MACs':>16} {'leaf shapes':>12}  ")
    agreed, results = 0, {}
    for name, build in zoo.items():
        try:
            found = compare(build)
        except Exception as error:  # any exception is a result
            if asked.traceback:
                traceback.print_exc()
            results[name] = {"error": f"{type(error).__name__}: {error}"}
            print(f"{name:44} {type(error).__name__}: {str(error)[:300]}", flush=True)
            continue
        results[name] = found
        parts = [
            (found["params"], found["buffers"]) == (found["params_theirs"], found["buffers_theirs"]),
            found["macs"] == found["macs_theirs"],
            not found["leaves_wrong"],
        ]
        agreed += all(parts)
        marks = [
            f"{found['params']:,}" + ("" if parts[0] else f" (not {found['params_theirs']:,}, or buffers)"),
            f"{found['macs']:,}" + ("" if parts[1] else f" (not {found['macs_theirs']:,})"),
            f"{found['leaves'] - found['leaves_wrong'] - found['leaves_absent']}/{found['leaves']}",
        ]
        notes = [
            *found["said"],
            *[f"? {kind}" for kind in found["unknown"]],
            *[w for w in found["warnings"] if "unused" not in w][:2],
        ]
        counts = f"{name:44} {found['nodes']:6} {found['seconds']:6} {marks[0]:>13} {marks[1]:>16} {marks[2]:>12}"
        print(f"{counts}  {'; '.join(notes)[:400]}", flush=True)
    print(f"{agreed} of {len(zoo)} agree in parameters, buffers, multiply-adds and all leaf shapes")
    if asked.json:
        Path(asked.json).write_text(json.dumps(results, indent=1))
    return 0 if agreed == len(zoo) else 1


if __name__ == "__main__":
    sys.exit(main())
