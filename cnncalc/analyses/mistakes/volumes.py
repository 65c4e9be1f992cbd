"""Mistakes with activations and their memory: volumes counted that are not new, bytes, batches, and prefixes."""

from __future__ import annotations

from cnncalc.analyses.mistakes.kind import Kind
from cnncalc.analyses.mistakes.question import (
    SUMS,
    VOLUMES,
    Attempt,
    Attempts,
    Question,
    equation,
    is_precise,
    volume,
)
from cnncalc.units import DTYPES, Figure

_OTHER_UNIT = {10 ** (3 * power): 2 ** (10 * power) for power in range(1, 5)}
_OTHER_UNIT |= {binary: decimal for decimal, binary in _OTHER_UNIT.items()}
_POWERS = {unit: f"10^{3 * power}" for power, unit in enumerate((10**3, 10**6, 10**9, 10**12), 1)}
_POWERS |= {unit: f"2^{10 * power}" for power, unit in enumerate((2**10, 2**20, 2**30, 2**40), 1)}


def in_place_counted(question: Question) -> Attempts:
    """The outputs of layers that can overwrite their input."""
    if question.quantity not in ("activations", "memory"):
        return
    layer = question.layer
    if layer is not None and layer.in_place:
        text = f"the size of the output, but {layer.kind} can overwrite its input and writes no new volume"
        yield volume(question, question.node.output, text)
    elif not question.single:
        extra = sum(
            row.node.output.size for row in question.rows if row.node.layer is not None and row.node.layer.in_place
        )
        if extra:
            numbers = question.number + _in_unit(question, extra)
            text = "the figure with the in-place layers counted"
            yield Attempt(numbers, text, f"{question.number:,} + {_in_unit(question, extra):,} = {numbers:,}")


def _in_unit(question: Question, numbers: int) -> int:
    analysis = question.analysis
    return analysis.bytes(numbers) * analysis.batch if question.quantity == "memory" else numbers


def input_volume(question: Question) -> Attempts:
    """The input of the layer instead of its output, unless only the channels differ: see `windows.channels_unchanged`."""
    layer, output = question.layer, question.node.output
    if layer is None or question.quantity not in VOLUMES or not question.right:
        return
    if "filters" not in layer.fields or question.shapes[0].spatial != output.spatial:
        yield volume(question, question.shapes[0], "the size of the input, not of the output")


def no_channels(question: Question) -> Attempts:
    """The positions of a volume without its channels."""
    shape = question.node.output
    if question.single and question.quantity in VOLUMES and question.right and shape.rank:
        yield volume(question, shape.spatial, f"the positions of the output without its {shape.channels} channels")


def bytes_counted(question: Question) -> Attempts:
    """Bytes where numbers were asked for."""
    analysis = question.analysis
    width = DTYPES[analysis.dtype]
    if question.quantity in SUMS and question.quantity not in ("macs", "memory") and width > 1:
        number = question.number
        text = f"the size in bytes of {analysis.dtype}, not the count"
        yield Attempt(width * number, text, f"{width} x {number:,} = {width * number:,}")


def numbers_counted(question: Question) -> Attempts:
    """Numbers where bytes were asked for."""
    analysis = question.analysis
    width = DTYPES[analysis.dtype]
    if question.quantity == "memory" and width > 1:
        text = f"the count of numbers, each of which takes {width} bytes in {analysis.dtype}"
        yield Attempt(question.number // width, text)


def bytes_of_other_dtype(question: Question) -> Attempts:
    """Bytes of another data type."""
    if question.quantity == "memory":
        numbers = question.number // DTYPES[question.analysis.dtype]
        for dtype in ("float64", "float32", "float16", "int8"):
            if DTYPES[dtype] not in (1, DTYPES[question.analysis.dtype]):
                size = numbers * DTYPES[dtype]
                text = f"the size in {dtype} instead of {question.analysis.dtype}"
                yield Attempt(size, text, f"{DTYPES[dtype]} x {numbers:,} = {size:,}")


def batch_counted(question: Question) -> Attempts:
    """A figure for one example, multiplied by the batch."""
    batch = question.analysis.batch
    if batch > 1 and question.quantity in SUMS and question.quantity != "memory":
        number = question.number
        text = f"the figure for the whole batch of {batch:,}"
        if question.quantity in ("params", "weights", "biases"):
            text = f"the figure multiplied by the batch of {batch:,}, which shares all parameters"
        yield Attempt(batch * number, text, f"{batch:,} x {number:,} = {batch * number:,}")


def batch_forgotten(question: Question) -> Attempts:
    """The memory of one example."""
    batch = question.analysis.batch
    if batch > 1 and question.quantity == "memory":
        text = f"the memory of one example instead of a batch of {batch:,}"
        yield Attempt(question.number // batch, text, f"{question.number // batch:,}")


def other_prefix(question: Question) -> Attempts:
    """1,024 for 1,000, or the other way round, in a figure that is written out."""
    if question.quantity in SUMS:
        for power in (1, 2, 3):
            decimal, binary = 10 ** (3 * power), 2 ** (10 * power)
            for up, down in ((binary, decimal), (decimal, binary)):
                figure, rest = divmod(question.number * up, down)
                if not rest:
                    text = f"the figure with {_POWERS[up]} for {_POWERS[down]}"
                    yield Attempt(figure, text, equation(f"{question.number:,} x {up:,} / {down:,}", figure))


def read_other_prefix(question: Question, figure: Figure) -> str:
    """Describe a figure whose prefix was read as the other power: MB for MiB, 1,024 for k."""
    unit = _OTHER_UNIT.get(figure.unit)
    if question.quantity not in SUMS or not unit or not is_precise(figure):
        return ""
    if not Figure(figure.text, figure.digits, figure.places, unit).agrees(question.number):
        return ""
    return f"the computed figure with a prefix that means {_POWERS[unit]} instead of {_POWERS[figure.unit]}"


MISTAKES: dict[str, Kind] = {
    "in-place-counted": Kind(
        "in-place layers counted",
        "A layer such as relu overwrites its input and writes no new volume.",
        in_place_counted,
    ),
    "input-volume": Kind(
        "input counted instead of the output",
        "Activations are the numbers that the layer writes.",
        input_volume,
    ),
    "no-channels": Kind(
        "channels of the output left out", "A volume has height x width x channels numbers.", no_channels
    ),
    "bytes": Kind("bytes instead of numbers", "Count numbers; memory is numbers x bytes.", bytes_counted),
    "numbers": Kind("numbers instead of bytes", "Multiply by the bytes of a number: 4 in float32.", numbers_counted),
    "other-dtype": Kind(
        "bytes of another data type", "float64 takes 8 bytes, float32 4, float16 2.", bytes_of_other_dtype
    ),
    "batch": Kind("multiplied by the batch", "The figure is for one example.", batch_counted),
    "no-batch": Kind("batch left out", "Every example of the batch has feature maps of its own.", batch_forgotten),
    "prefix": Kind(
        "1,024 for 1,000",
        "k is 1,000 and M is 1,000,000; Ki is 1,024 and Mi is 1,048,576.",
        other_prefix,
        read_other_prefix,
    ),
}
