"""A quiz: questions about layers, chosen by a seed, with a hint, the judgement of an answer, and its explanation."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from cnncalc.analyses.mistakes.question import Question, ask
from cnncalc.analyses.mistakes.recognition import Mistake, recognize
from cnncalc.analyses.receptive import extent
from cnncalc.analyses.totals import Analysis, Row, analyze
from cnncalc.analyses.working import Fact, working_of
from cnncalc.layers.base import Layer
from cnncalc.layers.conv import Conv
from cnncalc.layers.dense import FC
from cnncalc.layers.norm import BatchNorm
from cnncalc.layers.pool import MaxPool
from cnncalc.network import Builder, Network, Node
from cnncalc.problem import Problem
from cnncalc.record import Record
from cnncalc.shape import Shape
from cnncalc.teaching.answers import format_answer, is_right, parse_answer
from cnncalc.teaching.variants import Dice
from cnncalc.teaching.worksheet import describe
from cnncalc.text import show

QUESTIONS = 10
MOST_QUESTIONS = 1000
LONGEST_CHAIN = 100  # layers that a question about a receptive field may go through
DTYPE = "float32"
BATCHES = (1, 8, 16, 32, 64)
# topic -> the quantities that it asks for, and the form of an answer
TOPICS = {
    "shapes": ("output",),
    "params": ("params",),
    "receptive-field": ("receptive_field",),
    "memory": ("activations", "memory"),
}
ASKING = {
    "output": "What is the shape of the output, height x width x channels?",
    "params": "How many parameters does it have?",
    "activations": "How many activations does it write, for one example?",
    "receptive_field": "What is the receptive field of a cell of its output, in input pixels?",
}


class Asked(Record):
    """One question of the quiz. `text` has the lines that state it."""

    topic: str
    question: Question
    text: tuple[str, ...]

    @property
    def row(self) -> Row:
        """The layer that the question is about."""
        return self.question.rows[-1]

    @property
    def facts(self) -> list[Fact]:
        """The working of the right answer."""
        return working_of(self.question.analysis, self.row, self.question.quantity)

    @property
    def hint(self) -> str:
        """The formula in letters; empty if there is none."""
        if self.question.quantity == "activations":
            return "activations = height*width*channels of the output"
        return "; ".join(dict.fromkeys(f"{fact.label} = {fact.letters}" for fact in self.facts if fact.letters))

    @property
    def answer(self) -> str:
        """The right answer."""
        return format_answer(self.question.right, self.question.quantity)


class Verdict(Record):
    """The judgement of an answer: right, wrong with the mistakes that explain it, or not readable."""

    readable: bool
    right: bool = False
    mistakes: tuple[Mistake, ...] = ()


class NoQuestions(Exception):
    """The network has no layer with a question of this topic."""


def judge(asked: Asked, text: str) -> Verdict:
    """Judge an answer. A rounded number is right if it has at least three digits."""
    question = asked.question
    answer = parse_answer(text, question.quantity)
    if answer is None:
        return Verdict(False)
    if is_right(question, answer):
        return Verdict(True, True)
    return Verdict(True, False, recognize(question, answer))


def quiz(count: int, seed: int, topic: str = "", network: Network | None = None) -> Iterator[Asked]:
    """Return the questions of a quiz, about the layers of a network or about small networks made for each question.

    Raises:
        NoQuestions: The network has no question of the topic.
    """
    dice = Dice(seed)
    topics = (topic,) if topic else tuple(TOPICS)
    if network is not None:
        return _about(network, count, dice, topics)
    return (_invented(dice, topics[number % len(topics)]) for number in range(count))


def _about(network: Network, count: int, dice: Dice, topics: Sequence[str]) -> Iterator[Asked]:
    analysis = analyze(network, dice.pick(BATCHES), DTYPE)
    every: dict[str, list[Asked]] = {}
    for topic in topics:
        quantities = TOPICS[topic]
        questions = [
            _make_question(analysis, topic, quantity, row)
            for quantity in quantities
            for row in analysis.rows
            if _worth(analysis, row, quantity)
        ]
        if questions:
            every[topic] = dice.shuffle(questions)
    if not every:
        what = f"for the topic {topics[0]}" if len(topics) == 1 else "for a quiz"
        raise NoQuestions(f"no layer of this network is suitable {what}")
    return _deal(every, count)


def _deal(every: dict[str, list[Asked]], count: int) -> Iterator[Asked]:
    """Return questions of all topics in turn, each once."""
    left = count
    while left and any(every.values()):
        for asked in every.values():
            if asked and left:
                left -= 1
                yield asked.pop(0)


def _worth(analysis: Analysis, row: Row, quantity: str) -> bool:
    """Return whether the figure of a layer is known and takes a calculation."""
    if row.node.layer is None or ask(analysis, quantity, [row]) is None:
        return False
    if quantity == "receptive_field":
        seen = extent(analysis.field(row), analysis.extent)
        each = seen is not None and seen[1] is not None  # each cell sees a part of the input
        return each and bool(
            row.node.layer.windows(*analysis.network.shapes(row.node)) and _chain(analysis.network, row.node)
        )
    if quantity in ("activations", "memory"):
        return row.activations > 0 and row.node.output.rank > 0
    return any(fact.letters for fact in working_of(analysis, row, quantity))


def _make_question(analysis: Analysis, topic: str, quantity: str, row: Row) -> Asked:
    question = ask(analysis, quantity, [row])
    assert question is not None
    network, node = analysis.network, row.node
    lines = []
    if quantity == "receptive_field":
        lines += [f"input {network.nodes[0].output}", *_path(analysis, row)]
    else:
        fields = describe(analysis, row)
        inputs = " and ".join(map(str, network.shapes(node)))
        name = f"{show(node.name, 60)}: " if show(node.name) != node.kind else ""
        lines.append(f"{name}{node.kind}{', ' if fields else ''}{fields}, on an input of {inputs}")
    return Asked(topic, question, (*lines, _sentence(analysis, quantity)))


def _sentence(analysis: Analysis, quantity: str) -> str:
    if quantity != "memory":
        return ASKING[quantity]
    batch = f" for a batch of {analysis.batch}" if analysis.batch > 1 else ""
    return f"How many bytes do its activations take in {analysis.dtype}{batch}?"


def _path(analysis: Analysis, row: Row) -> list[str]:
    """Return the layers with windows that lead to a row, one per line."""
    network = analysis.network
    return [
        f"  {show(node.name, 60)}: {node.kind}, {describe(analysis, analysis.rows[node.index])}"
        for node in _chain(network, row.node)
        if node.layer is not None and node.layer.windows(*network.shapes(node))
    ]


def _chain(network: Network, node: Node) -> list[Node]:
    """Return the layers from the input to a node; nothing if they branch, or are too many to work out by hand."""
    chain: list[Node] = []
    while node.layer is not None:
        if len(node.inputs) != 1 or len(chain) == LONGEST_CHAIN:
            return []
        chain.insert(0, node)
        node = network.nodes[node.inputs[0]]
    return chain if node.index == 0 else []


# -- questions that are made up --------------------------------------------------------------------------------------

Maker = Callable[[Dice], list[Layer]]
COUNTS = (6, 8, 10, 16, 20, 32, 48, 64, 96, 128)


def _conv(dice: Dice) -> Conv:
    kernel = dice.pick((1, 3, 3, 5, 5, 7))
    pad = dice.pick((0, (kernel - 1) // 2, (kernel - 1) // 2))
    return Conv(filters=dice.pick(COUNTS), kernel=kernel, stride=dice.pick((1, 1, 2)), pad=pad)


def _pool(dice: Dice) -> MaxPool:
    return MaxPool(**dice.pick(({"kernel": 2}, {"kernel": 3, "stride": 2})))


def _invented(dice: Dice, topic: str) -> Asked:
    """Return a question about a small network with sizes that divide exactly."""
    quantity = dice.pick(TOPICS[topic])
    while True:
        layers, shape = _layers(dice, topic)
        network = _network(shape, layers)
        if network is None:
            continue
        analysis = analyze(network, dice.pick(BATCHES) if quantity == "memory" else 1, DTYPE)
        return _make_question(analysis, topic, quantity, analysis.rows[-1])


def _layers(dice: Dice, topic: str) -> tuple[list[Layer], Shape]:
    size = dice.pick((16, 24, 28, 32, 48, 56, 64, 96, 112, 128, 224, 227))
    channels = dice.pick((1, 3, 3, *COUNTS))
    if topic == "receptive-field":
        windows: list[Layer] = []
        for _ in range(dice.pick((2, 3, 3, 4))):
            windows.append(
                _pool(dice) if windows and not isinstance(windows[-1], MaxPool) and dice.pick((0, 1)) else _conv(dice)
            )
        return windows, Shape((224, 224, 3))
    if topic == "params":
        layer: Layer = dice.pick(
            (
                _conv(dice),
                _conv(dice),
                _conv(dice),
                FC(units=dice.pick((10, 84, 100, 120, 256, 1000))),
                BatchNorm(),
                _pool(dice),
            )
        )
        small = dice.pick((4, 5, 7, 8)) if isinstance(layer, FC) else size
        return [layer], Shape((small, small, channels))
    return [dice.pick((_conv(dice), _conv(dice), _pool(dice)))], Shape((size, size, channels))


def _network(shape: Shape, layers: Sequence[Layer]) -> Network | None:
    """Return the layers as a network; None if a size does not divide, or a window sees nothing but one cell."""
    builder = Builder()
    value = builder.input("input", shape)
    names: dict[str, int] = {}
    try:
        for layer in layers:
            names[layer.kind] = names.get(layer.kind, 0) + 1
            name = layer.kind if len(layers) == 1 else f"{layer.kind}{names[layer.kind]}"
            if layer.notes(builder.shape(value)):
                return None
            value = builder.add(layer, [value], name)
    except Problem:
        return None
    facts: dict[str, Any] = {"name": "quiz"}
    return builder.finish([value], **facts)
