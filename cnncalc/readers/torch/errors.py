"""Errors while a user's module is imported, built or run, kept apart from errors of cnncalc itself."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from cnncalc.text import show


class Offline(OSError):
    """The module tried to reach the network."""


class ForwardError(Exception):
    """The user's forward failed. `error` is what it raised."""

    def __init__(self, error: BaseException) -> None:
        super().__init__(describe_error(error))
        self.error = error


def call_foreign(function: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
    """Call a function of PyTorch or of the user.

    Most functions of PyTorch have no Python frame, so that an error in one of them seems to be raised by its caller.
    Calls through this function are recognized by `is_internal`.
    """
    return function(*args, **kwargs)


def is_internal(error: BaseException) -> bool:
    """Return whether an error was raised by a line of cnncalc, and not by PyTorch or the user's module."""
    step = error.__traceback__
    if step is None:
        return False
    while step.tb_next is not None:
        step = step.tb_next
    frame = step.tb_frame
    return str(frame.f_globals.get("__name__", "")).startswith("cnncalc.") and frame.f_code is not call_foreign.__code__


def find_cause(error: BaseException | None, kind: type[BaseException]) -> BaseException | None:
    """Return the error of that type among an error and its causes, or None."""
    seen = 0
    while error is not None and not isinstance(error, kind) and seen < 50:
        error = error.__cause__ or error.__context__ or getattr(error, "reason", None)
        error = error if isinstance(error, BaseException) else None
        seen += 1
    return error


def describe_error(error: BaseException) -> str:
    """Return an error's type and the first line of its message."""
    text = str(error).strip().split("\n")[0]
    return f"{type(error).__name__}: {show(text, 200)}" if text else type(error).__name__
