"""cnncalc: shapes, parameters, multiply-adds and memory of neural networks, calculated from a specification."""

from __future__ import annotations

__version__ = "0.1.0"

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any


def from_torch(
    module: Any, input_shape: Sequence[int] | Mapping[str, Sequence[int]] | None = None, *, example_inputs: Any = None
) -> Any:
    """Read a torch.nn.Module as a `cnncalc.network.Network`, which `cnncalc.analyses` and all other functions accept.

    The module stays as it is, and no parameter is read or copied.

    Args:
        module: The model.
        input_shape: Shape of one example in PyTorch's order, without the batch, such as (3, 224, 224). For several
            inputs, a mapping from the names of forward's arguments to shapes.
        example_inputs: Arguments of forward, for inputs that a shape cannot describe. One tensor, a sequence of
            arguments, or a mapping of named arguments. Arguments may be tensors, plain values, or lists, tuples and
            dictionaries of them. Give tensors a batch of 1.

    Raises:
        cnncalc.problem.Refused: The module cannot be followed. Its `problems` say why.
        cnncalc.readers.Missing: PyTorch is not installed.
    """
    from cnncalc.readers.torch import reader  # imported here so that importing cnncalc stays fast

    return reader.from_torch(module, input_shape, example_inputs=example_inputs)
