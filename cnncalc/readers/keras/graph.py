"""Read the graph of a Keras model: calls between layers, nested models, shared layers, inputs and outputs.

This module knows only the structure of the JSON. `layers` knows how to read each class of layer.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterator, Sequence
from typing import Any

from cnncalc.network import Builder, Network
from cnncalc.problem import Problem, Refused
from cnncalc.readers.keras.call import Call, Spec, Value, channels_first_axes, name_of
from cnncalc.readers.keras.layers import handler_of
from cnncalc.readers.options import ReaderOptions
from cnncalc.shape import Shape
from cnncalc.text import did_you_mean, quoted, show

MODELS = ("Functional", "Model", "Sequential")
MOST_CALLS = 100_000
MOST_DEPTH = 30


class Ref:
    """One output of one call of a layer."""

    __slots__ = ("call", "layer", "output", "place")

    def __init__(self, layer: str, call: int, output: int) -> None:
        self.layer = layer
        self.call = call
        self.output = output
        self.place = -1  # position in the list of calls, once known


class Reader:
    """Reads one model and builds its network."""

    def __init__(self, path: str, name: str) -> None:
        self.path = path
        self.name = name
        self.builder = Builder()
        self.first: set[int] = set()  # numbers of spatial axes for which inputs are channels first
        self.owners: dict[Any, list[int]] = {}  # layer -> the nodes of its first call
        self.names: set[str] = set()
        self.outputs: dict[str, list[Value]] = {}  # name of the nodes of a call -> the values it returned
        self.calls = 0
        self.options = ReaderOptions({}, {})
        self.inputs_used: set[str] = set()
        self.inputs: list[str] = []

    def read(self, top: dict[str, Any], options: ReaderOptions) -> Network:
        """Return the network of a model.

        Raises:
            Refused: The model has a mistake. The error holds the network as far as it was built.
        """
        self.options = options
        try:
            if options.dims:
                name = show(next(iter(options.dims)))
                raise Problem(
                    "bad-argument", f"a Keras model has no dimension named `{name}`", "write `--input 224x224x3`"
                )
            self.first = channels_first_axes(top)
            spec = Spec(top, "the model")
            if spec.cls not in MODELS and not ("layers" in spec.config and spec.config.get("input_layers")):
                help = "save a Sequential or Functional model; the layers of a subclassed model exist only in its code"
                raise Problem("unknown-layer", f"the model has the class `{show(spec.cls)}`", help)
            outputs = self._model(spec, "", None, (), 0)
            unused = sorted(set(options.inputs) - self.inputs_used)
            if unused:
                help = did_you_mean(unused[0], self.inputs) or f"its inputs are {quoted(self.inputs, 'and')}"
                raise Problem("unknown-input", f"the model has no input `{show(unused[0])}`", help)
            if not outputs:
                raise Problem("missing-field", "the model has no outputs")
        except (Problem, RecursionError) as error:
            problem = error if isinstance(error, Problem) else Problem("too-large", "models are nested too deeply")
            raise Refused([problem], self.builder.partial(**self._facts())) from None
        self.name = (
            show(spec.config.get("name") or self.name) if isinstance(spec.config.get("name"), str) else self.name
        )
        return self.builder.finish(dict.fromkeys(value.index for value in outputs), **self._facts())

    def _facts(self) -> dict[str, Any]:
        return {"name": self.name, "source": "Keras", "spec": self.path}

    def unique(self, name: str) -> str:
        """Return the name with a number appended if another node has it already."""
        candidate, number = name, 1
        while candidate in self.names:
            number += 1
            candidate = f"{name}_{number}"
        self.names.add(candidate)
        return candidate

    def _model(self, spec: Spec, path: str, values: list[Value] | None, key: tuple[Any, ...], lead: int) -> list[Value]:
        """Return the outputs of a model that is called with values or, at the top level, with its own inputs."""
        if path.count(".") > MOST_DEPTH:
            raise Problem("too-large", f"models are nested deeper than {MOST_DEPTH} levels")
        layers = spec.config.get("layers")
        if isinstance(spec.json.get("config"), list):  # Sequential of Keras 2.1 and older
            layers = spec.json["config"]
        if not isinstance(layers, list) or not layers:
            raise Problem("bad-value", f"{spec.title} has no layers")
        specs = [Spec(layer, f"layer {number} of {spec.title}") for number, layer in enumerate(layers, 1)]
        if spec.cls == "Sequential":
            return self._sequential(spec, specs, path, values, key, lead)
        return self._functional(spec, specs, path, values, key, lead)

    def _sequential(
        self, spec: Spec, specs: list[Spec], path: str, values: list[Value] | None, key: tuple[Any, ...], lead: int
    ) -> list[Value]:
        if specs[0].cls == "InputLayer":
            shape = specs[0].input_shape
            source, specs = specs[0], specs[1:]
        else:
            build = spec.json.get("build_config")
            shape = specs[0].input_shape or spec.config.get("build_input_shape")
            shape = shape or (build.get("input_shape") if isinstance(build, dict) else None)
            source = specs[0]
            shape = shape or _shape_within(source)
        if values is None:
            values = [self._input("input" if source in specs else source.name, shape, single=True)]
        for layer in specs:
            values = self._call(layer, path, values, [], {}, key, 0, {0}, lead)
        return values

    def _functional(
        self, spec: Spec, specs: list[Spec], path: str, arguments: list[Value] | None, key: tuple[Any, ...], lead: int
    ) -> list[Value]:
        named: dict[str, Spec] = {}
        for layer in specs:
            if layer.name in named:
                raise Problem("duplicate-name", f"{spec.title} has two layers named `{show(layer.name)}`")
            named[layer.name] = layer
        calls: list[tuple[Spec, int, Any, Any]] = []
        numbers: dict[tuple[str, int], int] = {}
        for layer in specs:
            nodes = layer.json.get("inbound_nodes")
            nodes = nodes if isinstance(nodes, list) else []
            if layer.cls == "InputLayer":
                nodes = [[]]
            for number, node in enumerate(nodes):
                numbers[layer.name, number] = len(calls)
                calls.append((layer, number, *_arguments(node, named)))
        self.calls += len(calls)
        if self.calls > MOST_CALLS:
            raise Problem("too-large", f"the model has more than {MOST_CALLS:,} calls of layers")
        ins, outs = _refs(spec.config.get("input_layers")), _refs(spec.config.get("output_layers"))
        if not outs:
            raise Problem("missing-field", f"{spec.title} has no output layers")
        wanted: dict[int, set[int]] = {}
        waiting: list[set[int]] = []
        followers: list[list[int]] = [[] for _ in calls]
        for place, (layer, _, args, kwargs) in enumerate(calls):
            needs = {self._place(ref, numbers, named, layer, wanted) for ref in _tensors((args, kwargs))}
            waiting.append(needs)
            for need in needs:
                followers[need].append(place)
        ends = [(self._place(ref, numbers, named, spec, wanted), ref.output) for ref in outs]
        starts = [self._place(ref, numbers, named, spec, wanted) for ref in ins]
        outputs_of: dict[int, list[Value]] = {}
        ready = [place for place, needs in enumerate(waiting) if not needs]
        heapq.heapify(ready)
        while ready:
            place = heapq.heappop(ready)
            layer, number, args, kwargs = calls[place]
            if layer.cls == "InputLayer":
                if arguments is None:
                    outputs_of[place] = [self._input(layer.name, layer.input_shape, single=len(starts) == 1)]
                elif place in starts and starts.index(place) < len(arguments):
                    outputs_of[place] = [arguments[starts.index(place)]]
                else:
                    raise Problem("bad-value", f"{spec.title} is called without its input `{show(layer.name)}`")
            else:
                args, kwargs = _with_values(args, outputs_of, layer), _with_values(kwargs, outputs_of, layer)
                values = list(_values((args, kwargs)))
                if not values:
                    raise layer.problem("is called without an input")
                outputs_of[place] = self._call(
                    layer, path, values, args, kwargs, key, number, wanted.get(place, {0}), lead
                )
            for follower in followers[place]:
                waiting[follower].discard(place)
                if not waiting[follower]:
                    heapq.heappush(ready, follower)
        if len(outputs_of) < len(calls):
            stuck = next(calls[place][0] for place in range(len(calls)) if place not in outputs_of)
            raise stuck.problem("is part of a cycle: it depends on its own output", code="bad-file")
        for place, output in ends:
            if output >= len(outputs_of[place]):
                raise calls[place][0].problem(f"has no output {output}, which {spec.title} returns")
        return [outputs_of[place][output] for place, output in ends]

    def _place(
        self,
        ref: Ref,
        numbers: dict[tuple[str, int], int],
        named: dict[str, Spec],
        by: Spec,
        wanted: dict[int, set[int]],
    ) -> int:
        """Return the position of the call that a reference points to."""
        if ref.layer not in named:
            help = did_you_mean(ref.layer, named)
            raise by.problem(f"reads the layer `{show(ref.layer)}`, which does not exist", help, "unknown-name")
        place = numbers.get((ref.layer, ref.call))
        if place is None and ref.call == 1:
            place = numbers.get((ref.layer, 0))  # Keras 2 counted the construction of a model as its first call
        if place is None:
            text = f"reads call {ref.call} of `{show(ref.layer)}`, which does not exist"
            raise by.problem(text, code="unknown-name")
        wanted.setdefault(place, set()).add(ref.output)
        ref.place = place
        return place

    def _input(self, name: str, shape: Any, single: bool) -> Value:
        from cnncalc.readers.yaml.inputs import shape_from

        plain = name_of(name)
        self.inputs.append(name)
        option = "--input " if single else f"--input {plain}="
        text = self.options.inputs.get(name)
        if text is not None:
            self.inputs_used.add(name)
        elif single and "" in self.options.inputs:
            text = self.options.inputs[""]
            self.inputs_used.add("")
        lengths = shape[1:] if isinstance(shape, list) and shape else None
        if lengths is not None and not all(length is None or type(length) is int for length in lengths):
            raise Problem(
                "bad-value", f"the input `{show(name)}` has the shape {show(shape)}", "use whole numbers for a shape"
            )
        first = lengths is not None and len(lengths) - 1 in self.first
        order = _order(len(lengths), first) if lengths is not None else ()
        if text is not None:
            requested = shape_from(text)
            if lengths is None:
                order = _order(len(requested), len(requested) - 1 in self.first)
            elif len(requested) != len(lengths):
                described = _describe(lengths, order)
                raise Problem(
                    "bad-argument",
                    f"the input `{show(name)}` is {described}, not {requested}",
                    f"write {len(lengths)} numbers",
                )
            return Value(self.builder.input(self.unique(plain), requested), order)
        if lengths is None:
            raise Problem(
                "missing-field", f"the input `{show(name)}` has no shape in the file", f"write `{option}224x224x3`"
            )
        if None in lengths:
            help = f"give one, as in `{option}{'x'.join(str(224 if lengths[i] is None else lengths[i]) for i in _axes(order))}`"
            raise Problem(
                "missing-field", f"the input `{show(name)}` has no fixed size: {_describe(lengths, order)}", help
            )
        if not lengths or not all(1 <= length <= 2**31 for length in lengths):
            text = f"the input `{show(name)}` has the shape {show(shape)}"
            raise Problem("bad-value", text, "give a batch axis and at least one other axis, all of size 1 or more")
        shaped = Shape(lengths[i] for i in _axes(order))
        return Value(self.builder.input(self.unique(plain), shaped), order)

    def _call(
        self, layer: Spec, path: str, values: Sequence[Value], args: Any, kwargs: Any, key: tuple[Any, ...], number: int,
        wanted: set[int], lead: int,
    ) -> list[Value]:  # fmt: skip
        """Return the outputs of one call of a layer."""
        identity = layer.json.get("shared_object_id")
        own: tuple[Any, ...] = ("id", identity) if type(identity) is int else (*key, layer.name)
        name = path + name_of(layer.name)
        if layer.cls in MODELS:
            return self._model(layer, self.unique(name) + ".", list(values), own, lead)
        if layer.cls == "TimeDistributed" and layer.inner("layer").cls in MODELS:
            inner = layer.inner("layer")
            return self._model(inner, self.unique(name) + ".", list(values), (*own, "layer"), lead + 1)
        name = self.unique(name)
        call = Call(self.builder, layer, name, list(values), args, kwargs, wanted, lead, self.first)
        start = len(self.builder.nodes)
        try:
            outputs = handler_of(layer)(call)
            end = len(self.builder.nodes)
            if end == start:
                outputs = [call.add_identity(value) for value in outputs]
                end = len(self.builder.nodes)
            if end - start == 1:
                self.builder.nodes[start].name = name
            if layer.config.get("trainable") is False:
                for node in self.builder.nodes[start:end]:
                    node.train(False)
            owners = self.owners.setdefault(own, list(range(start, end)))
            if owners[0] != start:
                self._share(list(range(start, end)), owners)
        except Problem as problem:
            if not problem.text.startswith("layer `"):
                problem.text = f"layer `{show(layer.name)}` ({show(layer.cls)}): {problem.text}"
            raise
        self.outputs[name] = outputs
        return outputs

    def _share(self, nodes: list[int], owners: list[int]) -> None:
        def with_state(places: list[int]) -> list[int]:
            matches = []
            for place in places:
                node = self.builder.nodes[place]
                shapes = [self.builder.shape(index) for index in node.inputs]
                if node.layer is not None and (node.layer.weights(*shapes) or node.layer.buffers(*shapes)):
                    matches.append(place)
            return matches

        for node, owner in zip(with_state(nodes), with_state(owners), strict=True):
            self.builder.share(node, owner)
            self.builder.nodes[node].shared = owner  # even if only buffers are shared


def _shape_within(spec: Spec) -> Any:
    """Return the input shape of a model that is the first layer of another; None if it is not stated."""
    for _ in range(MOST_DEPTH):
        inside = spec.config.get("layers")
        if spec.cls not in MODELS or not isinstance(inside, list) or not inside:
            break
        spec = Spec(inside[0], f"the first layer of {spec.title}")
        if spec.input_shape is not None:
            return spec.input_shape
    return None


def _order(axes: int, first: bool) -> tuple[int, ...]:
    """Return the position of each of Keras' axes in a cnncalc shape."""
    return (axes - 1, *range(axes - 1)) if first and axes > 1 else tuple(range(axes))


def _axes(order: Sequence[int]) -> list[int]:
    """Return which of Keras' axes each axis of a cnncalc shape is."""
    return sorted(range(len(order)), key=order.__getitem__)


def _describe(lengths: Sequence[int | None], order: Sequence[int]) -> str:
    return "x".join("?" if lengths[i] is None else str(lengths[i]) for i in _axes(order)) or "a number"


def _refs(struct: Any) -> list[Ref]:
    """Return the references in `input_layers` or `output_layers`: [name, 0, 0], or a list of or mapping to such triples."""
    if isinstance(struct, list) and len(struct) >= 3 and isinstance(struct[0], str) and type(struct[1]) is int:
        return [Ref(struct[0], struct[1], struct[2] if type(struct[2]) is int and struct[2] >= 0 else 0)]
    inside = struct if isinstance(struct, list) else list(struct.values()) if isinstance(struct, dict) else []
    return [ref for inner in inside for ref in _refs(inner)]


def _arguments(node: Any, named: dict[str, Spec]) -> tuple[Any, Any]:
    """Return a call's arguments with references in place of tensors, as written by Keras 3 (a mapping) or 2 (a list)."""
    if isinstance(node, dict):
        return _with_references(node.get("args"), named, False), _with_references(node.get("kwargs"), named, False)
    if isinstance(node, list) and len(node) >= 3 and isinstance(node[0], str):
        node = [node]  # a call with one tensor that is not in a list
    args: list[Any] = []
    kwargs: dict[str, Any] = {}
    for tensor in node if isinstance(node, list) else []:
        args += _refs(tensor[:3]) if isinstance(tensor, list) else []
        if isinstance(tensor, list) and len(tensor) > 3 and isinstance(tensor[3], dict):
            kwargs.update(_with_references(tensor[3], named, True))
    return args, kwargs


def _with_references(struct: Any, named: dict[str, Spec], old: bool) -> Any:
    if isinstance(struct, dict):
        if struct.get("class_name") == "__keras_tensor__":
            config = struct.get("config")
            return next(iter(_refs(config.get("keras_history")) if isinstance(config, dict) else []), None)
        return {name: _with_references(inner, named, old) for name, inner in struct.items()}
    if isinstance(struct, list):
        if old and len(struct) == 3 and isinstance(struct[0], str) and struct[0] in named and type(struct[1]) is int:
            return _refs(struct)[0]
        return [_with_references(inner, named, old) for inner in struct]
    return struct


def _with_values(struct: Any, outputs_of: dict[int, list[Value]], by: Spec) -> Any:
    """Replace the references in arguments by values."""
    if isinstance(struct, Ref):
        if struct.output >= len(outputs_of[struct.place]):
            raise by.problem(f"reads output {struct.output} of `{show(struct.layer)}`, which does not exist")
        return outputs_of[struct.place][struct.output]
    if isinstance(struct, list):
        return [_with_values(inner, outputs_of, by) for inner in struct]
    return (
        {name: _with_values(inner, outputs_of, by) for name, inner in struct.items()}
        if isinstance(struct, dict)
        else struct
    )


def _tensors(struct: Any) -> Iterator[Ref]:
    return (leaf for leaf in _leaves(struct) if isinstance(leaf, Ref))


def _values(struct: Any) -> Iterator[Value]:
    return (leaf for leaf in _leaves(struct) if isinstance(leaf, Value))


def _leaves(struct: Any) -> Iterator[Any]:
    if isinstance(struct, (list, tuple)):
        for inner in struct:
            yield from _leaves(inner)
    elif isinstance(struct, dict):
        for inner in struct.values():
            yield from _leaves(inner)
    else:
        yield struct
