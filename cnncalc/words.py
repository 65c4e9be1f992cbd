"""The pages that `cnncalc explain WORD` prints, for words of architecture files, tables and the command line.

Layer kinds and error codes have their own pages. To add a word, add a page here. Its first sentence is also its line in the
index. A test runs the examples, so that this module does not import the readers.
"""

from __future__ import annotations

from cnncalc.record import Record


class Word(Record):
    """One page, with an example file or a command line that shows the word, and with its other names, `also`."""

    meaning: str
    example: str = ""
    command: str = ""
    also: str = ""


WORDS: dict[str, Word] = {
    # -- the keys of a file -------------------------------------------------------------------------------------------
    "name": Word("The name of the network, shown above the table.", "name: Homework 3\ninput: 784\nlayers: [fc: 10]\n"),
    "description": Word(
        "Free text about the network. It appears in JSON and exports and does not affect any result.",
        "description: the baseline\ninput: 784\nlayers: [fc: 10]\n",
    ),
    "source": Word(
        "Where the architecture comes from, such as a paper and its table, or a link.",
        "source: LeCun et al. 1998, figure 2\ninput: 32x32x1\nlayers: [conv: {filters: 6, kernel: 5}]\n",
    ),
    "input": Word(
        "The shape of one example, without the batch. Write height x width x channels for an image, `784` for a "
        "vector, `100x300` for steps x features, and four numbers for a volume. If there are several inputs, give "
        "each a name. In a step, `input` is the input of the network. `--input 448x448x3` sets another size.",
        "input: {left: 32x32x3, right: 32x32x3}\nlayers:\n  - {conv: {filters: 8, kernel: 3}, from: left, as: a}\n"
        "  - {conv: {filters: 8, kernel: 3}, from: right}\n  - concat: [a, prev]\n",
    ),
    "params": Word(
        "Numbers and words that the file defines and that `-p width=0.5` changes from the command line. A step "
        "uses them as `$width`. The column named params is something else: the number of parameters of each layer.",
        "input: 32x32x3\nparams: {width: 16}\nlayers:\n  - conv: {filters: $width, kernel: 3}\n"
        "  - conv: {filters: 2*$width, kernel: 3}\n",
    ),
    "defaults": Word(
        "Default values for the fields of a kind of layer in this file. A layer can override them.",
        "input: 32x32x3\ndefaults: {conv: {kernel: 3, pad: same, bias: false}}\nlayers:\n  - conv: 16\n"
        "  - conv: {filters: 32, stride: 2}\n",
    ),
    "blocks": Word(
        "Named groups of steps with parameters, used like layers. The name begins with a capital letter. `=` gives "
        "a parameter a default. A block is called with its values in order, or by name.",
        "input: 32x32x3\nblocks:\n  ConvBN(filters, stride=1):\n"
        "    - conv: {filters: $filters, kernel: 3, stride: $stride, pad: 1}\n    - batchnorm\n"
        "layers:\n  - ConvBN: 16\n  - ConvBN: [32, 2]\n",
        also="block signature",
    ),
    "layers": Word(
        "The steps of the network, from input to output. Each step is a layer, a block or a group. In the totals, "
        "layers is the number of layers, not counting the input.",
        "input: 32x32x3\nlayers:\n  - conv: {filters: 16, kernel: 3}\n  - relu\n  - fc: 10\n",
        also="step steps",
    ),
    "outputs": Word(
        "The names of the values that the network returns. Without `outputs`, the network returns its last value.",
        "input: 32x32x3\nlayers:\n  - {conv: {filters: 16, kernel: 3}, as: features}\n  - globalavgpool\n"
        "  - {fc: 10, as: classes}\noutputs: [features, classes]\n",
    ),
    "published": Word(
        "Figures from a paper or lecture, to compare with the computed ones. A published figure agrees if the "
        "computed figure, rounded to the same number of digits, is equal to it. If a single cause explains a "
        "difference exactly, cnncalc names it: buffers, biases, a factor of two, 1024 instead of 1000, or one row. "
        "With `--strict`, the command fails if a figure does not agree.",
        "input: 784\nlayers: [fc: 10]\npublished:\n  - {source: a blog, params: 7.85k, macs: 7.8k}\n",
    ),
    # -- steps --------------------------------------------------------------------------------------------------------
    "seq": Word(
        "A group of steps that run in order. Use it to repeat several steps or to give them a common name.",
        "input: 32x32x3\nlayers:\n  - seq: [conv: {filters: 16, kernel: 3, pad: 1}, relu]\n    repeat: 3\n",
        also="group",
    ),
    "residual": Word(
        "A main path of steps whose result is added to its input, as in ResNet (He et al., 2015). If the main path "
        "changes the shape, the `projection` brings the input to the new shape. With `projection: none`, there is "
        "no shortcut in that case.",
        "input: 32x32x16\nlayers:\n  - residual:\n"
        "      main: [conv: {filters: 32, kernel: 3, stride: 2, pad: 1}, batchnorm]\n"
        "      projection: [conv: {filters: 32, kernel: 1, stride: 2}]\n",
        also="skip",
    ),
    "main": Word(
        "The main path of a `residual`. The input is added to the result of these steps.",
        "input: 32x32x16\nlayers:\n  - residual: {main: [conv: {filters: 16, kernel: 3, pad: 1}, relu]}\n",
    ),
    "projection": Word(
        "The steps on the shortcut of a `residual` if the main path changes the shape. If it does not, the input "
        "itself is added and the projection is not used.",
        "input: 32x32x16\nlayers:\n  - residual:\n      main: [conv: {filters: 24, kernel: 3, pad: 1}]\n"
        "      projection: [conv: {filters: 24, kernel: 1}]\n",
    ),
    "shortcut": Word(
        "The steps on the shortcut of a `residual`, which always run. A `projection` runs only if the main path "
        "changes the shape.",
        "input: 32x32x16\nlayers:\n  - residual:\n      main: [conv: {filters: 16, kernel: 3, pad: 1}]\n"
        "      shortcut: [conv: {filters: 16, kernel: 1}]\n",
    ),
    "as": Word(
        "Gives a step a name. The table shows it, and `from`, `share`, `outputs` and joins can refer to it.",
        "input: 32x32x8\nlayers:\n  - {conv: {filters: 8, kernel: 3, pad: 1}, as: first}\n  - relu\n  - add: [prev, first]\n",
    ),
    "from": Word(
        "Takes the input of a step from an earlier named value instead of the previous step.",
        "input: 32x32x3\nlayers:\n  - {conv: {filters: 8, kernel: 3}, as: stem}\n  - maxpool: 2\n"
        "  - {conv: {filters: 4, kernel: 1}, from: stem}\n",
    ),
    "prev": Word(
        "The value of the previous step, as an operand of a join such as `add` or `concat`.",
        "input: 32x32x3\nlayers:\n  - concat: [prev, [conv: {filters: 8, kernel: 3, pad: 1}]]\n",
    ),
    "repeat": Word(
        "Runs a step several times in a row, each time with its own weights. 0 skips the step. Inside the step, "
        "`$i` counts the repetitions from 0.",
        "input: 32x32x3\nlayers:\n  - {conv: {filters: 16 * 2**$i, kernel: 3, pad: 1}, repeat: 4}\n",
        also="i counter",
    ),
    "when": Word(
        "Runs a step only if a condition is true. Otherwise, the input of the step passes through unchanged. "
        "Conditions compare numbers with `==`, `!=`, `<`, `<=`, `>` and `>=`.",
        "input: 32x32x3\nparams: {norm: true, stride: 2}\nlayers:\n"
        "  - conv: {filters: 8, kernel: 3, stride: $stride}\n  - {batchnorm: {}, when: $norm}\n"
        "  - {relu: {}, when: $stride != 1}\n",
    ),
    "share": Word(
        "Reuses the weights of an earlier step, as a key next to a layer. The weights are counted once. In the table "
        "of `analyze`, the column share is the percentage of all parameters that a layer has.",
        "input: {left: 64, right: 64}\nlayers:\n  - {fc: 32, from: left, as: tower}\n"
        "  - {fc: 32, from: right, share: tower}\n  - concat: [tower, prev]\n",
    ),
    "expect": Word(
        "Values that you worked out by hand for a step, which cnncalc checks. Write a shape, or any of output, params, "
        "weights, biases, activations, macs and receptive_field. cnncalc explains any value that is wrong.",
        "input: 32x32x3\nlayers:\n  - conv: {filters: 16, kernel: 5}\n    expect: {output: 28x28x16, params: 1216}\n",
    ),
    "holds": Word(
        "Overrides the number of parameters of a layer, for tied or factored weights. Write the number of each parameter "
        "that the layer holds itself.",
        "input: 100\nparams: {rank: 2}\nlayers:\n  - {fc: 10, holds: {weight: $rank * $in_channels}}\n",
    ),
    "like": Word(
        "Takes the size of a layer from an earlier value, so that the network also works for other input sizes. "
        "Supported by `crop`, `pad`, `resize`, `upsample` and `maxunpool`.",
        "input: 45x45x1\nlayers:\n  - {conv: {filters: 8, kernel: 3, pad: 1}, as: skip}\n  - maxpool: 2\n"
        "  - convtranspose: {filters: 8, kernel: 2, stride: 2}\n  - pad: {like: skip}\n  - concat: [skip, prev]\n",
    ),
    "trainable": Word(
        "`trainable: false` next to a step, or for a kind under `defaults`, freezes its parameters. Frozen "
        "parameters have no gradients and no optimizer state, as in transfer learning. `--freeze BLOCK` does the "
        "same from the command line. The total named trainable counts the parameters that are not frozen, and "
        "params counts all of them.",
        "input: 32x32x3\nlayers:\n  - conv: {filters: 16, kernel: 3}\n    trainable: false\n  - fc: 10\n",
        also="freeze frozen",
    ),
    # -- numbers and shapes -------------------------------------------------------------------------------------------
    "expression": Word(
        "Arithmetic in place of a number. It may contain numbers, `$names`, + - * / // % **, parentheses, `min`, "
        "`max` and `round_to`. The result of `/` must be a whole number, and `//` rounds down.",
        "input: 32x32x3\nparams: {w: 10}\nlayers:\n  - conv: {filters: 4*$w // 3, kernel: 3}\n",
        also="arithmetic expressions",
    ),
    "in_channels": Word(
        "`$in_channels` is the number of channels or features in the input of a step. `$in_height`, `$in_width`, "
        "`$in_steps` and `$in_depth` are the sizes of its other axes.",
        "input: 32x32x48\nlayers:\n  - conv: {filters: $in_channels // 2, kernel: 1}\n"
        "  - conv: {filters: 8, kernel: $in_height}\n",
        also="in_height in_width in_steps in_depth",
    ),
    "round_to": Word(
        "`round_to(x, 8)` is the multiple of 8 nearest to x, but at least 8 and never more than 10 % below x. "
        "MobileNets round their widths this way. Inside a list, put it in quotes because it contains a comma.",
        'input: 32x32x3\nparams: {width: 0.75}\nlayers:\n  - conv: {filters: "round_to(32*$width, 8)", kernel: 3}\n',
    ),
    "min": Word(
        "`min(a, b)` is the smaller of two numbers, and `max(a, b)` the larger.",
        'input: 32x32x3\nlayers:\n  - conv: {filters: "min(64, 8*$in_channels)", kernel: 3}\n',
        also="max",
    ),
    "shape": Word(
        "The size of each axis of one example, without the batch. Spatial axes come first and channels last, so "
        "`224x224x64` is height x width x channels.",
        "input: 224x224x3\nlayers: [conv: {filters: 64, kernel: 3, pad: 1}]\n",
        also="shapes size sizes",
    ),
    "filters": Word(
        "The number of filters K of a convolution, which is the number of channels of its output.",
        "input: 32x32x3\nlayers: [conv: {filters: 16, kernel: 3}]\n",
        also="K",
    ),
    "kernel": Word(
        "The window size F of a convolution or pooling. Write one number, or one per axis such as `1x7` (height x "
        "width).",
        "input: 32x32x3\nlayers: [conv: {filters: 16, kernel: 1x7}]\n",
        also="F window",
    ),
    "stride": Word(
        "The distance S between adjacent windows. The default stride of a pooling is its kernel.",
        "input: 32x32x3\nlayers: [conv: {filters: 16, kernel: 3, stride: 2}]\n",
        also="S",
    ),
    "padding": Word(
        "Cells added around the input, written as the field `pad`. Write a number P for every side, one number per "
        "axis (`0x3`), sides (`{top: 0, bottom: 1}`), `valid` for none, `same` or `causal`. `same` keeps height "
        "and width at stride 1 and adds an odd cell at the end, as TensorFlow does. `causal` pads a sequence only "
        "at its start. The `mode` of a convolution sets the contents of the padding: zeros, reflect, replicate or "
        "circular. The output size is (W - F + 2P)/S + 1. In a file, `conv` has no padding by default, but CONV in "
        "the one-line form does.",
        "input: 32x32x3\nlayers:\n  - conv: {filters: 16, kernel: 5, pad: 2}\n  - conv: {filters: 16, kernel: 3, pad: same}\n",
        also="P same valid causal border",
    ),
    "dilation": Word(
        "The distance between adjacent cells of a window. A kernel of 3 with dilation 2 spans 5 cells.",
        "input: 32x32x3\nlayers: [conv: {filters: 16, kernel: 3, dilation: 2}]\n",
    ),
    "groups": Word(
        "The number of groups that the channels are split into. Each filter sees only the channels of its own group.",
        "input: 32x32x8\nlayers: [conv: {filters: 16, kernel: 3, groups: 4}]\n",
    ),
    "ceil": Word(
        "Rounds the output size of a pooling up instead of down, as Caffe does.",
        "input: 9x9x8\nlayers: [maxpool: {kernel: 2, ceil: true}]\n",
    ),
    "bias": Word(
        "Whether a layer adds a learned number to each output channel. For recurrent layers it is the number of "
        "bias vectors: none, single or double.",
        "input: 784\nlayers: [fc: {units: 10, bias: false}]\n",
    ),
    "inplace": Word(
        "Overwrites the input of a layer, like PyTorch's `inplace=True`. It affects the memory of training, but "
        "not the table.",
        "input: 32x32x3\nlayers: [conv: {filters: 16, kernel: 3}, relu: {inplace: true}]\n",
    ),
    "one-line form": Word(
        "A network without branches on one line, in the notation of lectures. CONV3-64 is a 3x3 convolution with "
        "64 filters and padding. Append `/2` for a stride of 2 and `p0` for no padding. POOL2 is max pooling, "
        "FC-10 a fully connected layer, and `[...]*3` repeats a group. Other kinds are written by name. Letters "
        "and `?` leave numbers open, to be set with `-p N=2`.",
        command='cnncalc analyze -e "32x32x3 -> [CONV3-16 -> RELU -> POOL2]*2 -> FC-10"',
        also="one-line line notation",
    ),
    "pattern": Word(
        "The kinds of layers in a chain, with each repeated group written once. The one-line form also accepts the "
        "pattern used in lectures. Set the numbers that it leaves open with `-p`.",
        command='cnncalc analyze -e "INPUT -> [[CONV -> RELU]*N -> POOL?]*M -> FC" --input 32x32x3 -p N=2 -p M=3 -p filters=16 '
        "-p pool=true -p classes=10",
    ),
    # -- the columns and totals of tables -----------------------------------------------------------------------------
    "kind": Word(
        "The type of a layer, such as conv, maxpool or relu. `cnncalc explain` lists all kinds.",
        command="cnncalc analyze lenet5 --columns kind,output",
    ),
    "fields": Word(
        "A column with the fields of a layer that differ from their defaults.",
        command="cnncalc analyze lenet5 --columns fields,output",
    ),
    "output": Word("The output shape of a layer, for one example.", command="cnncalc analyze lenet5 --columns output"),
    "parameters": Word(
        "Learned numbers, that is, weights and biases. The tables call them params. Buffers are not included.",
        command="cnncalc explain vgg16 Stage1.conv1",
        also="parameter",
    ),
    "weights": Word(
        "Parameters that multiply. They include the gain of a normalization layer.",
        command="cnncalc analyze lenet5 --columns weights",
    ),
    "biases": Word(
        "Parameters that are added. They include the offset of a normalization layer.",
        command="cnncalc analyze lenet5 --columns biases",
    ),
    "buffers": Word(
        "Numbers that a layer stores but does not train, such as running means and variances. params does not "
        'include them, but Keras\' "Total params" does.',
        command="cnncalc analyze resnet18 --get buffers",
    ),
    "macs": Word(
        "Multiply-accumulates for one example. Convolutions, fully connected layers, recurrent gates and attention "
        "products are counted. Biases, pooling, normalization and activations count as 0. A paper that means "
        "single operations by FLOPs reports twice as many.",
        command="cnncalc analyze vgg16 --get macs",
        also="mac flops flop multiply-adds",
    ),
    "activations": Word(
        "Numbers that layers write to a new volume, for one example, including the input. Layers that can work in "
        "place (relu, dropout, batchnorm, flatten) write none. CS231n counts this way.",
        command="cnncalc analyze vgg16 --get activations",
        also="activation",
    ),
    "conv_activations": Word(
        "The numbers that convolutions write. timm and fvcore call them activations.",
        command="cnncalc analyze vgg16 --get conv_activations",
    ),
    "memory": Word(
        "A column of `analyze` with the size of the feature maps in bytes: activations x bytes per number x batch. "
        "For the peak memory of a whole step of training or inference, use `cnncalc memory`.",
        command="cnncalc memory lenet5 --batch 32",
        also="activation_bytes param_bytes",
    ),
    "receptive field": Word(
        "The input cells that affect one output cell, over all paths, and the stride between adjacent output "
        "cells. `7/2` means 7 cells wide and 2 cells apart.",
        command="cnncalc analyze vgg16 --columns rf",
        also="rf receptive_field receptive",
    ),
    "depth": Word(
        "The largest number of convolutions and fully connected layers with weights on any path from input to "
        "output. It is 16 for VGG-16. The option `--depth 1` is something else: it folds blocks below one level.",
        command="cnncalc analyze vgg16 --get depth",
    ),
    "formula": Word(
        "A column that shows how the output size and the parameters of a layer are calculated.",
        command="cnncalc analyze lenet5 --columns formula",
    ),
    "saved": Word(
        "Bytes that a layer keeps from the forward pass for the backward pass of training.",
        command="cnncalc analyze lenet5 --columns saved",
    ),
    "live": Word(
        "Bytes in use while a layer runs in the forward pass of a training step.",
        command="cnncalc analyze lenet5 --columns live",
    ),
    "moved": Word(
        "Bytes that a kernel reads and writes when a network is deployed: its inputs, its parameters and its output, each "
        "once. Batch norms and activations run inside the kernel before them, so they move nothing themselves.",
        command="cnncalc analyze lenet5 --columns moved --dtype int8",
    ),
    "intensity": Word(
        "Operations per byte that a kernel moves, counting a multiply-add as two operations. A device is bound by its memory "
        "if this is less than its peak divided by its bandwidth (the roofline model).",
        command="cnncalc analyze lenet5 --columns macs,moved,intensity",
        also="arithmetic_intensity",
    ),
    "flash": Word(
        "Memory of a device that keeps its content without power, where a deployed network stores its weights.",
        command="cnncalc deploy lenet5",
        also="storage rom",
    ),
    "forward": Word(
        "The part of a training step that computes the output from the input, layer by layer. It keeps what backward "
        "needs. Inference is a forward pass alone, which keeps nothing.",
        command="cnncalc memory lenet5 --batch 64",
        also="inference",
    ),
    "backward": Word(
        "The part of a training step that computes the gradients, from the last layer to the first. As it goes, it "
        "frees what forward saved. The peak of a training step is often reached at one of the first layers.",
        command="cnncalc memory lenet5 --batch 64",
        also="gradients training",
    ),
    "optimizer": Word(
        "The rule that changes the parameters after backward. Its state takes memory: none for sgd, one copy of the "
        "parameters for momentum, two for adam.",
        command="cnncalc memory lenet5 --optimizer adam",
        also="sgd momentum adam adamw",
    ),
    "peak": Word(
        "The most memory that a training step or an inference takes at any moment, and the layer at which it does.",
        command="cnncalc memory lenet5 --batch 64",
    ),
    "batch": Word(
        "The number of examples processed at once. It multiplies only memory. All other figures are for one example.",
        command="cnncalc memory lenet5 --batch 64",
    ),
    "dtype": Word(
        "The type of every number. float32 takes 4 bytes, float16 and bfloat16 take 2.",
        command="cnncalc memory lenet5 --dtype float16",
    ),
}
