"""Write Keras 3 source that runs without cnncalc, in the functional style, with one function for each distinct block.

Axes are in cnncalc's order, channels last. As in the PyTorch writer, no text from the network ever becomes code.
"""

from __future__ import annotations

import ast
import os
import sys
from collections.abc import Iterable, Sequence
from contextlib import nullcontext
from importlib.util import find_spec
from typing import Any

from cnncalc import __version__
from cnncalc.network import Network, Node
from cnncalc.readers.options import Missing
from cnncalc.writers.blocks import (
    POOL,
    Block,
    Body,
    Init,
    Skeleton,
    Step,
    Unexportable,
    Variables,
    blocks,
    docstring,
    identifier,
    init_lines,
    last_uses,
    read_values,
    skeletons,
    unique,
    without_counterpart,
)
from cnncalc.writers.keras.layers import HELPERS, LOWER, Leaf
from cnncalc.writers.registry import Unsupported
from cnncalc.writers.source import Source, wrap_code

WORDS = {"keras", "layers", "ops", "build", "model", "print", "range", "sum", *HELPERS}


def text(network: Network) -> str:
    """Return the text of the file that `source` describes.

    Raises:
        Unexportable: The framework cannot express a layer.
    """
    return source(network).text


def source(network: Network) -> Source:
    """Return the network as Keras source, in which `build()` makes the model.

    Raises:
        Unexportable: Keras has no counterpart for a layer.
    """
    leaves = [_leaf(network, node) for node in network.nodes]
    shared = {node.shared for node in network.nodes if node.shared is not None}
    taken = set(WORDS)
    tree = blocks(network)
    if shared:  # a shared layer needs one variable that is visible at each use, so everything is one function
        tree = [tree[-1]]
        tree[0].items = [(node.name, node.index) for node in network.nodes if node.layer is not None]
    bodies: list[Body] = []
    body_of: dict[int, Body] = {}
    for block in tree:
        body = _body(network, block, leaves, body_of, shared)
        body_of[id(block)] = body
        bodies.append(body)
    functions = skeletons(bodies, "build", taken)
    for skeleton in functions[:-1]:
        skeleton.name = unique(_function(skeleton.name), taken)
    marks: dict[int, tuple[str, str]] = {}
    title = docstring(network.title)
    lines = [f'"""A network in Keras 3, written by cnncalc {__version__}.', "", title]
    lines += [docstring(network.source, 400)] if network.source else []
    partly = [node.name for node in network.nodes if node.frozen and not node.is_frozen and node.shared is None]
    if partly:
        text = "Keras freezes whole layers only. All parameters of these partly frozen layers are trained:"
        lines += ["", text, docstring(", ".join(partly), 400)]
    lines += ['"""', "", "import keras", "from keras import layers, ops"]
    for name in dict.fromkeys(name for leaf in leaves if leaf is not None for name in leaf.helpers):
        lines += ["", "", *HELPERS[name].rstrip("\n").split("\n")]
    for skeleton in functions:
        lines += ["", "", *_function_lines(network, skeleton, marks, len(lines) + 2)]
    lines += ["", "", 'if __name__ == "__main__":', "    build().summary()"]
    return Source("\n".join(lines) + "\n", "build", tuple("last" for _ in network.nodes), marks)


def _function(name: str) -> str:
    """Turn the name of a class into that of a function: `ConvBN` becomes `conv_bn`."""
    result = ""
    for before, char in zip(" " + name, name, strict=False):
        result += ("_" if char.isupper() and (before.islower() or before.isdigit()) else "") + char.lower()
    return identifier(result, "block", {"lambda", *WORDS})


def _leaf(network: Network, node: Node) -> Leaf | None:
    if node.layer is None:
        return None
    lower = LOWER.get(node.kind)
    if lower is None or type(node.layer).kind != node.kind:
        raise without_counterpart(node, "Keras")
    try:
        leaf = lower(node.layer, network.shapes(node), node.output)
    except Unsupported as error:
        raise Unexportable(node, str(error)) from None
    if not node.is_frozen:
        return leaf
    between = "" if leaf.init.endswith("()") else ", "
    return Leaf(f"{leaf.init[:-1]}{between}trainable=False)", leaf.code, leaf.helpers)


def _body(
    network: Network, block: Block, leaves: Sequence[Leaf | None], body_of: dict[int, Body], shared: set[int]
) -> Body:
    nodes = network.nodes
    body = Body(block)
    last_use = last_uses(nodes, block)
    if block.parent is None:
        last_use.update(dict.fromkeys(block.inputs, len(block.items)))  # `inputs` is read again at the end
    names = {*POOL, *WORDS}
    if block.parent is None or len(block.inputs) > len(POOL):
        body.arguments = [unique(identifier(nodes[value].name, "value"), names) for value in block.inputs]
        if len(body.arguments) == 1:
            body.arguments = ["inputs"]
    else:
        body.arguments = list(POOL[: len(block.inputs)])
    variables = Variables(list(zip(block.inputs, body.arguments, strict=True)), last_use)
    for place, (_, item) in enumerate(block.items):
        here = f"@{len(body.inits)}@"
        if isinstance(item, Block):
            body.inits.append(Init("", "", (), body_of[id(item)]))
            arguments = ", ".join(variables.names[value] for value in item.inputs)
            results = ", ".join(variables.assign(place, item.outputs))
            note = ", ".join(str(nodes[value].output) for value in item.outputs)
            body.steps.append(Step(f"{results} = {here}|{arguments}", note, -1, ""))
            continue
        node, leaf = nodes[item], leaves[item]
        assert leaf is not None
        operands = [variables.names[value] for value in read_values(node)]
        (result,) = variables.assign(place, [item])
        if item in shared or node.shared is not None:
            owner = nodes[node.shared if node.shared is not None else item]
            theirs = leaves[owner.index]
            if theirs is None or theirs.init != leaf.init:
                raise Unexportable(
                    node, f"it shares weights with {owner.kind} `{owner.name}`, whose fields are different"
                )
            if "[" in leaf.init:
                raise Unexportable(node, "it becomes several Keras layers, which cannot be shared")
            if node.shared is None:
                body.steps.append(Step(f"layer_{item} = {leaf.init}", "used again below", -1, ""))
            code = leaf.code.format(*operands, me=f"layer_{owner.index}", out=result)
        else:
            body.inits.append(Init("", leaf.init, (), None))
            code = leaf.code.format(*operands, me=here, out=result)
        body.steps.append(Step(code, str(node.output), item, result))
    body.returns = ", ".join(variables.names[value] for value in block.outputs)
    return body


def _function_lines(network: Network, skeleton: Skeleton, marks: dict[int, tuple[str, str]], before: int) -> list[str]:
    body = skeleton.bodies[0]
    nodes = network.nodes
    root = body.block.parent is None
    lines: list[str] = []
    if root:
        lines += ["def build() -> keras.Model:", '    """The model."""']
        for node, name in zip(network.inputs, body.arguments, strict=True):
            lines.append(f"    {name} = keras.Input(({', '.join(map(str, node.output))},))")
    else:
        arguments = ", ".join([*body.arguments, *[f"{name}: int" for name, _ in skeleton.parameters]])
        lines += wrap_code(f"def {skeleton.name}({arguments}):", "")
        place = docstring(body.block.path)
        more = len(skeleton.bodies) - 1
        lines.append(
            f'    """`{place}`' + (f" and {more} more like it; shapes are those of the first." if more else "") + '"""'
        )
    inits = init_lines(skeleton, lambda _, code: code)
    for step in body.steps:
        code = step.code
        target, bar, arguments = code.partition("|")
        if step.node < 0 and bar:
            number = int(target.split("@")[1])
            name, _, rest = inits[number].partition("(")
            code = f"{target.split('@')[0]}{name}({arguments}{', ' if rest != ')' else ''}{rest}"
        elif "@" in code:
            number = int(code.split("@")[1])
            code = code.replace(f"@{number}@", inits[number])
        if step.node >= 0:
            marks[before + len(lines) + 1] = (step.variable, nodes[step.node].kind)
        lines += wrap_code(code, "    ")
        lines[-1] += f"  # {step.note}"
    returned = body.returns if not root else f"keras.Model([{', '.join(body.arguments)}], [{body.returns}])"
    lines += wrap_code(f"return {returned}", "    ")
    return lines


# figures measured by Keras, for `cnncalc verify`


def measured(network: Network) -> tuple[str, list[dict[str, Any]], dict[str, Any], str]:
    """Build the network in Keras; return its version, the figures of each layer and of the whole model, and any error.

    Keras does not count operations, so `macs` is None.

    Raises:
        Missing: Keras or its backend is not installed.
    """
    if "keras" not in sys.modules and "KERAS_BACKEND" not in os.environ and find_spec("torch") is not None:
        os.environ["KERAS_BACKEND"] = "torch"  # the only backend that can build a model without allocating its weights
    try:
        import keras  # type: ignore[import-not-found,import-untyped,unused-ignore]  # has no type hints
    except ImportError as missing:
        package = missing.name or "keras"
        raise Missing(f"keras with a backend ({package})", "keras") from None
    exported = source(network)
    layers = [node for node in network.nodes if node.layer is not None]
    figures: list[dict[str, Any]] = []
    known: set[int] = set()

    def record(line: int, value: Any) -> None:
        node = layers[len(figures)]
        if exported.marks[line][1] != node.kind:
            raise AssertionError(f"line {line} makes a {exported.marks[line][1]}, not the {node.kind} `{node.name}`")
        figures.append({**_count(_new_operations(value, known)), "output": list(value.shape[1:]), "macs": None})

    whole: dict[str, Any] = {}
    error = ""
    try:
        names: dict[str, Any] = {"__name__": "cnncalc_exported", "__record__": record}
        tree = ast.parse(exported.text)
        for function in [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)]:
            body: list[ast.stmt] = []
            for statement in function.body:
                body.append(statement)
                if statement.lineno in exported.marks:
                    name = exported.marks[statement.lineno][0]
                    body.append(ast.parse(f"__record__({statement.lineno}, {name})").body[0])
            function.body = body
        exec(compile(ast.fix_missing_locations(tree), "<exported>", "exec"), names)  # cnncalc's own source
        with keras.device("meta") if keras.backend.backend() == "torch" else nullcontext():
            model = names["build"]()
        whole = {"output": [list(value.shape[1:]) for value in model.outputs], **_count([model]), "macs": None}
        live = _live(network)
        for node, facts in zip(
            layers, figures, strict=True
        ):  # a Keras model contains only the layers that lead to its outputs
            for quantity in ("weights", "biases", "buffers") if node.index not in live else ():
                whole[quantity] += facts[quantity]
    except Exception as failure:  # any error in the framework counts as a difference
        error = f"{type(failure).__name__}: {next(iter(str(failure).strip().splitlines()), '')}"
    return keras.__version__, figures, whole, error


def _live(network: Network) -> set[int]:
    """Return the nodes that lead to an output, and the nodes whose weights they share."""
    live: set[int] = set()
    waiting = list(network.outputs)
    while waiting:
        index = waiting.pop()
        if index not in live:
            live.add(index)
            waiting += read_values(network.nodes[index])
    return live | {node.shared for node in network.nodes if node.index in live and node.shared is not None}


def _new_operations(value: Any, known: set[int]) -> list[Any]:
    """Return the operations that a value depends on and that are not in `known` yet, and add them to it."""
    waiting, operations = [value], []
    while waiting:
        history = getattr(waiting.pop(), "_keras_history", None)
        if history is None or id(history.operation) in known:
            continue
        known.add(id(history.operation))
        operations.append(history.operation)
        waiting += history.operation._inbound_nodes[-1].input_tensors
    return operations


def _count(operations: Iterable[Any]) -> dict[str, Any]:
    facts: dict[str, Any] = {"weights": 0, "biases": 0, "buffers": 0}
    for operation in operations:
        layers = operation._flatten_layers() if hasattr(operation, "_flatten_layers") else ()
        frozen = [layer for layer in layers if layer.trainable is False]
        for layer in frozen:  # whose parameters Keras lists among their statistics
            layer.trainable = True
        trained = {id(variable) for variable in getattr(operation, "trainable_weights", ())}
        for layer in frozen:
            layer.trainable = False
        for variable in getattr(operation, "weights", ()):
            size = 1
            for length in variable.shape:
                size *= length
            bias = variable.name.startswith(("bias", "beta"))
            facts[("biases" if bias else "weights") if id(variable) in trained else "buffers"] += size
    return facts
