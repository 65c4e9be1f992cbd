"""Networks to show in a browser, and what their tables must contain."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any

from cnncalc.analyses import compare
from cnncalc.analyses.memory import peak
from cnncalc.analyses.totals import Analysis, analyze
from cnncalc.layers.conv import Conv
from cnncalc.loading import Spec, load
from cnncalc.network import Builder
from cnncalc.render import compare as comparing
from cnncalc.render import data
from cnncalc.render import memory as remembering
from cnncalc.render.html.comparison import comparison_html
from cnncalc.shape import Shape
from tests.render.html.pages import Element, rows_of, table_rows

HOSTILE = (
    "</td><script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "\"' onmouseover=alert(1) x='",
    "</style><b>",
    "&lt;&#x202e;",
    "a\u202eb\x1b[31m",
    "]]>-->{{7*7}}",
)


@cache
def analysis_of(name: str) -> Analysis:
    """A shipped network."""
    return analyze(load(Spec(name)))


def memory_of(name: str, batch: int = 1) -> remembering.Answer:
    """What `cnncalc memory` calculates for a shipped network."""
    network = load(Spec(name))
    return remembering.Answer(
        network=network,
        batch=batch,
        dtype="float32",
        optimizer="sgd",
        inference=peak.infer(network, batch),
        least=peak.infer(network, batch, least=True),
        training=peak.train(network, batch),
        least_training=peak.train(network, batch, least=True),
    )


def comparison_of(*analyses: Analysis) -> tuple[str, dict[str, Any]]:
    """The page and the JSON of a comparison."""
    names = comparing.titles(analyses, [analysis.network.spec for analysis in analyses])
    totals = compare.totals(analyses)
    pairs = compare.layers(*analyses) if len(analyses) == 2 else None
    return comparison_html(names, analyses, totals, pairs), comparing.data(analyses, totals, pairs)


def hostile(names: Sequence[str] = HOSTILE) -> Analysis:
    """A network whose name, source and layers try to become markup."""
    builder = Builder()
    value = builder.input(names[0], Shape((8, 8, 3)))
    for text in names:
        value = builder.add(Conv(filters=3, kernel=1), [value], f"{text}.{text}")
    return analyze(builder.finish([value], name=names[0], source=names[1], spec=names[2]))


def field_text(field: dict[str, Any] | None, extent: list[int]) -> str:
    """How a page shows a receptive field of the JSON."""
    if field is None:
        return "?"

    def axes(numbers: list[Any]) -> str:
        texts = ["?" if number is None else f"{number:g}" for number in numbers]
        return texts[0] if len(set(texts)) == 1 else "x".join(texts)

    if field["stride"] is None:
        return "all" if field["size"] == extent else axes(field["size"])
    return f"{axes(field['size'])}/{axes(field['stride'])}"


def count(text: str) -> int | None:
    """The number in a cell."""
    return None if text == "?" else int(text.replace(",", ""))


def layer_table(page: Element) -> Element:
    """The only layer table of a page."""
    (table,) = page.all("table", "layers")
    return table


def check_table(table: Element, analysis: Analysis) -> None:
    """Every number of a layer table is that of the JSON, and every block is the sum of its layers."""
    expected = data.analysis(analysis)
    titles, *rows, total = rows_of(table)
    assert titles == ["layer", "output", "params", "activations", "MACs", "receptive field"]
    elements = table_rows(table)[1:-1]
    layers = [row for row, one in zip(rows, elements, strict=True) if "block" not in one.classes]
    extent = expected["layers"][0]["output"][:-1]
    for row, layer in zip(layers, expected["layers"], strict=True):
        assert row[0] == layer["name"].rpartition(".")[2]
        assert row[1] == "x".join(map(str, layer["output"]))
        assert [count(cell) for cell in row[2:5]] == [layer["params"], layer["activations"], layer["macs"]]
        if extent:
            assert row[5] in (field_text(layer["receptive_field"], extent), "-")
    names = ("params", "activations", "macs")
    assert [count(cell) for cell in total[2:5]] == [expected["totals"][name] for name in names]
    check_blocks(table)


def check_blocks(table: Element) -> None:
    """The figures of a block are the sums over the layers that fold with it, whose last output is its output."""
    elements = table_rows(table)[1:-1]
    texts = rows_of(table)[1:-1]
    for row, cells in zip(elements, texts, strict=True):
        if "block" not in row.classes:
            continue
        (details,) = row.all("details")
        assert "layer" not in details.classes
        mark = f"b{details.attributes['data-block']}"
        inside = [
            other
            for one, other in zip(elements, texts, strict=True)
            if mark in one.classes and "block" not in one.classes
        ]
        assert inside
        assert cells[1] == inside[-1][1]
        for column in (2, 3, 4):
            assert count(cells[column]) == sum(count(other[column]) or 0 for other in inside)
