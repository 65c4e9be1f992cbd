"""What a PyTorch module is run on: `--input` texts or example tensors, arranged as the arguments of its forward.

A tree of arguments is made of lists, tuples and dictionaries. Its leaves are `Feed` (a tensor to be made for each run) and
plain values, which are passed on as they are.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from importlib import import_module
from inspect import Parameter, signature
from typing import Any

from cnncalc.problem import Problem, Refused
from cnncalc.readers.torch.events import Dims
from cnncalc.readers.torch.load import argument
from cnncalc.readers.yaml.inputs import LARGEST_AXIS, shape_from
from cnncalc.shape import Shape
from cnncalc.text import did_you_mean, quoted, show

DTYPES = {"int": "int64", "bool": "bool", "float": "float"}
FLOAT = "float"  # that of the parameters
WORDS = (*DTYPES, "nobatch", "raw", "value")
_BARE = re.compile(r"\d{1,12}")
_RAW = re.compile(r"\d{1,12}(x\d{1,12}){0,7}")
_PLAIN = re.compile(r"(?i:true|false|null|none)|[-+]?\d*\.\d*([eE][-+]?\d{1,3})?|[-+]\d+|\".*\"")
# annotations of arguments that are no tensors, and of tensors that are not of floating point
_PLAIN_TYPE = re.compile(r"(typing\.)?(Optional\[)?<?(class ')?(int|float|bool|str)\b")
_TENSOR_TYPES = {"LongTensor": "int64", "IntTensor": "int64", "BoolTensor": "bool"}
BRACKETS = {"[": "]", "(": ")", "{": "}"}


class Feed:
    """One tensor that is made for a run.

    `shape` is that of one example, channels last; a `batched` one gets a leading axis of 1, and with `first` its channels
    come first. A `raw` shape has every axis as PyTorch has it. `dtype` is empty where nothing is known of it, `fill` the
    number that whole numbers are filled with, `example` a tensor that the caller gave.
    """

    __slots__ = ("batched", "dtype", "example", "fill", "first", "name", "raw", "shape")

    def __init__(self, name: str, shape: Dims, dtype: str = "", *, batched: bool = True, raw: bool = False) -> None:
        self.name = name
        self.shape = shape
        self.dtype = dtype
        self.batched = batched and not raw
        self.raw = raw
        self.first = False
        self.fill: int | None = None
        self.example: Any = None

    @property
    def dims(self) -> Dims:
        """The dimensions as PyTorch has them."""
        body = self.shape
        if self.first and len(body) > 1:
            body = (body[-1], *body[:-1])
        return (1, *body) if self.batched else body

    @property
    def order(self) -> Dims | None:
        """The dimensions in the order in which the shape names them; None where nothing is said about that."""
        start = 1 if self.batched else 0
        rank = start + len(self.shape)
        if self.raw or not self.shape:
            return None
        if self.first and len(self.shape) > 1:
            return (*range(start + 1, rank), start)
        return tuple(range(start, rank))


class Arguments:
    """The arguments of a forward: trees by position and by name.

    `numbers` are the names of arguments written as one whole number, which may be a length or a plain value.
    """

    def __init__(self, args: Sequence[Any], kwargs: Mapping[str, Any], numbers: Sequence[str] = ()) -> None:
        self.args = args
        self.kwargs = kwargs
        self.numbers = numbers

    @property
    def feeds(self) -> list[Feed]:
        """Every tensor."""
        return list(_feeds([self.args, self.kwargs]))

    def with_plain(self, names: Sequence[str]) -> Arguments:
        """The same with some of the whole numbers as plain values."""
        if not names:
            return self
        changed = {
            name: value.shape[0] if isinstance(value, Feed) and value.name in names else value
            for name, value in self.kwargs.items()
        }
        return Arguments(self.args, changed)

    def made(self, make: Callable[[Feed], Any]) -> tuple[list[Any], dict[str, Any]]:
        """The arguments with tensors in the places of feeds."""
        return _made(self.args, make), _made(self.kwargs, make)


def _feeds(tree: Any) -> Iterator[Feed]:
    if isinstance(tree, Feed):
        yield tree
    elif isinstance(tree, Mapping):
        for value in tree.values():
            yield from _feeds(value)
    elif isinstance(tree, (list, tuple)):
        for value in tree:
            yield from _feeds(value)


def _made(tree: Any, make: Callable[[Feed], Any]) -> Any:
    if isinstance(tree, Feed):
        return make(tree)
    if isinstance(tree, Mapping):
        return {key: _made(value, make) for key, value in tree.items()}
    if isinstance(tree, (list, tuple)):
        found = [_made(value, make) for value in tree]
        if isinstance(tree, tuple):
            return type(tree)(*found) if hasattr(tree, "_fields") else tuple(found)
        return found
    return tree


# -- texts ------------------------------------------------------------------------------------------------------------


def parsed(text: str, name: str = "") -> Any:
    """The tree that the text of an `--input` stands for.

    >>> parsed("224x224x3").dims, parsed("12:int").dtype, parsed("batch:int").dims, parsed("2x1x32:raw").dims
    ((1, 224, 224, 3), 'int64', (1,), (2, 1, 32))
    >>> first, second = parsed("[16x16x3, {mask: 16x16x1}]", "xs")
    >>> first.name, second["mask"].name, parsed("16000:value")
    ('xs[0]', 'xs[1].mask', 16000)

    Raises:
        Refused: `bad-argument`.
    """
    text = text.strip()
    if text.endswith(":value"):
        return argument(text.removesuffix(":value"))
    if name and _PLAIN.fullmatch(text):
        return argument(text)
    if text[:1] in BRACKETS:
        return _nested(text, name)
    head, *words = [part.strip() for part in text.split(":")]
    raw, batched = "raw" in words, "nobatch" not in words
    if head in ("batch", "scalar"):
        feed = Feed(name, (), batched=head == "batch", raw=head == "scalar")
    elif raw and _RAW.fullmatch(head):
        shape = Shape([int(length) for length in head.split("x")])
        if not all(1 <= length <= LARGEST_AXIS for length in shape):
            raise _bad(f"every axis must be from 1 to {LARGEST_AXIS:,}; got `{show(head)}`", "write a smaller axis")
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
            raise _bad(f"`{show(word)}` in `{show(text)}` is no type of an input", help)
    return feed


def _nested(text: str, name: str) -> Any:
    opening = text[0]
    if len(text) > 1 and text[-1] == BRACKETS[opening] and not text[1:-1].strip():
        raise _bad(f"`{show(text)}` is empty", "write what is in it, such as `[224x224x3]`")
    if text[-1] != BRACKETS[opening]:
        raise _bad(f"`{show(text)}` has no closing `{BRACKETS[opening]}` at its end", "close the bracket")
    parts = _parts(text[1:-1])
    if opening != "{" and all(_BARE.fullmatch(part) for part in parts):
        shape_from(text)  # a shape as other programs write it: refused, with what to write
    if opening == "{":
        found = {}
        for part in parts:
            key, colon, value = part.partition(":")
            key = key.strip().strip("\"'")
            if not colon or not key:
                raise _bad(f"`{show(part)}` has no name", "write dictionaries as `{image: 224x224x3, ids: 12:int}`")
            found[key] = parsed(value, f"{name}.{key}".strip("."))
        return found
    listed = [parsed(part, f"{name}[{place}]") for place, part in enumerate(parts)]
    return listed if opening == "[" else tuple(listed)


def _parts(text: str) -> list[str]:
    """The parts between the commas that are in no bracket of their own."""
    found, depth, start = [], 0, 0
    for place, sign in enumerate(text):
        depth += (sign in "[({") - (sign in "])}")
        if depth > 8:
            raise _bad(f"`{show(text)}` is nested too deeply", "write at most 8 brackets within each other")
        if sign == "," and depth == 0:
            found.append(text[start:place].strip())
            start = place + 1
    found.append(text[start:].strip())
    return [part for part in found if part]


# -- arguments of forward ---------------------------------------------------------------------------------------------


def bound(module: Any, given: Mapping[str, Any]) -> Arguments:
    """The arguments of a module's forward: texts or trees by its arguments' names, "" for the first one.

    Raises:
        Refused: `unknown-input` where they do not fit.
    """
    try:
        known = list(signature(module.forward).parameters.values())
    except (TypeError, ValueError):
        known = [Parameter("args", Parameter.VAR_POSITIONAL), Parameter("kwargs", Parameter.VAR_KEYWORD)]
    plain = [one for one in known if one.kind not in (one.VAR_POSITIONAL, one.VAR_KEYWORD)]
    by_name = {one.name: one for one in plain}
    open_ended = any(one.kind is one.VAR_KEYWORD for one in known)
    for name in given:
        if name and name not in by_name and not open_ended and not name.isdecimal():
            text = f"forward has no input `{show(name)}`"
            help = did_you_mean(name, list(by_name)) or f"its inputs are {quoted(list(by_name), 'and')}"
            raise Refused([Problem("unknown-input", text, help)])
    needed = [one.name for one in plain if one.default is one.empty and one.name not in given]
    needed = needed[1 if "" in given else 0 :]
    needed = needed[sum(name.isdecimal() for name in given) :]
    if needed:
        text = f"forward needs {quoted(needed, 'and')} too"
        raise Refused(
            [Problem("unknown-input", text, f"give its shape as well: `--input {show(needed[0])}=224x224x3`")]
        )
    first = next((one for one in plain if one.kind is not one.KEYWORD_ONLY and one.name not in given), None)
    args, kwargs, numbers = [], {}, []
    for name, value in given.items():
        parameter = by_name.get(name) if name else first
        tree = _tree(value, name, parameter)
        if name == "" or name.isdecimal():
            args.append(tree)
            continue
        if isinstance(value, str) and _BARE.fullmatch(value.strip()) and isinstance(tree, Feed) and not tree.dtype:
            numbers.append(name)
        kwargs[name] = tree
    if not args:  # what takes no names
        for one in plain:
            if one.kind is not one.POSITIONAL_ONLY:
                break
            args.append(kwargs.pop(one.name, None if one.default is one.empty else one.default))
    return Arguments(args, kwargs, numbers[:4])


def _tree(value: Any, name: str, parameter: Parameter | None) -> Any:
    """The tree of a text, as what the argument's annotation and default say that it is."""
    if not isinstance(value, str):
        return value
    hint = "" if parameter is None or parameter.annotation is Parameter.empty else str(parameter.annotation)
    usual = None if parameter is None or parameter.default is Parameter.empty else parameter.default
    kind = _PLAIN_TYPE.match(hint)
    if name and (isinstance(usual, str) or (kind is not None and kind[4] == "str")):
        return argument(value)
    if name and (isinstance(usual, (bool, int, float)) or kind is not None) and not set(value) & set("x:[({"):
        return argument(value)
    nested = value.strip()[:1] in BRACKETS and parameter is not None
    tree = parsed(value, parameter.name if nested and parameter is not None else name)
    if isinstance(tree, Feed) and not tree.dtype:
        tree.dtype = next((dtype for word, dtype in _TENSOR_TYPES.items() if word in hint), "")
    return tree


# -- examples ---------------------------------------------------------------------------------------------------------


def shaped(input_shape: Sequence[int] | Mapping[str, Sequence[int]]) -> dict[str, Feed]:
    """A feed for every shape, each that of one example as PyTorch has it, without the batch."""
    given = input_shape if isinstance(input_shape, Mapping) else {"": input_shape}
    return {name: Feed(name, (1, *shape), raw=True) for name, shape in given.items()}


def exemplary(module: Any, example_inputs: Any) -> dict[str, Any]:
    """The trees of example arguments: a tensor, a sequence of arguments, or a mapping of named ones."""
    torch: Any = import_module("torch")
    if isinstance(example_inputs, Mapping):
        return {str(name): _example(torch, value, str(name)) for name, value in example_inputs.items()}
    alone = isinstance(example_inputs, torch.Tensor) or not isinstance(example_inputs, (list, tuple))
    values = [example_inputs] if alone else list(example_inputs)
    if len(values) == 1:
        return {"": _example(torch, values[0], "")}
    try:
        known = list(signature(module.forward).parameters.values())
    except (TypeError, ValueError):
        known = []
    names = [one.name for one in known if one.kind in (one.POSITIONAL_ONLY, one.POSITIONAL_OR_KEYWORD)][: len(values)]
    names += [str(place) for place in range(len(names), len(values))]
    return {name: _example(torch, value, name) for name, value in zip(names, values, strict=True)}


def _example(torch: Any, value: Any, name: str) -> Any:
    if isinstance(value, torch.Tensor):
        feed = Feed(name, tuple(value.shape), str(value.dtype).removeprefix("torch."), raw=True)
        feed.example = value.detach()
        return feed
    if isinstance(value, Mapping):
        return {key: _example(torch, one, f"{name}.{key}".strip(".")) for key, one in value.items()}
    if isinstance(value, (list, tuple)):
        found = [_example(torch, one, f"{name}[{place}]") for place, one in enumerate(value)]
        if isinstance(value, tuple):
            return type(value)(*found) if hasattr(value, "_fields") else tuple(found)
        return found
    return value


def batch_of(feeds: Sequence[Feed]) -> int:
    """The first axis that all example tensors share, 1 where there is none."""
    firsts = {feed.shape[0] for feed in feeds if feed.example is not None and len(feed.shape) > 1}
    return firsts.pop() if len(firsts) == 1 else 1


def _bad(text: str, help: str) -> Refused:
    return Refused([Problem("bad-argument", text, help)])
