"""Proof by another program: the network is exported, built in the framework without any data, run, and compared.

Every layer's output shape, weights, biases, buffers and multiply-adds are the framework's own: read from the tensors that
pass, from the parameters of the modules that are called, and from its own count of operations.
"""

from __future__ import annotations

import ast
from typing import Any

from cnncalc.analyses.totals import Analysis, analyze
from cnncalc.network import Network
from cnncalc.readers.options import Missing
from cnncalc.record import Record

QUANTITIES = ("output", "weights", "biases", "buffers", "macs")
BATCH = 2  # of one example only, PyTorch refuses some norms
FEW_STEPS = 4  # of a longer sequence recurrent layers run only so many: every step costs the same
MANY_STEPS = 64

Facts = dict[str, Any]  # quantity -> number, or shape as a list


class Check(Record):
    """One layer by cnncalc and by the framework; `theirs` is None where the framework never came to it, and so
    are in it figures that the framework has no count of."""

    name: str
    kind: str
    ours: Facts
    theirs: Facts | None

    @property
    def differences(self) -> list[str]:
        """The quantities in which both differ."""
        if self.theirs is None:
            return list(self.ours)
        return [name for name, value in self.ours.items() if self.theirs[name] not in (value, None)]


class Agreement(Record):
    """What a framework says to a network: every layer, the totals, and the error it ended with, if any."""

    network: Network
    framework: str
    version: str
    checks: list[Check]
    totals: Check
    error: str = ""

    @property
    def agrees(self) -> bool:
        """Is everything the same?"""
        return not (self.error or self.totals.differences or any(check.differences for check in self.checks))


def verify(network: Network, framework: str = "torch") -> Agreement:
    """Compare a network with a framework, layer by layer.

    Raises:
        Missing: where the framework is not installed.
        Unexportable: where a layer has no counterpart in it.
    """
    if framework == "keras":
        from cnncalc.writers.keras.writer import measured as measured_by_keras

        return _compared(network, framework, *measured_by_keras(network))
    return _compared(network, framework, *measured(network))


def _compared(
    network: Network, framework: str, version: str, theirs: list[Facts], whole: Facts, error: str
) -> Agreement:
    result = analyze(network)
    nodes = network.nodes
    checks = []
    places = iter(theirs)
    for row in result.rows:
        if row.node.layer is None:
            continue
        ours: Facts = {
            "output": list(row.node.output),
            "weights": row.weights,
            "biases": row.biases,
            "buffers": row.buffers,
            "macs": int(row.macs),
        }
        checks.append(Check(row.node.name, row.node.kind, ours, next(places, None)))
    outputs = [list(nodes[index].output) for index in network.outputs]
    totals = Check("total", "", {"output": outputs, **_totals(result)}, whole or None)
    return Agreement(network, framework, version, checks, totals, error)


def _totals(result: Analysis) -> Facts:
    total = result.totals
    return {"weights": total.weights, "biases": total.biases, "buffers": total.buffers, "macs": int(total.macs)}


def channels_last(lengths: list[int], layout: str) -> list[int]:
    """The axes of one example as cnncalc has them, of a tensor with its batch."""
    return [*lengths[2:], lengths[1]] if layout == "first" else lengths[1:]


# -- PyTorch ----------------------------------------------------------------------------------------------------------


def watched(text: str, marks: dict[int, tuple[str, str]]) -> Any:
    """The source compiled so that it tells `__seen__(line, value)` after every line that makes a layer's value."""
    tree = ast.parse(text)
    for function in [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef) and node.name == "forward"]:
        body: list[ast.stmt] = []
        for statement, behind in zip(function.body, [*function.body[1:], None], strict=True):
            body.append(statement)
            mark = marks.get(statement.lineno)
            if mark is not None and (behind is None or behind.lineno != statement.lineno):
                body.append(ast.parse(f"__seen__({statement.lineno}, {mark[0]})").body[0])
        function.body = body
    return compile(ast.fix_missing_locations(tree), "<exported>", "exec")


def measured(network: Network) -> tuple[str, list[Facts], Facts, str]:
    """PyTorch's version, its figures for every layer, for the whole, and the error it ended with."""
    try:
        import torch
    except ImportError:
        raise Missing("torch", "torch") from None
    import warnings

    from torch.utils.flop_counter import FlopCounterMode

    from cnncalc.writers.torch.writer import source

    exported = source(network)
    layers = [node for node in network.nodes if node.layer is not None]
    found: list[Facts] = []
    called: list[Any] = []
    counted: set[int] = set()
    counter = FlopCounterMode(display=False)
    skipped = [0]  # operations of the steps that recurrent layers did not run
    before = [0]

    def seen(line: int, value: Any) -> None:
        node = layers[len(found)]
        if exported.marks[line][1] != node.kind:
            raise AssertionError(f"line {line} makes a {exported.marks[line][1]}, not the {node.kind} `{node.name}`")
        flops = counter.get_total_flops() + skipped[0]
        facts = _held(called, counted)
        facts["output"] = channels_last(list(value.shape), exported.layouts[node.index])
        facts["macs"] = _each(flops - before[0])
        before[0] = flops
        called.clear()
        found.append(facts)

    whole: Facts = {}
    error = ""
    try:
        names: dict[str, Any] = {"__name__": "cnncalc_exported", "__seen__": seen}
        exec(watched(exported.text, exported.marks), names)  # our own source: see export_torch
        with warnings.catch_warnings(), torch.device("meta"):
            warnings.simplefilter("ignore")
            model = names[exported.name]().eval()
            _watch(torch, model, names, called, counter, skipped)
            inputs = [
                torch.empty(BATCH, *_lengths(node.output, exported.layouts[node.index])) for node in network.inputs
            ]
            with counter:
                outputs = model(*inputs)
        several = outputs if isinstance(outputs, tuple) else (outputs,)
        shapes = [
            channels_last(list(value.shape), "first" if len(network.nodes[i].output) > 2 else exported.layouts[i])
            for i, value in zip(network.outputs, several, strict=True)
        ]
        whole = {"output": shapes, **_held([model], set()), "macs": _each(before[0])}
        if len(found) != len(layers):
            raise AssertionError(f"{len(found)} of {len(layers)} layers ran")
    except Exception as failure:  # whatever the framework does not like is a difference
        lines = str(failure).strip().split("\n")
        error = f"{type(failure).__name__}: {lines[0]}"
    return torch.__version__, found, whole, error


def _lengths(shape: tuple[int, ...], layout: str) -> tuple[int, ...]:
    return (shape[-1], *shape[:-1]) if layout == "first" else tuple(shape)


def _each(flops: int) -> float | int:
    """Multiply-adds of one example: half of the operations that were counted for the batch."""
    return flops // (2 * BATCH) if flops % (2 * BATCH) == 0 else flops / (2 * BATCH)


def _held(modules: list[Any], counted: set[int]) -> Facts:
    """Weights, biases and running statistics of modules, those counted already left out."""
    facts: Facts = {"weights": 0, "biases": 0, "buffers": 0}
    for module in modules:
        for part in module.modules():
            fleeting = part._non_persistent_buffers_set
            parameters = [
                ("biases" if name.startswith(("bias", "in_proj_bias")) else "weights", tensor)
                for name, tensor in part.named_parameters(recurse=False)
            ]
            buffers = [
                ("buffers", tensor)
                for name, tensor in part.named_buffers(recurse=False)
                if name not in fleeting and name != "num_batches_tracked"
            ]
            for quantity, tensor in parameters + buffers:
                if id(tensor) not in counted:
                    counted.add(id(tensor))
                    facts[quantity] += tensor.numel()
    return facts


def _watch(torch: Any, model: Any, names: dict[str, Any], called: list[Any], counter: Any, skipped: list[int]) -> None:
    """Hooks on every layer of the model that note when it is called; long sequences are cut short."""
    blocks = [module for module in model.modules() if "forward" in vars(type(module)) and _is_block(module, names)]
    hooked: set[int] = set()
    for block in blocks:
        for module in block.children():
            if _is_block(module, names) or id(module) in hooked:
                continue
            hooked.add(id(module))
            module.register_forward_pre_hook(lambda layer, _: called.append(layer))
            if isinstance(module, torch.nn.RNNBase):
                module.forward = _shortened(module.forward, counter, skipped)


def _is_block(module: Any, names: dict[str, Any]) -> bool:
    from cnncalc.writers.torch.helpers import HELPERS

    kind = type(module)
    return names.get(kind.__name__) is kind and kind.__name__ not in HELPERS


def _shortened(forward: Any, counter: Any, skipped: list[int]) -> Any:
    def run(x: Any) -> Any:
        steps = x.shape[1]
        if steps <= MANY_STEPS:
            return forward(x)
        before = counter.get_total_flops()
        y, state = forward(x[:, :FEW_STEPS])
        flops = counter.get_total_flops() - before
        skipped[0] += flops // FEW_STEPS * (steps - FEW_STEPS)
        return y[:, :1].expand(-1, steps, -1), state

    return run
