"""From `torch:package.module:callable` to a module on the meta device: import, build without weights, copy without weights.

The module named is run on import, as `python -m` would: cnncalc does it only where `torch:` is written out.
"""

from __future__ import annotations

import contextlib
import copy
import importlib
import inspect
import json
import os
import re
import socket
import sys
import warnings
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from cnncalc.problem import Problem, Refused
from cnncalc.text import did_you_mean, quoted, show

PREFIX = "torch:"
_WHOLE = re.compile(r"[-+]?\d{1,18}")
_DECIMAL = re.compile(r"[-+]?(\d+\.\d*|\.\d+|\d+)([eE][-+]?\d{1,3})?")
_WORDS = {"true": True, "false": False, "null": None, "none": None}


class Offline(OSError):
    """Something tried to reach the network."""


def argument(text: str) -> Any:
    """The value of `--arg name=value`: a number, true, false, null, a list in brackets, or text (in quotes, if need be).

    >>> [argument(text) for text in ("64", "0.5", "1e-3", "true", "wide", "[2, 2]", '"64"')]
    [64, 0.5, 0.001, True, 'wide', [2, 2], '64']
    """
    text = text.strip()
    if _WHOLE.fullmatch(text):
        return int(text)
    if _DECIMAL.fullmatch(text):
        return float(text)
    if text.lower() in _WORDS:
        return _WORDS[text.lower()]
    if text[:1] in ('"', "["):
        with contextlib.suppress(ValueError):
            return json.loads(text)
    return text


def load(spec: str, arguments: Mapping[str, Any]) -> tuple[Any, Callable[[], Any]]:
    """The module that a spec names, on the meta device and in evaluation mode, and what makes it once more with numbers.

    Raises:
        Refused: where there is no such thing, it cannot be built, or is no torch.nn.Module.
    """
    torch: Any = importlib.import_module("torch")
    made = _found(spec)
    if isinstance(made, torch.nn.Module):
        if arguments:
            text = f"{show(spec)} is a model already, so that it takes no `--arg`"
            raise _bad(text, "name the class or function that makes it")
        return on_meta(made), lambda: with_numbers(made)
    if not callable(made):
        text = f"{show(spec)} makes no model: it is a value of type {type(made).__name__}"
        raise _bad(text, "name a class or function")
    try:
        with torch.device("meta"):
            module = made(**arguments)
    except Exception as first:  # on meta tensors, which have no numbers; once more with numbers
        if cause(first, Offline) is not None:
            raise _failed(spec, first, made) from None
        try:
            module = made(**arguments)
        except (Exception, SystemExit) as error:
            raise _failed(spec, error, made) from None
    except SystemExit as error:
        raise _failed(spec, error, made) from None
    if not isinstance(module, torch.nn.Module):
        text = f"{show(spec)} gives back something else than a torch.nn.Module: {type(module).__name__}"
        raise _bad(text, "name the class of the model, or a function that returns one")

    def again() -> Any:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)
            return with_numbers(made(**arguments))

    return on_meta(module), again


def on_meta(module: Any) -> Any:
    """A copy of a module on the meta device, in evaluation mode; no weight is copied, the module stays as it is.

    Raises:
        Refused: where it cannot be copied.
    """
    torch: Any = importlib.import_module("torch")

    def light(value: Any) -> Any:
        return torch.empty_strided(value.shape, value.stride(), dtype=value.dtype, device="meta")

    return _copied(module, light, "meta")


def with_numbers(module: Any) -> Any:
    """A copy of a module on the CPU, in evaluation mode, with parameters of its own making.

    Weights are small and the same every time: evenly spread, so that what goes in comes out at most as large; vectors are
    1, biases 0. Buffers and other tensors, such as masks and anchors, keep their numbers where they have any.

    Raises:
        Refused: where it cannot be copied.
    """
    torch: Any = importlib.import_module("torch")
    source = torch.Generator().manual_seed(0)
    biases = {id(value) for name, value in module.named_parameters() if name.rpartition(".")[2].startswith("bias")}

    def heavy(value: Any) -> Any:
        learned = isinstance(value, torch.nn.Parameter)
        if not learned and value.device.type != "meta":
            return value.detach().cpu().clone()
        filled = torch.zeros(value.shape, dtype=value.dtype)
        if not value.is_floating_point() or id(value) in biases:
            return filled
        if not learned or value.dim() < 2:
            return filled.fill_(1)
        bound = (value.numel() / value.shape[0]) ** -0.5 if value.numel() else 0.0
        return filled.uniform_(-bound, bound, generator=source)

    return _copied(module, heavy, "cpu")


def _copied(module: Any, light: Callable[[Any], Any], device: str) -> Any:
    """A copy of a module in evaluation mode whose tensors are what `light` makes of its own.

    Raises:
        Refused: where it cannot be copied.
    """
    torch: Any = importlib.import_module("torch")
    module = getattr(module, "_orig_mod", module)  # what torch.compile wraps
    if not isinstance(module, torch.nn.Module):
        raise _bad(f"this is no torch.nn.Module: {type(module).__name__}", "hand over the model itself")
    functions: Any = importlib.import_module("torch.overrides")
    memo: dict[int, Any] = {}

    def replaced(value: Any) -> Any:
        for lazy in (torch.nn.UninitializedParameter, torch.nn.UninitializedBuffer):
            if isinstance(value, lazy):
                return lazy(device=device, requires_grad=False)
        with torch._C.DisableTorchFunction(), torch.no_grad():
            copied = light(value)
        if isinstance(value, torch.nn.Parameter):
            return torch.nn.Parameter(copied, requires_grad=value.requires_grad)
        return copied

    class Light(functions.TorchFunctionMode):  # type: ignore[misc]  # torch is loaded late, so its classes are Any
        """Copies of tensors without their numbers."""

        def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
            if getattr(func, "__name__", "") == "__deepcopy__" and args:
                value, known = args[0], args[1] if len(args) > 1 else memo
                if id(value) not in known:
                    known[id(value)] = replaced(value)
                return known[id(value)]
            return func(*args, **(kwargs or {}))

    for value in (*module.parameters(), *module.buffers()):
        if id(value) not in memo:
            memo[id(value)] = replaced(value)
    try:
        with Light():
            made = copy.deepcopy(module, memo)
    except Refused:
        raise
    except Exception as error:  # whatever an attribute of the module does not like
        raise _bad(f"the model cannot be copied: {line(error)}", "build it anew: name what makes it") from None
    return made.eval()


def _found(spec: str) -> Any:
    place, colon, name = spec.removeprefix(PREFIX).partition(":")
    if not colon or not place or not name:
        raise _bad(f"`{show(spec)}` names no callable", "write `torch:package.module:callable`", "bad-argument")
    if place.endswith(".py") or os.sep in place:
        plain = place.removesuffix(".py").strip("./").replace(os.sep, ".")
        raise _bad(
            f"`{show(place)}` is a path, not the name of a module",
            f"write `torch:{show(plain)}:{show(name)}`",
            "bad-argument",
        )
    here = os.getcwd()
    sys.path.insert(0, here)  # a console script does not look beside you; `models.py` there is what is meant
    try:
        module = importlib.import_module(place)
    except ModuleNotFoundError as error:
        missing = error.name or place
        if place == missing or place.startswith(missing + "."):
            text = f"there is no Python module `{show(missing)}`, neither installed nor in {show(here)}"
            help = "write its name as in `import`, from the folder in which it is"
            raise _bad(text, help, "bad-argument") from None
        raise _failed(place, error) from None
    except (Exception, SystemExit) as error:
        raise _failed(place, error) from None
    finally:
        with contextlib.suppress(ValueError):
            sys.path.remove(here)
    found = module
    for part in name.split("."):
        if not hasattr(found, part):
            names = [one for one in vars(found) if not one.startswith("_")] if hasattr(found, "__dict__") else []
            text = f"`{show(place)}` has no `{show(name)}`"
            raise _bad(
                text, did_you_mean(part, names) or "check the spelling; names are case-sensitive", "bad-argument"
            )
        found = getattr(found, part)
    return found


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """What the user's code prints goes to standard error, and its warnings nowhere."""
    with warnings.catch_warnings(), contextlib.redirect_stdout(sys.stderr):
        warnings.simplefilter("ignore")
        yield


@contextlib.contextmanager
def offline() -> Iterator[None]:
    """No download: weights are not needed, and nobody expects a calculator to fetch them."""
    connect, names = socket.socket.connect, socket.getaddrinfo

    def refuse(*_: Any, **__: Any) -> Any:
        raise Offline("cnncalc downloads nothing")

    socket.socket.connect = refuse  # type: ignore[method-assign]  # put back below
    socket.getaddrinfo = refuse
    try:
        yield
    finally:
        socket.socket.connect = connect  # type: ignore[method-assign]  # what it was
        socket.getaddrinfo = names


def cause(error: BaseException | None, kind: type[BaseException]) -> BaseException | None:
    """The error of that kind that led to another one, if there is one."""
    seen = 0
    while error is not None and not isinstance(error, kind) and seen < 50:
        error = error.__cause__ or error.__context__ or getattr(error, "reason", None)
        error = error if isinstance(error, BaseException) else None
        seen += 1
    return error


def _failed(spec: str, error: BaseException, made: Any = None) -> Refused:
    if cause(error, Offline) is not None:
        return _bad(
            f"{show(spec)} wants to download something, and cnncalc downloads nothing", "leave pretrained weights out"
        )
    help = "the error is its own; run it in Python to see where"
    if isinstance(error, TypeError) and "argument" in str(error) and made is not None:
        with contextlib.suppress(TypeError, ValueError):
            names = [name for name in inspect.signature(made).parameters if name not in ("args", "kwargs")]
            help = (
                f"its arguments, for `--arg name=value`, are {quoted(names, 'and')}" if names else "it takes no `--arg`"
            )
    return _bad(f"{show(spec)} fails with {line(error)}", help)


def line(error: BaseException) -> str:
    """An error's type and the first line of what it says."""
    text = str(error).strip().split("\n")[0]
    return f"{type(error).__name__}: {show(text, 200)}" if text else type(error).__name__


def _bad(text: str, help: str, code: str = "bad-model") -> Refused:
    return Refused([Problem(code, text, help)])
