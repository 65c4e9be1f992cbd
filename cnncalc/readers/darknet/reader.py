"""Darknet's .cfg -> Network: every section with Darknet's own defaults and rules of size.

The rules are those of `src/parser.c` and `src/*_layer.c` of Darknet (Redmon; Bochkovskiy's line, 2020). A section that is
several layers here (convolution, batch normalisation, activation) is a block named by its kind and Darknet's index:
`conv0.conv`, `conv0.batchnorm`, `conv0.leaky`. Recurrent sections are one time step, as Darknet computes them; the state
enters as an input. Nothing is executed, and Darknet is not needed.
"""

from __future__ import annotations

import os
from collections.abc import Callable

from cnncalc.network import Network
from cnncalc.problem import Problem, Refused, Source
from cnncalc.readers import files
from cnncalc.readers.darknet.cfg import Section, sections
from cnncalc.readers.darknet.options import SAME
from cnncalc.readers.darknet.recurrent import Cells
from cnncalc.readers.options import ReaderOptions
from cnncalc.shape import Shape
from cnncalc.text import did_you_mean, quoted, show

HEADS = ("yolo", "Gaussian_yolo", "region", "detection")
HEADER_BYTES = 20  # three version numbers and how many images were seen, in front of the weights
# field of a layer here -> Darknet's option, to point at
OPTIONS = {
    "filters": "filters", "kernel": "size", "stride": "stride", "pad": "padding", "groups": "groups",
    "dilation": "dilation", "units": "output", "factor": "stride", "stop": "from", "share": "share_index",
}  # fmt: skip


def read(path: str, asked: ReaderOptions) -> Network:
    """The network in a .cfg file.

    Raises:
        Refused: what is wrong with it, with its line.
        OSError: where it cannot be read.
    """
    return read_text(files.text(path), asked)


def read_text(source: Source, asked: ReaderOptions) -> Network:
    """The network in the text of a .cfg file.

    >>> text = "[net]\\nwidth=28\\nheight=28\\nchannels=1\\n[convolutional]\\nfilters=6\\nsize=5\\nactivation=relu"
    >>> net = read_text(Source("a.cfg", text), ReaderOptions({}, {}))
    >>> [(node.name, str(node.output)) for node in net.nodes]
    [('input', '28x28x1'), ('conv0.conv', '24x24x6'), ('conv0.relu', '24x24x6')]

    Raises:
        Refused: what is wrong with it, with its line.
    """
    return _Reader(source).read(asked)


def floats(network: Network) -> int:
    """How many numbers are in the .weights file: parameters and running statistics, shared ones once."""
    found = 0
    for node in network.nodes:
        if node.layer is not None and node.shared is None:
            shapes = network.shapes(node)
            found += sum(node.layer.weights(*shapes).values()) + sum(node.layer.buffers(*shapes).values())
    return found


class _Reader(Cells):
    def read(self, asked: ReaderOptions) -> Network:
        found = sections(self.source)
        try:
            self._net(found[0], asked)
            for section in found[1:]:
                self._section(section)
            if len(found) == 1:
                raise found[0].problem(
                    "missing-field", "is followed by no layers", "add sections such as `[convolutional]`"
                )
        except Problem as problem:
            if problem.where is None:
                option = OPTIONS.get(problem.field or "", "")
                options = self.section.options
                problem.where = options[option].where if option in options else self.section.where
            raise Refused([problem], self.builder.partial(name=self._name(), spec=self.source.path)) from None
        return self._finish()

    def _name(self) -> str:
        return show(os.path.splitext(os.path.basename(self.source.path))[0])

    def _finish(self) -> Network:
        heads = [
            value for node, value in self._named() if node.rstrip("0123456789") in HEADS and value != self.value
        ]  # a detector has several outputs
        network = self.builder.finish([*dict.fromkeys(heads), self.value])
        numbers = floats(network)
        said = f"Darknet; its .weights file holds {numbers:,} numbers, {4 * numbers + HEADER_BYTES:,} bytes"
        return self.builder.finish(network.outputs, name=self._name(), source=said, spec=self.source.path)

    def _named(self) -> list[tuple[str, int]]:
        return [(self.builder.nodes[value].name, value) for value in self.made]

    def _net(self, section: Section, asked: ReaderOptions) -> None:
        from cnncalc.readers.yaml.inputs import shape_from

        self.section = section
        if section.word not in ("net", "network"):
            raise section.problem("bad-file", "stands first", "a Darknet file begins with `[net]`")
        if asked.dims:
            name = next(iter(asked.dims))
            raise section.problem("bad-argument", f"has no dimension `{show(name)}`", "write `--input 608x608x3`")
        for name, text in asked.inputs.items():
            if name not in ("", "input"):
                raise section.problem("unknown-input", f"has no input `{show(name)}`", "it is called `input`")
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
            raise section.problem("missing-field", f"needs {quoted(missing, 'and')}: the input size", "or `inputs`")
        shape = Shape(sizes) if all(sizes) else Shape((inputs,))
        if inputs not in (0, shape.size):
            raise section.problem(
                "bad-value", f"`inputs` is {inputs:,}, but {shape} holds {shape.size:,}", option="inputs"
            )
        self.value = self.builder.input("input", shape, section.where)

    def _section(self, section: Section) -> None:
        self.section = section
        word = SAME.get(section.word, section.word)
        handler = HANDLERS.get(word)
        if handler is None:
            help = did_you_mean(section.word, [*HANDLERS, *SAME]) or "cnncalc reads the layers of Darknet only"
            raise section.problem("unknown-layer", "is no layer of Darknet", help)
        self.name = f"{NAMES.get(word, word)}{section.index}"
        self.weighted.append(None)
        self.value = handler(self)
        self.made.append(self.value)
        section.check_slips()


NAMES = {"convolutional": "conv", "connected": "fc"}
HANDLERS: dict[str, Callable[[_Reader], int]] = {
    "convolutional": _Reader.convolutional, "local": _Reader.local, "maxpool": _Reader.maxpool,
    "local_avgpool": _Reader.local_avgpool, "avgpool": _Reader.avgpool, "connected": _Reader.connected,
    "route": _Reader.route, "shortcut": _Reader.shortcut, "scale_channels": _Reader.gated, "sam": _Reader.gated,
    "upsample": _Reader.upsample, "reorg": _Reader.reorg, "crop": _Reader.crop, "dropout": _Reader.dropout,
    "lrn": _Reader.normalization, "batchnorm": _Reader.batchnorm, "activation": _Reader.activated,
    "softmax": _Reader.softmax, "cost": _Reader.passed, "empty": _Reader.passed,
    "contrastive": _Reader.passed, "rnn": _Reader.rnn,
    "crnn": _Reader.crnn, "lstm": _Reader.lstm, "conv_lstm": _Reader.conv_lstm, "gru": _Reader.gru,
    **dict.fromkeys(HEADS, _Reader.head),
}  # fmt: skip
