"""Mistakes with the parameters and multiply-adds of one layer: factors left out, biases, groups, buffers."""

from __future__ import annotations

from collections.abc import Callable, Collection

from cnncalc.analyses.mistakes.kind import Kind
from cnncalc.analyses.mistakes.question import (
    PARAMETERS,
    Attempt,
    Attempts,
    Question,
    attempt,
    changed,
    counts_towards,
    equation,
    replaced,
    terms,
)
from cnncalc.layers.conv import Conv, Depthwise
from cnncalc.layers.roles import has_bias_role
from cnncalc.layers.window import Windowed
from cnncalc.product import Number, Product, Sum

FILTERS = ("K", "K/groups", "units")
CHANNELS = ("C", "C/groups")
PLACES = ("H", "W", "D", "steps")
Change = Callable[[Product], Product]


def _counts(question: Question) -> dict[str, Number]:
    """Return the parameters of the layer that the question counts, or its multiply-adds; nothing if they are shared."""
    layer, quantity = question.layer, question.quantity
    if layer is None:
        return {}
    if quantity == "macs":
        return {"MACs": layer.macs(*question.shapes)}
    if quantity not in PARAMETERS or question.node.shared is not None:
        return {}
    return {
        name: count for name, count in layer.weights(*question.shapes).items() if counts_towards(quantity, name)
    }  # fmt: skip


def _without(names: Collection[str], most: int = 100) -> Change:
    """Return a function that leaves out the first `most` factors with one of the names."""

    def change(product: Product) -> Product:
        kept, left = [], most
        for name, number in product.factors:
            if name in names and left:
                left -= 1
            else:
                kept.append((name, number))
        return Product(*kept)

    return change


def _recount(question: Question, change: Change, text: str) -> Attempts:
    """Yield the figure with every weight's product changed, first with the biases, then without."""
    counts = _counts(question)
    weights = {name: _changed(count, change) for name, count in counts.items() if not has_bias_role(name)}
    if all(weights[name] == counts[name] for name in weights):
        return
    biases = {name: count for name, count in counts.items() if has_bias_role(name)}
    for chosen in ({**weights, **biases}, weights) if biases else (weights,):
        total = sum(map(int, chosen.values()))
        numbers = " + ".join(count.numbers or "1" for count in chosen.values())
        yield Attempt(total, text, equation(numbers, total))


def _changed(count: Number, change: Change) -> Number:
    products = [change(term) for term in terms(count)]
    return products[0] if len(products) == 1 else Sum(*products)


def _factor(question: Question, names: Collection[str]) -> int:
    """Return the first factor with one of the names; 0 if there is none."""
    for count in _counts(question).values():
        for term in terms(count):
            for name, number in term.factors:
                if name in names:
                    return number
    return 0


def no_bias(question: Question) -> Attempts:
    """The weights alone."""
    if question.quantity == "params" and any(row.biases for row in question.rows):
        weights = sum(row.weights for row in question.rows)
        counts = [count for name, count in _counts(question).items() if not has_bias_role(name)]
        numbers = " + ".join(count.numbers for count in counts) or str(weights)
        yield Attempt(weights, "weights without the biases", equation(numbers, weights))


def bias_counted(question: Question) -> Attempts:
    """Weights and biases where only weights were asked for."""
    if question.quantity == "weights" and any(row.biases for row in question.rows):
        yield Attempt(sum(row.params for row in question.rows), "weights and biases together")


def one_bias(question: Question) -> Attempts:
    """One bias for the whole layer."""
    weights, biases = _sums(question)
    if biases > 1:
        yield Attempt(weights + 1, "the figure with one bias for the whole layer", f"{weights:,} + 1 = {weights + 1:,}")


def bias_per_input(question: Question) -> Attempts:
    """One bias for each channel or number of the input."""
    weights, biases = _sums(question)
    layer = question.layer
    if biases and layer is not None:
        shape = question.shapes[0]
        into, what = (shape.size, "number") if layer.kind == "fc" else (shape.channels, "channel")
        shown = f"{weights:,} + {into:,} = {weights + into:,}"
        yield Attempt(weights + into, f"the figure with one bias for each {what} of the input", shown)


def bias_per_position(question: Question) -> Attempts:
    """One bias for each number of the output."""
    weights, biases = _sums(question)
    size = question.node.output.size
    if biases and size != biases:
        shown = f"{weights:,} + {size:,} = {weights + size:,}"
        yield Attempt(weights + size, "the figure with one bias for each number of the output", shown)


def _sums(question: Question) -> tuple[int, int]:
    """Return the weights and biases of one layer with weights, if the question is about its params; otherwise zeros."""
    row = question.rows[0]
    if question.quantity != "params" or not question.single or not row.weights:
        return 0, 0
    return row.weights, row.biases


def bias_added(question: Question) -> Attempts:
    """A bias that the layer does not have."""
    layer = question.layer
    if layer is not None and "bias" in layer.fields and isinstance(layer.fields["bias"].default, bool):
        yield from attempt(question, "the figure with a bias, but the layer has none", changed(layer, bias=True))


def one_filter(question: Question) -> Attempts:
    """The weights of one filter or unit instead of K."""
    count = _factor(question, FILTERS)
    if count > 1 and question.quantity != "biases":
        change = _without(FILTERS, 1)
        text = f"the figure for one filter instead of {count}"
        if _factor(question, ("units",)):
            text = f"the figure for one unit instead of {count:,}"
        weights = [_changed(value, change) for name, value in _counts(question).items() if not has_bias_role(name)]
        total = sum(weights)
        if question.quantity == "params" and question.rows[0].biases:
            numbers = " + ".join(weight.numbers for weight in weights)
            yield Attempt(total + 1, f"{text}, with its bias", equation(f"{numbers} + 1", total + 1))
        yield from _recount(question, change, text)


def no_input_channels(question: Question) -> Attempts:
    """A filter of F x F, without the channels of the input."""
    count = _factor(question, CHANNELS)
    if count > 1 and question.layer is not None and "kernel" in question.layer.fields:
        yield from _recount(question, _without(CHANNELS, 1), f"the figure without the {count:,} channels of the input")


def one_side(question: Question) -> Attempts:
    """F instead of F x F."""
    layer = question.layer
    if layer is not None and question.shapes[0].rank > 1 and _factor(question, ("F",)) > 1:
        yield from _recount(question, _without(("F",), 1), "the figure with F instead of F*F")


def groups_ignored(question: Question) -> Attempts:
    """Every filter over all channels of the input, although the layer has groups or is depthwise."""
    layer = question.layer
    text = "the figure for filters over all channels of the input"
    if isinstance(layer, Conv):
        yield from attempt(question, f"{text}, without groups", changed(layer, groups=1))
    elif isinstance(layer, Depthwise):
        fields = {name: value for name, value in layer.nondefault_fields.items() if name != "multiplier"}
        conv = Conv.from_values({**fields, "filters": question.node.output.channels})
        yield from attempt(question, f"{text}, which a depthwise convolution does not have", conv)


def not_flattened(question: Question) -> Attempts:
    """C*units for a fully connected layer on an image."""
    layer = question.layer
    if layer is not None and layer.kind == "fc" and question.shapes[0].rank:
        text = "the figure for the channels of the input only, without its positions"
        yield from _recount(question, _without(PLACES), text)


def pool_with_weights(question: Question) -> Attempts:
    """Weights for a layer that has a window but no parameters."""
    layer = question.layer
    if not isinstance(layer, Windowed) or question.quantity not in ("params", "weights") or question.right != 0:
        return
    if layer.weights(*question.shapes):
        return
    channels = ("C", question.shapes[0].channels)
    window = [("F", view.kernel) for view in layer.windows(*question.shapes)]
    text = f"the figure of a convolution with this window, but {layer.kind} has no parameters"
    for factors in ([*window, channels, channels], [*window, channels], window):
        product = Product(*factors)
        yield Attempt(int(product), text, equation(product.numbers, product))
        if len(factors) > len(window) and question.quantity == "params":
            total = product + channels[1]
            yield Attempt(total, text, equation(f"{product.numbers} + {channels[1]}", total))


def one_gate(question: Question) -> Attempts:
    """One gate of a recurrent layer."""
    gates = _factor(question, ("gates",))
    if gates > 1:
        change = _without(("gates",), 1)
        counts = {name: _changed(count, change) for name, count in _counts(question).items()}
        total = sum(map(int, counts.values()))
        numbers = " + ".join(count.numbers for count in counts.values())
        yield Attempt(total, f"the figure for one gate instead of {gates}", equation(numbers, total))


def one_position(question: Question) -> Attempts:
    """The multiply-adds of one position of the output."""
    if question.quantity == "macs" and _factor(question, ("out", "positions")):
        places = question.node.output.spatial
        text = f"the figure for one position instead of {'*'.join(map(str, places))}"
        yield from _recount(question, _without(("out", "positions")), text)


def input_positions(question: Question) -> Attempts:
    """The multiply-adds at every position of the input instead of the output."""
    if question.quantity == "macs" and _factor(question, ("out",)) and question.layer is not None:
        macs = replaced(question.layer.macs(*question.shapes), "out", question.shapes[0].spatial)
        size = "x".join(map(str, question.shapes[0].spatial))
        text = f"the figure for the {size} positions of the input instead of those of the output"
        yield Attempt(int(macs), text, equation(macs.numbers, macs))


def flops(question: Question) -> Attempts:
    """Multiplications and additions counted separately."""
    if question.quantity == "macs":
        number = question.number
        text = "multiplications and additions counted separately"
        yield Attempt(2 * number, text, f"2 x {number:,} = {2 * number:,}")


def _additions(question: Question) -> int:
    return sum(row.node.output.size for row in question.rows if row.macs and row.biases)


def bias_additions(question: Question) -> Attempts:
    """MACs with one addition of a bias for each output."""
    added = _additions(question)
    if question.quantity == "macs" and added:
        yield Attempt(question.number + added, f"the addition of {added:,} biases counted as well")


def flops_with_biases(question: Question) -> Attempts:
    """Multiplications, additions and biases counted separately."""
    added = _additions(question)
    if question.quantity == "macs" and added:
        text = "multiplications, additions and biases counted separately"
        yield Attempt(2 * question.number + added, text)


def buffers_counted(question: Question) -> Attempts:
    """Running means and variances counted as parameters."""
    buffers = sum(row.buffers for row in question.rows)
    if question.quantity == "params" and buffers:
        total = question.number + buffers
        yield Attempt(total, "parameters and buffers together", f"{question.number:,} + {buffers:,} = {total:,}")


def other_quantity(question: Question) -> Attempts:
    """The params of a layer for its MACs, or the other way round."""
    row = question.rows[0]
    if question.single and question.quantity == "macs" and row.params:
        yield Attempt(row.params, "the number of parameters, not of MACs")
    elif question.single and question.quantity == "params" and row.counted and row.macs:
        yield Attempt(int(row.macs), "the number of MACs, not of parameters")


MISTAKES: dict[str, Kind] = {
    "no-bias": Kind("biases left out", "Add one bias for each filter or unit.", no_bias),
    "bias-counted": Kind("biases counted as weights", "Weights multiply the input; biases are added.", bias_counted),
    "one-bias": Kind("one bias for the whole layer", "There is one bias for each filter or unit.", one_bias),
    "bias-per-input": Kind(
        "one bias per input", "There is one bias for each filter or unit, not for each input.", bias_per_input
    ),
    "bias-per-position": Kind(
        "one bias per output number", "All positions share the bias of their filter.", bias_per_position
    ),
    "bias-added": Kind("bias counted although the layer has none", "The layer has `bias: false`.", bias_added),
    "one-filter": Kind("one filter or unit counted", "Multiply by the number of filters K, or of units.", one_filter),
    "no-input-channels": Kind(
        "channels of the input left out",
        "A filter has F*F*C weights: it covers all C channels of its input.",
        no_input_channels,
    ),
    "one-side": Kind("F instead of F*F", "A filter is F high and F wide.", one_side),
    "groups-ignored": Kind(
        "groups left out", "A filter covers only the C/groups channels of its own group.", groups_ignored
    ),
    "not-flattened": Kind(
        "positions of the input left out",
        "A unit is connected to every number of the input: H*W*C.",
        not_flattened,
    ),
    "pool-with-weights": Kind("weights for a pooling", "A pooling has no parameters.", pool_with_weights),
    "one-gate": Kind("one gate counted", "An LSTM has 4 gates with weights of their own, a GRU has 3.", one_gate),
    "buffers-counted": Kind(
        "running statistics counted", "Running means and variances are buffers, not parameters.", buffers_counted
    ),
    "one-position": Kind(
        "one position counted", "The filters are applied at every position of the output.", one_position
    ),
    "input-positions": Kind(
        "positions of the input counted", "Count the positions of the output, not of the input.", input_positions
    ),
    "flops": Kind("FLOPs instead of MACs", "One multiply-accumulate counts once; FLOPs are 2 x MACs.", flops),
    "bias-additions": Kind("bias additions counted", "Adding a bias is not a multiply-accumulate.", bias_additions),
    "flops-with-biases": Kind(
        "FLOPs with bias additions",
        "One multiply-accumulate counts once, and biases do not count.",
        flops_with_biases,
    ),
    "other-quantity": Kind(
        "params and MACs confused", "MACs are the weights times the positions of the output.", other_quantity
    ),
}
