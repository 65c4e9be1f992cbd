"""From `torch:package.module:callable` to a module on the meta device: import it, build it and copy it without weights.

The Python module that the user names is executed on import, as `python -m` would execute it. cnncalc therefore imports
one only if the user writes `torch:`.
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
from cnncalc.readers.optional import import_optional
from cnncalc.readers.torch.errors import Offline, call_foreign, describe_error, find_cause, is_internal
from cnncalc.text import did_you_mean, quoted, show

PREFIX = "torch:"
_WHOLE = re.compile(r"[-+]?\d{1,18}")
_DECIMAL = re.compile(r"[-+]?(\d+\.\d*|\.\d+|\d+)([eE][-+]?\d{1,3})?")
_WORDS = {"true": True, "false": False, "null": None, "none": None}


def parse_argument(text: str) -> Any:
    """Parse the value of `--arg name=value`: a number, true, false, null, a list in brackets, or text (may be quoted).

    >>> [parse_argument(text) for text in ("64", "0.5", "1e-3", "true", "wide", "[2, 2]", '"64"')]
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
    """Build the module that a spec names.

    Returns:
        The module on the meta device in evaluation mode, and a function that builds it again with values.

    Raises:
        Refused: It does not exist, cannot be built, or is not a torch.nn.Module.
    """
    torch: Any = import_optional("torch", "torch")
    target = _import_target(spec)
    if isinstance(target, torch.nn.Module):
        if arguments:
            text = f"{show(spec)} is already a model, so `--arg` has no effect on it"
            raise _bad(text, "leave `--arg` out, or name the class or function that creates the model")
        return on_meta(target), lambda: with_values(target)
    if not callable(target):
        text = f"{show(spec)} is a value of type {type(target).__name__}, which cannot be called to create a model"
        raise _bad(text, "name a class or function that creates the model")
    try:
        with torch.device("meta"):
            module = target(**arguments)
    except Exception as first:  # the constructor may need values, which tensors on meta do not have
        if find_cause(first, Offline) is not None:
            raise _failed(spec, first, target) from None
        module = _create(spec, target, arguments)
    except SystemExit as error:
        raise _failed(spec, error, target) from None
    if not isinstance(module, torch.nn.Module):
        text = f"{show(spec)} returns a value of type {type(module).__name__}, not a torch.nn.Module"
        raise _bad(text, "name the class of the model, or a function that returns one")

    def again() -> Any:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)
            return with_values(_create(spec, target, arguments))

    return on_meta(module), again


def _create(spec: str, target: Callable[..., Any], arguments: Mapping[str, Any]) -> Any:
    """Call what creates the model.

    Raises:
        Refused: The call failed.
    """
    try:
        return target(**arguments)
    except (Exception, SystemExit) as error:
        raise _failed(spec, error, target) from None


def on_meta(module: Any) -> Any:
    """Copy a module to the meta device, in evaluation mode. No weight is copied, and the module stays as it is.

    Raises:
        Refused: It cannot be copied.
    """
    torch: Any = import_optional("torch", "torch")

    def without_values(value: Any) -> Any:
        return torch.empty_strided(value.shape, value.stride(), dtype=value.dtype, device="meta")

    return _copy_module(module, without_values, "meta")


def with_values(module: Any) -> Any:
    """Copy a module to the CPU, in evaluation mode, with made-up parameters.

    Weights are small and the same every time, drawn evenly so that outputs are at most as large as inputs. Vectors are
    1 and biases 0. Buffers and other tensors, such as masks and anchors, keep their values if they have any.

    Raises:
        Refused: It cannot be copied.
    """
    torch: Any = import_optional("torch", "torch")
    source = torch.Generator().manual_seed(0)
    biases = {id(value) for name, value in module.named_parameters() if name.rpartition(".")[2].startswith("bias")}

    def made_up(value: Any) -> Any:
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

    return _copy_module(module, made_up, "cpu")


def _copy_module(module: Any, copy_tensor: Callable[[Any], Any], device: str) -> Any:
    """Copy a module in evaluation mode; `copy_tensor` makes the tensors of the copy.

    Raises:
        Refused: It cannot be copied.
    """
    torch: Any = import_optional("torch", "torch")
    module = getattr(module, "_orig_mod", module)  # what torch.compile wraps
    if not isinstance(module, torch.nn.Module):
        raise _bad(f"this is a value of type {type(module).__name__}, not a torch.nn.Module", "pass the model itself")
    functions: Any = import_optional("torch.overrides", "torch")
    memo: dict[int, Any] = {}

    def replace(value: Any) -> Any:
        for lazy in (torch.nn.UninitializedParameter, torch.nn.UninitializedBuffer):
            if isinstance(value, lazy):
                return lazy(device=device, requires_grad=False)
        try:
            with torch._C.DisableTorchFunction(), torch.no_grad():
                copied = copy_tensor(value)
        except RuntimeError as error:  # PyTorch cannot do it, for example with a sparse tensor
            raise _not_copied(error) from None
        if isinstance(value, torch.nn.Parameter):
            return torch.nn.Parameter(copied, requires_grad=value.requires_grad)
        return copied

    class Replace(functions.TorchFunctionMode):  # type: ignore[misc]  # torch is loaded late, so its classes are Any
        """Have `copy.deepcopy` replace tensors."""

        def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
            if getattr(func, "__name__", "") == "__deepcopy__" and args:
                value, known = args[0], args[1] if len(args) > 1 else memo
                if id(value) not in known:
                    known[id(value)] = replace(value)
                return known[id(value)]
            return call_foreign(func, *args, **(kwargs or {}))

    for value in (*module.parameters(), *module.buffers()):
        if id(value) not in memo:
            memo[id(value)] = replace(value)
    try:
        with Replace():
            copied = copy.deepcopy(module, memo)
    except Refused:
        raise
    except Exception as error:  # whatever an attribute of the user's module raises when it is copied
        if is_internal(error):
            raise
        raise _not_copied(error) from None
    return copied.eval()


def _not_copied(error: Exception) -> Refused:
    text = f"the model cannot be copied: {describe_error(error)}"
    return _bad(text, "read it as `torch:MODULE:CALLABLE`, which builds it without a copy")


def _import_target(spec: str) -> Any:
    """Import what a spec names.

    Raises:
        Refused: The spec is malformed, or the import fails.
    """
    place, colon, name = spec.removeprefix(PREFIX).partition(":")
    if not colon or not place or not name:
        text = f"`{show(spec)}` does not name a class or function"
        raise _bad(text, "write `torch:package.module:callable`", "bad-argument")
    if place.endswith(".py") or os.sep in place:
        plain = place.removesuffix(".py").strip("./").replace(os.sep, ".")
        raise _bad(
            f"`{show(place)}` is a path, not the name of a module",
            f"write `torch:{show(plain)}:{show(name)}`",
            "bad-argument",
        )
    here = os.getcwd()
    sys.path.insert(0, here)  # console scripts do not search the current folder, where the user's `models.py` is
    try:
        module = importlib.import_module(place)  # the user names it
    except ModuleNotFoundError as error:
        missing = error.name or place
        if place == missing or place.startswith(missing + "."):
            text = f"there is no Python module `{show(missing)}`, neither installed nor in {show(here)}"
            help = "write its name as in `import`, and run cnncalc in the folder that contains it"
            raise _bad(text, help, "bad-argument") from None
        raise _failed(place, error) from None
    except (Exception, SystemExit) as error:
        raise _failed(place, error) from None
    finally:
        with contextlib.suppress(ValueError):
            sys.path.remove(here)
    target = module
    for part in name.split("."):
        if not hasattr(target, part):
            names = [each for each in vars(target) if not each.startswith("_")] if hasattr(target, "__dict__") else []
            text = f"`{show(place)}` has no `{show(name)}`"
            raise _bad(
                text, did_you_mean(part, names) or "check the spelling; names are case-sensitive", "bad-argument"
            )
        target = getattr(target, part)
    return target


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Redirect what the user's code prints to standard error, and suppress its warnings."""
    with warnings.catch_warnings(), contextlib.redirect_stdout(sys.stderr):
        warnings.simplefilter("ignore")
        yield


@contextlib.contextmanager
def offline() -> Iterator[None]:
    """Refuse network connections: no figure depends on weights, and users do not expect a calculator to download any."""
    connect, names = socket.socket.connect, socket.getaddrinfo

    def refuse(*_: Any, **__: Any) -> Any:
        raise Offline("cnncalc does not allow downloads")

    socket.socket.connect = refuse  # type: ignore[method-assign]  # restored below
    socket.getaddrinfo = refuse
    try:
        yield
    finally:
        socket.socket.connect = connect  # type: ignore[method-assign]  # the original
        socket.getaddrinfo = names


def _failed(spec: str, error: BaseException, target: Any = None) -> Refused:
    """Return what to report if importing or building a model failed."""
    if find_cause(error, Offline) is not None:
        text = f"{show(spec)} tries to download something, which cnncalc does not allow"
        return _bad(text, "turn pretrained weights off, for example with `--arg weights=null`")
    help = "the error comes from the model's own code; run that in Python to see where"
    if isinstance(error, TypeError) and "argument" in str(error) and target is not None:
        with contextlib.suppress(TypeError, ValueError):
            names = [name for name in inspect.signature(target).parameters if name not in ("args", "kwargs")]
            help = (
                f"its arguments, for `--arg name=value`, are {quoted(names, 'and')}" if names else "it takes no `--arg`"
            )
    return _bad(f"{show(spec)} fails with {describe_error(error)}", help)


def _bad(text: str, help: str, code: str = "bad-model") -> Refused:
    return Refused([Problem(code, text, help)])
