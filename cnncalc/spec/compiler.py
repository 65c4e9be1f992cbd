"""Tree -> steps: every structural mistake of a file is found here, before anything is expanded."""

from __future__ import annotations

from typing import Any

from cnncalc.layers.base import KINDS, Layer, dialects, missing_field, unknown_layer
from cnncalc.spec.attributes import ATTRIBUTES, attach, check_name
from cnncalc.spec.reading import Reading
from cnncalc.spec.steps import (
    MERGES,
    STEP_WORDS,
    Block,
    BlockStep,
    LayerStep,
    MergeStep,
    Operand,
    ParameterStep,
    ResidualStep,
    SeqStep,
    Step,
)
from cnncalc.spec.tree import Map, Scalar, Seq, Tree
from cnncalc.spec.values import Pending
from cnncalc.text import did_you_mean, nearest, quoted, show

CONCAT = MERGES["concat"]


class Compiler(Reading):
    """Reads steps."""

    def steps(self, tree: Tree) -> list[Step]:
        """A list of steps; a single step may stand for itself."""
        if isinstance(tree, Seq):
            found = []
            for item in tree.items:
                if isinstance(item, Seq):
                    self.problem(
                        item.mark,
                        "bad-step",
                        "a list stands where a step is expected",
                        "write `seq: [...]` for a group",
                    )
                    continue
                step = self.step(item)
                if step is not None:
                    found.append(step)
            return found
        step = self.step(tree)
        return [] if step is None else [step]

    def step(self, tree: Tree) -> Step | None:
        """One step, or None after noting a problem."""
        if isinstance(tree, Scalar):
            return self._bare(tree)
        if isinstance(tree, Seq):
            return SeqStep(self.at(tree.mark), self.steps(tree))
        word = self._main_word(tree)
        if word is None:
            return None
        step = self._worded(word, tree.items[word], tree.keys[word], tree)
        if step is not None and len(tree.items) > 1:
            attach(self, step, tree)
        return step

    def _bare(self, tree: Scalar) -> Step | None:
        word = tree.text
        if word.startswith("$"):
            value = self.value(tree, numeric=False)
            return ParameterStep(self.at(tree.mark), value, self.defaults) if isinstance(value, Pending) else None
        if word == "" and not tree.quoted:
            self.problem(tree.mark, "bad-step", "there is no step behind this dash", "write a layer, such as `relu`")
            return None
        return self._worded(word, None, tree.mark, None)

    def _main_word(self, tree: Map) -> str | None:
        """The key that says what the step is; the others are attributes."""
        words = [key for key in tree.items if key not in ATTRIBUTES]
        if "axis" in words and "concat" in words:
            words.remove("axis")
        if not words:
            self.problem(
                tree.mark,
                "bad-step",
                "this step names no layer",
                "write a layer, such as `conv:`, beside " + quoted(tree.items, "and"),
            )
            return None
        if len(words) == 1:
            return words[0]
        meant = [word for word in words if self._is_step(word)]
        second = next((word for word in words if word not in meant[:1]), words[1])
        kind = KINDS.get(meant[0]) if meant else None
        if len(meant) > 1:
            self.problem(
                tree.keys[meant[1]],
                "one-layer-per-item",
                f"found `{show(meant[0])}` and `{show(meant[1])}` in one step",
                "start the second one with `- `",
            )
        elif kind is not None and second in kind.fields:
            self.problem(
                tree.keys[second],
                "unknown-field",
                f"`{show(second)}` is a field of {meant[0]} and belongs inside it",
                f"write `{meant[0]}: {{{second}: ..., ...}}`",
            )
        else:
            match = nearest(second, ATTRIBUTES)
            help = f"did you mean `{match}`?" if match else f"beside its layer a step may carry {quoted(ATTRIBUTES)}"
            self.problem(tree.keys[second], "unknown-field", f"a step has no `{show(second)}`", help)
        return None

    def _is_step(self, word: str) -> bool:
        return (
            word in KINDS
            or word in self.blocks
            or word in STEP_WORDS
            or word.startswith("$")
            or word.casefold() in KINDS
            or word.casefold() in dialects()
        )

    def _worded(self, word: str, body: Tree | None, mark: Any, tree: Map | None) -> Step | None:
        if word in MERGES:
            return self._merge(word, body, mark, tree)
        kind = KINDS.get(word)
        if kind is not None:
            return self._layer(kind, body, mark)
        if word == "seq":
            return None if self._missing(word, body, mark) or body is None else SeqStep(self.at(mark), self.steps(body))
        if word == "residual":
            return self._residual(body, mark)
        block = self.blocks.get(word)
        if block is not None:
            return self._call(block, body, mark)
        if ":" in word or "=" in word:
            left = word.replace("=", ":").partition(":")[0]
            self.problem(
                mark, "unknown-layer", f"`{show(word)}` is read as one word", f"put a space after `{show(left)}:`"
            )
        elif word.startswith("$"):
            self.problem(
                mark,
                "bad-step",
                f"`{show(word)}` cannot take fields",
                "a kind in a parameter stands as a bare word; set fields under `defaults:`",
            )
        elif word[:1].isupper() and nearest(word, self.blocks):
            self.problem(mark, "unknown-layer", f"no block named `{show(word)}`", did_you_mean(word, self.blocks))
        else:
            problem = unknown_layer(word, (*self.blocks, *STEP_WORDS, *MERGES))
            if word[:1].isupper() and not problem.help.startswith(("did", "cnncalc")):
                problem.help = "define it under `blocks:`"
            self.add(problem, mark)
        return None

    def _missing(self, word: str, body: Tree | None, mark: Any) -> bool:
        if body is None or (isinstance(body, Scalar) and body.text == "" and not body.quoted):
            self.problem(
                mark,
                "missing-field",
                f"{word} needs steps",
                f"write `{word}: [conv: {{filters: 64, kernel: 3}}, relu]`",
            )
            return True
        return False

    def _layer(self, kind: type[Layer], body: Tree | None, mark: Any) -> Step | None:
        trees: dict[str, Tree] = {}
        marks: dict[str, Any] = {}
        before = len(self.problems)
        if isinstance(body, Map):
            trees, marks = body.items, body.keys
        elif body is not None and not (isinstance(body, Scalar) and body.text == "" and not body.quoted):
            first = next(iter(kind.fields), None)
            if first is None:
                self.problem(
                    body.mark, "unknown-field", f"{kind.kind} takes no value", f"write the bare word `{kind.kind}`"
                )
                return None
            trees, marks = {first: body}, {first: body.mark}
        elif body is not None and not kind.fields:
            self.problem(
                mark, "bad-step", f"nothing stands behind `{kind.kind}:`", f"write `{kind.kind}` without the colon"
            )
            return None
        values, places = self.fields(kind, trees, marks)
        default_values, default_places = self.defaults.get(kind.kind, ({}, {}))
        if default_values:
            values = {**default_values, **values}
            places = {**default_places, **places}
        for field in kind.fields.values():
            if field.required and field.name not in values and field.name not in trees:
                self.add(missing_field(kind, field), mark)
        if len(self.problems) > before:
            return None
        step = LayerStep(self.at(mark), kind, values, places)
        if not values and step.layer is not None:
            step.layer = self.plain.setdefault(
                kind.kind, step.layer
            )  # one object, so that its figures are worked out once
        return step

    def _merge(self, word: str, body: Tree | None, mark: Any, tree: Map | None) -> Step | None:
        operands: list[Operand] = []
        if isinstance(body, Seq):
            operands = [operand for item in body.items if (operand := self._operand(None, item)) is not None]
            written = len(body.items)
        elif isinstance(body, Map):
            pairs = body.items.items()
            for label, _ in pairs:
                check_name(self, label, body.keys[label], "label")
            operands = [operand for label, item in pairs if (operand := self._operand(label, item)) is not None]
            written = len(body.items)
        else:
            self.problem(
                mark,
                "missing-field",
                f"{word} needs its operands",
                f"write `{word}: [[conv: {{filters: 64, kernel: 1}}], prev]`",
            )
            return None
        if written < 2:
            self.problem(
                mark,
                "bad-value",
                f"{word} needs at least two operands; got {written}",
                "use `prev` for the value above",
            )
            return None
        axis = tree.items.get("axis") if tree is not None else None
        fields: dict[str, Any] = {}
        if axis is not None:
            read = self.field(CONCAT, CONCAT.fields["axis"], axis)
            if isinstance(read, Pending) or read is None:
                if isinstance(read, Pending):
                    self.problem(
                        axis.mark, "bad-value", "the axis of concat must be a plain word", "write `axis: height`"
                    )
                return None
            fields["axis"] = read
        return MergeStep(self.at(mark), MERGES[word].made(fields), operands)

    def _operand(self, label: str | None, tree: Tree) -> Operand | None:
        place = self.at(tree.mark)
        if isinstance(tree, Seq):
            return Operand(label, place, steps=self.steps(tree))
        if isinstance(tree, Map):
            step = self.step(tree)
            return None if step is None else Operand(label, place, steps=[step])
        value = self.value(tree, numeric=False)
        if isinstance(value, Pending):
            return Operand(label, place, name=value)
        if not isinstance(value, str):
            if value is not None:
                self.problem(
                    tree.mark,
                    "bad-value",
                    f"`{show(tree.text)}` is no operand",
                    "write a name, `prev`, `input` or a list of steps",
                )
            return None
        if value in KINDS and value not in self.scopes[None]:
            self.problem(
                tree.mark, "unknown-name", f"nothing is named `{show(value)}`", f"write `[{value}]` for the layer"
            )
            return None
        self.reference(value, tree.mark)
        return Operand(label, place, name=value)

    def _residual(self, body: Tree | None, mark: Any) -> Step | None:
        if self._missing("residual", body, mark) or body is None:
            return None
        if isinstance(body, Seq):
            return ResidualStep(self.at(mark), self.steps(body), None)
        if not isinstance(body, Map):
            return ResidualStep(self.at(mark), self.steps(body), None)
        for key in body.items:
            if key not in ("main", "projection"):
                help = (
                    did_you_mean(key, ("main", "projection"))
                    or "write `residual: [...]`, or `main:` and `projection:` inside it"
                )
                self.problem(body.keys[key], "unknown-field", f"residual has no `{show(key)}`", help)
                return None
        if "main" not in body.items:
            self.problem(
                mark,
                "missing-field",
                "residual needs `main`: the steps of the main path",
                "write `residual: {main: [...], projection: [...]}`",
            )
            return None
        main = self.steps(body.items["main"])
        projection: list[Step] | str | None = None
        written = body.items.get("projection")
        if isinstance(written, Scalar) and written.text == "none":
            projection = "none"
        elif written is not None:
            projection = self.steps(written)
        return ResidualStep(self.at(mark), main, projection)

    def _call(self, block: Block, body: Tree | None, mark: Any) -> Step | None:
        self.called.add(block.name)
        if self.block is not None:
            self.block.calls.setdefault(block.name, self.at(mark))
        block_names = block.parameters
        trees: dict[str, Tree] = {}
        if isinstance(body, Map):
            for name, tree in body.items.items():
                if name not in block_names:
                    names = quoted(block_names, "and") if block_names else "none"
                    self.problem(
                        body.keys[name],
                        "unknown-field",
                        f"{block.name} has no parameter `{show(name)}`",
                        did_you_mean(name, block_names) or f"its parameters are {names}",
                    )
                else:
                    trees[name] = tree
        elif isinstance(body, Seq) or (
            body is not None and not (isinstance(body, Scalar) and body.text == "" and not body.quoted)
        ):
            items = body.items if isinstance(body, Seq) else [body]
            if len(items) > len(block_names):
                signature = f"{block.name}({', '.join(block_names)})"
                self.problem(
                    mark,
                    "bad-value",
                    f"{show(signature)} gets {len(items)} values for {len(block_names)} parameters",
                    "leave out the ones behind",
                )
                return None
            trees = dict(zip(block_names, items, strict=False))
        values: dict[str, Any] = {}
        failed = False
        for name, tree in trees.items():
            if not isinstance(tree, Scalar):
                self.problem(
                    tree.mark,
                    "bad-value",
                    f"{block.name}: `{name}` must be a number or a word; got {tree.what}",
                    "pass one value",
                )
                failed = True
                continue
            values[name] = self.loose(tree)
            failed = failed or values[name] is None
        for name in block_names:
            if name not in trees and name not in block.defaults:
                self.problem(
                    mark,
                    "missing-field",
                    f"{block.name} needs `{name}`",
                    f"write `{block.name}: [{', '.join(block_names)}]` with values",
                )
                failed = True
        return None if failed else BlockStep(self.at(mark), block, values)
