"""Keras models -> Network: `.keras` archives and `to_json()` files of Keras 2 and 3, read as data.

A layer that is several here (a convolution and its activation, a separable convolution) is a block of its name:
`conv1.conv`, `conv1.relu`; a nested model is a block of its layers. Layers called twice share their weights. Shapes are
turned to spatial-first, channels-last, also for models with `channels_first`. Keras is not needed, and no code runs: what
a file brings along as code (Lambda, layers of one's own) is refused.
"""

from __future__ import annotations

import os

from cnncalc.network import Network
from cnncalc.problem import Source
from cnncalc.readers.keras.file import is_keras_json, load, parsed
from cnncalc.readers.keras.graph import Reader
from cnncalc.readers.options import ReaderOptions
from cnncalc.text import show

__all__ = ["is_keras_json", "read", "read_text"]


def read(path: str, asked: ReaderOptions) -> Network:
    """The network in a `.keras` archive or a JSON file.

    Raises:
        Refused: what is wrong with it.
        OSError: where it cannot be read.
    """
    name = os.path.splitext(os.path.basename(path))[0]
    return Reader(path, show(name)).read(load(path), asked)


def read_text(source: Source, asked: ReaderOptions) -> Network:
    """The network in JSON that is read already, from standard input for example.

    >>> text = '''{"class_name": "Sequential", "config": {"name": "net", "layers": [
    ...     {"class_name": "InputLayer", "config": {"name": "in", "batch_shape": [null, 8]}},
    ...     {"class_name": "Dense", "config": {"name": "fc", "units": 10}}]}}'''
    >>> net = read_text(Source("net.json", text), ReaderOptions({}, {}))
    >>> [(node.name, node.kind, str(node.output)) for node in net.nodes]
    [('in', 'input', '8'), ('fc', 'fc', '10')]

    Raises:
        Refused: what is wrong with it.
    """
    name = os.path.splitext(os.path.basename(source.path))[0]
    return Reader(source.path, show(name)).read(parsed(source.text, source.path), asked)
