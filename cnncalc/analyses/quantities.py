"""The table of figures: what each is called, how it is measured, and where it is offered.

To add a figure, define a `Quantity` and name it in each place that offers it: `PRINTED` (`analyze --get`), `TOTALS` and
`METRICS` (JSON), `PER_LAYER` (columns), `COMPARED`, `PUBLISHABLE`, `EXPECTABLE` and `LIMITS` (policies, `--max-...`).
Everything that types, checks or prints the figure follows from these tables.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from cnncalc.record import Record

if TYPE_CHECKING:
    from cnncalc.analyses.totals import Analysis, Row

    Value = int | str | list[int] | None


class Setting(Record):
    """How a network runs, for figures that depend on it; the batch and dtype are those of the analysis.

    `amp` is the dtype that mixed precision computes in, or empty. `count` is `trainable`, or `all` for params and buffers.
    """

    optimizer: str = "sgd"
    amp: str = ""
    count: str = "trainable"


USUAL = Setting()


class Quantity(Record):
    """One figure of a network.

    `noun` is its name in a sentence, and `help` explains it next to a column. `value` works it out and returns None if it
    is not known. `row` is the attribute of a `Row` that adds up to it; it is empty if the figure is not a sum over layers.
    A size is in bytes, and is typed and printed with a unit. A `rounded` figure is printed with a prefix, such as 15.5G.
    `settings` are the fields that a limit on it accepts besides its bounds and level. `uncounted` returns how many layers
    the figure leaves out because theirs is not known: `value` is then a lower bound.
    """

    noun: str
    value: Callable[[Analysis, Setting], Value]
    row: str = ""
    help: str = ""
    is_size: bool = False
    rounded: bool = False
    settings: tuple[str, ...] = ()
    uncounted: Callable[[Analysis], int] | None = None

    def measure(self, analysis: Analysis, setting: Setting = USUAL) -> Value:
        """Return the figure of a network; None if it is not known, or known only as a lower bound."""
        if self.uncounted is not None and self.uncounted(analysis):
            return None
        return self.value(analysis, setting)

    def lower_bound(self, analysis: Analysis) -> Value:
        """Return the figure without the layers whose own is not known."""
        return self.value(analysis, USUAL)

    def number(self, analysis: Analysis, setting: Setting = USUAL) -> int | None:
        """Return the figure as a whole number; None if it is not known."""
        value = self.measure(analysis, setting)
        assert value is None or isinstance(value, int)
        return value

    def of_row(self, analysis: Analysis, row: Row) -> int:
        """Return the share of one row, for one example."""
        number = int(getattr(row, self.row))
        return analysis.bytes(number) if self.is_size else number

    def of_rows(self, rows: Sequence[Row]) -> int | None:
        """Return the sum over some rows; None if it is not known for one of them."""
        if self.uncounted is not None and not all(row.counted for row in rows):
            return None
        return sum(int(getattr(row, self.row)) for row in rows)

    def text(self, analysis: Analysis) -> str:
        """Return the exact figure as plain text, `?` if it is not known."""
        value = self.measure(analysis)
        return "?" if value is None else "x".join(map(str, value)) if isinstance(value, list) else str(value)


# -- how figures are measured ----------------------------------------------------------------------------------------


def _total(name: str) -> Callable[[Analysis, Setting], int]:
    """Return a function that reads a field of the totals."""

    def read(analysis: Analysis, setting: Setting) -> int:
        number: int = getattr(analysis.totals, name)
        return number

    return read


def _params(analysis: Analysis, setting: Setting) -> int:
    total = analysis.totals
    return total.params + total.buffers if setting.count == "all" else total.params


def _training_memory(analysis: Analysis, setting: Setting) -> int | None:
    """The smallest peak of a training step that any program can reach with this order of layers."""
    from cnncalc.analyses.memory.peak import train

    run = train(
        analysis.network, analysis.batch, analysis.dtype, setting.optimizer, least=True, amp=setting.amp
    )  # fmt: skip
    return run.peak.live if run.exact else None  # a lower bound proves nothing


def _inference_memory(analysis: Analysis, setting: Setting) -> int | None:
    """The smallest peak of inference that any program can reach with this order of layers."""
    from cnncalc.analyses.memory.peak import infer

    run = infer(analysis.network, analysis.batch, analysis.dtype, least=True, amp=setting.amp)
    return run.peak.live if run.exact else None


def _conv_layers(analysis: Analysis, setting: Setting) -> int:
    return sum(1 for row in analysis.rows if row.node.layer is not None and row.node.layer.convolves)


def _largest_field(analysis: Analysis, setting: Setting) -> list[int] | None:
    return analysis.features


def _smaller_side(analysis: Analysis, setting: Setting) -> int | None:
    return min(analysis.features) if analysis.features else None


def _output_fields(analysis: Analysis, setting: Setting) -> str:
    """The size of the field that one cell of each output sees, or of the whole input if a cell sees all of it."""
    from cnncalc.analyses.receptive import extent

    texts = []
    for index in analysis.network.outputs:
        seen = extent(analysis.fields[index], analysis.extent)
        texts.append("?" if seen is None else "x".join(map(str, seen[0] if len(set(seen[0])) > 1 else seen[0][:1])))
    return " ".join(texts)


def _inputs(analysis: Analysis, setting: Setting) -> str:
    return ", ".join(str(node.output) for node in analysis.network.inputs)


def _outputs(separator: str) -> Callable[[Analysis, Setting], str]:
    """Return a function that lists the shapes of the outputs."""

    def read(analysis: Analysis, setting: Setting) -> str:
        return separator.join(str(analysis.network.nodes[index].output) for index in analysis.network.outputs)

    return read


# -- the figures -----------------------------------------------------------------------------------------------------

MEMORY_SETTINGS = ("batch", "dtype")

PARAMS = Quantity("params", _params, "params", "weights and biases", settings=("count",))
TRAINABLE = Quantity("trainable", _total("trainable"), "trainable", "params that are not frozen")
WEIGHTS = Quantity("weights", _total("weights"), "weights", "parameters that are multiplied with the input")
BIASES = Quantity("biases", _total("biases"), "biases", "parameters that are added")
BUFFERS = Quantity("buffers", _total("buffers"), "buffers", "running means and variances")
PARAM_MEMORY = Quantity(
    "parameter memory", lambda analysis, setting: analysis.bytes(analysis.totals.params), "params", is_size=True
)
ACTIVATIONS = Quantity("activations", _total("activations"), "activations", "numbers written to new volumes")
ACTIVATION_MEMORY = Quantity(
    "activation memory", lambda analysis, setting: analysis.activation_bytes, "activations",
    "bytes of the activations, for the batch and dtype", is_size=True, rounded=True, settings=MEMORY_SETTINGS,
)  # fmt: skip
CONV_ACTIVATIONS = Quantity("activations of convolutions", _total("conv_activations"), "conv_activations")
TRAINING_MEMORY = Quantity(
    "training memory", _training_memory, is_size=True, settings=(*MEMORY_SETTINGS, "optimizer", "amp")
)
INFERENCE_MEMORY = Quantity("inference memory", _inference_memory, is_size=True, settings=(*MEMORY_SETTINGS, "amp"))
MACS = Quantity(
    "MACs", _total("macs"), "macs", "multiply-accumulates for one example", rounded=True,
    uncounted=lambda analysis: analysis.totals.uncounted,
)  # fmt: skip
LAYERS = Quantity("layers", _total("layers"))
DEPTH = Quantity("depth", _total("depth"))
CONV_LAYERS = Quantity("conv layers", _conv_layers)
RECEPTIVE_FIELD = Quantity("receptive field", _smaller_side)
LARGEST_FIELD = Quantity("receptive field", _largest_field)
OUTPUT_FIELDS = Quantity("receptive field", _output_fields)
INPUT = Quantity("input", _inputs)
OUTPUT = Quantity("output", _outputs(", "))
OUTPUT_WORDS = Quantity("output", _outputs(" "))

# -- where they are offered, by the name that each place uses, in its order ------------------------------------------

# `analyze --get`
PRINTED = {
    "params": PARAMS, "trainable": TRAINABLE, "weights": WEIGHTS, "biases": BIASES, "activations": ACTIVATIONS,
    "activation_bytes": ACTIVATION_MEMORY, "conv_activations": CONV_ACTIVATIONS, "macs": MACS, "depth": DEPTH,
    "layers": LAYERS, "buffers": BUFFERS, "param_bytes": PARAM_MEMORY, "output": OUTPUT_WORDS, "rf": OUTPUT_FIELDS,
}  # fmt: skip
# `totals` in the JSON of `analyze`
TOTALS = {
    "layers": LAYERS, "depth": DEPTH, "activations": ACTIVATIONS, "activation_bytes": ACTIVATION_MEMORY,
    "conv_activations": CONV_ACTIVATIONS, "weights": WEIGHTS, "biases": BIASES, "params": PARAMS, "trainable": TRAINABLE,
    "param_bytes": PARAM_MEMORY, "buffers": BUFFERS, "macs": MACS,
}  # fmt: skip
# `metrics` in the JSON of `check`
METRICS = {
    "params": PARAMS, "trainable": TRAINABLE, "weights": WEIGHTS, "biases": BIASES, "buffers": BUFFERS,
    "activations": ACTIVATIONS, "activation_bytes": ACTIVATION_MEMORY, "macs": MACS, "layers": LAYERS, "depth": DEPTH,
    "conv_layers": CONV_LAYERS, "receptive_field": RECEPTIVE_FIELD, "input": INPUT, "output": OUTPUT,
}  # fmt: skip
# columns of the layer table, and what `--sort` accepts
PER_LAYER = {
    "activations": ACTIVATIONS, "memory": ACTIVATION_MEMORY, "params": PARAMS, "trainable": TRAINABLE, "weights": WEIGHTS,
    "biases": BIASES, "buffers": BUFFERS, "macs": MACS,
}  # fmt: skip
# the totals of `compare`
COMPARED = {
    "params": PARAMS, "trainable": TRAINABLE, "weights": WEIGHTS, "biases": BIASES, "activations": ACTIVATIONS,
    "memory": ACTIVATION_MEMORY, "macs": MACS, "depth": DEPTH, "layers": LAYERS, "receptive_field": LARGEST_FIELD,
}  # fmt: skip
# what `published:` may state of a network
PUBLISHABLE = {
    "params": PARAMS, "weights": WEIGHTS, "biases": BIASES, "activations": ACTIVATIONS,
    "conv_activations": CONV_ACTIVATIONS, "macs": MACS, "memory": ACTIVATION_MEMORY, "depth": DEPTH, "layers": LAYERS,
}  # fmt: skip
# what `expect:` may state of a step; the output and the receptive field are those of its last layer
EXPECTABLE = {
    "output": OUTPUT, "params": PARAMS, "weights": WEIGHTS, "biases": BIASES, "activations": ACTIVATIONS, "macs": MACS,
    "receptive_field": LARGEST_FIELD,
}  # fmt: skip
# limits of a policy, in the order of the report
LIMITS = {
    "params": PARAMS, "trainable": TRAINABLE, "weights": WEIGHTS, "biases": BIASES, "activations": ACTIVATIONS,
    "activation-memory": ACTIVATION_MEMORY, "training-memory": TRAINING_MEMORY, "inference-memory": INFERENCE_MEMORY,
    "macs": MACS, "layers": LAYERS, "depth": DEPTH, "conv-layers": CONV_LAYERS, "receptive-field": RECEPTIVE_FIELD,
}  # fmt: skip
