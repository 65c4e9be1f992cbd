"""A whole specification: its top-level keys, its input, and the road from text to Network."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from cnncalc.analyses.claims import PUBLISHABLE
from cnncalc.layers.fields import comma_help, number_help, spell
from cnncalc.network import Builder, Network, Published
from cnncalc.problem import Problem, Refused, Source
from cnncalc.shape import Shape
from cnncalc.spec import values as value_of
from cnncalc.spec.compiler import Compiler
from cnncalc.spec.definitions import check_references, is_parameter, read_block, read_defaults, read_signatures
from cnncalc.spec.inputs import read_inputs
from cnncalc.spec.limits import TRUSTED, Limits
from cnncalc.spec.run import IN_NAMES, Run, Scope
from cnncalc.spec.steps import Step, run_all
from cnncalc.spec.tree import Map, Scalar, Seq, Tree, parse
from cnncalc.spec.values import Pending
from cnncalc.text import did_you_mean, quoted, show
from cnncalc.units import count, size

KEYS = ("name", "description", "source", "input", "params", "defaults", "blocks", "layers", "outputs", "published")


class Given(dict[str, Any]):
    """Values for `params` given from outside; `input` replaces the file's input sizes by name ("" for the only one)."""

    def __init__(self, parameters: Mapping[str, str] | None = None, inputs: Mapping[str, str] | None = None) -> None:
        super().__init__(parameters or {})
        self.inputs = dict(inputs or {})


def read(source: Source, given: Given | None = None, limits: Limits = TRUSTED) -> Network:
    """The network that a YAML (or JSON) specification describes.

    Raises:
        Refused: every structural problem of the file, or the first shape that does not fit with the network up to there.

    >>> net = read(Source("net.yaml", "input: 32x32x1\\nlayers: [conv: {filters: 6, kernel: 5}]"))
    >>> net.nodes[-1].output
    (28, 28, 6)
    """
    problems: list[Problem] = []
    tree = parse(source, limits, problems)
    return _File(source, limits, Given() if given is None else given, problems).read(tree)


def read_tree(tree: Tree, source: Source, given: Given | None = None, limits: Limits = TRUSTED) -> Network:
    """The same for a tree that is parsed already."""
    return _File(source, limits, Given() if given is None else given).read(tree)


class _File:
    def __init__(self, source: Source, limits: Limits, given: Given, problems: Iterable[Problem] = ()) -> None:
        self.source = source
        self.limits = limits
        self.given = given
        self.compiler = Compiler(source, limits)
        self.compiler.problems += problems
        self.warnings: list[Problem] = []

    def read(self, tree: Tree) -> Network:
        compiler = self.compiler
        if not isinstance(tree, Map):
            compiler.problem(
                tree.mark,
                "bad-file",
                f"a specification is a mapping of keys; got {tree.what}",
                "start with `name:`, `input:` and `layers:`",
            )
            raise self._refused()
        items = tree.items
        for key in items:
            if key not in KEYS:
                compiler.problem(
                    tree.keys[key],
                    "unknown-field",
                    f"a specification has no `{show(key)}`",
                    did_you_mean(key, KEYS) or f"the keys are {quoted(KEYS, 'and')}",
                )
        texts = {key: self._text(key, items.get(key)) for key in ("name", "description", "source")}
        parameters = self._parameters(items.get("params"))
        compiler.parameters = set(parameters)
        inputs = read_inputs(compiler, items.get("input"), parameters, self.given.inputs, tree)
        if "defaults" in items:
            read_defaults(compiler, items["defaults"])
        for block, body in read_signatures(compiler, items["blocks"]) if "blocks" in items else []:
            read_block(compiler, block, body)
        steps = self._layers(items.get("layers"), tree)
        outputs = self._output_names(items.get("outputs"))
        published = self._published(items.get("published"), parameters)
        check_references(compiler, inputs)
        if compiler.problems:
            raise self._refused()
        self._unused_blocks()
        facts = {**texts, "spec": self.source.path, "published": tuple(published), "warnings": tuple(self.warnings)}
        return self._expand(steps, parameters, inputs, outputs, facts)

    def _refused(self) -> Refused:
        problems = sorted(self.compiler.problems, key=_position)
        most = self.limits.findings
        if len(problems) > most:
            rest = len(problems) - most
            problems = [*problems[:most], Problem("too-many", f"and {rest:,} more", "mend the ones above first")]
        return Refused(problems)

    def _expand(
        self,
        steps: list[Step],
        parameters: dict[str, Any],
        inputs: dict[str, Shape],
        outputs: list[tuple[str, Any]],
        facts: dict[str, Any],
    ) -> Network:
        builder = Builder(self.limits.tensor)
        run = Run(builder, self.limits, self.compiler.defined)
        scope = Scope(parameters)
        value = 0
        try:
            for name, shape in inputs.items():
                try:
                    value = builder.input(name or "input", shape)
                except Problem as problem:
                    raise run.refused(problem, None) from None
                run.inputs.append(value)
                if name:
                    scope.names[name] = (value, value, value + 1)
            value = run_all(steps, run, run.inputs[0], scope)
            ends = [run.lookup(name, scope, value, self.compiler.at(mark))[0] for name, mark in outputs] or [value]
        except Refused as refused:
            refused.partial = builder.finish([len(builder.nodes) - 1] if builder.nodes else [], **facts)
            raise
        return builder.finish(ends, **facts)

    # -- the keys ---------------------------------------------------------------------------------------------------

    def _text(self, key: str, tree: Tree | None) -> str:
        if tree is None:
            return ""
        if not isinstance(tree, Scalar):
            self.compiler.problem(
                tree.mark,
                "bad-value",
                f"`{key}` must be text; got {tree.what}",
                "put text that holds `: ` or begins with `[` or `{` in quotes",
            )
            return ""
        if key == "name" and len(tree.text) > 100:
            self.compiler.problem(
                tree.mark, "too-large", f"the name has {len(tree.text)} characters; at most 100 are read", "shorten it"
            )
        return tree.text

    def _parameters(self, tree: Tree | None) -> dict[str, Any]:
        compiler = self.compiler
        found: dict[str, Any] = {}
        marks: dict[str, Any] = {}
        if tree is not None and not isinstance(tree, Map):
            compiler.problem(
                tree.mark,
                "bad-value",
                f"`params` must be a mapping, name -> value; got {tree.what}",
                "write `params: {width: 64}`",
            )
        elif tree is not None:
            for name, inner in tree.items.items():
                marks[name] = tree.keys[name]
                if not is_parameter(name) or name in IN_NAMES:
                    compiler.problem(
                        marks[name],
                        "bad-value",
                        f"`{show(name)}` cannot be the name of a parameter",
                        "use letters, digits and `_`, and no name of an incoming size",
                    )
                elif not isinstance(inner, Scalar):
                    compiler.problem(
                        inner.mark,
                        "bad-value",
                        f"parameter `{name}` must be a number, a word or true/false; got {inner.what}",
                        "write one value",
                    )
                else:
                    value = compiler.loose(inner, known=())
                    if isinstance(value, str) and number_help(value):
                        compiler.problem(
                            inner.mark,
                            "bad-value",
                            f"parameter `{name}` is `{show(value)}`, which is neither a number nor a word",
                            number_help(value),
                        )
                    found[name] = value
        for name, text in self.given.items():
            if name not in found:
                known = did_you_mean(name, found) or (
                    f"its parameters are {quoted(found, 'and')}" if found else "it has no `params:`"
                )
                raise Refused(
                    [Problem("unknown-parameter", f"{show(self.source.path)} has no parameter `{show(name)}`", known)]
                )
            value = value_of.constant(Scalar(text, False, None))
            if isinstance(value, str) and number_help(value):
                raise Refused(
                    [Problem("bad-value", f"parameter `{name}`: `{show(text)}` is no number", number_help(value))]
                )
            if type(found[name]) in (int, bool, tuple) and isinstance(value, str):
                kind = "true or false" if type(found[name]) is bool else "a number"
                raise Refused(
                    [
                        Problem(
                            "bad-value",
                            f"parameter `{name}` must be {kind}; got `{show(text)}`",
                            f"the file has {spell(found[name])}",
                        )
                    ]
                )
            found[name] = value
        return found

    def _layers(self, tree: Tree | None, top: Map) -> list[Step]:
        compiler = self.compiler
        if tree is None:
            compiler.problem(
                top.mark,
                "missing-field",
                "a specification needs `layers`: the list of steps",
                "write `layers:` and a step per line, each with `- ` in front",
            )
            return []
        if not isinstance(tree, Seq):
            empty = isinstance(tree, Scalar) and tree.text == ""
            what = "nothing" if empty else tree.what
            compiler.problem(
                tree.mark, "bad-value", f"`layers` must be a list of steps; got {what}", "start every step with `- `"
            )
            return []
        return compiler.steps(tree)

    def _output_names(self, tree: Tree | None) -> list[tuple[str, Any]]:
        if tree is None:
            return []
        items = tree.items if isinstance(tree, Seq) else [tree]
        found = []
        for item in items:
            if isinstance(item, Scalar):
                self.compiler.reference(item.text, item.mark)
                found.append((item.text, item.mark))
            else:
                self.compiler.problem(
                    item.mark,
                    "bad-value",
                    f"`outputs` must be names; got {item.what}",
                    "write `outputs: [mask, logits]`",
                )
        return found

    def _published(self, tree: Tree | None, parameters: dict[str, Any]) -> list[Published]:
        compiler = self.compiler
        if tree is None:
            return []
        found = []
        for item in tree.items if isinstance(tree, Seq) else [tree]:
            if not isinstance(item, Map):
                compiler.problem(
                    item.mark,
                    "bad-value",
                    f"an entry of `published` is a mapping; got {item.what}",
                    "write `- {source: ..., params: 138M}`",
                )
                continue
            origin = item.items.get("source")
            source = origin.text if isinstance(origin, Scalar) else ""
            meant = self._meant(item.items.get("when"), parameters)
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
                        or f"what can be published: {quoted(PUBLISHABLE, 'and')}"
                    )
                    compiler.problem(
                        item.keys[quantity], "unknown-field", f"`published` knows no `{show(quantity)}`", help
                    )
                    continue
                figure = (size if PUBLISHABLE[quantity] else count)(inner.text) if isinstance(inner, Scalar) else None
                if figure is None:
                    example = "93MB; a size needs its unit" if PUBLISHABLE[quantity] else "138M or 61,706"
                    got = f"`{show(inner.text)}`" if isinstance(inner, Scalar) else inner.what
                    compiler.problem(
                        inner.mark, "bad-value", f"{quantity} must be a figure; got {got}", f"write it as {example}"
                    )
                elif meant:
                    found.append(Published(source, quantity, figure, compiler.at(inner.mark)))
        return found

    def _meant(self, tree: Tree | None, parameters: dict[str, Any]) -> bool:
        """Does a published entry speak of the network with these parameters? Its `when` says of which it does."""
        if tree is None:
            return True
        value = self.compiler.value(tree, numeric=True, known=set(parameters)) if isinstance(tree, Scalar) else ""
        if isinstance(value, Pending):
            try:
                value = value.resolve(parameters)
            except Problem as problem:
                self.compiler.add(problem, tree.mark)
                return False
        if value is not None and type(value) is not bool:
            self.compiler.problem(
                tree.mark, "bad-value", "`when` must be true, false or a comparison", "write `when: $width == 1`"
            )
        return value is True

    def _unused_blocks(self) -> None:
        for block in self.compiler.blocks.values():
            if block.name not in self.compiler.called:
                self.warnings.append(
                    Problem(
                        "unused-block",
                        f"block `{show(block.name)}` is never called",
                        "call it or delete it",
                        where=block.where,
                        level="warning",
                    )
                )


def _position(problem: Problem) -> tuple[int, int]:
    return (problem.where.line, problem.where.column) if problem.where is not None else (0, 0)
