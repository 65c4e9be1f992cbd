"""The words of architecture files, of the tables and of the command line: what each means, with an example.

`cnncalc explain WORD` prints them. Layer kinds and error codes have pages of their own. Imports nothing that reads files:
it is the tests that run the examples.
"""

from __future__ import annotations

from cnncalc.record import Record


class Word(Record):
    """One page. `example` is a whole small file, `command` a command line that shows the word; `also` are other names."""

    meaning: str
    example: str = ""
    command: str = ""
    also: str = ""


WORDS: dict[str, Word] = {
    # -- the keys of a file -------------------------------------------------------------------------------------------
    "name": Word("What the network is called, above the table.", "name: Homework 3\ninput: 784\nlayers: [fc: 10]\n"),
    "description": Word(
        "Free text about the network. It is kept in JSON and in exports, and changes nothing.",
        "description: the baseline\ninput: 784\nlayers: [fc: 10]\n",
    ),
    "source": Word(
        "Where the architecture comes from: a paper with its table, or a link.",
        "source: LeCun et al. 1998, figure 2\ninput: 32x32x1\nlayers: [conv: {filters: 6, kernel: 5}]\n",
    ),
    "input": Word(
        "The shape of one example, without the batch: height x width x channels for an image, `784` for a vector, "
        "`100x300` for steps x features, four numbers for a volume. Several inputs have names. Inside a step, `input` is "
        "the input of the network. `--input 448x448x3` takes another size.",
        "input: {left: 32x32x3, right: 32x32x3}\nlayers:\n  - {conv: {filters: 8, kernel: 3}, from: left, as: a}\n"
        "  - {conv: {filters: 8, kernel: 3}, from: right}\n  - concat: [a, prev]\n",
    ),
    "params": Word(
        "Numbers and words of the file that may be changed from outside, with `-p width=0.5`. A step uses them as "
        "`$width`. Not to be confused with the column params: the parameters of a network.",
        "input: 32x32x3\nparams: {width: 16}\nlayers:\n  - conv: {filters: $width, kernel: 3}\n"
        "  - conv: {filters: 2*$width, kernel: 3}\n",
    ),
    "defaults": Word(
        "Fields that all layers of a kind have in this file, unless a layer writes its own.",
        "input: 32x32x3\ndefaults: {conv: {kernel: 3, pad: same, bias: false}}\nlayers:\n  - conv: 16\n"
        "  - conv: {filters: 32, stride: 2}\n",
    ),
    "blocks": Word(
        "Groups of steps with a name and parameters of their own, to be used like a layer. The name begins with a capital "
        "letter; `=` gives a parameter a default. A block is called with its values in order, or by name.",
        "input: 32x32x3\nblocks:\n  ConvBN(filters, stride=1):\n"
        "    - conv: {filters: $filters, kernel: 3, stride: $stride, pad: 1}\n    - batchnorm\n"
        "layers:\n  - ConvBN: 16\n  - ConvBN: [32, 2]\n",
        also="block signature",
    ),
    "layers": Word(
        "The steps of the network, from input to output: each is a layer, a block, or a group. In totals, the number of "
        "layers, the input not counted.",
        "input: 32x32x3\nlayers:\n  - conv: {filters: 16, kernel: 3}\n  - relu\n  - fc: 10\n",
        also="step steps",
    ),
    "outputs": Word(
        "The names of the values that the network gives, where it is not only the last one.",
        "input: 32x32x3\nlayers:\n  - {conv: {filters: 16, kernel: 3}, as: features}\n  - globalavgpool\n"
        "  - {fc: 10, as: classes}\noutputs: [features, classes]\n",
    ),
    "published": Word(
        "Figures that a paper or lecture prints about the network, to be compared with the computed ones. A figure agrees "
        "when the exact one, rounded to its digits, is the same. Where one thing explains a difference exactly, it is "
        "named: buffers, biases, a factor of two, 1024 for 1000, one row. `--strict` fails where one does not agree.",
        "input: 784\nlayers: [fc: 10]\npublished:\n  - {source: a blog, params: 7.85k, macs: 7.8k}\n",
    ),
    # -- steps --------------------------------------------------------------------------------------------------------
    "seq": Word(
        "A group of steps, run one after the other: to repeat them, or to give them a common name.",
        "input: 32x32x3\nlayers:\n  - seq: [conv: {filters: 16, kernel: 3, pad: 1}, relu]\n    repeat: 3\n",
        also="group",
    ),
    "residual": Word(
        "The steps of a main path, with their input added to what they give (He et al. 2015). Where the shapes differ, the "
        "`projection` brings the input to the new shape; `projection: none` leaves the shortcut out there.",
        "input: 32x32x16\nlayers:\n  - residual:\n"
        "      main: [conv: {filters: 32, kernel: 3, stride: 2, pad: 1}, batchnorm]\n"
        "      projection: [conv: {filters: 32, kernel: 1, stride: 2}]\n",
        also="skip",
    ),
    "main": Word(
        "The main path of a `residual`: the steps whose result the input is added to.",
        "input: 32x32x16\nlayers:\n  - residual: {main: [conv: {filters: 16, kernel: 3, pad: 1}, relu]}\n",
    ),
    "projection": Word(
        "The steps that the shortcut of a `residual` takes where the main path changes the shape. Where it does not, the "
        "input itself is added and the projection is left out.",
        "input: 32x32x16\nlayers:\n  - residual:\n      main: [conv: {filters: 24, kernel: 3, pad: 1}]\n"
        "      projection: [conv: {filters: 24, kernel: 1}]\n",
    ),
    "shortcut": Word(
        "The steps that the shortcut of a `residual` always takes, whether the main path changes the shape or not. A "
        "`projection` is taken only where it does.",
        "input: 32x32x16\nlayers:\n  - residual:\n      main: [conv: {filters: 16, kernel: 3, pad: 1}]\n"
        "      shortcut: [conv: {filters: 16, kernel: 1}]\n",
    ),
    "as": Word(
        "Gives the value of a step a name, for `from`, `share`, `outputs` and joins, and for the table.",
        "input: 32x32x8\nlayers:\n  - {conv: {filters: 8, kernel: 3, pad: 1}, as: first}\n  - relu\n  - add: [prev, first]\n",
    ),
    "from": Word(
        "Takes the input of a step from a value above, instead of from the step before.",
        "input: 32x32x3\nlayers:\n  - {conv: {filters: 8, kernel: 3}, as: stem}\n  - maxpool: 2\n"
        "  - {conv: {filters: 4, kernel: 1}, from: stem}\n",
    ),
    "prev": Word(
        "The value of the step above, as an operand of a join such as `add` or `concat`.",
        "input: 32x32x3\nlayers:\n  - concat: [prev, [conv: {filters: 8, kernel: 3, pad: 1}]]\n",
    ),
    "repeat": Word(
        "Runs a step several times, one after the other, each with weights of its own. 0 leaves it out. Inside, `$i` is the "
        "number of the round, from 0.",
        "input: 32x32x3\nlayers:\n  - {conv: {filters: 16 * 2**$i, kernel: 3, pad: 1}, repeat: 4}\n",
        also="i counter",
    ),
    "when": Word(
        "Runs a step only where a condition holds; otherwise its input passes on. Conditions compare numbers with `==`, "
        "`!=`, `<`, `<=`, `>` and `>=`.",
        "input: 32x32x3\nparams: {norm: true, stride: 2}\nlayers:\n"
        "  - conv: {filters: 8, kernel: 3, stride: $stride}\n  - {batchnorm: {}, when: $norm}\n"
        "  - {relu: {}, when: $stride != 1}\n",
    ),
    "share": Word(
        "As a key beside a layer: reuses the weights of a step above, which are then counted once. As a column of "
        "`analyze`: the part of all parameters that a layer holds.",
        "input: {left: 64, right: 64}\nlayers:\n  - {fc: 32, from: left, as: tower}\n"
        "  - {fc: 32, from: right, share: tower}\n  - concat: [tower, prev]\n",
    ),
    "expect": Word(
        "What you worked out by hand for a step: a shape, or any of output, params, weights, biases, activations, macs and "
        "receptive_field. It is checked, and a wrong one is explained.",
        "input: 32x32x3\nlayers:\n  - conv: {filters: 16, kernel: 5}\n    expect: {output: 28x28x16, params: 1216}\n",
    ),
    "holds": Word(
        "States which parameters a layer holds itself, where others hold the rest: tied or factored weights.",
        "input: 100\nparams: {rank: 2}\nlayers:\n  - {fc: 10, holds: {weight: $rank * $in_channels}}\n",
    ),
    "like": Word(
        "Takes the size of a layer from a value above: `crop`, `pad`, `resize`, `upsample` and `maxunpool` have it. The "
        "network then works for other inputs, too.",
        "input: 45x45x1\nlayers:\n  - {conv: {filters: 8, kernel: 3, pad: 1}, as: skip}\n  - maxpool: 2\n"
        "  - convtranspose: {filters: 8, kernel: 2, stride: 2}\n  - pad: {like: skip}\n  - concat: [skip, prev]\n",
    ),
    "trainable": Word(
        "`trainable: false` beside a step, or for a kind under `defaults`, freezes parameters: they have no gradients and no "
        "optimizer state, as in transfer learning. `--freeze BLOCK` does the same from the command line. The total trainable "
        "is what is left; params counts all parameters, frozen or not.",
        "input: 32x32x3\nlayers:\n  - conv: {filters: 16, kernel: 3}\n    trainable: false\n  - fc: 10\n",
        also="freeze frozen",
    ),
    # -- numbers and shapes -------------------------------------------------------------------------------------------
    "expression": Word(
        "Arithmetic where a number may stand: numbers, `$names`, + - * / // % ** and parentheses, `min`, `max`, `round_to`. "
        "`/` must divide without a rest, `//` rounds down.",
        "input: 32x32x3\nparams: {w: 10}\nlayers:\n  - conv: {filters: 4*$w // 3, kernel: 3}\n",
        also="arithmetic expressions",
    ),
    "in_channels": Word(
        "`$in_channels` is the number of channels (or features) that enter a step. `$in_height`, `$in_width`, `$in_steps` "
        "and `$in_depth` are the other axes.",
        "input: 32x32x48\nlayers:\n  - conv: {filters: $in_channels // 2, kernel: 1}\n"
        "  - conv: {filters: 8, kernel: $in_height}\n",
        also="in_height in_width in_steps in_depth",
    ),
    "round_to": Word(
        "`round_to(x, 8)` is the multiple of 8 nearest to x, at least 8 and never more than 10 % below x, as MobileNets "
        "round their widths. Inside a list it stands in quotes, because of its comma.",
        'input: 32x32x3\nparams: {width: 0.75}\nlayers:\n  - conv: {filters: "round_to(32*$width, 8)", kernel: 3}\n',
    ),
    "min": Word(
        "`min(a, b)` is the smaller of two numbers, `max(a, b)` the larger.",
        'input: 32x32x3\nlayers:\n  - conv: {filters: "min(64, 8*$in_channels)", kernel: 3}\n',
        also="max",
    ),
    "shape": Word(
        "The shape of one example: spatial axes first, channels last, no batch. `224x224x64` is height x width x channels.",
        "input: 224x224x3\nlayers: [conv: {filters: 64, kernel: 3, pad: 1}]\n",
        also="shapes size sizes",
    ),
    "filters": Word(
        "The number of filters K of a convolution: the channels of its output.",
        "input: 32x32x3\nlayers: [conv: {filters: 16, kernel: 3}]\n",
        also="K",
    ),
    "kernel": Word(
        "The window size F of a convolution or pooling: one number, or one per axis as in `1x7` (height x width).",
        "input: 32x32x3\nlayers: [conv: {filters: 16, kernel: 1x7}]\n",
        also="F window",
    ),
    "stride": Word(
        "The step S by which a window moves on. A pooling's stride is its kernel unless written.",
        "input: 32x32x3\nlayers: [conv: {filters: 16, kernel: 3, stride: 2}]\n",
        also="S",
    ),
    "padding": Word(
        "Cells around the input, written as the field `pad`: a number P for every side, one per axis (`0x3`), sides "
        "(`{top: 0, bottom: 1}`), `valid` for none, `same`, which keeps height and width at stride 1 and puts an odd cell at "
        "the end as TensorFlow does, or `causal`, which pads a sequence at its start only. The `mode` of a convolution says "
        "what the padding holds: zeros, reflect, replicate or circular. The size is (W - F + 2P)/S + 1. A "
        "`conv` of a file has no padding unless it is written; CONV of the one-line form pads.",
        "input: 32x32x3\nlayers:\n  - conv: {filters: 16, kernel: 5, pad: 2}\n  - conv: {filters: 16, kernel: 3, pad: same}\n",
        also="P same valid causal border",
    ),
    "dilation": Word(
        "The distance between the cells under a window. A kernel of 3 at dilation 2 reaches over 5 cells.",
        "input: 32x32x3\nlayers: [conv: {filters: 16, kernel: 3, dilation: 2}]\n",
    ),
    "groups": Word(
        "Groups that the channels are split into; a filter sees those of its own group only.",
        "input: 32x32x8\nlayers: [conv: {filters: 16, kernel: 3, groups: 4}]\n",
    ),
    "ceil": Word(
        "Rounds the size of a pooling's output up instead of down, as Caffe does.",
        "input: 9x9x8\nlayers: [maxpool: {kernel: 2, ceil: true}]\n",
    ),
    "bias": Word(
        "Whether a layer adds one learned number per output channel. Recurrent layers say how many: none, single or double.",
        "input: 784\nlayers: [fc: {units: 10, bias: false}]\n",
    ),
    "inplace": Word(
        "Overwrites the input of a layer, as PyTorch's `inplace=True`. It changes the memory of training, not the table.",
        "input: 32x32x3\nlayers: [conv: {filters: 16, kernel: 3}, relu: {inplace: true}]\n",
    ),
    "one-line form": Word(
        "A network without branches in one line, as lectures write it: CONV3-64 is a 3x3 convolution of 64 filters with "
        "padding, `/2` is its stride, `p0` its padding; POOL2 a max pooling, FC-10 a fully connected layer; `[...]*3` repeats "
        "a group. Any kind may be written by its name. Letters and `?` leave numbers open, for `-p N=2`.",
        command='cnncalc analyze -e "32x32x3 -> [CONV3-16 -> RELU -> POOL2]*2 -> FC-10"',
        also="one-line line notation",
    ),
    "pattern": Word(
        "The kinds of a chain of layers with repeated groups written once. The lecture's own pattern is read, too; the "
        "numbers that it leaves open are given with `-p`.",
        command='cnncalc analyze -e "INPUT -> [[CONV -> RELU]*N -> POOL?]*M -> FC" --input 32x32x3 -p N=2 -p M=3 -p filters=16 '
        "-p pool=true -p classes=10",
    ),
    # -- the columns and totals of tables -----------------------------------------------------------------------------
    "kind": Word(
        "What a layer is: conv, maxpool, relu and so on. `cnncalc explain` lists them all.",
        command="cnncalc analyze lenet5 --columns kind,output",
    ),
    "fields": Word(
        "The fields of a layer that differ from their defaults, as a column of the table.",
        command="cnncalc analyze lenet5 --columns fields,output",
    ),
    "output": Word(
        "The shape of what a layer gives, for one example.", command="cnncalc analyze lenet5 --columns output"
    ),
    "parameters": Word(
        "Learned numbers: weights and biases together, printed as params. Buffers are not among them.",
        command="cnncalc explain vgg16 Stage1.conv1",
        also="parameter",
    ),
    "weights": Word(
        "Parameters that multiply. The gain of a norm counts among them.",
        command="cnncalc analyze lenet5 --columns weights",
    ),
    "biases": Word(
        "Parameters that are added. The offset of a norm counts among them.",
        command="cnncalc analyze lenet5 --columns biases",
    ),
    "buffers": Word(
        "Numbers that a layer keeps without training them: running means and variances. Not part of params; Keras' "
        '"Total params" counts them.',
        command="cnncalc analyze resnet18 --get buffers",
    ),
    "macs": Word(
        "Multiply-accumulates for one example: of convolutions, fully connected layers, recurrent gates and attention "
        "products. Biases, poolings, norms and activations count 0. FLOPs, where a paper means single operations, are twice "
        "as many.",
        command="cnncalc analyze vgg16 --get macs",
        also="mac flops flop multiply-adds",
    ),
    "activations": Word(
        "Numbers that a layer writes to a new volume, for one example, the input included. Layers that can work in place "
        "(relu, dropout, batchnorm, flatten) write none: this is CS231n's count.",
        command="cnncalc analyze vgg16 --get activations",
        also="activation",
    ),
    "conv_activations": Word(
        "The numbers that convolutions write, which timm and fvcore print as activations.",
        command="cnncalc analyze vgg16 --get conv_activations",
    ),
    "memory": Word(
        "As a column of `analyze`: the feature maps in bytes, activations times the bytes of a number times the batch. "
        "`cnncalc memory` works out what a whole step of training or inference takes at its peak.",
        command="cnncalc memory lenet5 --batch 32",
        also="activation_bytes param_bytes",
    ),
    "receptive field": Word(
        "The input cells that one output cell can see, over all paths, and the stride between neighbours: `7/2` is 7 cells "
        "wide and 2 apart.",
        command="cnncalc analyze vgg16 --columns rf",
        also="rf receptive_field receptive",
    ),
    "depth": Word(
        "The most convolutions and fully connected layers with weights on any path from input to output: 16 for VGG-16. "
        "`--depth 1` folds blocks below one level.",
        command="cnncalc analyze vgg16 --get depth",
    ),
    "formula": Word(
        "The working of a layer's output size and parameters, as a column.",
        command="cnncalc analyze lenet5 --columns formula",
    ),
    "saved": Word(
        "Bytes that a layer keeps from the forward pass for the backward pass of training.",
        command="cnncalc analyze lenet5 --columns saved",
    ),
    "live": Word(
        "Bytes that are alive at once while a layer runs forward in a training step.",
        command="cnncalc analyze lenet5 --columns live",
    ),
    "batch": Word(
        "The number of examples that are worked on at once. It multiplies memory only; all other figures are for one example.",
        command="cnncalc memory lenet5 --batch 64",
    ),
    "dtype": Word(
        "The type that every number is stored as: float32 takes 4 bytes, float16 and bfloat16 take 2.",
        command="cnncalc memory lenet5 --dtype float16",
    ),
}
