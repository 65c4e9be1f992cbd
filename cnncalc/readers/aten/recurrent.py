"""Read recurrent layers: lstm, gru and rnn over one sequence."""

from __future__ import annotations

from cnncalc.layers import recurrent
from cnncalc.layers.roles import has_bias_role
from cnncalc.readers.aten.events import Dims, Event, Var
from cnncalc.readers.aten.graph import Graph
from cnncalc.readers.aten.layers import Handler

CELLS = {"lstm": recurrent.LSTM, "gru": recurrent.GRU, "rnn_tanh": recurrent.RNN, "rnn_relu": recurrent.RNN}


def recurrent_layer(graph: Graph, event: Event) -> None:
    """Read lstm, gru and rnn over a batch of one sequence. If only the last state is read, it becomes `returns: last`."""
    args, tensors = event.args, event.args["params"]
    both, layers, biased = bool(args["bidirectional"]), args["num_layers"], args["has_biases"]
    packed = args.get("data")  # sequences in one tensor, from pack_padded_sequence
    x: Var = args["input"] if packed is None else packed
    batch, steps = (0, 1) if args.get("batch_first") else (1, 0)
    order: Dims = (steps, 2) if packed is None else (0, 1)
    alone = len(x.dims) == 3 and x.dims[batch] == 1 if packed is None else args["batch_sizes"].dims[0] == x.dims[0]
    parameters: dict[str, Var | None] = {}
    each_layer = len(tensors) // (layers * (2 if both else 1))
    for place, tensor in enumerate(tensors):
        parameters[("bias" if place % each_layer in (2, 3) and biased else "weight") + f"_{place}"] = tensor
    cell = CELLS[event.op]
    units = tensors[1].dims[1]
    projected = tensors[1].dims[0] != units * cell.gates or each_layer != (4 if biased else 2)
    if not alone or projected:
        graph.operator(event, None, parameters=parameters, name=cell.kind, views=None)
        _states(graph, event)
        return
    vectors = sum(1 for name, tensor in parameters.items() if has_bias_role(name) and tensor and tensor.tensors)
    single = vectors == layers * (2 if both else 1)
    bias = "none" if not biased else "single" if single else "double"
    fields = {"units": units, "bias": bias, "bidirectional": both, "layers": layers}
    index = graph.arrange(x, order, event.call)
    ends = [] if event.out.users or event.out in graph.record.outputs else _last_states(graph, event, both)
    if ends:
        target = Event(event.op, args, event.inputs, [ends[0]], event.call)
        target.macs = event.macs
        graph.emit(target, cell(**fields, returns="last"), [index], (len(ends[0].dims) - 1,), parameters)
        for end in ends[1:]:
            end.index, end.order = ends[0].index, (len(end.dims) - 1,)
        return
    graph.emit(event, cell(**fields), [index], order, parameters)
    _states(graph, event)


def _states(graph: Graph, event: Event) -> None:
    """Add the states after the last step, which are parts of the sequence."""
    for k, out in enumerate(event.outs):
        if k and (out.users or out in graph.record.outputs):
            inputs = event.inputs
            event.inputs = [event.out]
            graph.operator(event, graph.default_order(out.dims), {}, k, name="state", in_place=True, views=None)
            event.inputs = inputs


def _last_states(graph: Graph, event: Event, both: bool) -> list[Var]:
    """Return the values that are the state after the last step (of both directions), if no other state is read."""
    state = event.outs[1]
    if any(out.users for out in event.outs[2:]) or any(out in graph.record.outputs for out in event.outs):
        return []
    picked: dict[int, list[Event]] = {}
    for user in state.users:
        if user.op != "select" or user.args["dim"] not in (0, -3):
            return []
        picked.setdefault(user.args["index"] % state.dims[0], []).append(user)
    rows = state.dims[0]
    if not both:
        return [user.out for user in picked[rows - 1]] if set(picked) == {rows - 1} and not _skip(graph, picked) else []
    if set(picked) != {rows - 2, rows - 1} or any(len(users) != 1 for users in picked.values()):
        return []
    first, second = picked[rows - 2][0].out, picked[rows - 1][0].out
    if len(first.users) != 1 or first.users != second.users or first.users[0].op not in ("cat", "concat"):
        return []
    joined = first.users[0]
    if joined.args["tensors"] != [first, second] or joined.args["dim"] not in (1, -1):
        return []
    _skip(graph, picked)
    graph.skipped.add(id(joined))
    return [joined.out]


def _skip(graph: Graph, picked: dict[int, list[Event]]) -> bool:
    graph.skipped.update(id(user) for users in picked.values() for user in users)
    return False


HANDLERS: dict[str, Handler] = dict.fromkeys(CELLS, recurrent_layer)
