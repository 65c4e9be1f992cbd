"""Read the inputs of an ONNX graph, with their sizes and layout, and its initializers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import prod
from typing import Any

from cnncalc.network import Builder, Network
from cnncalc.problem import Problem, Refused
from cnncalc.readers.axes import Dims, visible
from cnncalc.readers.limits import Limits
from cnncalc.readers.onnx.axis_tracking import AxisTracker
from cnncalc.readers.onnx.batch import Chosen, DeclaredInput, choose_batch_axes
from cnncalc.readers.onnx.constants.arrays import MOST_AXES
from cnncalc.readers.onnx.constants.tensors import array
from cnncalc.readers.onnx.file import bad_model
from cnncalc.readers.onnx.graph import Reader, Scope, Tensor, Value
from cnncalc.readers.onnx.names import clean
from cnncalc.readers.onnx.operators.elementwise import BINARY, UNARY, words
from cnncalc.readers.onnx.patterns import Plan, ReadOperation
from cnncalc.readers.onnx.sorting import sources
from cnncalc.readers.options import ReaderOptions
from cnncalc.readers.yaml.inputs import shape_from
from cnncalc.shape import Shape
from cnncalc.text import did_you_mean, quoted, show

LARGEST_AXIS = 10**9
# operators whose first input is channels first, and operators whose inputs are if their output is
FIRST = words(
    "Conv FusedConv ConvInteger QLinearConv ConvTranspose MaxPool AveragePool LpPool GlobalAveragePool GlobalMaxPool "
    "GlobalLpPool QLinearGlobalAveragePool QLinearAveragePool "
    "BatchNormalization InstanceNormalization GroupNormalization LRN DepthToSpace "
    "SpaceToDepth MaxUnpool GridSample RoiAlign Upsample"
)
PASS_ON = (
    UNARY | BINARY | {"Relu", "LeakyRelu", "Elu", "Selu", "Gelu", "Swish", "Mish", "Sigmoid", "Tanh", "HardSwish",
    "HardSigmoid", "Softplus", "Softmax", "LogSoftmax", "Identity", "Dropout", "Pad", "Slice", "Concat", "Split", "PRelu",
    "Resize", "QuantizeLinear", "QLinearAdd", "QLinearMul", "QLinearConcat", "QLinearSigmoid",
    "QLinearLeakyRelu", "QLinearWhere"}
)  # fmt: skip
_PASS_TO_ALL = ("Concat", "QLinearAdd", "QLinearMul", "QLinearConcat", "QLinearWhere")
# operator -> places of inputs that are weights even if the file has no numbers for them
WEIGHTS = {"Conv": (1, 2), "ConvTranspose": (1, 2), "Gemm": (1, 2), "BatchNormalization": (1, 2, 3, 4),
           "LSTM": (1, 2, 3), "GRU": (1, 2, 3), "RNN": (1, 2, 3), "PRelu": (1,), "LayerNormalization": (1, 2),
           "RMSNormalization": (1,), "GroupNormalization": (1, 2), "ConvInteger": (1, 2, 3), "FusedConv": (1, 2),
           "InstanceNormalization": (1, 2), "QLinearConv": (1, 2, 3, 4, 5, 6, 7, 8)}  # fmt: skip


class GraphInputs:
    """One reading of a file: its inputs and initializers.

    `chosen` maps inputs to their batch axes. Without it, the axes are guessed, and unknown sizes get placeholders.
    `strict` is true for strangers' files.
    """

    def __init__(
        self, model: Any, options: ReaderOptions, limits: Limits, chosen: Chosen | None = None, strict: bool = False
    ) -> None:
        self.model = model
        self.strict = strict
        self.folded = 0
        self.chosen = chosen
        self.inputs: list[DeclaredInput] = []
        self.missing: list[tuple[DeclaredInput, int]] = []  # the axes with unknown sizes
        self.branches: dict[str, bool] = {}  # If whose condition is unknown -> whether the user chose its branch
        self.bound: dict[str, int] = {}  # named dimension -> its size from `--input`
        self.batched: Problem | None = None  # the warning if a fixed batch is read as a batch of 1
        self.done: Network | None = None
        self.options = options
        self.limits = limits
        self.warnings: list[Problem] = []
        versions = {one.domain: one.version for one in model.opset_import}
        opset = versions.get("", versions.get("ai.onnx", 1 if not versions else 0))
        self.reader = Reader(Builder(limits.tensor), limits, opset or 17)
        self.reader.strict = strict
        self.reader.functions = {(one.domain, one.name): one for one in model.functions}
        self.axes = AxisTracker(opset or 17)
        self.stated: Mapping[str, tuple[int | None, ...]] | None = None  # shapes in the file
        self.theirs: Mapping[str, Dims] | None = None  # shapes that onnx infers
        self.not_inferred = ""  # why onnx infers none
        self.scope = Scope()
        self.sparse: list[tuple[str, int, int]] = []  # name, numbers, and those that the file stores
        self.steps: list[ReadOperation] = []  # the operators of the graph and their nodes
        self.plan = Plan()  # the operators that are read as one layer

    def batch_of(self, declared: DeclaredInput) -> int | None:
        """Return the axis of an input that is read as the batch."""
        guess = declared.first_guess()
        return guess if self.chosen is None else self.chosen.get(declared.name, guess)

    @property
    def batch_axes_read(self) -> dict[str, int | None]:
        """The batch axes of this reading."""
        return {one.name: self.batch_of(one) for one in self.inputs}

    def batch_axes_found(self) -> dict[str, int | None]:
        """Return the batch axes that follow from the part of the graph that has been read.

        Raises:
            Refused: `ambiguous-batch`.
        """
        outputs = [value for one in self.model.graph.output if (value := self.scope.find(one.name)) is not None]
        outputs = [value for value in outputs if value.index is not None]
        return choose_batch_axes(self.axes, self.inputs, outputs, self.strict, whole=self.done is not None)

    def index_names(self, nodes: Sequence[Any], scope: Scope) -> None:
        """Find out which nodes use each name, and which values are channels first."""
        for node in nodes:
            for source in set(sources(node)):
                if source:
                    scope.users.setdefault(source, []).append(node)
        for node in reversed(nodes):
            names = [source for source in node.input if source]
            passes = node.op_type in PASS_ON and any(output in scope.firsts for output in node.output)
            if node.op_type in FIRST:
                scope.firsts.update(names[:1])
            elif passes or node.op_type == "Resize":
                several = node.op_type in BINARY or node.op_type in _PASS_TO_ALL
                scope.firsts.update(names if several else names[:1])

    def read_inputs(self, scope: Scope) -> None:
        """Add the inputs and initializers of the graph to its scope.

        Raises:
            Refused: The graph has no input, or an input or initializer is not valid.
        """
        graph = self.model.graph
        self.initializers(graph, scope)
        inputs = [one for one in graph.input if one.name not in scope.values]
        declared = [one for one in inputs if not self._read_as_weight(one, scope)]
        self._check_options([one.name for one in declared])
        self._bind_sizes(declared, scope)
        for one in declared:
            self._read_input(one, scope, alone=len(declared) == 1)
        if not declared:
            raise bad_model("the graph has no input", "export a model with an input that is not an initializer")

    def initializers(self, graph: Any, scope: Scope) -> None:
        """Add the initializers of a graph to its scope."""
        for tensor in graph.initializer:
            if tensor.name in scope.values:
                raise bad_model(
                    f"two initializers are named `{show(tensor.name)}`",
                    "give each value of the graph a name of its own",
                )
            scope.values[tensor.name] = self.constant(tensor, tensor.name)
        for sparse in graph.sparse_initializer:
            dims = self.dims(sparse.dims, sparse.values.name)
            one = Tensor(sparse.values.name, dims, sparse.values.data_type)
            self.sparse.append((sparse.values.name, one.size, prod(sparse.values.dims[:64])))
            scope.values[sparse.values.name] = Value(dims, tensors=(one,), why="they are stored as a sparse tensor")

    def constant(self, tensor: Any, name: str, fixed: bool = False) -> Value:
        """Return the value of a tensor in the file. `fixed` is true for a Constant of the graph."""
        dims = self.dims(tensor.dims, name)
        numbers = array(tensor)
        why = ""
        if numbers is None:
            place = next((entry.value for entry in tensor.external_data if entry.key == "location"), "")
            why = f"they are stored in another file, `{show(place)}`" if place else "the file does not hold them"
            if prod(dims) > 1024:
                why = "it has too many of them"
        if numbers is not None and numbers.shape != dims:
            raise bad_model(f"`{show(name)}` contains {numbers.size:,} numbers, but its dimensions are {show(dims)}")
        return Value(dims, array=numbers, tensors=(Tensor(name, dims, tensor.data_type, fixed),), why=why)

    def dims(self, dims: Sequence[int], name: str) -> Dims:
        """Return the dimensions of a tensor in the file.

        Raises:
            Refused: A dimension is negative, or the tensor is too large.
        """
        lengths = tuple(int(length) for length in dims)
        if min(lengths, default=1) < 0:
            raise bad_model(f"`{show(name)}` has a negative dimension: {show(lengths)}", "export the model again")
        if len(lengths) > MOST_AXES or prod(lengths) > self.limits.tensor:
            text = f"`{show(name)}` has the dimensions {show('x'.join(map(str, lengths[:MOST_AXES])))}, "
            text += f"but a tensor can have at most {self.limits.tensor:,} numbers"
            raise Refused([Problem("too-large", text, "check the dimensions of the initializer")])
        return lengths

    def _read_as_weight(self, declared: Any, scope: Scope) -> bool:
        """Read a graph input as a weight if all nodes use it as one. Return whether it is a weight."""
        users = scope.users.get(declared.name, [])
        places = [
            (node.op_type, place) for node in users for place, name in enumerate(node.input) if name == declared.name
        ]
        if not places or not all(place in WEIGHTS.get(op, ()) for op, place in places):
            return False
        shape = declared.type.tensor_type.shape.dim
        if not all(dim.has("dim_value") and dim.dim_value >= 0 for dim in shape):
            return False
        dims = self.dims([dim.dim_value for dim in shape], declared.name)
        tensor = Tensor(declared.name, dims, declared.type.tensor_type.elem_type)
        scope.values[declared.name] = Value(dims, tensors=(tensor,), why="they are an input of the model")
        return True

    def _read_input(self, one: Any, scope: Scope, alone: bool) -> None:
        name = one.name
        if one.type.choice not in ("tensor_type", None):
            kind = str(one.type.choice).removesuffix("_type")
            raise Refused([Problem("unsupported", f"input `{show(name)}` is a {kind}, not a tensor")])
        requested = self._requested_shape(name, alone)
        declared, first = DeclaredInput(one, self.options), name in scope.firsts
        if not one.type.tensor_type.has("shape"):
            if requested is None:
                text = f"input `{show(name)}` has no shape in the file"
                raise Refused([Problem("unknown-size", text, f"write its shape: `--input {show(name)}=224x224x3`")])
            order = (*range(2, len(requested) + 1), 1) if first else tuple(range(1, len(requested) + 1))
            dims = [1] * (len(requested) + 1)
        else:
            order = self._input_order(declared, scope)
            dims = [1] * len(declared.sizes)
        if requested is not None:
            if len(requested) != len(order):
                text = f"input `{show(name)}` has {len(order)} axes besides the batch, but the requested shape is {requested}"
                raise Refused([Problem("bad-argument", text, "write the shape channels last, without the batch")])
            for axis, length in zip(order, requested, strict=True):
                dims[axis] = length
        for axis in range(len(declared.sizes)):
            if requested is None or axis not in order:
                dims[axis] = self._length(declared, axis, axis not in order, first)
        if order and min(dims) < 1:
            raise bad_model(
                f"input `{show(name)}` has the dimensions {show(tuple(dims))}",
                "export the model with dimensions of at least 1",
            )
        index = self.reader.builder.input(self.reader.name(_input_name(name)), Shape(visible(dims, order)))
        scope.values[name] = Value(dims, index, order)
        if one.type.tensor_type.has("shape"):
            self.inputs.append(declared)
            self.axes.add(name, scope.values[name], declared.symbols)

    def _requested_shape(self, name: str, alone: bool) -> Shape | None:
        """Return the shape that the options give for an input; None if they give none."""
        inputs = self.options.inputs
        if name in inputs:
            return shape_from(inputs[name])
        return shape_from(inputs[""]) if alone and "" in inputs else None

    def _input_order(self, declared: DeclaredInput, scope: Scope) -> tuple[int, ...]:
        """Return the order of an input's dimensions in its shape: channels last, without the batch."""
        rank, sizes, name = len(declared.sizes), declared.sizes, declared.name
        batch = self.batch_of(declared)
        axes = [axis for axis in range(rank) if axis != batch]
        first = name in scope.firsts
        if not first and rank in (4, 5):
            last = 1 <= sizes[-1] <= 4 < sizes[1]
            first = not last and not any(node.op_type == "Transpose" for node in scope.users.get(name, []))
        if first and rank > 2 and 1 in axes:
            axes.remove(1)
            axes.append(1)
        return tuple(axes)

    def _length(self, declared: DeclaredInput, axis: int, batch: bool, image: bool) -> int:
        """Return the length with which an axis of an input is read."""
        name, size, symbol = declared.name, declared.sizes[axis], declared.symbols[axis]
        if size:
            if not 1 <= size <= LARGEST_AXIS:
                text = f"dimension {axis} of input `{show(name)}` is {size}"
                raise bad_model(text, f"export it with a size from 1 to {LARGEST_AXIS:,}, or with a name")
            if batch and size > 1:
                place = f" (axis {axis})" if axis else ""
                text = f"input `{show(name)}` has a fixed batch{place} of {size:,}; the figures are for one example"
                if self.strict:
                    raise Refused([Problem("batch-fixed", text, "export the model with a batch of 1 or of any size")])
                self.reader.batch = size
                self.batched = Problem("batch-fixed", text, level="warning")
                return 1
            return size
        if axis in declared.empty and not batch:
            text = f"dimension {axis} of input `{show(name)}` is 0"
            raise bad_model(text, f"export it with a size from 1 to {LARGEST_AXIS:,}, or with a name")
        if symbol in self.options.dims:
            if batch and self.options.dims[symbol] != 1:
                text = f"`{show(symbol)}` is the batch of `{show(name)}`, but the figures are for one example"
                raise Refused([Problem("bad-argument", text, "remove it, and write `--batch` for figures of a batch")])
            return self.options.dims[symbol]
        if batch:
            return 1
        if symbol in self.bound:
            return self.bound[symbol]
        self.missing.append((declared, axis))
        return (3 if axis == 1 else 224) if image else 64  # a placeholder, which is also the example in the help

    def _bind_sizes(self, ones: Sequence[Any], scope: Scope) -> None:
        """Record the sizes that `--input` gives to named dimensions, because other inputs may have the same dimensions."""
        for one in ones:
            requested = self._requested_shape(one.name, alone=len(ones) == 1)
            if requested is not None and one.type.tensor_type.has("shape"):
                declared = DeclaredInput(one, self.options)
                order = self._input_order(declared, scope)
                for axis, length in zip(order, requested, strict=False):
                    if declared.symbols[axis]:
                        self.bound.setdefault(declared.symbols[axis], length)

    @property
    def lacks_sizes(self) -> bool:
        """Whether an input that has no other mistake has unknown sizes."""
        return bool(self.missing) and all(declared.name in self.scope.values for declared, _ in self.missing)

    def unknown_sizes(self) -> Refused:
        """Return one error for all unknown sizes, with the options that set them."""
        symbols: dict[str, int] = {}
        shapes: dict[str, str] = {}
        places: dict[str, list[str]] = {}
        unnamed = {declared.name for declared, axis in self.missing if not declared.symbols[axis]}
        for declared, axis in self.missing:
            symbol, value, name = declared.symbols[axis], self.scope.values[declared.name], declared.name
            if name in unnamed:
                # only the whole shape can set a dimension without a name
                shapes[name] = "x".join(str(value.dims[at]) for at in value.order)
            else:
                symbols.setdefault(symbol, value.dims[axis])
            what = f"`{show(symbol)}`" if symbol else f"dimension {axis}"
            places.setdefault(f"input `{show(name)}` is {show(declared.text)}", []).append(what)
        sentences = []
        for start, names in list(places.items())[:6]:
            sizes = "the size of" if len(names) == 1 else "the sizes of"
            sizes += "".join(f" {name}," for name in names[:-2])
            sentences.append(
                f"{start}: {sizes} {' and '.join(names[-2:])} {'is' if len(names) == 1 else 'are'} unknown"
            )
        text = "; ".join(sentences) + (f"; and {len(places) - 6} more inputs" if len(places) > 6 else "")
        options = [f"--dim {show(symbol)}={size}" for symbol, size in symbols.items()]
        options += [f"--input {show(name)}={shape}" for name, shape in shapes.items()]
        help = f"set {'it' if len(self.missing) == 1 else 'them'}, for example with `{' '.join(options)}`"
        if self.strict:
            help = "export the model with fixed sizes" + (
                ", or set `input` in the policy" if len(self.inputs) == 1 else ""
            )
        return Refused([Problem("unknown-size", text, help)])

    def _check_options(self, names: list[str]) -> None:
        for name in self.options.inputs:
            if name not in names and not (name == "" and len(names) == 1):
                text = f"the model has no input `{show(name)}`" if name else "the model has several inputs"
                help = f"write `--input NAME=SHAPE`, where NAME is {quoted(names, 'or')}"
                raise Refused([Problem("unknown-input", text, help)])
        for name in self.options.batch_axes:
            if name and name not in names:
                help = f"write `--batch-axis NAME=AXIS`, where NAME is {quoted(names, 'or')}"
                raise Refused([Problem("unknown-input", f"the model has no input `{show(name)}`", help)])
        symbols = {
            dim.dim_param for one in self.model.graph.input for dim in one.type.tensor_type.shape.dim if dim.dim_param
        }
        for name in self.options.dims:
            if name not in symbols:
                help = did_you_mean(name, symbols)
                if not help:
                    help = (
                        f"its named dimensions are {quoted(sorted(symbols), 'and')}"
                        if symbols
                        else "remove `--dim`: all sizes are fixed"
                    )
                raise Refused([Problem("unknown-size", f"no input has a dimension named `{show(name)}`", help)])


def _input_name(name: str) -> str:
    return clean(name.removesuffix(":0")) or "input"
