"""Write a Network as PyTorch source that runs without cnncalc: a module per distinct block, with shapes in comments.

Images and volumes are channels first there (N, C, H, W). The layout of every value is known, and axes are moved only if a
layer reads the other layout. Text from the network reaches the source only as an identifier of ASCII letters or as an
escaped line of a comment.
"""

from __future__ import annotations

from cnncalc import __version__
from cnncalc.network import Network, Node
from cnncalc.shape import Shape
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
    class_name,
    docstring,
    identifier,
    init_lines,
    last_uses,
    read_values,
    skeletons,
    unique,
    without_counterpart,
)
from cnncalc.writers.layouts import lengths, move_axes
from cnncalc.writers.registry import Unsupported
from cnncalc.writers.source import Source, wrap_code
from cnncalc.writers.torch.helpers import HELPERS
from cnncalc.writers.torch.layers import LOWER
from cnncalc.writers.torch.leaf import Leaf

# names that an attribute of a module must not have: dir(torch.nn.Module), and the names that the source uses
ATTRIBUTES = frozenset((
    "F", "T_destination", "add_module", "apply", "bfloat16", "buffers", "call_super_init", "children", "compile",
    "cpu", "cuda", "double", "dump_patches", "eval", "extra_repr", "float", "forward", "get_buffer",
    "get_extra_state", "get_parameter", "get_submodule", "half", "ipu", "len", "load_state_dict", "modules", "mtia",
    "named_buffers", "named_children", "named_modules", "named_parameters", "nn", "parameters",
    "register_backward_hook", "register_buffer", "register_forward_hook", "register_forward_pre_hook",
    "register_full_backward_hook", "register_full_backward_pre_hook", "register_load_state_dict_post_hook",
    "register_load_state_dict_pre_hook", "register_module", "register_parameter", "register_state_dict_post_hook",
    "register_state_dict_pre_hook", "requires_grad_", "self", "set_extra_state", "set_submodule", "share_memory",
    "state_dict", "super", "to", "to_empty", "torch", "train", "training", "type", "xpu", "zero_grad",
))  # fmt: skip
NAMED_ALIKE = frozenset(("weight", "bias"))  # parameters with the same name in cnncalc and PyTorch
WORDS = {"torch", "nn", "F", "tie", "super", "len", "self", "model", "print", "sum", *HELPERS}


def text(network: Network) -> str:
    """Return the PyTorch source of a network.

    Raises:
        Unexportable: PyTorch has no counterpart of a layer, or only some parameters of a layer are frozen and the source
            cannot name them.
    """
    for node in network.nodes:
        if node.shared is None and _partly_frozen(network, node) and not _is_nameable(network, node):
            why = "only some of its parameters are frozen, and cnncalc does not know their names in PyTorch"
            raise Unexportable(node, why)
    return source(network).text


def source(network: Network) -> Source:
    """Write a network as PyTorch source.

    Raises:
        Unexportable: A layer has no counterpart in PyTorch.
    """
    leaves, layouts = _plan(network)
    taken = set(WORDS)
    name = unique(class_name(network.name or "Network", "Network"), taken)
    bodies: list[Body] = []
    body_of: dict[int, Body] = {}
    places: dict[int, tuple[Block, str]] = {}  # of every layer and block: its parent, and its attribute there
    for block in blocks(network):
        body = _body(network, block, leaves, layouts, body_of, places)
        body_of[id(block)] = body
        bodies.append(body)
    shares = _share(network, leaves, places, body_of)
    _freeze(network, places, body_of)
    classes = skeletons(bodies, name, taken)
    lines, marks = _write_lines(network, classes, leaves, layouts, shares)
    return Source("\n".join(lines) + "\n", name, tuple(layouts), marks)


def _plan(network: Network) -> tuple[list[Leaf | None], list[str]]:
    """Return the translation of every layer, and the layout of every value."""
    leaves: list[Leaf | None] = []
    layouts: list[str] = []
    windowed = {index for node in network.nodes if hasattr(node.layer, "kernel") for index in read_values(node)}
    for node in network.nodes:
        if node.layer is None:
            leaves.append(None)
            layouts.append("first" if len(node.output) != 2 or node.index in windowed else "last")
            continue
        lower = LOWER.get(node.kind)
        if lower is None or type(node.layer).kind != node.kind:  # an operation that only has the name of a kind
            raise without_counterpart(node, "PyTorch")
        shapes = network.shapes(node)
        layouts_in = [layouts[index] for index in node.inputs]
        try:
            leaf = lower(node.layer, shapes, layouts_in, node.output)
        except Unsupported as error:
            raise Unexportable(node, str(error)) from None
        leaves.append(leaf)
        layouts.append(leaf.layout)
    return leaves, layouts


def _axes(shape: Shape, layout: str) -> str:
    """Return a shape for a comment, with the axes in PyTorch's order."""
    return " x ".join(["N", *map(str, lengths(shape, layout))])


def _body(
    network: Network,
    block: Block,
    leaves: list[Leaf | None],
    layouts: list[str],
    body_of: dict[int, Body],
    places: dict[int, tuple[Block, str]],
) -> Body:
    nodes = network.nodes
    body = Body(block)
    taken: set[str] = set()
    root = block.parent is None
    names = {"self", "torch", "nn", "F", *POOL, *WORDS}
    if len(block.inputs) <= len(POOL) and not (root and len(block.inputs) > 1):
        body.arguments = list(POOL[: len(block.inputs)])
    else:
        body.arguments = [
            unique(identifier(nodes[value].name.split(".")[-1], "value"), names) for value in block.inputs
        ]
    variables = Variables(list(zip(block.inputs, body.arguments, strict=True)), last_uses(nodes, block))
    for place, (label, item) in enumerate(block.items):
        if isinstance(item, Block):
            attribute = unique(identifier(label, "block", ATTRIBUTES), taken)
            places[id(item)] = (block, attribute)
            body.inits.append(Init(attribute, "", (), body_of[id(item)]))
            passed = ", ".join(variables.names[value] for value in item.inputs)
            results = ", ".join(variables.assign(place, item.outputs))
            note = ", ".join(_axes(nodes[value].output, layouts[value]) for value in item.outputs)
            body.steps.append(Step(f"{results} = self.{attribute}({passed})", note, -1, ""))
            continue
        node, leaf = nodes[item], leaves[item]
        assert leaf is not None
        attribute = ""
        if leaf.init:
            attribute = unique(identifier(label, node.kind, ATTRIBUTES), taken)
            body.inits.append(Init(attribute, leaf.init, leaf.hints, None))
        places[item] = (block, attribute)
        operands = [
            move_axes(variables.names[value], nodes[value].output, layouts[value], want)
            for value, want in zip(read_values(node), leaf.wants, strict=False)
        ]
        (result,) = variables.assign(place, [item])
        code = leaf.code.format(*operands, me=f"self.{attribute}", out=result)
        body.steps.append(Step(code, _axes(node.output, leaf.layout), item, result))
    returned = []
    for value in block.outputs:
        layout = "first" if root and len(nodes[value].output) > 2 else layouts[value]
        returned.append(move_axes(variables.names[value], nodes[value].output, layouts[value], layout))
    body.returns = ", ".join(returned)
    return body


def _share(
    network: Network, leaves: list[Leaf | None], places: dict[int, tuple[Block, str]], body_of: dict[int, Body]
) -> bool:
    """Add lines that let layers share modules, in the innermost block with both; return whether `tie` is needed."""
    ties = False
    for node in network.nodes:
        if node.shared is None:
            continue
        ours, theirs = _path(node.index, places), _path(node.shared, places)
        level = 0
        while ours[level][0] is theirs[level][0] and ours[level][1] == theirs[level][1]:
            level += 1
        here = ".".join(attribute for _, attribute in ours[level:])
        there = ".".join(attribute for _, attribute in theirs[level:])
        mine, owner = leaves[node.index], leaves[node.shared]
        assert mine is not None
        assert owner is not None
        if mine.init == owner.init:
            line = f"self.{here} = self.{there}  # the same layer: its weights count once"
        else:
            line = f"tie(self.{here}, self.{there})"
            ties = True
        body_of[id(ours[level][0])].extra.append(line)
    return ties


def _freeze(network: Network, places: dict[int, tuple[Block, str]], body_of: dict[int, Body]) -> None:
    """Add lines to the root that freeze parameters; a block that is frozen as a whole gets a single line."""
    frozen: dict[tuple[str, ...], bool] = {}
    parameters: list[str] = []
    for node in network.nodes:
        if node.layer is not None and node.shared is None and node.layer.weights(*network.shapes(node)):
            path = tuple([attribute for _, attribute in _path(node.index, places)])
            for length in range(len(path) + 1):
                frozen[path[:length]] = frozen.get(path[:length], True) and node.is_frozen
            if _is_nameable(network, node):
                parameters += [".".join((*path, name)) for name in sorted(_partly_frozen(network, node))]
    root = next(body for body in body_of.values() if body.block.parent is None)
    for path, whole in frozen.items():
        if whole and (not path or not frozen[path[:-1]]):
            root.extra.append(f"{'.'.join(('self', *path))}.requires_grad_(False)")
    root.extra += [f"self.{name}.requires_grad_(False)" for name in parameters]


def _partly_frozen(network: Network, node: Node) -> frozenset[str]:
    """Return the names of a layer's frozen parameters if others of it are trained."""
    if not node.frozen or node.is_frozen or node.layer is None:
        return frozenset()
    return node.frozen & frozenset(node.layer.weights(*network.shapes(node)))


def _is_nameable(network: Network, node: Node) -> bool:
    """Return whether the parameters of a layer have the same names in PyTorch."""
    return node.layer is not None and set(node.layer.weights(*network.shapes(node))) <= NAMED_ALIKE


def _path(index: int, places: dict[int, tuple[Block, str]]) -> list[tuple[Block, str]]:
    """Return the path from the root to a layer: blocks and the attributes in them."""
    block, attribute = places[index]
    path = [(block, attribute)]
    while block.parent is not None:
        block, attribute = places[id(block)]
        path.append((block, attribute))
    return path[::-1]


TIE = '''def tie(module: nn.Module, owner: nn.Module) -> None:
    """Let a module use the weights of another one."""
    for name, parameter in list(owner.named_parameters()):
        path, _, last = name.rpartition(".")
        setattr(module.get_submodule(path), last, parameter)
    for name, buffer in list(owner.named_buffers()):
        path, _, last = name.rpartition(".")
        setattr(module.get_submodule(path), last, buffer)
'''


def _write_lines(
    network: Network, classes: list[Skeleton], leaves: list[Leaf | None], layouts: list[str], ties: bool
) -> tuple[list[str], dict[int, tuple[str, str]]]:
    """Return the lines of the source, and the marks of those that compute a layer's value."""
    helpers = list(dict.fromkeys(name for leaf in leaves if leaf is not None for name in leaf.helpers))
    marks: dict[int, tuple[str, str]] = {}
    functional = any(leaf is not None and "F." in leaf.code for leaf in leaves)
    title = docstring(network.title)
    lines = [f'"""A network in PyTorch, written by cnncalc {__version__}.', "", f"{title}"]
    if network.source:
        lines.append(docstring(network.source, 400))
    lines += [
        "",
        "Shapes in the comments are those of the tensors: N examples, then channels first for images, or",
        "steps x features for sequences.",
        '"""',
        "",
        "import torch",
    ]
    if functional or any("F." in HELPERS[name] for name in helpers):
        lines.append("import torch.nn.functional as F")
    lines.append("from torch import nn")
    for name in helpers:
        lines += ["", "", *HELPERS[name].rstrip("\n").split("\n")]
    if ties:
        lines += ["", "", *TIE.rstrip("\n").split("\n")]
    for skeleton in classes:
        lines += ["", "", *_class(network, skeleton, marks, len(lines) + 2)]
    root = classes[-1]
    arguments = ", ".join(
        f"torch.zeros(1, {', '.join(map(str, lengths(node.output, layouts[node.index])))})" for node in network.inputs
    )
    lines += [
        "",
        "",
        'if __name__ == "__main__":',
        f"    model = {root.name}().eval()",
        "    print(sum(parameter.numel() for parameter in model.parameters()), " + '"parameters")',
        "    with torch.no_grad():",
        f"        outputs = model({arguments})",
        "    for output in outputs if isinstance(outputs, tuple) else [outputs]:",
        "        print(tuple(output.shape))",
    ]
    return lines, marks


def _class(network: Network, skeleton: Skeleton, marks: dict[int, tuple[str, str]], before: int) -> list[str]:
    """Return the lines of one class; `before` lines precede it."""
    body = skeleton.bodies[0]
    nodes = network.nodes
    lines = [f"class {skeleton.name}(nn.Module):"]
    many = len(skeleton.bodies)
    if body.block.parent is not None:
        place = docstring(body.block.path)
        summary = (
            f"`{place}`" if many == 1 else f"`{place}` and {many - 1} more like it; shapes are those of the first."
        )
        lines += [f'    """{summary}"""', ""]
    if body.inits or body.extra:
        parameters = "".join(f", {name}: int" for name, _ in skeleton.parameters)
        lines += [*wrap_code(f"def __init__(self{parameters}) -> None:", "    "), "        super().__init__()"]
        for line in init_lines(skeleton, lambda to, code: f"self.{to} = {code}"):
            lines += wrap_code(line)
        lines += ["        " + line for line in body.extra]
        lines.append("")
    arguments = "".join(f", {name}: torch.Tensor" for name in body.arguments)
    count = len(body.block.outputs)
    returned = "torch.Tensor" if count == 1 else "tuple[torch.Tensor, ...]"
    lines += wrap_code(f"def forward(self{arguments}) -> {returned}:", "    ")
    for step in body.steps:
        if step.node >= 0:
            marks[before + len(lines) + 1] = (step.variable, nodes[step.node].kind)
        lines += wrap_code(step.code)
        lines[-1] += f"  # {step.note}"
    lines += wrap_code(f"return {body.returns}")
    return lines
