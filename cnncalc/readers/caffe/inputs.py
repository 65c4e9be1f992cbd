"""The inputs of a network: `input` fields, and the layers that Caffe reads data with."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from cnncalc.problem import Problem, Refused, Where
from cnncalc.readers.axes import Dims, natural_order, visible
from cnncalc.readers.caffe.blobs import Blob, Graph, order_of, shape_text
from cnncalc.readers.caffe.definition import Definition
from cnncalc.readers.caffe.prototxt import Message
from cnncalc.readers.options import ReaderOptions
from cnncalc.shape import Shape
from cnncalc.text import quoted, show

# types of the layers that Caffe reads data with
SOURCES = (
    "Input", "Data", "ImageData", "MemoryData", "HDF5Data", "WindowData", "DummyData", "AnnotatedData", "VideoData",
)  # fmt: skip
OPEN = 0  # a size that the file does not state


class Declared:
    """One input as the file declares it. Sizes may be open, or all unknown (None)."""

    __slots__ = ("dims", "layer", "message", "name")

    def __init__(self, name: str, dims: list[int] | None, message: Message, layer: str = "") -> None:
        self.name = name
        self.dims = dims
        self.message = message
        self.layer = layer  # that reads the data, if it is one

    @property
    def where(self) -> Where:
        """The place of the declaration."""
        return self.message.where if self.layer else self.message.place("input")

    @property
    def batch(self) -> int:
        """The size of the batch in the file, or 0."""
        return self.dims[0] if self.dims and len(self.dims) > 1 else 0


def declared_in_net(net: Message) -> list[Declared]:
    """Return the inputs that the network's own fields declare.

    Raises:
        Problem: `bad-value` or `missing-field`.
    """
    names, shapes, sizes = net.strings("input"), net.messages("input_shape"), net.integers("input_dim", -1)
    if shapes and sizes:
        raise net.problem("`input_shape` and `input_dim` contradict each other", "remove `input_dim`", "input_dim")
    if sizes and len(sizes) != 4 * len(names):
        text = f"{len(names)} inputs need {4 * len(names)} values of `input_dim`, but there are {len(sizes)}"
        raise net.problem(text, "write batch, channels, height and width for each input", "input_dim")
    if shapes and len(shapes) != len(names):
        text = f"there are {len(names)} inputs, but {len(shapes)} of `input_shape`"
        raise net.problem(text, "write one for each input", "input_shape")
    found = []
    for place, name in enumerate(names):
        dims = sizes[4 * place : 4 * place + 4] if sizes else shapes[place].integers("dim", -1) if shapes else None
        found.append(Declared(name, dims or None, net))
    return found


def declared_in_layer(layer: Definition) -> list[Declared]:
    """Return the inputs that a layer of data declares: the first top is the data, others are labels of unknown shape.

    Raises:
        Problem: `bad-value`.
    """
    message = layer.message
    if layer.type in ("Input", "DummyData"):
        param = layer.param("input_param" if layer.type == "Input" else "dummy_data_param")
        shapes = [shape.integers("dim", -1) for shape in param.messages("shape")]
        if not shapes and layer.type == "DummyData":
            lengths = [param.integers(name) for name in ("num", "channels", "height", "width")]
            shapes = [list(dims) for dims in zip(*lengths, strict=False)]
        if len(shapes) not in (0, 1, len(layer.tops)):
            text = f"has {len(shapes)} shapes for {len(layer.tops)} tops"
            raise layer.problem(text, "write one shape for all tops, or one for each")
        shapes = shapes * len(layer.tops) if len(shapes) == 1 else shapes
        return [
            Declared(top, (shapes[place] or None) if shapes else None, message, layer.name)
            for place, top in enumerate(layer.tops)
        ]
    first = _data(layer)
    return [Declared(top, None if place else first, message, layer.name) for place, top in enumerate(layer.tops)]


def _data(layer: Definition) -> list[int] | None:
    """Return the dimensions of the images that a layer reads, as far as it states them."""
    if layer.type == "MemoryData":
        param = layer.param("memory_data_param")
        return [param.integer(name, OPEN) for name in ("batch_size", "channels", "height", "width")]
    if layer.type not in ("Data", "ImageData", "AnnotatedData", "WindowData"):
        return None
    change = layer.message.message("transform_param") if layer.first_version is None else layer.param("")
    names = {"Data": "data_param", "ImageData": "image_data_param", "WindowData": "window_data_param"}
    param = layer.param(names.get(layer.type, "data_param"))
    crop = change.integer("crop_size", 0) or param.integer("crop_size", 0)
    sizes = [change.integer(name, 0) or crop for name in ("crop_h", "crop_w")]
    if not all(sizes):
        sizes = [param.integer(name, OPEN) for name in ("new_height", "new_width")]
    channels = len(change.numbers("mean_value"))  # one for each channel, or one for all
    if channels < 2:
        colored = layer.type == "ImageData" and param.flag("is_color", True)
        channels = 3 if colored or change.flag("force_color", False) else OPEN
        if change.flag("force_gray", False) or (layer.type == "ImageData" and not colored):
            channels = 1
    resize = change.fields.get("resize_param")
    if resize and isinstance(resize[0], Message):
        sizes = [resize[0].integer(name, OPEN) for name in ("height", "width")]
    return [param.integer("batch_size", OPEN), channels, *sizes]


class Inputs:
    """Makes the inputs that layers read, with the sizes of the file or of the options."""

    def __init__(self, graph: Graph, options: ReaderOptions, timed: bool) -> None:
        self.graph = graph
        self.options = options
        self.timed = timed  # whether blobs with up to 3 axes are steps x batch x features
        self.batch = 0

    def add(self, declared: Sequence[Declared], read: Collection[str]) -> dict[str, Blob]:
        """Add the inputs whose names are `read` by a layer, and return their blobs by name.

        Raises:
            Refused: `unknown-size`, `unknown-input` or `bad-argument`.
        """
        used = [one for one in declared if one.name in read]
        self._check_options([one.name for one in used])
        single = len(used) == 1
        blobs: dict[str, Blob] = {}
        missing = []
        for one in used:
            text = self.options.inputs.get(one.name, self.options.inputs.get("") if single else None)
            dims = self._requested(one, text) if text is not None else self._stated(one)
            if dims is None:
                missing.append(one)
                continue
            order = tuple(axis for axis in range(len(dims)) if axis != 1) if self._is_timed(dims) else order_of(dims)
            node = self.graph.builder.input(self.graph.unique(one.name), visible(dims, order), one.where)
            blobs[one.name] = Blob(node, dims, order)
            self.batch = self.batch or one.batch
        if missing:
            raise self._unknown(missing, single)
        return blobs

    def _is_timed(self, dims: Sequence[int]) -> bool:
        return self.timed and len(dims) in (2, 3)

    def _stated(self, one: Declared) -> Dims | None:
        if one.dims is None or not self._lengths(one.dims):
            return None
        if min(self._lengths(one.dims)) < 1:
            return None
        batch = 1 if self._is_timed(one.dims) else 0
        return tuple(1 if axis == batch else length for axis, length in enumerate(one.dims))

    def _lengths(self, dims: list[int]) -> list[int]:
        """Return the dimensions without the batch."""
        batch = 1 if self._is_timed(dims) else 0
        return [length for axis, length in enumerate(dims) if axis != batch]

    def _requested(self, one: Declared, text: str) -> Dims:
        from cnncalc.readers.yaml.inputs import shape_from

        shape = shape_from(text)
        if one.dims is not None and len(one.dims) - 1 != len(shape):
            need = f"the input `{show(one.name)}` is {shape_text(one.dims)} with its batch, so it cannot be {shape}"
            raise Refused([Problem("bad-argument", need, f"write {len(one.dims) - 1} numbers")])
        if self.timed and len(shape) < 3:
            return (shape[0], 1, *shape[1:])
        return (1, shape[-1], *shape[:-1]) if len(shape) > 2 else (1, *shape)

    def _check_options(self, names: list[str]) -> None:
        for name in self.options.inputs:
            if name not in names and not (name == "" and len(names) == 1):
                text = "the network has several inputs" if names and not name else "the network has no input"
                text += f" `{show(name)}`" if name else ""
                known = (
                    f"its inputs are {quoted(map(show, names), 'and')}" if names else "no layer reads one in this phase"
                )
                raise Refused([Problem("unknown-input", text, known)])

    def _unknown(self, missing: list[Declared], single: bool) -> Refused:
        problems, example = [], []
        for one in missing:
            stated = f", which states {_with_gaps(one.dims)}" if one.dims else ""
            by = f", which layer `{show(one.layer)}` reads from a data set" if one.layer and not one.dims else ""
            problems.append(f"the size of the input `{show(one.name)}` is not in the file{by}{stated}")
            shape = Shape((224, 224, 3))
            if one.dims and len(one.dims) > 1:
                dims = (
                    1,
                    *(
                        length if length > 0 else (3, 224, 224, 224)[min(axis, 3)]
                        for axis, length in enumerate(one.dims[1:])
                    ),
                )
                shape = visible(dims, order_of(dims) if min(dims) else natural_order(dims, False))
            example.append(f"--input {shape}" if single else f"--input {show(one.name)}={shape}")
        help = f"give the shape of one example, channels last: `{' '.join(example[:4])}`"
        return Refused([Problem("unknown-size", "; ".join(problems[:4]), help, where=missing[0].where)])


def _with_gaps(dims: Sequence[int]) -> str:
    return "x".join(str(length) if length > 0 else "?" for length in dims)
