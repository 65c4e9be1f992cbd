"""Find the sizes of the inputs of a TFLite graph, for one example."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from cnncalc.problem import Problem, Refused
from cnncalc.readers.axes import Dims, format_dims, natural_order
from cnncalc.readers.options import ReaderOptions
from cnncalc.readers.tflite.file import bad_model
from cnncalc.readers.tflite.model import Model, OperatorInfo, Signature, Subgraph, TensorInfo
from cnncalc.readers.tflite.names import input_name
from cnncalc.readers.yaml.inputs import shape_from
from cnncalc.shape import Shape
from cnncalc.text import quoted, show

LARGEST_AXIS = 10**9


class GraphInput:
    """An input: its tensor, its name, and its dimensions.

    `batch` is the fixed batch that is read as 1. `resized` is true if the dimensions are not those that the file states.
    `moved` has the operators that move the channels of an image from the first axis to the last, if nothing else reads it.
    """

    def __init__(self, place: int, name: str, info: TensorInfo, moved: Sequence[OperatorInfo] = ()) -> None:
        self.place = place
        self.name = name
        self.info = info
        self.moved = moved
        self.dims: Dims = info.shape
        self.batch = 1
        self.resized = False

    @property
    def shown_dims(self) -> Dims:
        """The dimensions with the channels last."""
        return (self.dims[0], *self.dims[2:], self.dims[1]) if self.moved else self.dims

    @property
    def unknown(self) -> list[int]:
        """The axes whose length may change. The first axis is the batch, which is read as 1."""
        return [axis for axis, length in enumerate(self.info.signature) if length < 0 and axis > 0]

    @property
    def text(self) -> str:
        """The dimensions as the file states them, with `?` for a length that may change."""
        return "x".join("?" if n < 0 else str(n) for n in self.info.signature or self.info.shape)


def read_inputs(
    model: Model, graph: Subgraph, signature: Signature | None, options: ReaderOptions, *, divide: bool, strict: bool
) -> list[GraphInput]:
    """Return the inputs of a graph with their dimensions.

    `divide` reads a fixed batch of several examples as one example.

    Raises:
        Refused: An input has an unknown size, or an option does not suit it.
    """
    movers = _channel_movers(graph, model)
    names = signature.inputs if signature is not None else {}
    inputs: list[GraphInput] = []
    taken: set[str] = set()
    for place in graph.inputs:
        name = input_name(names.get(place, "") or graph.tensors[place].name)
        while name in taken:
            name += "_"
        taken.add(name)
        inputs.append(GraphInput(place, name, graph.tensors[place], movers.get(place, ())))
    if not inputs:
        raise bad_model("the graph has no input", "convert a model with an input")
    _check_options([one.name for one in inputs], options)
    for one in inputs:
        _resize(one, options.inputs, alone=len(inputs) == 1)
    if not strict:
        _divide_batch(inputs, options, divide)
    _refuse_unknown(inputs, strict)
    for one in inputs:
        if min(one.dims, default=1) < 1 or max(one.dims, default=1) > LARGEST_AXIS:
            text = f"input `{show(one.name)}` has the dimensions {show(format_dims(one.dims))}"
            raise bad_model(text, f"convert the model with sizes from 1 to {LARGEST_AXIS:,}")
    return inputs


def _channel_movers(graph: Subgraph, model: Model) -> dict[int, list[OperatorInfo]]:
    """Return the operators that read each image input, if all of them move its channels from axis 1 to the last axis.

    Models that were converted from PyTorch take channels first, although all operators of TFLite are channels last.
    """
    images = {place for place in graph.inputs if len(graph.tensors[place].shape) == 4} - set(graph.outputs)
    found: dict[int, list[OperatorInfo]] = {}
    for info in graph.operators:
        for place in images.intersection(info.inputs):
            moves = info.kind == "TRANSPOSE" and len(info.inputs) == 2 and info.inputs[0] == place
            if not moves or model.numbers(graph.tensors[info.inputs[1]]) != (0, 2, 3, 1):
                images.discard(place)
                found.pop(place, None)
            else:
                found.setdefault(place, []).append(info)
    return found


def _check_options(names: Sequence[str], options: ReaderOptions) -> None:
    for name in options.inputs:
        if name not in names and not (name == "" and len(names) == 1):
            text = f"the model has no input `{show(name)}`" if name else "the model has several inputs"
            help = f"write `--input NAME=SHAPE`, where NAME is {quoted(names, 'or')}"
            raise Refused([Problem("unknown-input", text, help)])
    for name, axis in options.batch_axes.items():
        if name and name not in names:
            help = f"write `--batch-axis NAME=AXIS`, where NAME is {quoted(names, 'or')}"
            raise Refused([Problem("unknown-input", f"the model has no input `{show(name)}`", help)])
        if axis not in ("0", "none"):
            text = f"axis {show(axis)} cannot be the batch of a TFLite model: its operators read the first axis as the batch"
            raise Refused([Problem("bad-argument", text, "write `--batch-axis 0` or `--batch-axis none`")])
    for name in options.dims:
        text = f"no input has a dimension named `{show(name)}`, because TFLite does not name dimensions"
        help = f"write the shape of the input: `--input {show(names[0])}=SHAPE`"
        raise Refused([Problem("unknown-size", text, help)])


def _resize(one: GraphInput, requested: Mapping[str, str], *, alone: bool) -> None:
    """Apply the shape that the options give for an input. It is without the batch if the file has a batch of 1."""
    text = requested.get(one.name, requested.get("") if alone else None)
    if text is None:
        return
    shape: Shape = shape_from(text)
    if len(shape) == len(one.dims) - 1:
        dims: Dims = (1, *shape)
    elif len(shape) == len(one.dims):
        dims = tuple(shape)
    else:
        axes = len(one.dims) - 1
        reason = f"input `{show(one.name)}` has {axes} axes besides the batch, but the requested shape is {shape}"
        raise Refused([Problem("bad-argument", reason, "write the shape channels last, without the batch")])
    if one.moved:
        dims = (dims[0], dims[-1], *dims[1:-1])
    one.resized = dims != one.dims or bool(one.unknown)
    one.dims = dims


def _divide_batch(inputs: Sequence[GraphInput], options: ReaderOptions, divide: bool) -> None:
    """Read images for one example if the file fixes a larger batch, and other inputs if `--batch-axis 0` asks for it."""
    for one in inputs:
        wish = options.batch_axes.get(one.name, options.batch_axes.get(""))
        if one.resized or len(one.dims) < 2 or one.dims[0] < 2 or wish == "none":
            continue
        if wish == "0" or (divide and len(one.dims) >= 4):
            one.batch = one.dims[0]
            one.dims = (1, *one.dims[1:])


def _refuse_unknown(inputs: Sequence[GraphInput], strict: bool) -> None:
    unknown = [one for one in inputs if one.unknown and not one.resized]
    if not unknown:
        return
    sentences = [
        f"input `{show(one.name)}` is {one.text}: the {'size' if len(one.unknown) == 1 else 'sizes'} of "
        f"{'dimension' if len(one.unknown) == 1 else 'dimensions'} {', '.join(map(str, one.unknown))} "
        f"{'is' if len(one.unknown) == 1 else 'are'} unknown"
        for one in unknown[:6]
    ]
    shapes = []
    for one in unknown[:6]:
        sound = len(one.dims) == 2 and one.info.is_real
        length = 224 if len(one.dims) == 4 else 16_000 if sound else 64
        example = [length if axis in one.unknown else n for axis, n in enumerate(one.dims)]
        example = [example[0], *example[2:], example[1]] if one.moved else example
        order = natural_order(tuple(example), channels_first=False)
        shapes.append(f"--input {show(one.name)}={'x'.join(str(example[axis]) for axis in order)}")
    help = f"set {'it' if sum(len(one.unknown) for one in unknown) == 1 else 'them'}, for example with `{' '.join(shapes)}`"
    if strict:
        alone = ", or set `input` in the policy" if len(inputs) == 1 else ""
        help = f"convert the model with fixed sizes{alone}"
    raise Refused([Problem("unknown-size", "; ".join(sentences), help)])
