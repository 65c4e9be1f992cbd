"""Choose the lengths of dynamic dimensions, whose sizes are symbols such as `s0` in the file.

A symbol that is the first axis of all inputs is the batch, and figures are for one example. Others have the length that
`--dim` or `--input` gives them, or else the one in the example that the model was exported with.
"""

from __future__ import annotations

from collections.abc import Mapping
from math import prod

from cnncalc.problem import Problem, Refused
from cnncalc.readers.aten.events import Dims
from cnncalc.readers.aten.recurrent import CELLS
from cnncalc.readers.axes import visible
from cnncalc.readers.limits import Limits
from cnncalc.readers.options import ReaderOptions
from cnncalc.readers.pt2.expression import ExpressionError, UnknownSymbol, evaluate, symbols_in
from cnncalc.readers.pt2.operators import operator_name
from cnncalc.readers.pt2.program import Graph, Meta, Program, Size, bad
from cnncalc.readers.yaml.inputs import shape_from
from cnncalc.shape import Shape
from cnncalc.text import did_you_mean, quoted, show


class Sizes:
    """Lengths of symbols, and of everything that is computed from them."""

    def __init__(self, symbols: Mapping[str, int], limits: Limits) -> None:
        self.symbols = dict(symbols)
        self.limits = limits
        self._known: dict[str, int] = {}

    def length(self, size: Size, what: str) -> int:
        """Return a size as a number.

        Raises:
            Refused: It depends on the values of tensors, or is not valid.
        """
        if isinstance(size, int):
            return size
        if size not in self._known:
            try:
                self._known[size] = evaluate(size, self.symbols)
            except UnknownSymbol as error:
                text = f"{what} has the size {show(size)}, which depends on the values of tensors ({show(error.name)})"
                help = "export a model whose shapes depend only on the shapes of its inputs"
                raise Refused([Problem("unsupported", text, help)]) from None
            except ExpressionError as error:
                raise bad(
                    f"{what} has the size `{show(size)}`, which cnncalc cannot work out: {show(str(error), 200)}"
                ) from None
        return self._known[size]

    def dims(self, meta: Meta, name: str) -> Dims:
        """Return the lengths of a tensor.

        Raises:
            Refused: One is negative, or the tensor is too large.
        """
        what = f"the tensor `{show(name)}`"
        dims = tuple(self.length(size, what) for size in meta.sizes)
        if min(dims, default=0) < 0:
            raise bad(f"{what} has a negative length: {show('x'.join(map(str, dims)))}")
        if max(dims, default=0) > self.limits.tensor or prod(dims) > self.limits.tensor:
            written = show("x".join(str(length)[:25] for length in dims))
            text = f"{what} has the dimensions {written}, but a tensor can have at most {self.limits.tensor:,} numbers"
            raise Refused([Problem("too-large", text, "check the dimensions of the model")])
        return dims

    def strides(self, meta: Meta, name: str) -> Dims:
        """Return the strides of a tensor, or nothing if the file states none that cnncalc can work out."""
        try:
            return tuple(self.length(size, f"the tensor `{show(name)}`") for size in meta.strides)
        except Refused:
            return ()


class Chosen:
    """The lengths of all symbols, and warnings about those that the user did not choose."""

    def __init__(self, sizes: Sizes, warnings: list[Problem]) -> None:
        self.sizes = sizes
        self.warnings = warnings


def choose_sizes(
    program: Program, options: ReaderOptions, limits: Limits, orders: Mapping[str, Dims] | None, strict: bool
) -> Chosen:
    """Choose the length of each symbol. Without `orders`, `--input` is ignored, and sizes are provisional.

    Raises:
        Refused: The options do not suit the model, or sizes are unknown.
    """
    inputs = _input_metas(program)
    symbols = {symbol: hint for meta in inputs.values() for symbol, hint in _plain_symbols(meta).items()}
    batch = _batch_symbol(program, inputs)
    _check_names(program, options, inputs, symbols)
    chosen = {name: options.dims[name] for name in symbols if name in options.dims}
    _check_chosen(program, chosen, batch)
    if orders is not None:
        for name, meta in inputs.items():
            shape = _requested_shape(options, name, alone=len(inputs) == 1)
            if shape is not None:
                _bind(name, meta, shape, orders[name], chosen, program)
    if batch:
        chosen[batch] = 1
    warnings: list[Problem] = []
    missing: list[str] = []
    for name, hint in symbols.items():
        if name in chosen:
            continue
        if hint is None or (strict and orders is not None):
            missing.append(name)
        else:
            where = next(
                f"axis {meta.sizes.index(text)} of `{show(place)}`"
                for place, meta in inputs.items() for text in meta.hints if symbols_in(text) == [name] and text in meta.sizes
            )  # fmt: skip
            text = f"`{show(name)}` ({where}) is {hint:,} here, as in the example that the model was exported with"
            help = f"write `--dim {show(name)}=N` for another length"
            warnings.append(Problem("ambiguous-input", text, help, level="warning"))
        chosen[name] = 64 if hint is None else hint
    if missing and orders is not None:
        raise _unknown(missing, strict, alone=len(inputs) == 1)
    if orders is not None:
        warnings += _check_batch(program, inputs, Sizes(chosen, limits), strict)
    return Chosen(Sizes(chosen, limits), warnings)


def _input_metas(program: Program) -> dict[str, Meta]:
    metas: dict[str, Meta] = {}
    for name in program.inputs:
        if name not in program.graph.tensors:
            raise bad(f"the input `{show(name)}` has no shape in the file")
        metas[name] = program.graph.tensors[name]
    if not metas:
        raise bad("the model has no input that is a tensor", "export a model that takes a tensor")
    return metas


def _plain_symbols(meta: Meta) -> dict[str, int | None]:
    """Return the symbols of an input by name, with the length in the example if the file states it."""
    found: dict[str, int | None] = {}
    for text in meta.sizes:
        if isinstance(text, str):
            names = symbols_in(text)
            for name in names:
                try:
                    alone = len(names) == 1 and evaluate(text, {name: 7919}) == 7919
                except ExpressionError:
                    alone = False
                found[name] = (meta.hints.get(text) if alone else None) or found.get(name)
    return found


def _batch_symbol(program: Program, inputs: Mapping[str, Meta]) -> str:
    """Return the symbol that is the first axis of all inputs, or an empty text."""
    firsts = {meta.sizes[0] if meta.sizes else 0 for meta in inputs.values()}
    first = firsts.pop()
    if firsts or not isinstance(first, str) or len(symbols_in(first)) != 1 or _reads_steps_first(program.graph, inputs):
        return ""
    elsewhere = [size for meta in inputs.values() for size in meta.sizes[1:] if isinstance(size, str)]
    symbol = symbols_in(first)[0]
    return "" if any(symbol in symbols_in(size) for size in elsewhere) else symbol


def _reads_steps_first(graph: Graph, inputs: Mapping[str, Meta]) -> bool:
    """Return whether a recurrent layer reads an input steps first, so that its first axis is not the batch."""
    for node in graph.nodes:
        if operator_name(node.target)[1] in CELLS:
            args = dict(node.inputs)
            source = args.get("input", ("", None))[1]
            named = isinstance(source, dict) and source.get("name") in inputs
            if named and args.get("batch_first", ("", False))[1] is False:
                return True
    return False


def _requested_shape(options: ReaderOptions, name: str, alone: bool) -> Shape | None:
    if name in options.inputs:
        return shape_from(options.inputs[name])
    return shape_from(options.inputs[""]) if alone and "" in options.inputs else None


def _bind(name: str, meta: Meta, shape: Shape, order: Dims, chosen: dict[str, int], program: Program) -> None:
    """Give the symbols of an input the lengths in a shape that the user wrote."""
    if len(shape) != len(order):
        text = f"input `{show(name)}` has {len(order)} axes besides the batch, but the requested shape is {shape}"
        raise Refused([Problem("bad-argument", text, "write the shape channels last, without the batch")])
    for axis, length in zip(order, shape, strict=True):
        size = meta.sizes[axis]
        if isinstance(size, str):
            names = symbols_in(size)
            if len(names) == 1 and names[0] not in chosen:
                value = _solve(size, names[0], length)
                if value is not None:
                    chosen[names[0]] = value
                    _check_chosen(program, {names[0]: value}, "")
        if Sizes(chosen, program.graph.limits).length(size, f"input `{show(name)}`") != length:
            fixed = visible([each if isinstance(each, int) else 0 for each in meta.sizes], order)
            written = "x".join(str(each) if each else "?" for each in fixed)
            text = f"input `{show(name)}` is {written} in the file (`?` is any length), so it cannot be {shape}"
            if "?" not in written:
                text = f"input `{show(name)}` is {written} in the file, so it cannot be {shape}"
            raise Refused(
                [Problem("bad-argument", text, "export the model with `dynamic_shapes`, or write a shape that fits")]
            )


def _solve(size: str, symbol: str, length: int) -> int | None:
    """Return the value of a symbol at which a size, such as `8*s0`, has this length."""
    try:
        slope = evaluate(size, {symbol: 2}) - evaluate(size, {symbol: 1})
        start = evaluate(size, {symbol: 0})
        value = (length - start) // slope if slope else -1
        return value if value >= 0 and evaluate(size, {symbol: value}) == length else None
    except ExpressionError:
        return None


def _check_names(
    program: Program, options: ReaderOptions, inputs: Mapping[str, Meta], symbols: Mapping[str, int | None]
) -> None:
    for name in options.inputs:
        if name not in inputs and not (name == "" and len(inputs) == 1):
            text = f"the model has no input `{show(name)}`" if name else "the model has several inputs"
            help = f"write `--input NAME=SHAPE`, where NAME is {quoted(inputs, 'or')}"
            raise Refused([Problem("unknown-input", text, help)])
    for name in options.dims:
        if name not in symbols:
            help = did_you_mean(name, symbols)
            if not help:
                help = (
                    f"its dynamic dimensions are {quoted(symbols, 'and')}"
                    if symbols
                    else "remove `--dim`: all are fixed"
                )
            raise Refused([Problem("unknown-size", f"the model has no dynamic dimension named `{show(name)}`", help)])


def _check_chosen(program: Program, chosen: Mapping[str, int], batch: str) -> None:
    """Refuse lengths outside the range that the model was exported for."""
    for name, value in chosen.items():
        if name == batch and value != 1:
            text = f"`{show(name)}` is the batch, but the figures are for one example"
            raise Refused([Problem("bad-argument", text, "remove it, and write `--batch` for figures of a batch")])
        low, high = program.ranges.get(name, (None, None))
        if (low is not None and value < low and not (value == 1 and low <= 2)) or (high is not None and value > high):
            limits = f"from {low or 1:,} to {high:,}" if high is not None and high < 2**40 else f"at least {low or 1:,}"
            text = f"`{show(name)}` cannot be {value:,}: the model was exported for lengths {limits}"
            raise Refused([Problem("bad-argument", text, "choose another length, or export the model for this one")])


def _check_batch(program: Program, inputs: Mapping[str, Meta], sizes: Sizes, strict: bool) -> list[Problem]:
    """Return a warning if the first axis of all inputs has one length of more than 1."""
    firsts = {sizes.length(meta.sizes[0], "an input") if len(meta.sizes) > 1 else 1 for meta in inputs.values()}
    first = firsts.pop()
    if firsts or first <= 1 or _reads_steps_first(program.graph, inputs):
        return []
    text = f"the first axis of all inputs is {first:,}: figures are for all {first:,} together"
    help = "export the model with a batch of 1 or of any size"
    if strict:
        raise Refused([Problem("batch-fixed", text, help)])
    return [Problem("batch-fixed", text, help, level="warning")]


def _unknown(names: list[str], strict: bool, alone: bool) -> Refused:
    verb, sizes = ("is", "the length") if len(names) == 1 else ("are", "the lengths")
    text = f"{sizes} of {quoted(names, 'and')} {verb} not known"
    help = "set " + ("it" if len(names) == 1 else "them") + ", for example with `"
    help += " ".join(f"--dim {show(name)}=64" for name in names[:4]) + "`"
    if strict:
        help = "export the model with fixed sizes" + (", or set `input` in the policy" if alone else "")
    return Refused([Problem("unknown-size", text, help)])
