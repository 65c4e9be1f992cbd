"""Codes about layers, blocks, names and values."""

from __future__ import annotations

from cnncalc.codes.page import Code

CODES = {
    "bad-block": Code(
        "The first line of a block is not valid. Write a name that begins with a capital letter, then the "
        "parameters in parentheses. `=` gives a parameter a default. Parameters without a default come first.",
        """\
input: 32x32x3
blocks:
  Stage(filters=8, repeats):
    - {conv: {filters: $filters, kernel: 3}, repeat: $repeats}
layers:
  - Stage: [8, 2]
""",
        """\
input: 32x32x3
blocks:
  Stage(repeats, filters=8):
    - {conv: {filters: $filters, kernel: 3}, repeat: $repeats}
layers:
  - Stage: [2, 8]
""",
    ),
    "bad-expression": Code(
        "An expression is not valid. It may contain whole numbers, decimals, `$names`, + - * / // %, parentheses, "
        "min, max and round_to. The result of `/` must be a whole number, because a layer cannot have a fraction "
        "of a filter.",
        """\
input: 32x32x3
params: {width: 15}
layers:
  - conv: {filters: $width / 2, kernel: 3}
""",
        """\
input: 32x32x3
params: {width: 15}
layers:
  - conv: {filters: $width // 2, kernel: 3}
""",
    ),
    "bad-line": Code(
        "The one-line form is not valid. Write the input shape, then the layers, separated by arrows. `CONV3-64` "
        "is a 3x3 convolution with 64 filters and `same` padding. `[...]*2` repeats a group.",
        "32x32x3 -> CONV3 -> RELU -> POOL2 -> FC-10",
        "32x32x3 -> CONV3-16 -> RELU -> POOL2 -> FC-10",
    ),
    "bad-step": Code(
        "An item in a list of steps is not a step. A step is a layer or a block, with or without fields: `- relu`, "
        "`- maxpool: 2`, `- conv: {filters: 6, kernel: 5}`.",
        """\
input: 32x32x1
layers:
  - conv: {filters: 6, kernel: 5}
  -
  - fc: 10
""",
        """\
input: 32x32x1
layers:
  - conv: {filters: 6, kernel: 5}
  - relu
  - fc: 10
""",
    ),
    "bad-value": Code(
        "A field does not accept this value. cnncalc never converts a word into a number or a number into a word, "
        "because silently reading `abc` as 0 or `010` as 8 would give wrong results.",
        "input: 32x32x1\nlayers:\n  - conv: {filters: 6, kernel: 5, pad: sme}\n",
        "input: 32x32x1\nlayers:\n  - conv: {filters: 6, kernel: 5, pad: same}\n",
    ),
    "duplicate-name": Code(
        "Two steps in the file, or in one block, have the same name, so a reference to it would be ambiguous.",
        """\
input: 32x32x1
layers:
  - {relu: {}, as: act}
  - {tanh: {}, as: act}
  - add: [act, input]
""",
        """\
input: 32x32x1
layers:
  - {relu: {}, as: act1}
  - {tanh: {}, as: act2}
  - add: [act2, input]
""",
    ),
    "missing-field": Code(
        "A required field is missing. A field is required if it has no obvious default. For example, convolutions "
        "have no standard window size, so `kernel` must be written.",
        "input: 32x32x1\nlayers:\n  - conv: {filters: 6}\n",
        "input: 32x32x1\nlayers:\n  - conv: {filters: 6, kernel: 5}\n",
    ),
    "no-layers": Code(
        "The network has an input but nothing to compute. Either `layers` is empty, or every step is skipped by "
        "its `when` or by a `repeat` of 0.",
        "input: 32x32x1\nlayers: []\n",
        "input: 32x32x1\nlayers:\n  - fc: 10\n",
    ),
    "one-layer-per-item": Code(
        "One step names two layers. Give each layer its own dash, so that their order is clear.",
        """\
input: 32x32x1
layers:
  - conv: {filters: 6, kernel: 5}
    relu:
  - fc: 10
""",
        """\
input: 32x32x1
layers:
  - conv: {filters: 6, kernel: 5}
  - relu
  - fc: 10
""",
    ),
    "recursive-block": Code(
        "A block calls itself, directly or through other blocks, so expanding it would never end.",
        """\
input: 32x32x3
blocks:
  Twice(filters):
    - conv: {filters: $filters, kernel: 3}
    - Twice: $filters
layers:
  - Twice: 8
""",
        """\
input: 32x32x3
blocks:
  Twice(filters):
    - {conv: {filters: $filters, kernel: 3}, repeat: 2}
layers:
  - Twice: 8
""",
    ),
    "unknown-field": Code(
        "A layer, a step or the file does not have a field with this name. If the name comes from another tool, "
        "the help gives cnncalc's name for it.",
        "input: 32x32x1\nlayers:\n  - conv: {filters: 6, kernel_size: 5}\n",
        "input: 32x32x1\nlayers:\n  - conv: {filters: 6, kernel: 5}\n",
    ),
    "unknown-layer": Code(
        "No layer or block has this name. cnncalc's own layers are lowercase (`cnncalc explain` lists them). "
        "Blocks defined in a file begin with a capital letter.",
        "input: 32x32x1\nlayers:\n  - Conv2d: {filters: 6, kernel: 5}\n",
        "input: 32x32x1\nlayers:\n  - conv: {filters: 6, kernel: 5}\n",
    ),
    "unknown-name": Code(
        "A step refers to a name that no earlier step defines. `as` gives a step a name. A name defined inside a "
        "block can be used only in that block and in the blocks it calls.",
        """\
input: 32x32x8
layers:
  - {conv: {filters: 8, kernel: 3, pad: 1}, as: first}
  - relu
  - add: [prev, frist]
""",
        """\
input: 32x32x8
layers:
  - {conv: {filters: 8, kernel: 3, pad: 1}, as: first}
  - relu
  - add: [prev, first]
""",
    ),
    "unused-block": Code(
        "Warning: the file defines a block that no step calls. Its name may be misspelled where it is called, or "
        "the block may no longer be needed.",
        """\
input: 32x32x1
blocks:
  Head(classes): [flatten, fc: $classes]
layers:
  - fc: 10
""",
        """\
input: 32x32x1
blocks:
  Head(classes): [flatten, fc: $classes]
layers:
  - Head: 10
""",
    ),
    "unused-projection": Code(
        "Warning: a residual has a `projection` that is never used. Its main path always keeps the shape, so the "
        "input itself is added and the layers of the projection are not part of the network. If they should always "
        "run, use `shortcut` instead.",
        """\
input: 32x32x16
layers:
  - residual:
      main: [conv: {filters: 16, kernel: 3, pad: 1}, batchnorm]
      projection: [conv: {filters: 16, kernel: 1}, batchnorm]
""",
        """\
input: 32x32x16
layers:
  - residual:
      main: [conv: {filters: 16, kernel: 3, pad: 1}, batchnorm]
      shortcut: [conv: {filters: 16, kernel: 1}, batchnorm]
""",
    ),
}
