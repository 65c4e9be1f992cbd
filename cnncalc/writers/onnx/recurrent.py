"""Write recurrent layers as ONNX operators."""

from __future__ import annotations

from typing import Any

from cnncalc.writers.onnx.model import Handler, Part
from cnncalc.writers.registry import Unsupported, registrar

HANDLERS: dict[str, Handler] = {}
kind = registrar(HANDLERS)
MAX_STEPS = 64  # of a convolutional LSTM; each becomes operators of its own


@kind("lstm", "gru", "rnn")
def recurrent(p: Part) -> str:
    """Write one operator for each stacked layer. Its input has the steps first.

    ONNX has two bias vectors per gate, so a single bias is padded with zeros.
    """
    layer, units, steps = p.layer, p.layer.units, p.shapes[0][0]
    both = 2 if layer.bidirectional else 1
    attributes: dict[str, Any] = {"hidden_size": units, "direction": "bidirectional" if both == 2 else "forward"}
    if layer.kind == "gru":
        attributes["linear_before_reset"] = 1
    x = p.op("Transpose", [p.x("last")], perm=[1, 0, 2])
    features = p.shapes[0][-1]
    for number in range(layer.layers):
        rows = layer.gates * units
        inputs = [x, p.weight(f"weight_ih_l{number}", both, rows, features),
                  p.weight(f"weight_hh_l{number}", both, rows, units)]  # fmt: skip
        if layer.bias == "double":
            inputs.append(p.weight(f"bias_l{number}", both, 2 * rows))
        elif layer.bias == "single":
            inputs.append(p.op("Pad", [p.weight(f"bias_l{number}", both, rows), p.ints(0, 0, 0, rows)]))
        final = number == layer.layers - 1
        if final and layer.returns == "last":
            last = p.graph.unique(f"{p.name}.last")
            p.graph.add(layer.kind.upper(), inputs, p.graph.unique(f"{p.name}.{layer.kind}"), ["", last], **attributes)
            p.output("Reshape", [p.op("Transpose", [last], perm=[1, 0, 2]), p.ints(0, both * units)])
            return "first"
        x = p.op(layer.kind.upper(), inputs, **attributes)  # steps x directions x N x units
        perm, to = ([2, 0, 1, 3], (0, steps, both * units)) if final else ([0, 2, 1, 3], (steps, 0, both * units))
        x = p.op("Transpose", [x], perm=perm)
        if not final:
            x = p.op("Reshape", [x, p.ints(*to)])
        else:
            p.output("Reshape", [x, p.ints(*to)])
        features = both * units
    return "last"


@kind("convlstm")
def convlstm(p: Part) -> str:
    """Write each step as operators, because ONNX has no operator for the layer."""
    layer, steps, channels = p.layer, p.shapes[0][0], p.shapes[0][-1]
    if steps > MAX_STEPS:
        raise Unsupported(
            f"each of its {steps} steps needs operators of its own, and at most {MAX_STEPS} steps are written"
        )
    windows, filters = layer.of_frame().windows(layer.frame(p.shapes[0])), layer.filters
    kernels, rank = [w.kernel for w in windows], len(windows)
    into: dict[str, Any] = {
        "kernel_shape": kernels,
        "strides": [w.stride for w in windows],
        "dilations": [w.dilation for w in windows],
        "pads": [w.before for w in windows] + [w.after for w in windows],
    }
    before = [(kernel - 1) // 2 for kernel in kernels]
    keeping: dict[str, Any] = {
        "kernel_shape": kernels,
        "pads": before + [k - 1 - b for k, b in zip(kernels, before, strict=True)],
    }
    of_input = [p.weight("weight_ih", 4 * filters, channels, *kernels)]
    of_input += [p.weight("bias", 4 * filters)] if layer.bias else []
    of_state = p.weight("weight_hh", 4 * filters, filters, *kernels)
    x = p.x("first")
    places = p.out[-1 - rank : -1]
    shape = p.op("Concat", [p.op("Shape", [x], start=0, end=1), p.ints(filters, *places)], axis=0)
    h = c = p.op("Expand", [p.fill(0.0, 1, filters, *places), shape])
    states = []
    for step in range(steps):
        frame = p.op("Gather", [x, p.graph.numbers([step], scalar=True)], axis=2)
        both = p.op("Add", [p.op("Conv", [frame, *of_input], **into), p.op("Conv", [h, of_state], **keeping)])
        parts = [
            p.op("Slice", [both, p.ints(gate * filters), p.ints((gate + 1) * filters), p.ints(1)]) for gate in range(4)
        ]
        i, f, o = (p.op("Sigmoid", [parts[gate]]) for gate in (0, 1, 3))
        c = p.op("Add", [p.op("Mul", [f, c]), p.op("Mul", [i, p.op("Tanh", [parts[2]])])])
        out = [o, p.op("Tanh", [c])]
        if layer.returns == "last" and step == steps - 1:
            p.output("Mul", out)
            return "first"
        h = p.op("Mul", out)
        if layer.returns == "sequence":
            states.append(p.op("Unsqueeze", [h, p.ints(2)]))
    p.output("Concat", states, axis=2)
    return "first"
