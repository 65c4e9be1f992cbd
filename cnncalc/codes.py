"""The page of every error code: what is wrong and why it is refused, a small file that shows it, and it mended.

`cnncalc explain CODE` prints it. Imports nothing that reads files: it is the tests that run the examples.
"""

from __future__ import annotations

from cnncalc.record import Record


class Code(Record):
    """One page. `wrong` is a whole small file (for `bad-line` a line) that is answered with the code; `right` is sound.

    Where a file cannot show the code, both are empty and `note` says why.
    """

    meaning: str
    wrong: str = ""
    right: str = ""
    note: str = ""


CODES: dict[str, Code] = {
    "ambiguous-batch": Code(
        "The graph of an ONNX model takes one axis of an input as the batch, and nothing shows what its first axis is. "
        "`--batch-axis` names the axis of the batch.",
        note="it is about an ONNX model",
    ),
    "ambiguous-input": Code(
        "The input shape can be read in two ways: as PyTorch's channels x height x width or as Keras' height x "
        "width x channels. cnncalc writes height x width x channels and does not guess.",
        """\
input: [3, 224, 224]
layers:
  - fc: 10
""",
        """\
input: 224x224x3
layers:
  - fc: 10
""",
    ),
    "bad-argument": Code(
        "A value given on the command line, with `-p` or `--input`, is not of the kind that the file has there.",
        note="it comes from the command line: `cnncalc analyze mobilenet_v2 -p width=wide`",
    ),
    "bad-block": Code(
        "The first line of a block cannot be read. It is a name that begins with a capital letter and the "
        "parameters in parentheses; `=` gives a parameter a default, and those without a default stand first.",
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
    "bad-character": Code(
        "The file holds a character that no editor shows, such as a control character, a byte order mark in the "
        "middle or a line break of another kind (U+2028). YAML readers disagree about them, so they are refused.",
        note="the character could not be seen on this page",
    ),
    "bad-expression": Code(
        "An expression cannot be read or worked out. It is made of whole numbers, decimals, `$names`, + - * / // "
        "%, parentheses, min, max and round_to. `/` must divide without a rest, because a fraction of a filter is "
        "a mistake.",
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
    "bad-file": Code(
        "The file is no architecture: it must be a YAML mapping with at least the keys `input` and `layers`.",
        """\
- conv: {filters: 6, kernel: 5}
- relu
""",
        """\
input: 32x32x1
layers:
  - conv: {filters: 6, kernel: 5}
  - relu
""",
    ),
    "bad-key": Code(
        "A list or a mapping stands where a key belongs. Every key is a word.",
        """\
input: 32x32x1
layers:
  - {[conv, relu]: 6}
""",
        """\
input: 32x32x1
layers:
  - conv: {filters: 6, kernel: 5}
  - relu
""",
    ),
    "bad-line": Code(
        "The one-line form cannot be read: the input shape, then layers with arrows between them. `CONV3-64` is a "
        "3x3 convolution with 64 filters and padding same, `[...]*2` a group that is repeated.",
        "32x32x3 -> CONV3 -> RELU -> POOL2 -> FC-10",
        "32x32x3 -> CONV3-16 -> RELU -> POOL2 -> FC-10",
    ),
    "bad-model": Code(
        "The model file cannot be read as what its suffix says, or holds a graph that cannot be run: it is "
        "cut off, has a cycle, misses a weight, or declares sizes that no tensor can have. Or a model of PyTorch cannot "
        "be imported, built or run.",
        note="it is about a model of another framework, not about an architecture file",
    ),
    "bad-policy": Code(
        "A policy file, which says what `cnncalc check` holds submissions against, is no mapping of rules.",
        note="it is about the policy file of `cnncalc check`, not about an architecture",
    ),
    "bad-step": Code(
        "An item of a list of steps is no step. A step is a layer or a block, with or without fields: `- relu`, `- "
        "maxpool: 2`, `- conv: {filters: 6, kernel: 5}`.",
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
        "A field does not take this value. cnncalc reads numbers and words itself and never turns one into the "
        "other, because a silent `0` for `abc` or `8` for `010` gives a wrong table.",
        """\
input: 32x32x1
layers:
  - conv: {filters: 6, kernel: 5, pad: sme}
""",
        """\
input: 32x32x1
layers:
  - conv: {filters: 6, kernel: 5, pad: same}
""",
    ),
    "bad-yaml": Code(
        "The text is no YAML: often a missing space behind a colon or a dash, a bracket or quote that is not "
        "closed, or a line that is indented too far.",
        """\
input: 32x32x1
layers:
  - conv: {filters: 6, kernel: 5}
  - maxpool: 2
      repeat: 2
""",
        """\
input: 32x32x1
layers:
  - conv: {filters: 6, kernel: 5}
  - maxpool: 2
    repeat: 2
""",
    ),
    "batch-fixed": Code(
        "An ONNX model is made for several examples at once, and no other number of them. Figures are for one example all "
        "the same; `cnncalc check` asks for a model that takes one.",
        note="it is about an ONNX model",
    ),
    "branch-chosen": Code(
        "Which branch of an ONNX model's `If` is taken depends on the numbers fed in. The figures are those of the branch with "
        "more multiply-adds, or of the one that `--branch` names.",
        note="it is about an ONNX model",
    ),
    "duplicate-key": Code(
        "A key is written twice in one mapping. Other YAML readers silently keep the last one.",
        """\
input: 32x32x1
layers:
  - conv: {filters: 6, kernel: 5, filters: 16}
""",
        """\
input: 32x32x1
layers:
  - conv: {filters: 16, kernel: 5}
""",
    ),
    "duplicate-name": Code(
        "Two steps of the file, or of one block, have the same name, so that `from` could mean either of them.",
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
    "empty-file": Code(
        "The file holds nothing, or nothing but comments.",
        "# an architecture will stand here\n",
        """\
input: 32x32x1
layers:
  - fc: 10
""",
    ),
    "groups-do-not-divide": Code(
        "Channels, filters or features are split into groups or heads of the same size, and the numbers do not "
        "allow it.",
        """\
input: 32x32x3
layers:
  - conv: {filters: 6, kernel: 3, groups: 2}
""",
        """\
input: 32x32x3
layers:
  - conv: {filters: 6, kernel: 3, groups: 3}
""",
    ),
    "macs-disagree": Code(
        "cnncalc's count of a layer's multiply-adds and PyTorch's own (torch.utils.flop_counter, halved) are not the "
        "same. Both are shown; one of the two rules is wrong for this model.",
        note="it is a warning about a PyTorch model",
    ),
    "missing-field": Code(
        "Something that has no obvious value is not written. A convolution, for example, has no usual window size, "
        "so `kernel` is always written.",
        """\
input: 32x32x1
layers:
  - conv: {filters: 6}
""",
        """\
input: 32x32x1
layers:
  - conv: {filters: 6, kernel: 5}
""",
    ),
    "needs-image": Code(
        "The layer works on images, sequences or volumes, but gets a vector (or more axes than it knows). `fc`, "
        "`flatten` and global pooling end in a vector.",
        """\
input: 32x32x3
layers:
  - fc: 100
  - conv: {filters: 6, kernel: 3}
""",
        """\
input: 32x32x3
layers:
  - conv: {filters: 6, kernel: 3}
  - fc: 100
""",
    ),
    "needs-sequence": Code(
        "The layer works on steps x features, such as 100x300, but gets another kind of shape.",
        """\
input: 14x14x768
layers:
  - attention: 12
""",
        """\
input: 14x14x768
layers:
  - reshape: 196x768
  - attention: 12
""",
    ),
    "no-anchors": Code(
        "YAML's anchors (`&a`), aliases (`*a`) and merge keys (`<<`) are not used: a few of them can make a small "
        "file huge. `blocks`, `defaults` and `params` do the same in the open.",
        """\
input: 32x32x3
layers:
  - conv: &first {filters: 6, kernel: 3}
  - conv: *first
""",
        """\
input: 32x32x3
defaults: {conv: {filters: 6, kernel: 3}}
layers:
  - conv
  - conv
""",
    ),
    "no-layers": Code(
        "The network has an input and nothing that computes anything: `layers` is empty, or every step in it is left out "
        "by its `when` or by a `repeat` of 0.",
        "input: 32x32x1\nlayers: []\n",
        "input: 32x32x1\nlayers:\n  - fc: 10\n",
    ),
    "no-tabs": Code(
        "YAML is indented with spaces only. Most editors can put spaces in where the tab key is pressed.",
        "input: 32x32x1\nlayers:\n\t- fc: 10\n",
        "input: 32x32x1\nlayers:\n  - fc: 10\n",
    ),
    "no-tags": Code(
        "YAML's tags (`!!int`, `!!python/object`) and directives (`%YAML`) are not used: they tell other readers "
        "to build objects out of text.",
        """\
input: 32x32x1
layers:
  - fc: !!int "10"
""",
        """\
input: 32x32x1
layers:
  - fc: 10
""",
    ),
    "not-compared": Code(
        "cnncalc worked out the shapes of an ONNX model by its own rules, but ONNX's shape inference could "
        "not be asked, so the two were not held against each other.",
        note="it is a warning about an ONNX model",
    ),
    "not-regular": Code(
        "Only regular files are read: no folder, pipe or device, which may never end. `cnncalc check` follows no link "
        "either, since it may lead out of the folder that is checked.",
        note="it is about what kind of file it is, not about what stands in it",
    ),
    "not-text": Code(
        "The file is not text in UTF-8. Editors call it `encoding` in their save dialogue.",
        note="a page of text cannot show it",
    ),
    "one-layer-per-item": Code(
        "One step names two layers. Every step of a list has a dash of its own, because their order matters.",
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
    "one-of-a-family": Code(
        "A policy forbids one kind of layer, while others that do the same are allowed: `forbid: [maxpool]` lets a global "
        "max pooling pass. Families such as `max pooling` and `pooling` name all kinds that do the same.",
        note="it is a warning about a policy",
    ),
    "one-run": Code(
        "A warning: the forward of a PyTorch model depends on the numbers that are fed in, as with `if x.any()`, `nonzero`, "
        "or tokens that are routed to experts. It was run once on the CPU, on made-up parameters and inputs, and shapes and "
        "counts hold for that run. Another input may take another way.",
        note="it is about a PyTorch model, not about an architecture file",
    ),
    "pad-too-large": Code(
        "There is more padding than the layer can have: a pooling window must not lie in the padding alone, and no "
        "more cells can be mirrored than there are.",
        """\
input: 32x32x1
layers:
  - maxpool: {kernel: 2, pad: 2}
""",
        """\
input: 32x32x1
layers:
  - maxpool: {kernel: 2, pad: 1}
""",
    ),
    "recursive-block": Code(
        "A block calls itself, directly or through others, so that it would never end.",
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
    "second-document": Code(
        "A line `---` starts a second YAML document. A file is one network.",
        """\
input: 32x32x1
layers:
  - fc: 10
---
input: 28x28x1
layers:
  - fc: 10
""",
        """\
input: 32x32x1
layers:
  - fc: 10
""",
    ),
    "shapes-differ": Code(
        "Values that are added, multiplied or joined must agree in shape: `add` and `residual` in every axis, "
        "`concat` in every axis but the one it joins along.",
        """\
input: 32x32x16
layers:
  - residual:
      - conv: {filters: 32, kernel: 3, pad: 1, stride: 2}
      - batchnorm
""",
        """\
input: 32x32x16
layers:
  - residual:
      main:
        - conv: {filters: 32, kernel: 3, pad: 1, stride: 2}
        - batchnorm
      projection:
        - conv: {filters: 32, kernel: 1, stride: 2}
""",
    ),
    "shapes-disagree": Code(
        "cnncalc's shape of a value and the one that ONNX's shape inference or PyTorch gives are not the same. Both "
        "are shown; one of the two rules is wrong for this model.",
        note="it is a warning about a model of another framework",
    ),
    "shares-differ": Code(
        "A step with `share` reuses the weights of a step above, so its layers must be of the same kinds with "
        "weights of the same shapes.",
        """\
input: 32x32x3
layers:
  - {conv: {filters: 8, kernel: 3}, as: first}
  - {conv: {filters: 8, kernel: 3}, share: first}
""",
        """\
input: 32x32x8
layers:
  - {conv: {filters: 8, kernel: 3}, as: first}
  - {conv: {filters: 8, kernel: 3}, share: first}
""",
    ),
    "sizes-differ": Code(
        "`reshape` keeps every number, so the new shape must hold as many numbers as the old one.",
        """\
input: 14x14x768
layers:
  - reshape: 196x512
""",
        """\
input: 14x14x768
layers:
  - reshape: 196x768
""",
    ),
    "too-large": Code(
        "Something is larger than is ever read or built: the file, a word, the nesting, the number of steps, a "
        "tensor. The limits keep a small file from taking all time and memory.",
        """\
input: 32x32x3
layers:
  - {conv: {filters: 8, kernel: 3, pad: 1}, repeat: 1000000000}
""",
        """\
input: 32x32x3
layers:
  - {conv: {filters: 8, kernel: 3, pad: 1}, repeat: 100}
""",
    ),
    "too-many": Code(
        "There are more errors than are shown. Mend the first ones; the others may go away with them.",
        note="it stands behind twenty other errors",
    ),
    "unknown-field": Code(
        "A layer, a step or the file has no field of that name. Other tools' names are known, and the help says "
        "what cnncalc calls them.",
        """\
input: 32x32x1
layers:
  - conv: {filters: 6, kernel_size: 5}
""",
        """\
input: 32x32x1
layers:
  - conv: {filters: 6, kernel: 5}
""",
    ),
    "unknown-input": Code(
        "`--input` names an input that the network does not have, or names none where there are several.",
        note="it comes from the command line: `cnncalc analyze vgg16 --input left=32x32x3`",
    ),
    "unknown-layer": Code(
        "There is no layer and no block of that name. cnncalc's layers are lowercase (`cnncalc explain` lists "
        "them), the blocks of a file begin with a capital letter.",
        """\
input: 32x32x1
layers:
  - Conv2d: {filters: 6, kernel: 5}
""",
        """\
input: 32x32x1
layers:
  - conv: {filters: 6, kernel: 5}
""",
    ),
    "unknown-name": Code(
        "A step refers to a value by a name that no step above it has. Names are given with `as`; those of a block "
        "are known inside it and in the blocks that it calls.",
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
    "unknown-parameter": Code(
        "`-p` names a parameter that the file does not have under `params`.",
        note="it comes from the command line: `cnncalc analyze mobilenet_v2 -p widht=2`",
    ),
    "unknown-size": Code(
        "A dimension of the model's input has only a name or no size at all, so that nothing behind it can be "
        "worked out.",
        note="it is about a model of another framework: `cnncalc analyze model.onnx --dim height=224`",
    ),
    "unsupported": Code(
        "The model uses something whose shape or cost is not known here, such as a loop whose length depends on data.",
        note="it is about a model of another framework, not about an architecture file",
    ),
    "unused-block": Code(
        "A warning: a block is defined and never called. It may be a slip of the pen, or no longer needed.",
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
    "unused-parameters": Code(
        "A warning: a PyTorch model holds parameters that its forward does not use on this input in evaluation mode, "
        "such as a classifier for training only. They count among the parameters, with no multiply-adds.",
        note="it is about a PyTorch model, not about an architecture file",
    ),
    "unused-projection": Code(
        "A warning: a residual has a `projection`, but its main path keeps the shape wherever it runs, so the input "
        "itself is added and the projection's layers are not part of the network. A `shortcut` always runs.",
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
    "window-does-not-fit": Code(
        "The window of a convolution or pooling is larger than its padded input, so (W - F + 2P)/S + 1 leaves no "
        "output. Often the layers above have made the image smaller than was thought.",
        """\
input: 8x8x3
layers:
  - conv: {filters: 6, kernel: 5}
  - conv: {filters: 6, kernel: 5}
""",
        """\
input: 8x8x3
layers:
  - conv: {filters: 6, kernel: 5, pad: 2}
  - conv: {filters: 6, kernel: 5}
""",
    ),
}
