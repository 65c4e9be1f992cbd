"""Compiles the tree of a file into steps, and finds every structural mistake before any step is expanded."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from cnncalc.layers.base import KINDS, Layer, missing_field
from cnncalc.layers.fields import Count, Flag
from cnncalc.layers.fields.notation import number_help
from cnncalc.problem import Problem, Where
from cnncalc.readers.yaml import layer_cache
from cnncalc.readers.yaml.attributes import attach, check_name
from cnncalc.readers.yaml.branches import BESIDE, MERGES, MergeStep, Operand, ResidualStep, Shortcut
from cnncalc.readers.yaml.context import Context
from cnncalc.readers.yaml.layer_cache import fields_of, layer_of
from cnncalc.readers.yaml.steps import (
    Block,
    BlockStep,
    LayerStep,
    OpenLayerStep,
    ParameterStep,
    SeqStep,
    Step,
)
from cnncalc.readers.yaml.tree import Map, Scalar, Seq, Tree, rejoined
from cnncalc.readers.yaml.values import Pending
from cnncalc.readers.yaml.vocabulary import ATTRIBUTES, RESIDUAL
from cnncalc.text import did_you_mean, nearest, plural, quoted, show

NO_DEFAULTS: tuple[dict[str, Any], dict[str, Where]] = ({}, {})


class Compiler(Context):
    """Compiles steps."""

    def steps(self, tree: Tree) -> list[Step]:
        """Compile a list of steps, or a single step."""
        if isinstance(tree, Seq):
            compiled = []
            for item in rejoined(tree.items):
                if isinstance(item, Seq):
                    self.problem(
                        item.mark,
                        "bad-step",
                        "expected a step, found a list",
                        "write `seq: [...]` for a group",
                    )
                    continue
                step = self.step(item)
                if step is not None:
                    compiled.append(step)
            return compiled
        step = self.step(tree)
        return [] if step is None else [step]

    def step(self, tree: Tree) -> Step | None:
        """Compile one step; None after noting a problem."""
        if isinstance(tree, Scalar):
            return self._bare(tree)
        if isinstance(tree, Seq):
            return SeqStep(self.at(tree.mark), self.steps(tree))
        items = tree.items
        if len(items) == 1:  # most steps have no attributes
            ((word, body),) = items.items()
            if word not in ATTRIBUTES:
                return self._worded(word, body, tree.keys[word], tree)
        main_word = self._main_word(tree)
        name = items.get("as")
        level = self.level
        if isinstance(name, Scalar) and (main_word == "seq" or "repeat" in items):  # names inside belong to it
            self.level += name.text + "."
        repeated = "repeat" in items
        self.rounds += repeated
        step = None if main_word is None else self._worded(main_word, items[main_word], tree.keys[main_word], tree)
        self.rounds -= repeated
        self.level = level
        if len(items) > 1:  # even after a mistake: the name is known, and attributes may be wrong too
            attach(self, step or SeqStep(self.at(tree.mark), []), tree)
        return step

    def _bare(self, tree: Scalar) -> Step | None:
        word = tree.text
        if word.startswith("$"):
            value = self.value(tree, numeric=False)
            return ParameterStep(self.at(tree.mark), value, self.defaults) if isinstance(value, Pending) else None
        if word == "" and not tree.quoted:
            self.problem(tree.mark, "bad-step", "there is no step after this dash", "write a layer, such as `relu`")
            return None
        return self._worded(word, None, tree.mark, None)

    def _main_word(self, tree: Map) -> str | None:
        """Return the key that names the layer, block or group; the others are attributes."""
        words = [key for key in tree.items if key not in ATTRIBUTES]
        if len(words) > 1 and not MERGES.keys().isdisjoint(words):
            words = [word for word in words if word not in BESIDE] or words
        if not words:
            help = "add a layer, such as `conv:`, next to " + quoted(tree.items, "and")
            if isinstance(tree.items.get("repeat", tree.items.get("when")), (Seq, Map)):
                help = "write the steps under `seq:`, and " + quoted(tree.items, "and") + " next to it"
            self.problem(tree.mark, "bad-step", "this step has no layer", help)
            return None
        if len(words) == 1:
            return words[0]
        from cnncalc.readers.yaml.suggestions.misspelled import is_step, note_misplaced_key

        steps = [word for word in words if is_step(self, word)]
        if len(steps) > 1:
            one_line = tree.keys[steps[0]].line == tree.keys[steps[1]].line
            self.problem(
                tree.keys[steps[1]],
                "one-layer-per-item",
                f"found `{show(steps[0])}` and `{show(steps[1])}` in one step",
                "write each as a separate step, as in `[relu, tanh]`" if one_line else "start the second with `- `",
            )
            return None
        second = next(word for word in words if word not in steps[:1])
        note_misplaced_key(self, tree, words, steps[0] if steps else "", second)
        return None

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
        if word.startswith("$") and isinstance(body, Scalar) and body.text == "" and not body.quoted:
            return self._bare(Scalar(word, False, mark))
        if word not in self.broken:
            from cnncalc.readers.yaml.suggestions.misspelled import note_unknown_word

            note_unknown_word(self, word, body, mark)
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
        defaults = self.defaults.get(kind.kind)
        key = layer_cache.key_of(kind, body)
        known = layer_cache.written.get(key) if key is not None else None
        if known is not None and known[1] is not None and defaults is None:
            return LayerStep(self.at(mark), kind, body, known[1])
        before = len(self.problems)
        if not self._can_be_fields(kind, body):
            return None
        trees = fields_of(kind, body)
        marks = body.keys if isinstance(body, Map) else {}
        written = known[0] if known is not None else self.fields(kind, trees, marks)
        default_values, default_places = defaults or NO_DEFAULTS
        values = {**default_values, **written} if default_values else written
        missing = [name for name in kind.required_fields if name not in values and name not in trees]
        if missing:
            problem = missing_field(kind, kind.fields[missing[0]])
            if len(missing) > 1:
                problem.text = f"{kind.kind} needs {quoted(missing, 'and')}"
            self.add(problem, mark)
        if len(self.problems) > before:
            flag = next(iter(kind.fields.values()), None)
            if isinstance(flag, Flag) and isinstance(body, Scalar) and self.problems[-1].field == flag.name:
                alone = "the value changes no shape and no count"
                if body.text.isdecimal():
                    alone = "its size follows from the layer above"
                self.problems[-1].help = f"write `{kind.kind}` alone: {alone}"
            return None
        waits = Pending in map(type, values.values())
        layer = None if waits else layer_of(kind, values)
        if key is not None and (known is None or not default_values):  # no expressions are written
            layer_cache.store(key, written, layer if not default_values else None)
        if layer is not None:
            return LayerStep(self.at(mark), kind, body, layer, default_places)
        return OpenLayerStep(self.at(mark), kind, body, values, default_places)

    def _can_be_fields(self, kind: type[Layer], body: Tree | None) -> bool:
        """Return whether what a step writes after a kind can be its fields, after noting a problem if not."""
        if body is None or isinstance(body, Map) or (isinstance(body, Scalar) and body.text == "" and not body.quoted):
            return True
        if isinstance(body, Scalar) and "=" in body.text and "==" not in body.text:  # conv: filters=16, kernel=3
            from cnncalc.readers.yaml.suggestions.calls import step_of_call

            line = step_of_call(kind, f"{kind.kind}({body.text})")
            if line:
                self.problem(
                    body.mark, "bad-value", f"the fields of {kind.kind} are written with `=`", f"write `{line}`"
                )
                return False
        first = next(iter(kind.fields), None)
        if first is None:
            self.problem(
                body.mark, "unknown-field", f"{kind.kind} takes no value", f"write the bare word `{kind.kind}`"
            )
            return False
        if isinstance(body, Seq) and (isinstance(kind.fields[first], Count) or first == "kernel"):
            from cnncalc.readers.yaml.suggestions.misspelled import help_for_list

            text = f"{kind.kind} takes named fields; got a list"
            self.problem(body.mark, "bad-value", text, help_for_list(kind, body))
            return False
        return True

    def _merge(self, word: str, body: Tree | None, mark: Any, tree: Map | None) -> Step | None:
        if word == "operator" and self.refused_as_stated(word, mark):
            return None
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
            from cnncalc.readers.yaml.suggestions.branches import note_single_operand

            note_single_operand(self, word, body, mark)
            return None
        layer = MERGES[word]
        least = layer.inputs or layer.least_operands
        if written < least or (layer.inputs and written > least):
            amount = f"{least} operands" if layer.inputs else "at least two operands" if least == 2 else "an operand"
            self.problem(
                mark,
                "bad-value",
                f"{word} needs {amount}; got {written}",
                f"name {'both' if least == 2 else 'all'}, as in `{word}: [prev, name]`; `prev` is the value above",
            )
            return None
        beside = self._beside(word, mark, tree)
        return None if beside is None else MergeStep(self.at(mark), layer, beside[0], operands, beside[1])

    def _beside(self, word: str, mark: Any, tree: Map | None) -> tuple[dict[str, Any], dict[str, Any]] | None:
        """Return the fields next to a merge and their places; None after noting a problem."""
        layer = MERGES[word]
        before = len(self.problems)
        written = {key: inner for key, inner in tree.items.items() if key in BESIDE} if tree is not None else {}
        for name in [name for name in written if name not in layer.fields]:
            assert tree is not None
            owners = [kind for kind, merge in MERGES.items() if name in merge.fields]
            text, help = f"{word} has no `{name}`", f"only {quoted(owners, 'and')} {'have' if owners[1:] else 'has'} it"
            if name == "axis":
                help = "only `concat` joins along an axis"
            self.problem(tree.keys[name], "unknown-field", text, help)
        values, places = {}, {}
        for name, inner in written.items():
            if name not in layer.fields:
                continue
            values[name], places[name] = self.field(layer, layer.fields[name], inner), self.at(inner.mark)
        usual = self._plain_defaults(word)
        present = {**usual, **written}
        missing = next((field for name, field in layer.fields.items() if field.required and name not in present), None)
        if missing is not None and len(self.problems) == before:
            self.add(missing_field(layer, missing), mark)
        return None if len(self.problems) > before else ({**usual, **values}, places)

    def _sum(self) -> Layer:
        """Return the sum at the end of a residual, one object for all residuals."""
        return layer_of(MERGES["add"], self._plain_defaults("add"))

    def _plain_defaults(self, word: str) -> dict[str, Any]:
        """Return the defaults of a merge, which must be constants: `{add: {inplace: true}}`."""
        values, places = self.defaults.get(word, ({}, {}))
        for name, value in values.items():
            if isinstance(value, Pending):
                text = f"the default of {word}.{name} must be a plain word"
                self.problems.append(Problem("bad-value", text, "write it without `$`", where=places[name]))
                return {}
        return dict(values)

    def _operand(self, label: str | None, tree: Tree) -> Operand | None:
        place = self.at(tree.mark)
        if isinstance(tree, (Seq, Map)):
            level = self.level
            self.level += f"{label or tree.mark.index}."  # names of an unlabelled branch are its own
            steps = self.steps(tree)
            self.level = level
            return Operand(label, place, steps=steps) if steps or isinstance(tree, Seq) else None
        value = self.name(tree)
        if isinstance(value, Pending):
            return Operand(label, place, name=value)
        if not isinstance(value, str):
            if value is not None:
                self.problem(
                    tree.mark,
                    "bad-value",
                    f"`{show(tree.text)}` is not an operand",
                    "write a name, `prev`, `input` or a list of steps",
                )
            return None
        if value == "" or value.startswith("-"):
            self.problem(
                tree.mark,
                "bad-value",
                f"`{show(value)}` is not an operand" if value else "an operand is missing here",
                "write a name, `prev`, `input` or a list of steps",
            )
            return None
        self.reference(value, tree.mark)
        return Operand(label, place, name=value)

    def _residual(self, body: Tree | None, mark: Any) -> Step | None:
        if self._missing("residual", body, mark) or body is None:
            return None
        if not isinstance(body, Map):
            return ResidualStep(self.at(mark), self.steps(body), None, self._sum())
        if not body.items.keys() <= set(RESIDUAL):
            from cnncalc.readers.yaml.suggestions.branches import note_residual_keys

            note_residual_keys(self, body)
        words = [word for word in RESIDUAL[1:] if word in body.items]
        if "main" not in body.items:
            if len(body.items) > len(words):
                return None  # it is written under another name
            self.problem(
                mark,
                "missing-field",
                "residual needs `main`: the steps of the main path",
                "write `residual: {main: [...], projection: [...]}`",
            )
            return None
        if self._missing("main", body.items["main"], body.keys["main"]):
            return None
        if len(words) > 1:
            text = "a residual takes a `projection` or a `shortcut`, not both"
            help = "keep `shortcut:` for steps that always run, otherwise `projection:`"
            self.problem(body.keys[words[1]], "bad-value", text, help)
            return None
        main = self.steps(body.items["main"])
        shortcut = self._shortcut(words[0], body.items[words[0]], body.keys[words[0]]) if words else None
        return ResidualStep(self.at(mark), main, shortcut, self._sum())

    def _shortcut(self, word: str, written: Tree, mark: Any) -> Shortcut | None:
        """Compile the steps parallel to the main path of a residual; None after noting a problem."""
        steps: list[Step] | None = None
        if isinstance(written, Scalar) and written.text.lower() in ("", "none", "null", "~", "no", "false"):
            if (word, written.text) != ("projection", "none"):
                got = f"; got `{show(written.text)}`" if written.text else ""
                kinds = "steps or `none`" if word == "projection" else "steps"
                help = "write `projection: none` for no shortcut where the shape changes"
                self.problem(written.mark, "bad-value", f"`{word}` must be {kinds}{got}", help)
                return None
        else:
            level = self.level
            self.level += f"{word}."
            steps = self.steps(written)
            self.level = level
        return Shortcut(word, steps, self.at(mark))

    def _cut_argument(self, block: Block, body: Seq, items: Sequence[Tree]) -> Problem:
        """Return the problem of a block argument cut in two by a comma, `[round_to($width, 8)]`."""
        whole = next(new for new, old in zip(items, body.items, strict=False) if new is not old)
        piece = body.items[items.index(whole)]
        assert isinstance(whole, Scalar)
        assert isinstance(piece, Scalar)
        written = [f'"{item.text}"' if item is whole else getattr(item, "text", "...") for item in items]
        text = f"inside brackets a comma ends a value, so `{show(piece.text)}` is cut off"
        help = f"put it in quotes: `{block.name}: [{show(', '.join(written), 150)}]`"
        return Problem("bad-value", text, help, where=self.at(whole.mark))

    def _call(self, block: Block, body: Tree | None, mark: Any) -> Step | None:
        self.called.add(block.name)
        if self.block is not None:
            self.block.calls.setdefault(block.name, self.at(mark))
        block_names = block.parameters
        trees: dict[str, Tree] = {}
        meant: set[str | None] = set()  # parameters that are present but misspelled
        if isinstance(body, Map):
            for name, tree in body.items.items():
                if name not in block_names:
                    meant.add(nearest(name, block_names))
                    its = f"its parameters are {quoted(block_names, 'and')}" if block_names else "it takes none"
                    self.problem(
                        body.keys[name],
                        "unknown-field",
                        f"{block.name} has no parameter `{show(name)}`",
                        did_you_mean(name, block_names) or its,
                    )
                else:
                    trees[name] = tree
        elif isinstance(body, Seq) or (
            body is not None and not (isinstance(body, Scalar) and body.text == "" and not body.quoted)
        ):
            items = rejoined(body.items) if isinstance(body, Seq) else [body]
            if isinstance(body, Seq) and len(items) < len(body.items):
                self.problems.append(self._cut_argument(block, body, items))
                return None
            surplus = len(items) - len(block_names)
            if surplus > 0:
                takes = plural(len(block_names), "value") if block_names else "no values"
                help = f"leave out the last {surplus}" if surplus > 1 else "leave out the last one"
                self.problem(
                    items[len(block_names)].mark,
                    "bad-value",
                    f"{show(block.signature)} takes {takes}; got {len(items)}",
                    help if block_names else f"write the bare word `{block.name}`",
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
                    f"write one value for each of {show(block.signature)}",
                )
                failed = True
                continue
            values[name] = value = self.loose(tree)
            failed = failed or value is None
            if isinstance(value, str) and number_help(value):
                text = f"{block.name}: `{name}` is `{show(value)}`, which is neither a number nor a word"
                self.problem(tree.mark, "bad-value", text, number_help(value))
                failed = True
        known = {*trees, *block.defaults, *meant}
        missing = [name for name in block_names if name not in known]
        if missing:
            help = f"write its values in the order of {show(block.signature)}"
            self.problem(mark, "missing-field", f"{block.name} needs {quoted(missing, 'and')}", help)
        return None if failed or missing or meant else BlockStep(self.at(mark), block, values)
