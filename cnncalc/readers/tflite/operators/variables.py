"""Read variables, which keep a state from run to run, as streaming models have them. Their numbers are not parameters."""

from __future__ import annotations

from cnncalc.layers.operator import Operator
from cnncalc.layers.views import Unseen
from cnncalc.readers.tflite.graph import Operation, Reader, Value
from cnncalc.readers.tflite.model import Model
from cnncalc.readers.tflite.operators.common import Handler
from cnncalc.text import show


def assigned_variables(model: Model) -> frozenset[str]:
    """Return the names of the variables that some graph of the file sets."""
    names = set()
    for graph in model.subgraphs:
        handles = {
            one.outputs[0]: one.options["name"] for one in graph.operators if one.kind == "VAR_HANDLE" and one.outputs
        }
        names |= {
            handles.get(one.inputs[0], "") for one in graph.operators if one.kind == "ASSIGN_VARIABLE" and one.inputs
        }
    return frozenset(names)


def name_variable(r: Reader, step: Operation) -> None:
    """Read VAR_HANDLE, which names a variable. A variable that nothing sets would be weights that are not in the file."""
    name = step.option("name")
    if name not in r.variables:
        text = f"no operator sets the variable `{show(name)}`, so the file does not hold its numbers"
        step.raise_unsupported(text, "convert the model with its variables frozen, for example from a SavedModel")
    r.set_output(step, Value((), why="they are a state"))


def read_variable(r: Reader, step: Operation) -> None:
    """Read READ_VARIABLE. The file states the shape of the state."""
    stored = step.stored()
    if r.strict or stored is None or not stored.ranked or 0 in stored.shape or min(stored.signature, default=0) < 0:
        reason = (
            "a submission must not keep a state" if r.strict else "the file does not state the shape of the variable"
        )
        step.raise_unsupported(reason, "convert the model without variables")
    value = Value(stored.shape)
    layer = Operator("state", value.shape, in_place=True, views=(Unseen(),))
    r.set_output(step, Value(stored.shape, r.builder.add(layer, [0], r.name(step.label))))


def set_variable(r: Reader, step: Operation) -> None:
    """Read ASSIGN_VARIABLE, which only stores a value for the next run."""


HANDLERS: dict[str, Handler] = {
    "VAR_HANDLE": name_variable, "READ_VARIABLE": read_variable, "ASSIGN_VARIABLE": set_variable,
}  # fmt: skip
