"""Draw a network as Mermaid or Graphviz text: layers with shapes and parameters, and blocks as boxes around them.

Ids are numbers. Names appear only in labels, escaped for the language, so that no name can close a label or a box.
"""

from __future__ import annotations

from cnncalc.analyses.totals import Row, analyze
from cnncalc.network import Network
from cnncalc.text import plural, show
from cnncalc.writers.blocks import DEEPEST

COLORS = {
    "input": "#eeeeee", "conv": "#cfe2ff", "depthwise": "#cfe2ff", "convtranspose": "#cfe2ff", "local": "#cfe2ff",
    "fc": "#ffe0b3", "linear": "#ffe0b3", "attention": "#e6d3f5", "add": "#d9f2d9", "mul": "#d9f2d9",
    "concat": "#d9f2d9",
}  # fmt: skip


class Box:
    """A layer, a folded block, or a block that is drawn around its contents (`inside`)."""

    __slots__ = ("id", "inside", "kind", "label", "rows")

    def __init__(self, id: str, label: str, kind: str, inside: list[Box] | None = None) -> None:
        self.id = id
        self.label = label
        self.kind = kind
        self.inside = inside
        self.rows: list[Row] = []

    def lines(self) -> list[str]:
        """Return the lines of its label: name, kind, shape and parameters."""
        params = sum(row.params for row in self.rows)
        last = self.rows[-1].node
        kind = last.kind if len(self.rows) == 1 else self.kind
        plain = kind in ("block", "input") or self.label.startswith(kind)
        lines = [self.label if plain else f"{self.label}: {kind}", str(last.output)]
        if kind == "block":
            lines[1] += f", {plural(len(self.rows), 'layer')}"
        if params:
            lines.append(f"{params:,} params")
        return lines


def boxes(network: Network, depth: int | None) -> tuple[list[Box], dict[int, str]]:
    """Return the drawing as a tree, with blocks deeper than `depth` levels folded, and the id of the box of each value."""
    deepest = DEEPEST if depth is None else min(depth, DEEPEST)
    top: list[Box] = []
    levels: list[tuple[str, list[Box]]] = [("", top)]
    of_value: dict[int, str] = {}
    count = 0
    for row in analyze(network).rows:
        node = row.node
        *path, leaf = node.name.split(".", DEEPEST)
        if node.layer is None:
            path, leaf = [], node.name
        folded = len(path) > deepest
        shown = path[:deepest]
        level = 0
        while level < len(shown) and level + 1 < len(levels) and levels[level + 1][0] == shown[level]:
            level += 1
        del levels[level + 1 :]
        for name in shown[level:]:
            count += 1
            block = Box(f"b{count}", name, "block", [])
            levels[-1][1].append(block)
            assert block.inside is not None
            levels.append((name, block.inside))
        here = levels[-1][1]
        if folded and here and here[-1].kind == "block" and here[-1].inside is None and here[-1].label == path[deepest]:
            box = here[-1]
        else:
            box = Box(f"n{node.index}", path[deepest] if folded else leaf, "block" if folded else node.kind)
            here.append(box)
        box.rows.append(row)
        of_value[node.index] = box.id
    return top, of_value


def edges(network: Network, of_value: dict[int, str]) -> list[tuple[str, str]]:
    """Return the pairs of boxes that are connected, each pair once."""
    pairs: dict[tuple[str, str], None] = {}
    for node in network.nodes:
        for index in node.inputs:
            if of_value[index] != of_value[node.index]:
                pairs[of_value[index], of_value[node.index]] = None
    return list(pairs)


def _list_boxes(top: list[Box]) -> list[tuple[Box, int, bool]]:
    """Return all boxes with their depths. A block comes before its contents and again, with a mark, after them."""
    drawn: list[tuple[Box, int, bool]] = []
    waiting = [(box, 0, False) for box in reversed(top)]
    while waiting:
        box, depth, end = waiting.pop()
        drawn.append((box, depth, end))
        if box.inside is not None and not end:
            waiting.append((box, depth, True))
            waiting += [(inner, depth + 1, False) for inner in reversed(box.inside)]
    return drawn


def _mermaid_text(text: str) -> str:
    """Escape text for a quoted Mermaid label, leaving only letters, digits and a few harmless characters.

    >>> _mermaid_text('a"]; click <b>')
    'a#34;#93;#59; click #60;b#62;'
    """
    return "".join(char if char.isalnum() or char in " _.,:+-/*()'=" else f"#{ord(char)};" for char in show(text, 100))


def mermaid(network: Network, depth: int | None = None) -> str:
    """Return the network as a Mermaid flowchart."""
    top, of_value = boxes(network, depth)
    lines = ["flowchart TB"]
    kinds: dict[str, list[str]] = {}
    for box, level, end in _list_boxes(top):
        space = "  " * (level + 1)
        if end:
            lines.append(f"{space}end")
        elif box.inside is not None:
            lines.append(f'{space}subgraph {box.id}["{_mermaid_text(box.label)}"]')
        else:
            label = "<br/>".join(_mermaid_text(line) for line in box.lines())
            lines.append(f'{space}{box.id}["{label}"]')
            if box.kind in COLORS:
                kinds.setdefault(COLORS[box.kind], []).append(box.id)
    lines += [f"  {above} --> {below}" for above, below in edges(network, of_value)]
    for number, (color, ids) in enumerate(kinds.items()):
        lines.append(f"  classDef c{number} fill:{color},color:#000000")
        lines += [f"  class {','.join(ids[start : start + 50])} c{number}" for start in range(0, len(ids), 50)]
    return "\n".join(lines) + "\n"


def _dot_text(text: str) -> str:
    """Escape text for a quoted Graphviz label.

    >>> _dot_text('a"]; b' + chr(92))
    'a&#34;]; b&#92;'
    """
    return "".join(f"&#{ord(char)};" if char in '&<>"\\{}|' else char for char in show(text, 100))


def dot(network: Network, depth: int | None = None) -> str:
    """Return the network as a Graphviz digraph."""
    top, of_value = boxes(network, depth)
    lines = [
        "digraph network {",
        '  charset="UTF-8"; rankdir=TB; compound=true;',
        f'  label="{_dot_text(network.name)}"; labelloc=t;',
        '  node [shape=box, style="rounded,filled", fillcolor="#f7f7f7", fontname="Helvetica", fontsize=11];',
        '  graph [fontname="Helvetica", fontsize=12, style=rounded, color="#999999"];',
    ]
    for box, level, end in _list_boxes(top):
        space = "  " * (level + 1)
        if end:
            lines.append(space + "}")
        elif box.inside is not None:
            lines.append(f'{space}subgraph cluster_{box.id} {{ label="{_dot_text(box.label)}";')
        else:
            label = "\\n".join(_dot_text(line) for line in box.lines())
            color = f', fillcolor="{COLORS[box.kind]}"' if box.kind in COLORS else ""
            lines.append(f'{space}{box.id} [label="{label}"{color}];')
    lines += [f"  {above} -> {below};" for above, below in edges(network, of_value)]
    return "\n".join([*lines, "}"]) + "\n"
