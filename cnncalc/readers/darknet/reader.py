"""Read Darknet's .cfg files with Darknet's own defaults and size rules.

The rules are those of `src/parser.c` and `src/*_layer.c` of Darknet (Redmon; Bochkovskiy's fork, 2020). A section that
becomes several layers (convolution, batch normalization, activation) is a block named after its kind and Darknet's index:
`conv0.conv`, `conv0.batchnorm`, `conv0.leaky`. A recurrent section is one time step, as in Darknet, and its state is an
input. Nothing is executed, and Darknet is not needed.
"""

from __future__ import annotations

import os
from collections.abc import Callable

from cnncalc.network import Network
from cnncalc.problem import Problem, Refused, Source
from cnncalc.readers import files
from cnncalc.readers.darknet.base import ALIASES
from cnncalc.readers.darknet.cfg import Section, sections
from cnncalc.readers.darknet.recurrent import Cells
from cnncalc.readers.options import ReaderOptions
from cnncalc.shape import Shape
from cnncalc.text import did_you_mean, quoted, show

HEADS = ("yolo", "Gaussian_yolo", "region", "detection")
HEADER_BYTES = 20  # three version numbers and the number of training images, before the weights
# field of a layer -> the option of Darknet that an error points to
OPTIONS = {
    "filters": "filters", "kernel": "size", "stride": "stride", "pad": "padding", "groups": "groups",
    "dilation": "dilation", "units": "output", "factor": "stride", "stop": "from", "share": "share_index",
}  # fmt: skip


def read(path: str, options: ReaderOptions) -> Network:
    """Read the network in a .cfg file.

    Raises:
        Refused: The file has a mistake. The problem has its line.
        OSError: The file cannot be opened.
    """
    return read_text(files.text(path), options)


def read_text(source: Source, options: ReaderOptions) -> Network:
    """Read the network in the text of a .cfg file.

    >>> text = "[net]\\nwidth=28\\nheight=28\\nchannels=1\\n[convolutional]\\nfilters=6\\nsize=5\\nactivation=relu"
    >>> net = read_text(Source("a.cfg", text), ReaderOptions({}, {}))
    >>> [(node.name, str(node.output)) for node in net.nodes]
    [('input', '28x28x1'), ('conv0.conv', '24x24x6'), ('conv0.relu', '24x24x6')]

    Raises:
        Refused: The text has a mistake. The problem has its line.
    """
    return Reader(source).read(options)


def numbers_in_weights_file(network: Network) -> int:
    """Count the numbers in the .weights file: parameters and running statistics, with shared ones counted once."""
    count = 0
    for node in network.nodes:
        if node.layer is not None and node.shared is None:
            shapes = network.shapes(node)
            count += sum(node.layer.weights(*shapes).values()) + sum(node.layer.buffers(*shapes).values())
    return count


class Reader(Cells):
    """Reads the sections of one file in order."""

    def read(self, options: ReaderOptions) -> Network:
        first, *others = sections(self.source)
        try:
            self._net(first, options)
            for section in others:
                self._section(section)
            if not others:
                raise first.problem("missing-field", "has no layers after it", "add sections such as `[convolutional]`")
        except Problem as problem:
            if problem.where is None:
                option = OPTIONS.get(problem.field or "", "")
                written = self.section.options
                problem.where = written[option].where if option in written else self.section.where
            raise Refused([problem], self.builder.partial(name=self._name(), spec=self.source.path)) from None
        return self._finish()

    def _name(self) -> str:
        return show(os.path.splitext(os.path.basename(self.source.path))[0])

    def _finish(self) -> Network:
        heads = [
            value for node, value in self._named_outputs() if node.rstrip("0123456789") in HEADS and value != self.value
        ]  # a detector has several outputs
        network = self.builder.finish([*dict.fromkeys(heads), self.value])
        numbers = numbers_in_weights_file(network)
        description = f"Darknet; its .weights file holds {numbers:,} numbers, {4 * numbers + HEADER_BYTES:,} bytes"
        return self.builder.finish(network.outputs, name=self._name(), source=description, spec=self.source.path)

    def _named_outputs(self) -> list[tuple[str, int]]:
        return [(self.builder.nodes[value].name, value) for value in self.outputs]

    def _net(self, section: Section, options: ReaderOptions) -> None:
        from cnncalc.readers.yaml.inputs import shape_from

        self.section = section
        if section.word not in ("net", "network"):
            raise section.problem("bad-file", "is the first section", "start the file with `[net]`")
        if options.dims:
            name = next(iter(options.dims))
            raise section.problem("bad-argument", f"has no dimension `{show(name)}`", "write `--input 608x608x3`")
        for name, text in options.inputs.items():
            if name not in ("", "input"):
                raise section.problem("unknown-input", f"has no input `{show(name)}`", "use the name `input`, or none")
            shape = shape_from(text)
            if len(shape) not in (1, 3):
                help = "write height x width x channels, or one number for `inputs`"
                raise section.problem("bad-argument", f"cannot have the input {shape}", help)
            self.value = self.builder.input("input", shape, section.where)
            return
        sizes = [section.integer(name, 0) for name in ("height", "width", "channels")]
        inputs = section.integer("inputs", 0, most=2**40)
        if not all(sizes) and not inputs:
            missing = [name for name, size in zip(("height", "width", "channels"), sizes, strict=True) if not size]
            raise section.problem(
                "missing-field",
                f"needs {quoted(missing, 'and')} for the input size",
                "add them, or `inputs` for a vector",
            )
        shape = Shape(sizes) if all(sizes) else Shape((inputs,))
        if inputs not in (0, shape.size):
            raise section.problem(
                "bad-value", f"`inputs` is {inputs:,}, but {shape} holds {shape.size:,}", option="inputs"
            )
        self.value = self.builder.input("input", shape, section.where)

    def _section(self, section: Section) -> None:
        self.section = section
        word = ALIASES.get(section.word, section.word)
        handler = HANDLERS.get(word)
        if handler is None:
            help = did_you_mean(section.word, [*HANDLERS, *ALIASES]) or "use one of Darknet's own layers"
            raise section.problem("unknown-layer", "is not a Darknet layer", help)
        self.name = f"{NAMES.get(word, word)}{section.index}"
        self.weighted.append(None)
        self.value = handler(self)
        self.outputs.append(self.value)
        section.check_misspellings()


NAMES = {"convolutional": "conv", "connected": "fc"}
HANDLERS: dict[str, Callable[[Reader], int]] = {
    "convolutional": Reader.convolutional, "local": Reader.local, "maxpool": Reader.maxpool,
    "local_avgpool": Reader.local_avgpool, "avgpool": Reader.avgpool, "connected": Reader.connected,
    "route": Reader.route, "shortcut": Reader.shortcut, "scale_channels": Reader.multiply, "sam": Reader.multiply,
    "upsample": Reader.upsample, "reorg": Reader.reorg, "crop": Reader.crop, "dropout": Reader.dropout,
    "lrn": Reader.normalization, "batchnorm": Reader.batchnorm, "activation": Reader.activation_section,
    "softmax": Reader.softmax, "cost": Reader.pass_through, "empty": Reader.pass_through,
    "contrastive": Reader.pass_through, "rnn": Reader.rnn,
    "crnn": Reader.crnn, "lstm": Reader.lstm, "conv_lstm": Reader.conv_lstm, "gru": Reader.gru,
    **dict.fromkeys(HEADS, Reader.head),
}  # fmt: skip
