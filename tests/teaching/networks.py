"""Networks of the tests of worksheets, one of them with hostile names."""

from __future__ import annotations

from cnncalc.layers.conv import Conv
from cnncalc.layers.dense import FC
from cnncalc.layers.norm import BatchNorm
from cnncalc.layers.pool import MaxPool
from cnncalc.network import Builder, Network
from cnncalc.shape import Shape
from tests.helpers import network_of

EXAM = """\
name: Exam
input: 32x32x3
layers:
  - conv: {filters: 16, kernel: 5, pad: 2}
  - relu
  - maxpool: 2
  - conv: {filters: 32, kernel: 3}
  - relu
  - maxpool: 2
  - fc: 10
"""
TITLE = "<script>document.title = 'pwned'</script> \\input{/etc/passwd} 100% & $x_1^2$ ~ 漢字 ü `a` 'b' \"c\" -- =1+1"
NAMES = (
    "a_b.c$d^e~f", "=cmd|' /C calc'!A0", "[1]* & % # {x} \\input{/etc/passwd}", "<img src=x onerror=alert(1)>'\"`",
    "漢字 ü --- --> \x1b[31m", "| \\| `x` **y** ![z](http://x)",
)  # fmt: skip


def exam() -> Network:
    """Return the network of an exam."""
    return network_of(EXAM)


def hostile() -> Network:
    """Return a network whose names mean something to TeX, HTML, Markdown, spreadsheets and terminals."""
    builder = Builder()
    value = builder.input("input", Shape((32, 32, 3)))
    layers = (Conv(filters=8, kernel=3, pad=1), BatchNorm(), MaxPool(kernel=2), FC(units=20), FC(units=10), FC(units=8))
    for name, layer in zip(NAMES, layers, strict=True):
        value = builder.add(layer, [value], name)
    return builder.finish([value], name=TITLE)
