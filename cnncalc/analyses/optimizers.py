"""What optimizers keep besides the parameters: PyTorch 2.13's `foreach` implementations."""

from __future__ import annotations

# optimizer -> copies of the parameters kept as state, copies made for a moment in its step
OPTIMIZERS = {"sgd": (0, 0), "momentum": (1, 0), "adagrad": (1, 2), "rmsprop": (1, 1), "adam": (2, 1), "adamw": (2, 1)}
