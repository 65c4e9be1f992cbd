"""The choices of options that only some commands have."""

from __future__ import annotations

from cnncalc.analyses.memory.optimizers import OPTIMIZERS
from cnncalc.writers import TARGETS, writer_of

__all__ = ["OPTIMIZERS", "TARGETS", "writer_of"]
