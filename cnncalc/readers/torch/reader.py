"""Read a torch.nn.Module as a Network: run one forward pass on the meta device and turn every operation into a layer.

Shapes and counts follow the layers' own rules. They are compared with PyTorch's, and differences are warnings.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

from cnncalc.network import Network
from cnncalc.problem import Problem, Refused
from cnncalc.readers.aten.network import HANDLERS, build_network
from cnncalc.readers.optional import import_optional
from cnncalc.readers.options import Missing, ReaderOptions
from cnncalc.readers.torch.forward import ForwardPass, Model, find_forward
from cnncalc.readers.torch.inputs import bind_arguments, common_batch, feeds_from_examples, feeds_from_shapes
from cnncalc.readers.torch.load import load, offline, on_meta, parse_argument, quiet, with_values
from cnncalc.text import show


def from_torch(
    module: Any, input_shape: Sequence[int] | Mapping[str, Sequence[int]] | None = None, *, example_inputs: Any = None
) -> Network:
    """Read a torch.nn.Module as a Network. The public `cnncalc.from_torch` describes the arguments.

    Raises:
        Refused: The module cannot be followed. Its `problems` say why.
        Missing: PyTorch is not installed.
    """
    _require_torch()
    if (input_shape is None) == (example_inputs is None):
        raise TypeError("from_torch takes either input_shape or example_inputs")
    name = type(module).__name__
    with quiet():
        copy = on_meta(module)
        feeds: Mapping[str, Any] = (
            feeds_from_examples(copy, example_inputs) if input_shape is None else feeds_from_shapes(input_shape)
        )
        arguments = bind_arguments(copy, feeds)
        forward = find_forward(Model(copy, lambda: with_values(module), name, frozenset(HANDLERS)), arguments)
    batch = common_batch(arguments.feeds)
    if batch > 1:
        text = f"the first axis of all example inputs is {batch:,}: figures are for all {batch:,} together"
        help = "give examples with a batch of 1 for the figures of a single example"
        forward.warnings.append(Problem("ambiguous-input", text, help, level="warning"))
    return _network(forward, name, name)


def read(spec: str, options: ReaderOptions) -> Network:
    """Read `torch:package.module:callable`, which is imported and called. Input sizes are written channels last.

    Raises:
        Refused: The model cannot be imported, built or followed.
        Missing: PyTorch is not installed.
    """
    _require_torch()
    if options.dims:
        name = show(next(iter(options.dims)))
        text = f"models in PyTorch have no named dimensions such as `{name}`"
        raise Refused([Problem("bad-argument", text, "write `--arg name=value` for an argument of the callable")])
    if not options.inputs:
        text = "the shape of the input is not known: PyTorch modules do not store it"
        raise Refused(
            [Problem("unknown-size", text, "give the shape of one example, channels last: `--input 224x224x3`")]
        )
    with quiet(), offline():
        module, again = load(spec, {name: parse_argument(text) for name, text in options.arguments})
        arguments = bind_arguments(module, options.inputs)
        forward = find_forward(Model(module, again, spec, frozenset(HANDLERS)), arguments)
    name = spec.rpartition(":")[2].rpartition(".")[2]
    return _network(forward, name, spec)


def _require_torch() -> None:
    try:
        import_optional("torch", "torch")
    except Missing:
        raise Missing("PyTorch", "torch") from None


def _network(forward: ForwardPass, name: str, source: str) -> Network:
    """Return the network of a forward pass, with a function that reads the same pass in training mode."""
    network = build_network(forward.record, forward.orders, name, source, forward.warnings)

    @cache
    def in_training() -> Network | None:
        other = forward.in_training()
        try:
            if other is None:
                return None
            if other is forward:
                return network
            return build_network(other.record, other.orders, name, source, other.warnings)
        except Refused:
            return None

    return Network(**{**vars(network), "in_training": in_training})
