"""Export models of torchvision and timm, and compare what the two readers of PyTorch say about each.

As a script, this writes an archive for each model into a folder, and prints which ones are read alike:

    python -m tests.oracle.readers.pt2.models --count 200 --folder /tmp/archives
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import warnings
import zipfile
from collections.abc import Iterator
from typing import Any

from cnncalc.network import Network
from cnncalc.problem import Refused
from cnncalc.readers import ReaderOptions, read
from cnncalc.readers.torch.reader import from_torch

Facts = dict[str, Any]
WEIGHTS = ("/data/weights/weight_", "/data/constants/tensor_", "/data/sample_inputs/")


def model_names(count: int) -> list[str]:
    """Return names of models: those of torchvision, and of timm one of each architecture, then more of the same."""
    import timm
    import torchvision

    first = [
        f"torchvision:{name}"
        for name in torchvision.models.list_models(module=torchvision.models)
        if name not in ("vit_h_14", "regnet_y_128gf")
    ]
    places: dict[str, int] = {}
    second: list[tuple[int, str]] = []
    for name in timm.list_models():
        if any(
            word in name for word in ("giant", "gigantic", "huge", "enormous", "xxlarge", "_so150m", "_7b", "_so400m")
        ):
            continue
        family = timm.models._registry._model_to_module[name]
        places[family] = places.get(family, -1) + 1
        second.append((places[family], f"timm:{name}"))
    rest = [name for _, name in sorted(second, key=lambda each: each[0])]
    mixed = [*rest[:60], *first, *rest[60:]]
    return mixed[:count]


def build(name: str) -> tuple[Any, tuple[int, int, int]]:
    """Return a model in evaluation mode, and the shape of its image, channels first.

    It is on the meta device, unless parameters are tied: archives from there do not state which.
    """
    import timm
    import torch
    import torchvision

    library, _, model_name = name.partition(":")
    with torch.device("meta"):
        if library == "torchvision":
            model = torchvision.models.get_model(model_name, weights=None)
            side = 299 if model_name == "inception_v3" else 224
            return model.eval(), (3, side, side)
        model = timm.create_model(model_name, pretrained=False)
    if has_tied_parameters(model):
        model = timm.create_model(model_name, pretrained=False)
    return model.eval(), tuple(model.pretrained_cfg["input_size"])


def has_tied_parameters(model: Any) -> bool:
    """Return whether two names of parameters are one tensor."""
    return len(list(model.parameters())) < len(list(model.named_parameters(remove_duplicate=False)))


def export(model: Any, shape: tuple[int, int, int], path: str) -> None:
    """Write the archive of a model without the numbers of its weights."""
    import torch

    program = torch.export.export(
        model, (torch.empty(1, *shape, device=next(model.parameters()).device),), strict=False
    )
    torch.export.save(program, path)
    strip(path)


def strip(path: str) -> None:
    """Remove the numbers from an archive."""
    with zipfile.ZipFile(path) as before:
        members = [
            (name, before.read(name))
            for name in before.namelist()
            if not any(part in name for part in WEIGHTS) and not name.endswith(".pt")
        ]
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as after:
        for name, data in members:
            after.writestr(name, data)


def facts(network: Network) -> Facts:
    """Return the figures that both readers must agree on. A module without an operation is not in an archive."""
    from cnncalc.analyses.totals import analyze

    totals = analyze(network).totals
    leaves = [
        (node.name, tuple(node.output))
        for node in network.nodes
        if node.written is not None
        and node.written.style in ("module", "subclass")
        and node.kind not in ("identity", "droppath")
    ]
    return {
        "params": totals.params, "buffers": totals.buffers, "macs": int(totals.macs),
        "leaves": [[name, list(shape)] for name, shape in leaves], "tied": any(node.shared is not None for node in network.nodes),
    }  # fmt: skip


def differences(theirs: Facts, ours: Facts) -> list[str]:
    """Return the figures that differ, as text. If a module has several names, each reader shows another one."""
    texts = [f"{key} {theirs[key]} {ours[key]}" for key in ("params", "buffers", "macs") if theirs[key] != ours[key]]
    a, b = (
        [str(shape) if ours["tied"] else f"{name} {shape}" for name, shape in each["leaves"]] for each in (theirs, ours)
    )
    if a != b:
        missing, more = [leaf for leaf in a if leaf not in set(b)], [leaf for leaf in b if leaf not in set(a)]
        texts.append(f"leaves {len(a)} {len(b)}: {missing[:3]} {more[:3]}")
    return texts


def cached(names: list[str], folder: str) -> Iterator[tuple[str, str, Facts | str]]:
    """Yield names with the path of the archive and what the PyTorch reader says, or why there is none."""
    for name in names:
        base = os.path.join(folder, name.replace(":", "_"))
        if not os.path.exists(base + ".json"):
            result: Facts | str
            try:
                model, shape = build(name)
                if not os.path.exists(base + ".pt2"):
                    export(model, shape, base + ".pt2")
                result = facts(from_torch(model, shape))
            except Exception as error:
                result = f"{type(error).__name__}: {str(error).strip().splitlines()[0][:150] if str(error) else ''}"
            with open(base + ".json", "w", encoding="utf-8") as stream:
                json.dump(result, stream)
        with open(base + ".json", encoding="utf-8") as stream:
            yield name, base + ".pt2", json.load(stream)


def main() -> None:
    """Compare as many models as asked for."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--count", type=int, default=200)
    parser.add_argument("--folder", default="archives")
    parser.add_argument("--only-export", action="store_true")
    options = parser.parse_args()
    warnings.filterwarnings("ignore")
    os.makedirs(options.folder, exist_ok=True)
    equal = different = refused = 0
    for name, path, theirs in cached(model_names(options.count), options.folder):
        if isinstance(theirs, str):
            refused += 1
            print(f"{name}: not exported or not read as a module: {theirs}", flush=True)
            continue
        if options.only_export:
            continue
        try:
            texts = differences(theirs, facts(read(path, ReaderOptions({}, {}))))
        except Refused as error:
            texts = [error.problems[0].text]
        equal, different = equal + (not texts), different + bool(texts)
        if texts:
            print(f"{name}: {'; '.join(texts)}", flush=True)
    print(f"{equal} equal, {different} different, {refused} not exported")
    sys.exit(bool(different))


if __name__ == "__main__":
    main()
