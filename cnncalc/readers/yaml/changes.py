"""Changes of single fields from the command line, `--set conv2.stride=2`, applied while the steps are expanded.

Later layers follow from the changed one, including `$in_channels` and projections.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from cnncalc.layers.base import Layer, unknown_field
from cnncalc.network import Network, SetField
from cnncalc.problem import Problem, Refused, Source
from cnncalc.readers.yaml import values as value_of
from cnncalc.readers.yaml.layer_cache import layer_of
from cnncalc.readers.yaml.tree import Map, Mark, Scalar, Seq, Tree, parse
from cnncalc.readers.yaml.vocabulary import IN_NAMES
from cnncalc.text import nearest, quoted, show

DIGITS = "0123456789"


class Change:
    """One `LAYER.FIELD=VALUE`; `done` describes the change once it has been applied."""

    def __init__(self, text: str, option: str = "--set") -> None:
        """Split the text.

        Raises:
            Refused: if one of the three parts is missing.
        """
        self.typed = text
        self.option = option
        target, equals, value = text.partition("=")
        layer, dot, field = target.strip().rpartition(".")
        if not equals or not dot or not layer or not field or not value.strip():
            help = "write `--set conv2.stride=2`: the layer's name in the table, the field, and its new value"
            if equals and not dot and target.strip():
                help = f"`-p {show(text)}` sets a parameter of the file; a field is set as in `--set conv2.stride=2`"
            raise Refused([Problem("bad-argument", f"--set: `{show(text)}` is not LAYER.FIELD=VALUE", help)])
        self.layer = layer
        self.field = field
        self.value = value.strip()
        self.done: SetField | None = None

    def problem(self, text: str, help: str) -> Problem:
        """Return a problem with this change."""
        return Problem("bad-argument", f"{self.option} {show(self.typed)}: {text}", help)

    def apply(self, layer: Layer, name: str, parameters: Mapping[str, Any]) -> Layer:
        """Return the layer with the field changed.

        Raises:
            Refused: if it has no such field, or the value does not suit the field.
        """
        kind = type(layer)
        field = kind.fields.get(self.field)
        if field is None:
            problem = unknown_field(kind, self.field)
            raise Refused([self.problem(problem.text, problem.help)])
        try:
            value = value_of.resolve_value(self._read(field.numeric, parameters), parameters)
            values = {**layer.nondefault_fields, field.name: field.read(value)}
        except Problem as problem:
            raise Refused([self.problem(problem.text, problem.help)]) from None
        before = getattr(layer, field.name)
        changed = layer_of(kind, values)
        self.done = SetField(name, field.name, values[field.name], before)
        return changed

    def _read(self, numeric: bool, parameters: Mapping[str, Any]) -> Any:
        """Read the typed value like a value of a file, including expressions and mappings."""
        source = Source("--set", self.value)
        tree: Tree = Scalar(self.value, False, Mark(0, 0))
        if self.value[0] in "{[\"'":
            try:
                tree = parse(source)
            except Refused as refused:
                raise Problem("bad-value", refused.problems[0].text, refused.problems[0].help) from None
        if isinstance(tree, (Map, Seq)) and not numeric:
            raise Problem("bad-value", f"`{show(self.value)}` is {tree.what}", "write one word or number")
        return value_of.read(tree, source, {*parameters, *IN_NAMES}, numeric=numeric)


def read_with_changes(changes: Sequence[Change], attempt: Callable[[dict[str, list[Change]]], Network]) -> Network:
    """Return the network with the changes. `attempt` expands it, with changes by the full names of layers.

    A name may be given in full, or by its last part if that is unambiguous.

    Raises:
        Refused: as `attempt`, and if a change matches no layer or several.
    """
    names = {change.typed: change.layer for change in changes}
    for _ in range(2):
        wanted: dict[str, list[Change]] = {}
        for change in changes:
            change.done = None
            wanted.setdefault(names[change.typed], []).append(change)
        refused: Refused | None = None
        try:
            network: Network | None = attempt(wanted)
        except Refused as error:
            refused, network = error, error.partial
        left = [change for change in changes if change.done is None]
        if not left or network is None or (refused is not None and _is_argument_error(refused)):
            break
        for change in left:
            names[change.typed] = full_name(change, names[change.typed], network)
    if refused is not None:
        if _is_argument_error(refused):  # the partial network is not of interest
            refused.partial = None
        raise refused
    assert network is not None
    if left:
        text = "the other changes remove this layer"
        raise Refused([left[0].problem(text, "change one field at a time")])
    return network


def _is_argument_error(refused: Refused) -> bool:
    return any(problem.code == "bad-argument" for problem in refused.problems)


def full_name(change: Change, name: str, network: Network) -> str:
    """Return the full name of the only layer whose name ends in `name`."""
    layers = [node.name for node in network.nodes if node.layer is not None]
    matching = [layer for layer in layers if layer.endswith("." + name)]
    if len(matching) == 1:
        return matching[0]
    if matching:
        text = f"`{show(name)}` could be any of {len(matching)} layers"
        help = f"write the name in full: {quoted(matching, most=3)}"
        raise Refused([change.problem(text, help)])
    inside = [layer for layer in layers if layer.startswith(name + ".")]
    if f"{name}.{change.field}" in layers:
        text = f"`{show(name)}.{change.field}` is a layer; its field is missing"
        raise Refused([change.problem(text, f"write `{show(name)}.{change.field}.FIELD=VALUE`")])
    if inside:
        text = f"`{show(name)}` is a block, but `--set` changes one layer at a time"
        raise Refused([change.problem(text, f"name a layer in it: {quoted(inside, most=3)}")])
    if any(node.name == name for node in network.inputs):
        raise Refused([change.problem(f"`{show(name)}` is an input", "give another size with `--input 64x64x3`")])
    short = list(dict.fromkeys(layer.rpartition(".")[2] for layer in layers))
    match = nearest(name, [*layers, *short])
    alike = [match] if match else [other for other in short if other.rstrip(DIGITS) == name.rstrip(DIGITS)]
    help = f"did you mean {quoted(alike, most=3)}?" if alike else "`cnncalc analyze` shows the names"
    raise Refused([change.problem(f"there is no layer named `{show(name)}`", help)])
