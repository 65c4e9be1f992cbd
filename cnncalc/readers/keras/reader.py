"""Read Keras models as data: `.keras` archives and `to_json()` files of Keras 2 and 3.

A layer that becomes several (a convolution and its activation, a separable convolution) is a block named after it:
`conv1.conv`, `conv1.relu`. A nested model is a block of its layers. Layers that are called twice share their weights.
Shapes are converted to spatial axes first and channels last, also in models with `channels_first`. Keras is not needed and
no code runs: code in a file (a Lambda without an output shape, the author's own layers) is refused.
"""

from __future__ import annotations

import os

from cnncalc.network import Network
from cnncalc.problem import Source
from cnncalc.readers.keras.file import load, parse
from cnncalc.readers.keras.graph import Reader
from cnncalc.readers.options import ReaderOptions
from cnncalc.text import show


def read(path: str, options: ReaderOptions) -> Network:
    """Read the network in a `.keras` archive or a JSON file.

    Raises:
        Refused: The file has a mistake.
        OSError: The file cannot be opened.
    """
    name = os.path.splitext(os.path.basename(path))[0]
    return Reader(path, show(name)).read(load(path), options)


def read_text(source: Source, options: ReaderOptions) -> Network:
    """Read the network in the text of a JSON file, for example from standard input.

    >>> text = '''{"class_name": "Sequential", "config": {"name": "net", "layers": [
    ...     {"class_name": "InputLayer", "config": {"name": "in", "batch_shape": [null, 8]}},
    ...     {"class_name": "Dense", "config": {"name": "fc", "units": 10}}]}}'''
    >>> net = read_text(Source("net.json", text), ReaderOptions({}, {}))
    >>> [(node.name, node.kind, str(node.output)) for node in net.nodes]
    [('in', 'input', '8'), ('fc', 'fc', '10')]

    Raises:
        Refused: The text has a mistake.
    """
    name = os.path.splitext(os.path.basename(source.path))[0]
    return Reader(source.path, show(name)).read(parse(source.text, source.path), options)
