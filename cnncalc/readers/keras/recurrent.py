"""Keras' recurrent layers, cells and wrappers."""

from __future__ import annotations

from collections.abc import Callable

from cnncalc.layers import merge
from cnncalc.layers.base import Layer
from cnncalc.layers.recurrent import GRU, LSTM, RNN, ConvLSTM
from cnncalc.layers.reshape import Flatten, Slice
from cnncalc.problem import Problem
from cnncalc.readers.keras.call import Call, Spec, Value
from cnncalc.text import show

KINDS: dict[str, type[LSTM] | type[GRU] | type[RNN]] = {
    "LSTM": LSTM, "CuDNNLSTM": LSTM, "LSTMCell": LSTM, "GRU": GRU, "CuDNNGRU": GRU, "GRUCell": GRU, "SimpleRNN": RNN,
    "SimpleRNNCell": RNN,
}  # fmt: skip


def layer_of(spec: Spec, sequence: bool, both_directions: bool = False) -> Layer:
    """Return the recurrent layer for a layer or a cell."""
    kind = KINDS[spec.cls]
    bias = "single" if spec.flag("use_bias", True) else "none"
    double = spec.cls.startswith("CuDNN") or (kind is GRU and spec.flag("reset_after", "module" in spec.json))
    if double and bias == "single":
        bias = "double"
    returns = "sequence" if sequence else "last"
    return kind(units=spec.count("units"), returns=returns, bias=bias, bidirectional=both_directions)


def sequence(call: Call) -> Value:
    """Return the sequence that the layer reads. Its other inputs are initial states, which cost nothing and are left out."""
    if len(call.values) > 1:
        text = f"{show(call.name)}: the initial state is ignored in receptive fields and memory"
        call.builder.warnings.append(Problem("unsupported", text, level="warning"))
    return call.in_keras_order(call.value)


def states(call: Call, spec: Spec, output: Value, both: bool) -> list[Value]:
    """Return the last step for each of the states that the layer returns. Nodes are added only if a state is used."""
    if not spec.flag("return_state", False):
        return []
    many = (2 if KINDS.get(spec.cls) is LSTM else 1) * (2 if both else 1)
    if not any(number in call.wanted for number in range(1, many + 1)):
        return [output] * many
    state = output
    if len(call.shape(output)) == 2:
        steps = call.shape(output)[0]
        if steps > 1:
            state = call.add("last", Slice(start=steps - 1, stop=steps, axis="steps"), output)
        state = call.add("state", Flatten(), state, order=(0,))
    if not both:
        return [state] * many
    units = call.shape(state)[0] // 2
    front = call.add("front", Slice(stop=units), state)
    back = call.add("back", Slice(start=units, stop=2 * units), state)
    return [front] * (many // 2) + [back] * (many // 2)


def recurrent(call: Call) -> list[Value]:
    spec = call.spec
    layer = layer_of(spec, spec.flag("return_sequences", False))
    output = call.add(layer.kind, layer, sequence(call))
    return [output, *states(call, spec, output, False)]


def rnn(call: Call) -> list[Value]:
    """Read RNN with one cell or a stack of cells."""
    spec = call.spec
    cell = spec.inner("cell")
    cells = [cell]
    if cell.cls == "StackedRNNCells":
        inner = cell.config.get("cells")
        cells = [Spec(part, f"a cell of {spec.title}") for part in inner] if isinstance(inner, list) else []
    elif isinstance(spec.config.get("cell"), list):
        cells = [Spec(part, f"a cell of {spec.title}") for part in spec.config["cell"]]
    unknown = [part for part in cells if part.cls not in KINDS]
    if unknown or not cells:
        raise spec.problem("has a cell of a class that cnncalc does not read", code="unknown-layer")
    if spec.flag("return_state", False) and any(number > 0 for number in call.wanted):
        raise spec.problem("returns states, which is not supported for RNN with cells", code="unknown-layer")
    value = sequence(call)
    for number, part in enumerate(cells, 1):
        layer = layer_of(part, number < len(cells) or spec.flag("return_sequences", False))
        value = call.add(f"{layer.kind}{number}", layer, value)
    return [value]


def bidirectional(call: Call) -> list[Value]:
    spec = call.spec
    inner = spec.inner("layer")
    if inner.cls not in KINDS or call.lead:
        raise spec.problem("wraps a layer that is not recurrent", code="unknown-layer")
    layer = layer_of(inner, inner.flag("return_sequences", False), True)
    back = spec.config.get("backward_layer")
    if back is not None:
        other = spec.inner("backward_layer")
        if other.cls not in KINDS or layer_of(other, inner.flag("return_sequences", False), True) != layer:
            raise spec.problem("has two directions that differ, which is not supported", code="unknown-layer")
    mode = spec.config.get("merge_mode", "concat")
    if mode not in ("concat", "sum", "mul", "ave", None):
        raise spec.problem("has an unknown `merge_mode`")
    both = call.add(layer.kind, layer, sequence(call))
    after = states(call, inner, both, True)
    if mode == "concat":
        return [both, *after]
    units = inner.count("units")
    halves = [
        call.add("forward", Slice(stop=units), both), call.add("backward", Slice(start=units, stop=2 * units), both)
    ]  # fmt: skip
    if mode is None:
        return [*halves, *after]
    kinds: dict[str, Layer] = {"sum": merge.Add(), "mul": merge.Mul(), "ave": merge.Average()}
    return [call.add(str(mode), kinds[str(mode)], *halves), *after]


def conv_lstm(call: Call) -> list[Value]:
    """Read ConvLSTM: four gates, each with a convolution of the input and one of the state (Shi et al. 2015)."""
    spec = call.spec
    axes = spec.dimensions
    if spec.config.get("data_format") == "channels_first" or call.lead:
        raise spec.problem("is channels first or within TimeDistributed, which is not supported", code="unknown-layer")
    if any(number > 0 for number in call.wanted):
        raise spec.problem("returns states, which is not supported", code="unknown-layer")
    value = sequence(call)
    shape = call.shape(value)
    if len(shape) != axes + 2:
        raise spec.problem(f"needs an input with {axes + 2} axes, but gets {shape}", code="needs-sequence")
    layer = ConvLSTM(
        filters=spec.count("filters"),
        kernel=spec.counts("kernel_size", axes),
        stride=spec.counts("strides", axes, 1),
        pad="same" if spec.word("padding", "valid", ("valid", "same")) == "same" else 0,
        dilation=spec.counts("dilation_rate", axes, 1),
        returns="sequence" if spec.flag("return_sequences", False) else "last",
        bias=spec.flag("use_bias", True),
    )
    return [call.add("lstm", layer, value, order=range(len(layer.out(shape))))]


HANDLERS: dict[str, Callable[[Call], list[Value]]] = {
    **dict.fromkeys((name for name in KINDS if not name.endswith("Cell")), recurrent),
    "RNN": rnn, "Bidirectional": bidirectional,
    **{f"ConvLSTM{n}D": conv_lstm for n in (1, 2, 3)},
}  # fmt: skip
