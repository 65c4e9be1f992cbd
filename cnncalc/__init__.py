"""cnncalc: shapes, parameters, multiply-adds and memory of neural networks, from a specification alone."""

__version__ = "0.1.0"


def __getattr__(name: str) -> object:
    if name == "from_torch":  # not before it is used: importing cnncalc stays cheap
        from cnncalc.formats.torch import from_torch

        return from_torch
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
