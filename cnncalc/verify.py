"""Verify a network against a framework: export it, build it there without data, run it, and compare layer by layer.

The output shape, weights, biases, buffers and multiply-adds of every layer are the framework's own. They are read from
the tensors, from the parameters of the modules that are called, and from the framework's count of operations.
"""

from __future__ import annotations

import ast
from typing import Any

from cnncalc.analyses.totals import Analysis, analyze
from cnncalc.network import Network
from cnncalc.readers.options import Missing
from cnncalc.readers.torch.errors import call_foreign, describe_error, is_internal
from cnncalc.record import Record

QUANTITIES = ("output", "weights", "biases", "buffers", "macs")
BATCH = 2  # PyTorch refuses some norms for a single example
FEW_STEPS = 4  # the steps that recurrent layers run of a longer sequence: every step costs the same
MANY_STEPS = 64

Facts = dict[str, Any]  # quantity -> number, or shape as a list


class Check(Record):
    """The figures of one layer in cnncalc and in the framework.

    `theirs` is None if the framework did not reach the layer. A figure in it is None if the framework does not count it.
    """

    name: str
    kind: str
    ours: Facts
    theirs: Facts | None

    @property
    def differences(self) -> list[str]:
        """The quantities that differ."""
        if self.theirs is None:
            return list(self.ours)
        return [name for name, value in self.ours.items() if self.theirs[name] not in (value, None)]


class Agreement(Record):
    """The comparison of a network with a framework: every layer, the totals, and the error that stopped it, if any."""

    network: Network
    framework: str
    version: str
    checks: list[Check]
    totals: Check
    error: str = ""

    @property
    def agrees(self) -> bool:
        """Whether there is no difference."""
        return not (self.error or self.totals.differences or any(check.differences for check in self.checks))


def verify(network: Network, framework: str = "torch") -> Agreement:
    """Compare a network with a framework, layer by layer.

    Raises:
        Missing: The framework is not installed.
        Unexportable: A layer has no counterpart in the framework.
    """
    if framework == "keras":
        from cnncalc.writers.keras.writer import measured as measured_by_keras

        return _compare(network, framework, *measured_by_keras(network))
    return _compare(network, framework, *measure(network))


def _compare(
    network: Network, framework: str, version: str, theirs: list[Facts], whole: Facts, error: str
) -> Agreement:
    """Compare the figures of a framework, per layer and for the whole network, with cnncalc's."""
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
    """Return the axes of one example in cnncalc's order, from those of a tensor with its batch."""
    return [*lengths[2:], lengths[1]] if layout == "first" else lengths[1:]


# -- PyTorch ----------------------------------------------------------------------------------------------------------


class Mismatch(Exception):  # a finding, not an error of the program
    """The exported model does not run the layers of the network."""


def compile_watched(text: str, marks: dict[int, tuple[str, str]]) -> Any:
    """Compile the source so that it calls `__seen__(line, value)` after each line that computes a layer's value."""
    tree = ast.parse(text)
    for function in [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef) and node.name == "forward"]:
        body: list[ast.stmt] = []
        for statement, following in zip(function.body, [*function.body[1:], None], strict=True):
            body.append(statement)
            mark = marks.get(statement.lineno)
            if mark is not None and (following is None or following.lineno != statement.lineno):
                body.append(ast.parse(f"__seen__({statement.lineno}, {mark[0]})").body[0])
        function.body = body
    return compile(ast.fix_missing_locations(tree), "<exported>", "exec")


def measure(network: Network) -> tuple[str, list[Facts], Facts, str]:
    """Return PyTorch's version, its figures for each layer and for the whole, and the error that stopped it.

    Raises:
        Missing: PyTorch is not installed.
        Unexportable: A layer has no counterpart in PyTorch.
    """
    try:
        import torch
    except ImportError:
        raise Missing("PyTorch", "torch") from None
    import warnings

    from torch.utils.flop_counter import FlopCounterMode

    from cnncalc.writers.torch.writer import source

    exported = source(network)
    layers = [node for node in network.nodes if node.layer is not None]
    measured: list[Facts] = []
    called: list[Any] = []
    counted: set[int] = set()
    counter = FlopCounterMode(display=False)
    skipped = [0]  # operations of the steps that recurrent layers skip
    before = [0]

    def record_value(line: int, value: Any) -> None:
        node = layers[len(measured)]
        if exported.marks[line][1] != node.kind:
            raise Mismatch(f"line {line} runs a {exported.marks[line][1]}, not the {node.kind} `{node.name}`")
        flops = counter.get_total_flops() + skipped[0]
        facts = _count_parameters(called, counted)
        facts["output"] = channels_last(list(value.shape), exported.layouts[node.index])
        facts["macs"] = _per_example(flops - before[0])
        before[0] = flops
        called.clear()
        measured.append(facts)

    whole: Facts = {}
    error = ""
    try:
        names: dict[str, Any] = {"__name__": "cnncalc_exported", "__seen__": record_value}
        exec(
            compile_watched(exported.text, exported.marks), names
        )  # source that cnncalc wrote: see cnncalc.writers.torch
        with warnings.catch_warnings(), torch.device("meta"):
            warnings.simplefilter("ignore")
            model = names[exported.name]().eval()
            _watch(torch, model, names, called, counter, skipped)
            inputs = [
                call_foreign(torch.empty, BATCH, *_lengths(node.output, exported.layouts[node.index]))
                for node in network.inputs
            ]
            with counter:
                outputs = model(*inputs)
        several = outputs if isinstance(outputs, tuple) else (outputs,)
        if len(several) != len(network.outputs):
            raise Mismatch(f"{len(several)} of {len(network.outputs)} outputs are returned")
        shapes = [
            channels_last(list(value.shape), "first" if len(network.nodes[i].output) > 2 else exported.layouts[i])
            for i, value in zip(network.outputs, several, strict=True)
        ]
        whole = {"output": shapes, **_count_parameters([model], set()), "macs": _per_example(before[0])}
        if len(measured) != len(layers):
            raise Mismatch(f"{len(measured)} of {len(layers)} layers ran")
    except Mismatch as mismatch:
        error = str(mismatch)
    except Exception as failure:  # whatever PyTorch refuses is a difference
        if is_internal(failure):
            raise
        error = describe_error(failure)
    return torch.__version__, measured, whole, error


def _lengths(shape: tuple[int, ...], layout: str) -> tuple[int, ...]:
    return (shape[-1], *shape[:-1]) if layout == "first" else tuple(shape)


def _per_example(flops: int) -> float | int:
    """Return the multiply-adds of one example: half of the operations counted, divided by the batch."""
    return flops // (2 * BATCH) if flops % (2 * BATCH) == 0 else flops / (2 * BATCH)


def _count_parameters(modules: list[Any], counted: set[int]) -> Facts:
    """Count weights, biases and running statistics of modules, without those counted before."""
    facts: Facts = {"weights": 0, "biases": 0, "buffers": 0}
    for module in modules:
        for part in module.modules():
            unsaved = part._non_persistent_buffers_set
            parameters = [
                ("biases" if name.startswith(("bias", "in_proj_bias")) else "weights", tensor)
                for name, tensor in part.named_parameters(recurse=False)
            ]
            buffers = [
                ("buffers", tensor)
                for name, tensor in part.named_buffers(recurse=False)
                if name not in unsaved and name != "num_batches_tracked"
            ]
            for quantity, tensor in parameters + buffers:
                if id(tensor) not in counted:
                    counted.add(id(tensor))
                    facts[quantity] += tensor.numel()
    return facts


def _watch(torch: Any, model: Any, names: dict[str, Any], called: list[Any], counter: Any, skipped: list[int]) -> None:
    """Hook every layer of the model, so that calls are noted and long sequences are shortened."""
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
