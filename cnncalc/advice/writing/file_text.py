"""Change the lines of a file that describe the changed layers, and keep all others."""

from __future__ import annotations

from collections.abc import Sequence

from cnncalc.advice.edits import replaced_layers
from cnncalc.advice.writing.step_text import CannotKeep, Defaults, OldStep, field_texts, fields_text, step_text
from cnncalc.analyses.claims import expected, published
from cnncalc.analyses.totals import analyze
from cnncalc.layers.base import KINDS, Layer
from cnncalc.network import Network, Node
from cnncalc.problem import ONE_LINE, Refused, Source
from cnncalc.readers.yaml.editing.spans import Span, parse_spans
from cnncalc.readers.yaml.editing.text import Editing
from cnncalc.readers.yaml.reader import read
from cnncalc.readers.yaml.vocabulary import ATTRIBUTES
from cnncalc.text import plural
from cnncalc.writers.yaml.proof import difference

WRAPPED = {"repeat", "when"}  # attributes that a list of steps can have like a single one


def source_of(network: Network) -> Source | None:
    """Return the file that a network was read from; None if it was not read from a specification."""
    source = next((node.where.source for node in network.nodes if node.where is not None), None)
    return None if source is None or source.path == ONE_LINE else source


def change_file(source: Source, before: Network, after: Network) -> str:
    """Return the text of a file with the changes between two networks.

    It is read again, and must describe the changed network in every figure. Expected and published figures that no longer
    hold are removed, because they are those of the original.

    Raises:
        CannotKeep: The lines cannot express a change.
    """
    if before.changes:
        raise CannotKeep("--set changed the network, not the file")
    text = _Steps(source, before, after).change()
    again = _read(text)
    problem = _difference(after, again)
    if problem and _difference(before, _read(source.text)):
        raise CannotKeep("-p, --input or --freeze changed the network, not the file")
    if problem:
        raise CannotKeep(f"the changed lines would describe another network: {problem}")
    return _without_claims(text, again)


def _difference(network: Network, again: Network) -> str:
    """Describe how a network that was read again differs, apart from the names of layers; empty if it does not."""
    return difference(network, again, range(len(network.nodes)), [node.name for node in again.nodes])


def _read(text: str) -> Network:
    try:
        return read(Source("the changed file", text))
    except Refused as refused:
        raise CannotKeep(f"the changed lines would not be valid: {refused.problems[0]}") from refused


class _Steps:
    """The steps of a file with the layers that they stand for."""

    def __init__(self, source: Source, before: Network, after: Network) -> None:
        self.before = before
        self.top = parse_spans(source.text)
        self.editing = Editing(source.text)
        self.defaults = self._defaults()
        self.parents: dict[tuple[int, int], tuple[Span, int, Span]] = {}  # place of a step -> its list, place and item
        for span in self.top.walk():
            for number, item in enumerate(span.items):
                for key, _ in item.pairs or [(item, item)]:
                    self.parents[key.line, key.column] = (span, number, item)
        self.layers: dict[tuple[int, int], list[tuple[Node, list[Layer]]]] = {}
        now = replaced_layers(before, after)
        for node in before.nodes:
            if node.layer is None:
                continue
            if node.where is None:
                raise CannotKeep(f"no line describes {node.name}")
            new = [one.layer for one in now.get(node.name, []) if one.layer is not None]
            self.layers.setdefault((node.where.line, node.where.column), []).append((node, new))

    def _defaults(self) -> Defaults:
        found = self.top.find("defaults")
        kinds = {} if found is None else {key.value: value for key, value in found[1].pairs}
        return {kind: {key.value: self._text(value) for key, value in fields.pairs} for kind, fields in kinds.items()}

    def _text(self, span: Span) -> str:
        """Return a value as it is written, in quotes if it could not be in brackets without."""
        text = self.editing.text[span.start : span.end].rstrip()
        if span.kind == "scalar" and text[:1] not in ('"', "'") and any(sign in text for sign in ",[]{}"):
            return f'"{text}"'
        return text

    def change(self) -> str:
        """Return the changed text.

        Raises:
            CannotKeep: A step cannot express a change.
        """
        removed: dict[int, int] = {}
        for place, pairs in self.layers.items():
            if all(len(new) == 1 and new[0] == node.layer for node, new in pairs):
                continue
            try:
                self._change_step(place, pairs, removed)
            except CannotKeep as error:
                raise CannotKeep(f"line {place[0]}: {error}") from error
        if self.editing.overlaps:
            raise CannotKeep("two changes are about the same words")
        return self.editing.result()

    def _change_step(
        self, place: tuple[int, int], pairs: Sequence[tuple[Node, list[Layer]]], removed: dict[int, int]
    ) -> None:
        if place not in self.parents:
            raise CannotKeep("it is not a step of a list")
        steps, number, item = self.parents[place]
        layers = [node.layer for node, _ in pairs if node.layer is not None]
        kind = layers[0].kind
        lengths = {len(new) for _, new in pairs}
        if len(lengths) > 1 or any(type(layer) is not type(layers[0]) for layer in layers):
            raise CannotKeep(f"{plural(len(pairs), 'layer')} come from it, and not all of them change in the same way")
        found = item.find(kind) if item.kind == "mapping" else None
        if found is None and not (item.kind == "scalar" and item.value == kind):
            raise CannotKeep(f"it does not name the kind {kind}")
        old = OldStep(kind, self._fields(kind, found), layers)
        chains = [new for _, new in pairs]
        steps_of = [[chain[position] for chain in chains] for position in range(lengths.pop())]
        if any(type(layer) is not type(alike[0]) for alike in steps_of for layer in alike):
            raise CannotKeep("its layers would become layers of several kinds")
        if not steps_of:
            self._remove(steps, number, item, removed)
            return
        texts = [field_texts(old, alike, self.defaults) for alike in steps_of]
        kinds = [type(alike[0]) for alike in steps_of]
        new = [step_text(one, fields) for one, fields in zip(kinds, texts, strict=True)]
        if len(new) == 1 and kinds[0].kind == kind:
            self._change_fields(item, found, old, texts[0], new[0], kinds[0])
        elif found is None:
            self._put(item.start, item.end, new[-1])
            self.editing.add_before(item, new[:-1], steps.flow)
        else:
            self._change_item(steps, item, found, new)

    def _fields(self, kind: str, found: tuple[Span, Span] | None) -> dict[str, str]:
        """Return the texts of the fields of a step, without those that it takes from the defaults."""
        if found is None or not (self.editing.text[found[1].start : found[1].end].strip()):
            return {}
        if found[1].kind == "mapping":
            return {key.value: self._text(value) for key, value in found[1].pairs}
        return {next(iter(KINDS[kind].fields)): self._text(found[1])}

    def _put(self, start: int, end: int, new: str) -> None:
        self.editing.replace(start, end, new)

    def _change_fields(
        self,
        item: Span,
        found: tuple[Span, Span] | None,
        old: OldStep,
        texts: dict[str, str],
        step: str,
        kind: type[Layer],
    ) -> None:
        """Change the fields of a step that keeps its kind, each in its place."""
        if found is None:
            self._put(item.start, item.end, step)
            return
        key, value = found
        if value.kind != "mapping":
            new = step.partition(": ")[2]
            if value.end > value.start:
                self._put(value.start, value.end, new)
            else:
                self._put(key.start, key.end, step)
            return
        for name, text in old.texts.items():
            pair = value.find(name)
            assert pair is not None
            if name not in texts:
                self.editing.remove_pair(value, name)
            elif texts[name] != text:
                self._put(pair[1].start, pair[1].end, texts[name])
        for name, text in texts.items():
            if name not in old.texts:
                self.editing.add_pair(value, f"{name}: {text}")
        if not texts:
            raise CannotKeep(f"no field of {kind.kind} would be left")

    def _change_item(self, steps: Span, item: Span, found: tuple[Span, Span], new: list[str]) -> None:
        """Replace a step that has its kind as a key by one or several steps."""
        key, value = found
        attributes = {name.value for name, _ in item.pairs} & set(ATTRIBUTES)
        if len(new) == 1 or not attributes - {"as", "expect"}:
            self._put(key.start, max(value.end, key.end), self._with_value(new[-1]))
            if len(new) > 1:
                self.editing.add_before(item, new[:-1], steps.flow)
        elif attributes <= WRAPPED:
            self._put(key.start, max(value.end, key.end), f"seq: [{', '.join(new)}]")
        else:
            names = " and ".join(f"`{name}`" for name in sorted(attributes - {"as", "expect"}))
            raise CannotKeep(f"a step with {names} cannot become {len(new)} steps")

    @staticmethod
    def _with_value(step: str) -> str:
        """Return a step as a key with a value, as it must be written next to attributes."""
        return step if ": " in step else f"{step}: {fields_text({})}"

    def _remove(self, steps: Span, number: int, item: Span, removed: dict[int, int]) -> None:
        """Remove a step from its list, which must keep another one."""
        removed[steps.start] = removed.get(steps.start, 0) + 1
        if removed[steps.start] >= len(steps.items):
            raise CannotKeep("no step would be left in its list")
        if steps.flow and removed[steps.start] > 1:
            raise CannotKeep("several steps of one line would be removed")
        self.editing.remove_entry([(one.start, one.end) for one in steps.items], number, steps.flow)


def _without_claims(text: str, network: Network) -> str:
    """Remove expected and published figures that do not hold for the network."""
    analysis = analyze(network)
    wrong = [claim.where for claim in expected(analysis) if not claim.agrees and claim.where is not None]
    top = parse_spans(text)
    editing = Editing(text)
    places = {(where.line, where.column) for where in wrong}
    for span in top.walk():
        found = span.find("expect") if span.kind == "mapping" else None
        if found is None:
            continue
        inside = {(one.line, one.column) for one in found[1].walk()} | {
            (key.line, key.column) for key, _ in found[1].pairs
        }
        if places & (inside | {(found[0].line, found[0].column)}):
            editing.remove_pair(span, "expect")
    if any(not claim.agrees for claim in published(analysis)):
        editing.remove_pair(top, "published")
    return editing.result()
