"""The inputs of a PyTorch module: `--input` texts or example tensors, arranged as the arguments of its forward.

A tree of arguments consists of lists, tuples and dictionaries. Its leaves are `Feed` (a tensor that each run creates) and
plain values, which are passed on unchanged.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from inspect import Parameter, signature
from typing import Any

from cnncalc.problem import Problem, Refused
from cnncalc.readers.aten.events import Dims
from cnncalc.readers.optional import import_optional
from cnncalc.readers.torch.load import parse_argument
from cnncalc.readers.yaml.inputs import LARGEST_AXIS, shape_from
from cnncalc.shape import Shape
from cnncalc.text import did_you_mean, quoted, show

DTYPES = {"int": "int64", "bool": "bool", "float": "float"}
FLOAT = "float"  # the type of the parameters
WORDS = (*DTYPES, "nobatch", "raw", "value")
_BARE = re.compile(r"\d{1,12}")
_RAW = re.compile(r"\d{1,12}(x\d{1,12}){0,7}")
_PLAIN = re.compile(r"(?i:true|false|null|none)|[-+]?\d*\.\d*([eE][-+]?\d{1,3})?|[-+]\d+|\".*\"")
# annotations of arguments that are not tensors, and of tensors that are not floating point
_PLAIN_TYPE = re.compile(r"(typing\.)?(Optional\[)?<?(class ')?(int|float|bool|str)\b")
_TENSOR_TYPES = {"LongTensor": "int64", "IntTensor": "int64", "BoolTensor": "bool"}
BRACKETS = {"[": "]", "(": ")", "{": "}"}


class Feed:
    """A tensor that is created for each run.

    `shape` is the shape of one example, channels last. A `batched` tensor gets a leading axis of 1, and a `channels_first`
    one its channels before the other axes. A `raw` shape has all axes in PyTorch's order. `dtype` is empty if it is
    unknown. `fill` is the value of whole numbers, `example` a tensor that the caller passed.
    """

    __slots__ = ("batched", "channels_first", "dtype", "example", "fill", "name", "raw", "shape")

    def __init__(self, name: str, shape: Dims, dtype: str = "", *, batched: bool = True, raw: bool = False) -> None:
        self.name = name
        self.shape = shape
        self.dtype = dtype
        self.batched = batched and not raw
        self.raw = raw
        self.channels_first = False
        self.fill: int | None = None
        self.example: Any = None

    @property
    def dims(self) -> Dims:
        """The dimensions in PyTorch's order."""
        body = self.shape
        if self.channels_first and len(body) > 1:
            body = (body[-1], *body[:-1])
        return (1, *body) if self.batched else body

    @property
    def order(self) -> Dims | None:
        """The dimensions in the order in which the shape names them, or None if that is unknown."""
        start = 1 if self.batched else 0
        rank = start + len(self.shape)
        if self.raw or not self.shape:
            return None
        if self.channels_first and len(self.shape) > 1:
            return (*range(start + 1, rank), start)
        return tuple(range(start, rank))


class Arguments:
    """The arguments of a forward: trees by position and by name.

    `numbers` are the names of arguments written as a single whole number, which may be a length or a plain value.
    """

    def __init__(self, args: Sequence[Any], kwargs: Mapping[str, Any], numbers: Sequence[str] = ()) -> None:
        self.args = args
        self.kwargs = kwargs
        self.numbers = numbers

    @property
    def feeds(self) -> list[Feed]:
        """All tensors."""
        return list(_feeds([self.args, self.kwargs]))

    def with_plain(self, names: Sequence[str]) -> Arguments:
        """Return the same arguments with some of the whole numbers as plain values."""
        if not names:
            return self
        changed = {
            name: value.shape[0] if isinstance(value, Feed) and value.name in names else value
            for name, value in self.kwargs.items()
        }
        return Arguments(self.args, changed)

    def build(self, make: Callable[[Feed], Any]) -> tuple[list[Any], dict[str, Any]]:
        """Return the arguments with tensors in place of feeds."""
        return _build(self.args, make), _build(self.kwargs, make)


def _feeds(tree: Any) -> Iterator[Feed]:
    if isinstance(tree, Feed):
        yield tree
    elif isinstance(tree, Mapping):
        for value in tree.values():
            yield from _feeds(value)
    elif isinstance(tree, (list, tuple)):
        for value in tree:
            yield from _feeds(value)


def _build(tree: Any, make: Callable[[Feed], Any]) -> Any:
    if isinstance(tree, Feed):
        return make(tree)
    if isinstance(tree, Mapping):
        return {key: _build(value, make) for key, value in tree.items()}
    if isinstance(tree, (list, tuple)):
        values = [_build(value, make) for value in tree]
        if isinstance(tree, tuple):
            return type(tree)(*values) if hasattr(tree, "_fields") else tuple(values)
        return values
    return tree


# -- texts ------------------------------------------------------------------------------------------------------------


def parse_input(text: str, name: str = "") -> Any:
    """Parse the text of an `--input` into a tree of arguments.

    >>> parse_input("224x224x3").dims, parse_input("12:int").dtype, parse_input("batch:int").dims
    ((1, 224, 224, 3), 'int64', (1,))
    >>> parse_input("2x1x32:raw").dims
    (2, 1, 32)
    >>> first, second = parse_input("[16x16x3, {mask: 16x16x1}]", "xs")
    >>> first.name, second["mask"].name, parse_input("16000:value")
    ('xs[0]', 'xs[1].mask', 16000)

    Raises:
        Refused: `bad-argument`.
    """
    text = text.strip()
    if text.endswith(":value"):
        return parse_argument(text.removesuffix(":value"))
    if name and _PLAIN.fullmatch(text):
        return parse_argument(text)
    if text[:1] in BRACKETS:
        return _nested(text, name)
    head, *words = [part.strip() for part in text.split(":")]
    raw, batched = "raw" in words, "nobatch" not in words
    if head in ("batch", "scalar"):
        feed = Feed(name, (), batched=head == "batch", raw=head == "scalar")
    elif raw and _RAW.fullmatch(head):
        shape = Shape([int(length) for length in head.split("x")])
        if not all(1 <= length <= LARGEST_AXIS for length in shape):
            raise _bad(
                f"every axis must be from 1 to {LARGEST_AXIS:,}; got `{show(head)}`",
                f"write axes of 1 to {LARGEST_AXIS:,}",
            )
        feed = Feed(name, tuple(shape), raw=True)
    else:
        feed = Feed(name, tuple(shape_from(head)), batched=batched)
    for word in words:
        if word in DTYPES:
            feed.dtype = DTYPES[word]
        elif _BARE.fullmatch(word):
            feed.fill = int(word)
            feed.dtype = feed.dtype or "int64"
        elif word not in WORDS:
            help = did_you_mean(word, WORDS) or "write a type, `int`, `bool` or `float`, or `nobatch`, `raw` or `value`"
            raise _bad(f"`{show(word)}` in `{show(text)}` is not a type of an input", help)
    return feed


def _nested(text: str, name: str) -> Any:
    opening = text[0]
    if len(text) > 1 and text[-1] == BRACKETS[opening] and not text[1:-1].strip():
        raise _bad(f"`{show(text)}` is empty", "write its contents, such as `[224x224x3]`")
    if text[-1] != BRACKETS[opening]:
        raise _bad(f"`{show(text)}` does not end with `{BRACKETS[opening]}`", f"add the closing `{BRACKETS[opening]}`")
    parts = _split_list(text[1:-1])
    if opening != "{" and all(_BARE.fullmatch(part) for part in parts):
        shape_from(text)  # a shape in the notation of other programs: refused with a suggestion
    if opening == "{":
        named = {}
        for part in parts:
            key, colon, value = part.partition(":")
            key = key.strip().strip("\"'")
            if not colon or not key:
                raise _bad(f"`{show(part)}` has no name", "write dictionaries as `{image: 224x224x3, ids: 12:int}`")
            named[key] = parse_input(value, f"{name}.{key}".strip("."))
        return named
    listed = [parse_input(part, f"{name}[{place}]") for place, part in enumerate(parts)]
    return listed if opening == "[" else tuple(listed)


def _split_list(text: str) -> list[str]:
    """Split a text at the commas that are not inside brackets."""
    parts, depth, start = [], 0, 0
    for place, sign in enumerate(text):
        depth += (sign in "[({") - (sign in "])}")
        if depth > 8:
            raise _bad(f"`{show(text)}` is nested too deeply", "nest at most 8 brackets")
        if sign == "," and depth == 0:
            parts.append(text[start:place].strip())
            start = place + 1
    parts.append(text[start:].strip())
    return [part for part in parts if part]


# -- arguments of forward ---------------------------------------------------------------------------------------------


def bind_arguments(module: Any, given: Mapping[str, Any]) -> Arguments:
    """Bind texts or trees to the arguments of a module's forward, by name, or "" for the first argument.

    Raises:
        Refused: `unknown-input` if they do not fit forward's signature.
    """
    try:
        parameters = list(signature(module.forward).parameters.values())
    except (TypeError, ValueError):
        parameters = [Parameter("args", Parameter.VAR_POSITIONAL), Parameter("kwargs", Parameter.VAR_KEYWORD)]
    plain = [
        parameter for parameter in parameters if parameter.kind not in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD)
    ]
    by_name = {parameter.name: parameter for parameter in plain}
    open_ended = any(parameter.kind is parameter.VAR_KEYWORD for parameter in parameters)
    for name in given:
        if name and name not in by_name and not open_ended and not name.isdecimal():
            text = f"forward has no argument `{show(name)}`"
            help = did_you_mean(name, list(by_name)) or f"its arguments are {quoted(list(by_name), 'and')}"
            raise Refused([Problem("unknown-input", text, help)])
    needed = [
        parameter.name for parameter in plain if parameter.default is parameter.empty and parameter.name not in given
    ]
    needed = needed[1 if "" in given else 0 :]
    needed = needed[sum(name.isdecimal() for name in given) :]
    if needed:
        text = f"forward also needs {quoted(needed, 'and')}"
        raise Refused([Problem("unknown-input", text, f"give its shape: `--input {show(needed[0])}=224x224x3`")])
    first = next(
        (
            parameter
            for parameter in plain
            if parameter.kind is not parameter.KEYWORD_ONLY and parameter.name not in given
        ),
        None,
    )
    args, kwargs, numbers = [], {}, []
    for name, value in given.items():
        target = by_name.get(name) if name else first
        tree = _tree(value, name, target)
        if name == "" or name.isdecimal():
            args.append(tree)
            continue
        if isinstance(value, str) and _BARE.fullmatch(value.strip()) and isinstance(tree, Feed) and not tree.dtype:
            numbers.append(name)
        kwargs[name] = tree
    if not args:  # all arguments are named, but some are positional-only
        for parameter in plain:
            if parameter.kind is not parameter.POSITIONAL_ONLY:
                break
            args.append(kwargs.pop(parameter.name, None if parameter.default is parameter.empty else parameter.default))
    return Arguments(args, kwargs, numbers[:4])


def _tree(value: Any, name: str, parameter: Parameter | None) -> Any:
    """Parse a text as the argument's annotation and default suggest."""
    if not isinstance(value, str):
        return value
    hint = "" if parameter is None or parameter.annotation is Parameter.empty else str(parameter.annotation)
    usual = None if parameter is None or parameter.default is Parameter.empty else parameter.default
    kind = _PLAIN_TYPE.match(hint)
    if name and (isinstance(usual, str) or (kind is not None and kind[4] == "str")):
        return parse_argument(value)
    if name and (isinstance(usual, (bool, int, float)) or kind is not None) and not set(value) & set("x:[({"):
        return parse_argument(value)
    nested = value.strip()[:1] in BRACKETS and parameter is not None
    tree = parse_input(value, parameter.name if nested and parameter is not None else name)
    if isinstance(tree, Feed) and not tree.dtype:
        tree.dtype = next((dtype for word, dtype in _TENSOR_TYPES.items() if word in hint), "")
    return tree


# -- examples ---------------------------------------------------------------------------------------------------------


def feeds_from_shapes(input_shape: Sequence[int] | Mapping[str, Sequence[int]]) -> dict[str, Feed]:
    """Return a feed for each shape; shapes are those of one example in PyTorch's order, without the batch."""
    shapes = input_shape if isinstance(input_shape, Mapping) else {"": input_shape}
    return {name: Feed(name, (1, *shape), raw=True) for name, shape in shapes.items()}


def feeds_from_examples(module: Any, example_inputs: Any) -> dict[str, Any]:
    """Return the trees of example arguments: a tensor, a sequence of arguments, or a mapping of named arguments."""
    torch: Any = import_optional("torch", "torch")
    if isinstance(example_inputs, Mapping):
        return {str(name): _example(torch, value, str(name)) for name, value in example_inputs.items()}
    alone = isinstance(example_inputs, torch.Tensor) or not isinstance(example_inputs, (list, tuple))
    values = [example_inputs] if alone else list(example_inputs)
    if len(values) == 1:
        return {"": _example(torch, values[0], "")}
    try:
        parameters = list(signature(module.forward).parameters.values())
    except (TypeError, ValueError):
        parameters = []
    names = [each.name for each in parameters if each.kind in (each.POSITIONAL_ONLY, each.POSITIONAL_OR_KEYWORD)][
        : len(values)
    ]
    names += [str(place) for place in range(len(names), len(values))]
    return {name: _example(torch, value, name) for name, value in zip(names, values, strict=True)}


def _example(torch: Any, value: Any, name: str) -> Any:
    if isinstance(value, torch.Tensor):
        feed = Feed(name, tuple(value.shape), str(value.dtype).removeprefix("torch."), raw=True)
        feed.example = value.detach()
        return feed
    if isinstance(value, Mapping):
        return {key: _example(torch, each, f"{name}.{key}".strip(".")) for key, each in value.items()}
    if isinstance(value, (list, tuple)):
        parts = [_example(torch, each, f"{name}[{place}]") for place, each in enumerate(value)]
        if isinstance(value, tuple):
            return type(value)(*parts) if hasattr(value, "_fields") else tuple(parts)
        return parts
    return value


def common_batch(feeds: Sequence[Feed]) -> int:
    """Return the first axis that all example tensors share, or 1."""
    firsts = {feed.shape[0] for feed in feeds if feed.example is not None and len(feed.shape) > 1}
    return firsts.pop() if len(firsts) == 1 else 1


def _bad(text: str, help: str) -> Refused:
    return Refused([Problem("bad-argument", text, help)])
