"""cnncalc: shapes, parameters, multiply-adds and memory of neural networks, from a specification alone."""

from __future__ import annotations

__version__ = "0.1.0"

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any


def from_torch(
    module: Any, input_shape: Sequence[int] | Mapping[str, Sequence[int]] | None = None, *, example_inputs: Any = None
) -> Any:
    """The `cnncalc.network.Network` in a torch.nn.Module, for `cnncalc.analyses` and all else that takes one.

    `input_shape` is that of one example as PyTorch has it, without the batch: (3, 224, 224); for several inputs, a mapping
    from the names of forward's arguments to shapes. `example_inputs` stands in its place where forward takes something
    else: one tensor, a sequence of arguments, or a mapping of named ones, which may be tensors, plain values, or lists,
    tuples and dictionaries of them, with a batch of 1. The module stays as it is; no parameter is read or copied.

    Raises:
        cnncalc.problem.Refused: what cannot be followed, in `problems`.
        cnncalc.readers.Missing: where PyTorch is not installed.
    """
    from importlib import import_module  # only where it is used: importing cnncalc stays cheap

    return import_module("cnncalc.readers.torch.reader").from_torch(module, input_shape, example_inputs=example_inputs)
