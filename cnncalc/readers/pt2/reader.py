"""Read an archive of torch.export as a Network, without PyTorch. Weights and sample inputs are never opened.

Shapes and counts follow cnncalc's own rules. They are compared with the shapes in the file, and differences are errors.
"""

from __future__ import annotations

import io
import os
from typing import BinaryIO

from cnncalc.network import Network
from cnncalc.problem import Problem, Refused
from cnncalc.readers.aten.channels import mark_channels_first
from cnncalc.readers.aten.network import build_network, input_order
from cnncalc.readers.files import opened
from cnncalc.readers.limits import TRUSTED, UNTRUSTED, Limits
from cnncalc.readers.options import ReaderOptions
from cnncalc.readers.pt2.file import Contents, load
from cnncalc.readers.pt2.program import Program
from cnncalc.readers.pt2.replay import replay
from cnncalc.readers.pt2.sizes import choose_sizes
from cnncalc.readers.pt2.tying import find_tied
from cnncalc.text import show


def read(path: str, options: ReaderOptions) -> Network:
    """Return the network in an archive of torch.export.

    Raises:
        Refused: The file has a mistake, or cnncalc cannot analyse it.
        OSError: The file cannot be opened.
    """
    with opened(path) as file:
        contents = load(file, path, TRUSTED)
    return _network(contents, path, options, TRUSTED)


def read_submission(data: bytes | BinaryIO, path: str, options: ReaderOptions) -> Network:
    """Return the network in a stranger's file.

    An operator without a rule, and shapes that the layers' rules do not confirm, are refused.

    Raises:
        Refused: As for `read`.
    """
    file = io.BytesIO(data) if isinstance(data, bytes) else data
    return _network(load(file, path, UNTRUSTED), path, options, UNTRUSTED, strict=True)


def _network(contents: Contents, path: str, options: ReaderOptions, limits: Limits, strict: bool = False) -> Network:
    program = Program(contents.program, limits)
    tied = find_tied(program, contents.weights)
    first = replay(program, choose_sizes(program, options, limits, None, strict).sizes, tied)
    mark_channels_first(first)
    orders = {name: input_order(var) for name, var in first.inputs.items()}
    chosen = choose_sizes(program, options, limits, orders, strict)
    record = replay(program, chosen.sizes, tied)
    if strict and record.unconfirmed:
        raise Refused([Problem("unsupported", record.unconfirmed[0], "use operators that cnncalc has a rule for")])
    name = os.path.splitext(os.path.basename(path))[0]
    network = build_network(record, {}, name, path, chosen.warnings)
    if strict:
        _check_strictly(network)
    return network


def _check_strictly(network: Network) -> None:
    """Refuse what the file only states.

    Raises:
        Refused: A layer's rule gives another shape or count than the file, or a layer's cost is unknown.
    """
    for problem in network.warnings:
        if problem.code in ("shapes-disagree", "macs-disagree"):
            raise Refused([Problem("shapes-disagree", problem.text, "export the model again")])
    for node in network.nodes:
        if node.layer is not None and not node.layer.known_cost:
            text = (
                f"`{show(node.name)}`: cnncalc has no rule for the operator `{show(node.kind)}`, so its cost is unknown"
            )
            raise Refused([Problem("unsupported", text, "use operators that cnncalc has a rule for")])
