"""Notes on how a file or line was interpreted, if another interpretation is as likely."""

from __future__ import annotations

from cnncalc.layers.fields.sizes import Alike
from cnncalc.network import Node
from cnncalc.problem import ONE_LINE, Source
from cnncalc.readers.yaml.oneline import CONV

RECURRENT = ("lstm", "gru", "rnn")
PASSING = ("dropout", "layernorm", "batchnorm", "rmsnorm")  # kinds allowed between a recurrent layer and the fc
SLIDING = ("conv", "maxpool", "avgpool", "depthwise", "separableconv", "local")


def note_readings(nodes: list[Node], source: Source) -> None:
    """Add the notes to their nodes."""
    if len(nodes[0].output) == 2 and nodes[0].layer is None:
        _image_of_two_numbers(nodes)
    if len(nodes[0].output) == 4 and nodes[0].layer is None:
        _batch_of_images(nodes)
    _flattened_sequence(nodes)
    if source.path == ONE_LINE:
        _note_padding(nodes, source)


def _image_of_two_numbers(nodes: list[Node]) -> None:
    """Note that cnncalc reads `32x32` as a sequence, although the author may mean a grey image."""
    high, wide = nodes[0].output
    if min(high, wide) < 8 or max(high, wide) > 2 * min(high, wide):
        return
    first = next((node for node in nodes if node.kind in SLIDING), None)
    if first is None or (first.inputs[0] != 0 and nodes[first.inputs[0]].output != nodes[0].output):
        return
    sentence = (
        f"slides over {high} steps of {wide} features, because the input has two numbers; "
        f"a grey image is written {high}x{wide}x1"
    )
    first.notes = (*first.notes, ("sequence", sentence))


def _batch_of_images(nodes: list[Node]) -> None:
    """Note that cnncalc reads `64x32x32x3` as a volume, although the author may mean a batch of images."""
    volume = nodes[0].output
    depth, high, wide, channels = volume
    first = next((node for node in nodes if node.kind in SLIDING), None)
    if first is None or channels > 4 or high != wide or depth == high or nodes[first.inputs[0]].output != volume:
        return
    if isinstance(getattr(first.layer, "kernel", None), (tuple, Alike)):  # one number per axis: volumes are meant
        return
    sentence = (
        f"slides over a depth of {depth}, too, because the input has four numbers; "
        f"a batch of {depth} images is `input: {high}x{wide}x{channels}` with `--batch {depth}`"
    )
    first.notes = (*first.notes, ("volume", sentence))


def _flattened_sequence(nodes: list[Node]) -> None:
    """Note that an fc takes all steps of a recurrent layer, although perhaps only the last is meant."""
    for node in nodes:
        if node.kind != "fc" or len(nodes[node.inputs[0]].output) != 2:
            continue
        above = nodes[node.inputs[0]]
        while above.kind in PASSING and len(above.inputs) == 1:
            above = nodes[above.inputs[0]]
        if above.kind in RECURRENT:
            steps, features = above.output
            sentence = (
                f"flattens all {steps} steps of {above.name}, {steps * features:,} numbers; "
                f"write `returns: last` in {above.name} if only its last step is meant"
            )
            node.notes = (*node.notes, ("sequence", sentence))


def _note_padding(nodes: list[Node], source: Source) -> None:
    """Note that convolutions are padded in the one-line form, but not in a file."""
    for node in nodes:
        if node.kind != "conv" or node.where is None:
            continue
        word = source.text[node.where.column - 1 :].split("->")[0].split("]")[0].strip()
        if word.lower() == "conv":  # of a pattern
            sentence = "CONV is padded as `pad: same`, and 3x3 unless `-p kernel=5` sets another size"
            node.notes = (*node.notes, ("padded", sentence))
            return
        match = CONV.match(word)
        if match and match["pad"] is None and match["kernel"] not in ("1", "1x1"):
            sentence = (
                "padded as `pad: same`, which the one-line form does and a file does not; "
                f"`CONV{match['kernel']}-{match['filters']}p0` does not pad"
            )
            node.notes = (*node.notes, ("padded", sentence))
            return
