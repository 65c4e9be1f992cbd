"""Keras: `model.summary()` prints parameters only. Running means and variances are among them."""

from __future__ import annotations

from cnncalc.reconcile.rules import Parameters, Tool
from cnncalc.reconcile.tools.parameters import NOT_TRAINABLE, STORED, TRAINABLE


class Keras(Tool):
    """`model.summary()` of Keras."""

    name = "keras"
    version = "3.15.0"
    figures = (
        Parameters("Total params", STORED, note="running means and variances are among them"),
        Parameters("Trainable params", TRAINABLE),
        Parameters("Non-trainable params", NOT_TRAINABLE),
    )
