"""Reader of policy files. It is as strict as that of specifications: unknown keys and missing units are errors."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import Any

from cnncalc.analyses.budget import RULES, Limit, Policy
from cnncalc.analyses.memory.optimizers import OPTIMIZERS
from cnncalc.analyses.quantities import LIMITS
from cnncalc.layers import KINDS
from cnncalc.layers.fields.notation import number_help
from cnncalc.layers.lookup import families as families_of_kinds
from cnncalc.layers.lookup import unknown_layer
from cnncalc.problem import Problem, Refused, Source
from cnncalc.readers.yaml import values as value_of
from cnncalc.readers.yaml.inputs import LARGEST_AXIS
from cnncalc.readers.yaml.tree import Map, Scalar, Seq, Tree, parse, where
from cnncalc.shape import Shape
from cnncalc.text import did_you_mean, quoted, show
from cnncalc.units import DTYPES, HALVES, parse_count, parse_size

KEYS = ("cnncalc-policy", "input", "output", "limits", "receptive-field", "kinds", "points")
BOUNDS = ("max", "min", "level", "batch", "dtype", "optimizer", "amp", "count")


def read_policy(source: Source) -> Policy:
    """Read the policy in a file.

    Raises:
        Refused: With every mistake in the file.
    """
    return _Reader(source).read(parse(source))


def bound(quantity: str, text: str) -> int:
    """Parse a limit: `500k` for a count, `2MiB` for a size.

    Raises:
        Problem: `bad-value`.
    """
    is_size = LIMITS[quantity].is_size
    figure = parse_size(text, short=True) if is_size else parse_count(text)
    if figure is None or figure.value is None:
        if is_size and parse_count(text) is not None:
            raise Problem(
                "bad-value", f"{quantity} needs a unit; got `{show(text)}`", "write `2MB` (10^6 bytes) or `2MiB` (2^20)"
            )
        example = "2MiB" if is_size else "500k or 500,000"
        raise Problem(
            "bad-value", f"`{show(text)}` is not a limit for {quantity}", number_help(text) or f"write it as {example}"
        )
    return figure.value


def shape(text: str) -> Shape:
    """Parse a shape: `32x32x3`, `10`, `1x1x1000`.

    Raises:
        Problem: `bad-value`.
    """
    value = value_of.constant(Scalar(text.strip(), False, None))
    lengths = (value,) if type(value) is int else value
    if type(lengths) is not tuple or len(lengths) > 4 or not all(1 <= length <= LARGEST_AXIS for length in lengths):
        help = number_help(text) or "write height x width x channels, such as 32x32x3, or 10 for a vector"
        raise Problem("bad-value", f"`{show(text)}` is not a shape", help)
    return Shape(lengths)


class _Reader:
    def __init__(self, source: Source) -> None:
        self.source = source
        self.problems: list[Problem] = []
        self.warnings: list[Problem] = []

    def problem(self, mark: Any, code: str, text: str, help: str = "") -> None:
        self.problems.append(Problem(code, text, help, where=where(self.source, mark)))

    def read(self, tree: Tree) -> Policy:
        if not isinstance(tree, Map):
            self.problem(
                tree.mark,
                "bad-policy",
                f"a policy must be a mapping; got {tree.what}",
                "start with `cnncalc-policy: 1`",
            )
            raise Refused(self.problems)
        items = tree.items
        for key in items:
            if key not in KEYS:
                self.problem(
                    tree.keys[key],
                    "unknown-field",
                    f"a policy has no key `{show(key)}`",
                    did_you_mean(key, KEYS) or f"the keys are {quoted(KEYS, 'and')}",
                )
        version = items.get("cnncalc-policy")
        if not isinstance(version, Scalar) or version.text != "1":
            self.problem(
                version.mark if version is not None else tree.mark,
                "bad-policy",
                "a policy must begin with `cnncalc-policy: 1`",
                "write it as the first line",
            )
        limits = self._limits(items.get("limits"))
        field = items.get("receptive-field")
        if field is not None:
            limit = self._limit("receptive-field", field)
            if any(other.quantity == "receptive-field" for other in limits):
                self.problem(
                    tree.keys["receptive-field"],
                    "bad-policy",
                    "receptive-field is limited twice: here and under `limits`",
                    "remove one of the two",
                )
            limits += [limit] if limit is not None else []
        forbidden, required = self._kinds(items.get("kinds"))
        policy = Policy(
            input=self._shape(items.get("input")),
            output=self._shape(items.get("output")),
            limits=tuple(limits),
            forbidden=tuple(forbidden),
            required=tuple(required),
            points=tuple(self._points(items.get("points"))),
            warnings=tuple(self.warnings),
        )
        for rule, _ in policy.points:
            if rule not in policy.rules:
                self.problem(
                    items["points"].mark,
                    "bad-policy",
                    f"`points` has `{show(rule)}`, but the policy has no such rule",
                    f"its rules are {quoted(policy.rules, 'and')}",
                )
        if self.problems:
            raise Refused(self.problems)
        return policy

    def _map(self, tree: Tree | None, what: str, example: str) -> Map | None:
        if tree is None or isinstance(tree, Map):
            return tree
        self.problem(tree.mark, "bad-value", f"`{what}` must be a mapping; got {tree.what}", f"write `{example}`")
        return None

    def _entries(
        self, mapping: Map | None, names: Collection[str], unknown: str, listed: str
    ) -> Iterator[tuple[str, Tree]]:
        """Yield the entries of a mapping whose keys are among `names`, and note the other keys as problems."""
        for name, inner in mapping.items.items() if mapping is not None else ():
            if name in names:
                yield name, inner
                continue
            assert mapping is not None
            help = did_you_mean(name, names) or f"{listed} {quoted(names, 'and')}"
            self.problem(mapping.keys[name], "unknown-field", f"{unknown} `{show(name)}`", help)

    def _shape(self, tree: Tree | None) -> Shape | None:
        if tree is None:
            return None
        if not isinstance(tree, Scalar):
            self.problem(
                tree.mark, "bad-value", f"a shape is written 32x32x3; got {tree.what}", "join the numbers with x"
            )
            return None
        try:
            return shape(tree.text)
        except Problem as problem:
            problem.where = where(self.source, tree.mark)
            self.problems.append(problem)
            return None

    def _limits(self, tree: Tree | None) -> list[Limit]:
        entries = self._entries(
            self._map(tree, "limits", "limits: {params: {max: 500k}}"),
            LIMITS,
            "there is no limit named",
            "the limits are",
        )
        limits = [self._limit(quantity, inner) for quantity, inner in entries]
        return [limit for limit in limits if limit is not None]

    def _limit(self, quantity: str, tree: Tree) -> Limit | None:
        fields = self._map(tree, quantity, f"{quantity}: {{max: {'2MiB' if LIMITS[quantity].is_size else '500k'}}}")
        if fields is None:
            return None
        values: dict[str, Any] = {}
        before = len(self.problems)
        for name, inner in self._entries(fields, BOUNDS, "a limit has no key", "its keys are"):
            if not isinstance(inner, Scalar):
                self.problem(
                    inner.mark, "bad-value", f"`{name}` must be one value; got {inner.what}", "write one value"
                )
            else:
                try:
                    values.update([self._field(quantity, name, inner.text)])
                except Problem as problem:
                    problem.where = where(self.source, inner.mark)
                    self.problems.append(problem)
        if len(self.problems) > before:
            return None
        limit = Limit(quantity, **values)
        if limit.least is None and limit.most is None:
            self.problem(fields.mark, "bad-policy", f"{quantity} has neither `min` nor `max`", "write `max: 500k`")
        elif limit.least is not None and limit.most is not None and limit.least > limit.most:
            self.problem(
                fields.mark,
                "bad-policy",
                f"{quantity}: min {limit.least:,} is above max {limit.most:,}",
                "swap the two",
            )
        if limit.amp and limit.dtype != "float32":
            self.problem(
                fields.mark,
                "bad-policy",
                f"{quantity}: `amp` keeps the parameters in float32, but `dtype` is {limit.dtype}",
                "remove one of the two",
            )
        return limit

    def _field(self, quantity: str, name: str, text: str) -> tuple[str, Any]:
        if name in ("max", "min"):
            return ("most" if name == "max" else "least"), bound(quantity, text)
        if name == "level" and text in ("error", "warning"):
            return name, text
        offered = name in LIMITS[quantity].settings
        trained = quantity != "training-memory" or text != "int8"
        if name == "dtype" and offered and text in DTYPES and trained:
            return name, text
        if name == "optimizer" and offered and text in OPTIMIZERS:
            return name, text
        if name == "amp" and offered and text in HALVES:
            return name, text
        if name == "count" and offered and text in ("trainable", "all"):
            return name, text
        if name == "batch" and offered:
            value = value_of.constant(Scalar(text, False, None))
            if type(value) is int and 1 <= value <= 10**9:
                return name, value
        expects = {
            "level": "`error` or `warning`",
            "dtype": quoted(DTYPES) + ", of a size; int8 is not for training",
            "optimizer": quoted(OPTIMIZERS) + ", of training-memory",
            "amp": quoted(HALVES) + ", of training-memory or inference-memory",
            "count": "`trainable` for weights and biases, frozen or not; `all` for buffers, too",
            "batch": "a whole number of at least 1, of a size",
        }[name]
        raise Problem("bad-value", f"{quantity}: `{name}` must be {expects}; got `{show(text)}`")

    def _kinds(self, tree: Tree | None) -> tuple[list[str], list[str]]:
        words: dict[str, list[str]] = {"forbid": [], "require": []}
        marks: dict[str, Any] = {}
        families = families_of_kinds()
        kinds = self._map(tree, "kinds", "kinds: {forbid: [maxpool], require: [conv]}")
        for name, inner in self._entries(kinds, words, "`kinds` has no key", "its keys are"):
            for item in inner.items if isinstance(inner, Seq) else [inner]:
                if not isinstance(item, Scalar):
                    self.problem(item.mark, "bad-value", f"a kind is a word; got {item.what}", "write `[conv, relu]`")
                elif item.text in families:
                    words[name].append(item.text)
                elif item.text not in KINDS:
                    problem = unknown_layer(item.text, tuple(families))
                    if not problem.help.startswith(("did", "cnncalc")):
                        problem.help += f"; families of kinds are {quoted(families, 'and')}"
                    problem.where = where(self.source, item.mark)
                    self.problems.append(problem)
                else:
                    words[name].append(KINDS[item.text].kind)
                    marks.setdefault(KINDS[item.text].kind, item.mark)
        self._warn_of_allowed(words["forbid"], marks, families)
        return words["forbid"], words["require"]

    def _warn_of_allowed(
        self, forbidden: list[str], marks: dict[str, Any], families: dict[str, tuple[str, ...]]
    ) -> None:
        """Warn if a similar kind of a forbidden one is allowed: `globalmaxpool` if only `maxpool` is forbidden."""
        for kind in dict.fromkeys(forbidden):
            family = next(iter(KINDS[kind].families), "") if kind in KINDS and kind not in families else ""
            if not family or not {*KINDS[kind].families}.isdisjoint(forbidden):
                continue
            allowed = [other for other in families[family] if other not in forbidden]
            if allowed:
                text = f"the policy forbids `{kind}`, but not {quoted(allowed, 'or', 6)}"
                help = f"write `{family}` to forbid all of them, or name each kind to forbid"
                place = where(self.source, marks[kind])
                self.warnings.append(Problem("one-of-a-family", text, help, where=place, level="warning"))

    def _points(self, tree: Tree | None) -> list[tuple[str, int]]:
        points = []
        mapping = self._map(tree, "points", "points: {params: 5}")
        for rule, inner in self._entries(mapping, RULES, "there is no rule named", "the rules are"):
            value = value_of.constant(inner) if isinstance(inner, Scalar) else None
            if type(value) is not int or not 0 <= value <= 10**6:
                self.problem(
                    inner.mark,
                    "bad-value",
                    f"points must be a whole number; got {f'`{show(inner.text)}`' if isinstance(inner, Scalar) else inner.what}",
                    "write a number such as 5",
                )
            else:
                points.append((rule, value))
        return points
