"""Reads a whole specification: its top-level keys, its input, and the path from text to Network."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from cnncalc.analyses.quantities import PUBLISHABLE
from cnncalc.layers.fields.notation import comma_help, number_help, spell
from cnncalc.network import Builder, Network, Published, settle
from cnncalc.problem import ONE_LINE, Problem, Refused, Source, Where
from cnncalc.readers.limits import TRUSTED, Limits
from cnncalc.readers.yaml import layer_cache
from cnncalc.readers.yaml import values as value_of
from cnncalc.readers.yaml.branches import unused_projections
from cnncalc.readers.yaml.compiler import Compiler
from cnncalc.readers.yaml.context import Enough
from cnncalc.readers.yaml.definitions import check_references, read_block, read_defaults, read_signatures
from cnncalc.readers.yaml.expansion import Expansion, Frame
from cnncalc.readers.yaml.inputs import read_inputs
from cnncalc.readers.yaml.steps import Step, expand_all
from cnncalc.readers.yaml.tree import Map, Scalar, Seq, Tree, parse
from cnncalc.readers.yaml.values import Pending
from cnncalc.readers.yaml.vocabulary import IN_NAMES, KEYS, is_parameter
from cnncalc.record import Record
from cnncalc.shape import Shape
from cnncalc.text import did_you_mean, plural, quoted, show
from cnncalc.units import parse_count, parse_size

if TYPE_CHECKING:
    from cnncalc.readers.yaml.changes import Change


class Overrides(Record):
    """Values from outside the file: `parameters` for its `params`, `inputs` by name ("" for the only one), `changes`."""

    parameters: Mapping[str, str] = MappingProxyType({})
    inputs: Mapping[str, str] = MappingProxyType({})
    changes: Sequence[Change] = ()


NO_OVERRIDES = Overrides()


def read(source: Source, overrides: Overrides = NO_OVERRIDES, limits: Limits = TRUSTED) -> Network:
    """Return the network that a YAML (or JSON) specification describes.

    Raises:
        Refused: every structural problem of the file, or the first mismatch of shapes with the network up to there.

    >>> net = read(Source("net.yaml", "input: 32x32x1\\nlayers: [conv: {filters: 6, kernel: 5}]"))
    >>> net.nodes[-1].output
    (28, 28, 6)
    """
    problems: list[Problem] = []
    try:
        tree = parse(source, limits, problems)
        return _network(tree, source, overrides, limits, problems)
    except Refused as refused:
        from cnncalc.readers.yaml.suggestions.other_tools import file_of_another_tool

        other = file_of_another_tool(source)
        if other is not None:
            raise Refused([other]) from None
        if not source.text.isascii():
            from cnncalc.readers.yaml.suggestions.misspelled import report_unusual_spaces

            refused.problems = tuple(report_unusual_spaces(refused.problems))
        raise


def read_tree(tree: Tree, source: Source, overrides: Overrides = NO_OVERRIDES, limits: Limits = TRUSTED) -> Network:
    """Return the network of a tree that is already parsed."""
    return _network(tree, source, overrides, limits)


def _network(
    tree: Tree, source: Source, overrides: Overrides, limits: Limits, problems: Sequence[Problem] = ()
) -> Network:
    if not overrides.changes:
        return File(source, limits, overrides, problems).read(tree)
    from cnncalc.readers.yaml.changes import read_with_changes

    return read_with_changes(
        overrides.changes, lambda changes: File(source, limits, overrides, problems, changes).read(tree)
    )


class File:
    """One specification: `compile` reads it, and `expand` makes the network for values of its parameters and inputs."""

    def __init__(
        self,
        source: Source,
        limits: Limits,
        overrides: Overrides,
        problems: Iterable[Problem] = (),
        changes: Mapping[str, list[Change]] = MappingProxyType({}),
    ) -> None:
        self.source = source
        self.limits = limits
        self.overrides = overrides
        self.changes = changes
        self.compiler = Compiler(source, limits)
        self.compiler.problems += problems
        self.warnings: list[Problem] = []
        self.layers_place: Where | None = None
        self.steps: list[Step] = []
        self.outputs: list[tuple[str, Any]] = []
        self.facts: dict[str, Any] = {}

    def read(self, tree: Tree) -> Network:
        """Return the network.

        Raises:
            Refused: as `read` of this module.
        """
        return self.expand(*self.compile(tree))

    def compile(self, tree: Tree) -> tuple[dict[str, Any], dict[str, Shape]]:
        """Read everything, and return the parameters and the inputs.

        Raises:
            Refused: every structural problem of the file.
        """
        try:
            return self._compile(tree)
        except Enough:
            raise self._refused("at least ") from None

    def _compile(self, tree: Tree) -> tuple[dict[str, Any], dict[str, Shape]]:
        compiler = self.compiler
        if not isinstance(tree, Map):
            from cnncalc.readers.yaml.suggestions.misspelled import not_a_mapping

            compiler.add(not_a_mapping(tree), tree.mark)
            raise self._refused()
        items = tree.items
        if not items.keys() <= set(KEYS):
            from cnncalc.readers.yaml.suggestions.misspelled import read_keys

            items = read_keys(compiler, tree)
        texts = {key: self._text(key, items.get(key)) for key in ("name", "description", "source")}
        parameters = self._parameters(items.get("params"))
        compiler.parameters = set(parameters)
        inputs = read_inputs(compiler, items.get("input"), parameters, self.overrides.inputs, tree)
        if "defaults" in items:
            read_defaults(compiler, items["defaults"])
        for block, body in read_signatures(compiler, items["blocks"]) if "blocks" in items else []:
            read_block(compiler, block, body)
        self.steps = self._layers(items.get("layers"), tree)
        self.outputs = self._output_names(items.get("outputs"))
        published = self._published(items.get("published"), parameters)
        check_references(compiler, inputs)
        if compiler.problems:
            raise self._refused()
        self._unused_blocks()
        if self.overrides.inputs or self.changes:  # published figures do not apply to a changed network
            published = []
        line = self.source.text if self.source.path == ONE_LINE else ""
        self.facts = {
            **texts,
            "spec": self.source.path,
            "line": line,
            "published": tuple(published),
            "warnings": tuple(self.warnings),
        }
        return parameters, inputs

    def _refused(self, prefix: str = "") -> Refused:
        problems = sorted(self.compiler.problems, key=_position)
        most = self.limits.findings
        if len(problems) > most:
            rest = plural(len(problems) - most, "error is", "errors are")
            hidden = Problem("too-many", f"{prefix}{rest} not shown", "fix the errors above first")
            problems = [*problems[:most], hidden]
        return Refused(problems)

    def expand(self, parameters: dict[str, Any], inputs: dict[str, Shape]) -> Network:
        """Return the network for these parameters and inputs, once the file is compiled.

        Raises:
            Refused: at the first mismatch of shapes, with the network up to there.
        """
        facts = dict(self.facts)
        builder = Builder(self.limits.tensor)
        expansion = Expansion(builder, self.limits, self.compiler.defined, self.changes)
        frame = Frame(parameters)
        value = 0
        try:
            for name, shape in inputs.items():
                try:
                    value = builder.input(name or "input", shape)
                except Problem as problem:
                    raise expansion.refusal(
                        problem, self.compiler.scopes[None].get(name, self.compiler.input_place)
                    ) from None
                expansion.inputs.append(value)
                if name:
                    frame.names[name] = (value, value, value + 1)
            value = expand_all(self.steps, expansion, expansion.inputs[0], frame)
            ends = [expansion.lookup(name, frame, value, self.compiler.at(mark))[0] for name, mark in self.outputs] or [
                value
            ]
        except Refused as refused:
            refused.partial = builder.partial(**self._with_changes(builder, facts))
            raise
        finally:
            layer_cache.count_entries(len(builder.nodes))
        if self.source.path == ONE_LINE or not {2, 4}.isdisjoint([len(node.output) for node in builder.nodes]):
            from cnncalc.readers.yaml.readings import note_readings

            note_readings(builder.nodes, self.source)
        if expansion.freezes or self.compiler.untrained:
            settle(builder.nodes, self.compiler.untrained)
        facts["warnings"] = tuple(sorted((*facts["warnings"], *unused_projections(expansion)), key=_position))
        return builder.finish(ends, place=self.layers_place, **self._with_changes(builder, facts))

    def _with_changes(self, builder: Builder, facts: dict[str, Any]) -> dict[str, Any]:
        """Return the facts with the changed fields; expectations of the file no longer apply and are dropped."""
        if not self.changes:
            return facts
        builder.expectations.clear()
        done = [change.done for changes in self.changes.values() for change in changes if change.done is not None]
        return {**facts, "changes": tuple(done)}

    # -- the keys ---------------------------------------------------------------------------------------------------

    def _text(self, key: str, tree: Tree | None) -> str:
        if tree is None:
            return ""
        if not isinstance(tree, Scalar):
            self.compiler.problem(
                tree.mark,
                "bad-value",
                f"`{key}` must be text; got {tree.what}",
                f'put text that begins with `[` or `{{`, or holds `: `, in quotes: `{key}: "..."`',
            )
            return ""
        most = self.limits.name
        if key == "name" and len(tree.text) > most:
            text = f"the name has {len(tree.text)} characters; at most {most} are allowed"
            self.compiler.problem(tree.mark, "too-large", text, "shorten it")
        return tree.text

    def _parameters(self, tree: Tree | None) -> dict[str, Any]:
        compiler = self.compiler
        values: dict[str, Any] = {}
        marks: dict[str, Any] = {}
        if tree is not None and not isinstance(tree, Map):
            compiler.problem(
                tree.mark,
                "bad-value",
                f"`params` must map names to values; got {tree.what}",
                "write `params: {width: 64}`",
            )
        elif tree is not None:
            for name, inner in tree.items.items():
                marks[name] = tree.keys[name]
                if not is_parameter(name) or name in IN_NAMES:
                    help = "begin with a letter, and use letters, digits and `_`"
                    if name in IN_NAMES:
                        help = f"choose another name: `${name}` is a size of the value that enters a step"
                    text = f"`{show(name)}` cannot be the name of a parameter"
                    compiler.problem(marks[name], "bad-value", text, help)
                elif not isinstance(inner, Scalar):
                    compiler.problem(
                        inner.mark,
                        "bad-value",
                        f"parameter `{name}` must be a number, a word or true/false; got {inner.what}",
                        "write one value",
                    )
                    values[name] = None
                else:
                    value = compiler.loose(inner, known=())
                    if isinstance(value, str) and number_help(value):
                        compiler.problem(
                            inner.mark,
                            "bad-value",
                            f"parameter `{name}` is `{show(value)}`, which is neither a number nor a word",
                            number_help(value),
                        )
                        value = None
                    values[name] = value
        if compiler.problems:
            return values
        for name, text in self.overrides.parameters.items():
            if name not in values:
                advice = did_you_mean(name, values) or (
                    f"its parameters are {quoted(values, 'and')}" if values else "it has no `params:`"
                )
                raise Refused(
                    [Problem("unknown-parameter", f"{show(self.source.path)} has no parameter `{show(name)}`", advice)]
                )
            value = value_of.constant(Scalar(text, False, None))
            if isinstance(value, str) and number_help(value):
                raise Refused(
                    [Problem("bad-argument", f"parameter `{name}`: `{show(text)}` is not a number", number_help(value))]
                )
            if type(values[name]) in (int, bool, tuple) and isinstance(value, str):
                kind = "true or false" if type(values[name]) is bool else "a number"
                raise Refused(
                    [
                        Problem(
                            "bad-argument",
                            f"parameter `{name}` must be {kind}; got `{show(text)}`",
                            f"the file has {spell(values[name])}",
                        )
                    ]
                )
            values[name] = value
        return values

    def _layers(self, tree: Tree | None, top: Map) -> list[Step]:
        compiler = self.compiler
        self.layers_place = None if tree is None else compiler.at(tree.mark)
        if tree is None:
            help = "write `layers:` and, below it, one step per line, each starting with `- `"
            compiler.problem(top.mark, "missing-field", "a specification needs `layers`: the list of steps", help)
            compiler.unread = True
            return []
        if isinstance(tree, Seq):
            return compiler.steps(tree)
        got, help = tree.what, "start every step with `- `"
        if isinstance(tree, Map):
            first = next(iter(tree.items), "").lstrip("-")
            help = f"start every step with a dash: `- {show(first)}: ...`"
            # a repeated kind is not a mistake in itself: without dashes it becomes a duplicate key
            column = tree.mark.column + 1
            compiler.problems[:] = [
                problem
                for problem in compiler.problems
                if problem.code != "duplicate-key" or problem.where is None or problem.where.column != column
            ]
        elif tree.text == "":
            got = "nothing"
        else:
            got, words = f"`{show(tree.text)}`", tree.text.split()
            if "->" in words:
                help = "arrows are for the one-line form, `cnncalc analyze -e`; here every step starts with `- `"
            else:
                help = f"start every step with a dash and a space: `- {show(words[0].lstrip('-'))}`"
        compiler.problem(tree.mark, "bad-value", f"`layers` must be a list of steps; got {got}", help)
        compiler.unread = True
        return []

    def _output_names(self, tree: Tree | None) -> list[tuple[str, Any]]:
        if tree is None:
            return []
        items = tree.items if isinstance(tree, Seq) else [tree]
        names = []
        for item in items:
            if isinstance(item, Scalar) and item.text == "":
                help = "write `outputs: [mask, logits]`, or leave it out: the last value is the output"
                self.compiler.missing(item, "there is no name after `outputs:`", help)
            elif isinstance(item, Scalar):
                self.compiler.reference(item.text, item.mark)
                names.append((item.text, item.mark))
            else:
                self.compiler.problem(
                    item.mark,
                    "bad-value",
                    f"`outputs` must be names; got {item.what}",
                    "write `outputs: [mask, logits]`",
                )
        return names

    def _published(self, tree: Tree | None, parameters: dict[str, Any]) -> list[Published]:
        compiler = self.compiler
        if tree is None:
            return []
        figures = []
        for item in tree.items if isinstance(tree, Seq) else [tree]:
            if not isinstance(item, Map):
                compiler.problem(
                    item.mark,
                    "bad-value",
                    f"an entry of `published` must be a mapping; got {item.what}",
                    "write `- {source: ..., params: 138M}`",
                )
                continue
            origin = item.items.get("source")
            source = origin.text if isinstance(origin, Scalar) else ""
            meant = self._applies(item.items.get("when"), parameters)
            for quantity, inner in item.items.items():
                if quantity == "when":
                    continue
                if quantity == "source":
                    if not isinstance(inner, Scalar):
                        compiler.problem(
                            inner.mark,
                            "bad-value",
                            f"`source` must be text; got {inner.what}",
                            "write one line of text",
                        )
                    continue
                if quantity not in PUBLISHABLE:
                    help = (
                        comma_help(quantity)
                        or did_you_mean(quantity, PUBLISHABLE)
                        or f"it can contain {quoted(PUBLISHABLE, 'and')}"
                    )
                    compiler.problem(
                        item.keys[quantity], "unknown-field", f"`published` has no quantity `{show(quantity)}`", help
                    )
                    continue
                figure = (
                    (parse_size if PUBLISHABLE[quantity].is_size else parse_count)(inner.text)
                    if isinstance(inner, Scalar)
                    else None
                )
                if figure is None:
                    example = "`93MB`; a size needs its unit" if PUBLISHABLE[quantity].is_size else "`138M` or `61706`"
                    got = f"`{show(inner.text)}`" if isinstance(inner, Scalar) else inner.what
                    text = f"the published {quantity} must be a figure; got {got}"
                    compiler.problem(inner.mark, "bad-value", text, f"write it like {example}")
                elif meant:
                    figures.append(Published(source, quantity, figure, compiler.at(inner.mark)))
        return figures

    def _applies(self, tree: Tree | None, parameters: dict[str, Any]) -> bool:
        """Return whether the `when` of a published entry holds for these parameters."""
        if tree is None:
            return True
        value = self.compiler.value(tree, numeric=True, known=set(parameters)) if isinstance(tree, Scalar) else ""
        if isinstance(value, Pending):
            try:
                value = value.resolve_known(parameters)
            except Problem as problem:
                self.compiler.add(problem, tree.mark)
                return False
        if value is not None and type(value) is not bool:
            got = f"`{spell(value)}`" if isinstance(tree, Scalar) else tree.what
            text = f"`when` must be true, false or a comparison; got {got}"
            self.compiler.problem(tree.mark, "bad-value", text, "write `when: $width == 1`")
        return value is True

    def _unused_blocks(self) -> None:
        for block in self.compiler.blocks.values():
            if block.name not in self.compiler.called:
                text = f"block `{show(block.name)}` is never called"
                help = "call it or delete it"
                self.warnings.append(Problem("unused-block", text, help, where=block.where, level="warning"))


def _position(problem: Problem) -> tuple[int, int]:
    return (problem.where.line, problem.where.column) if problem.where is not None else (0, 0)
