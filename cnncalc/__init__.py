"""cnncalc: shapes, parameters, multiply-adds and memory of neural networks, calculated from a specification.

>>> import cnncalc
>>> network = cnncalc.load("vgg16")
>>> network.analyze().totals.params
138357544

The public API is `__all__`. Importing this module imports nothing else: each name is imported on first use.
"""

from __future__ import annotations

__version__ = "0.1.0"

TYPE_CHECKING = False
if TYPE_CHECKING:
    from cnncalc.api.analysis import Analysis, Layer, ReceptiveField
    from cnncalc.api.checks import CheckReport, check
    from cnncalc.api.comparison import Comparison
    from cnncalc.api.deployment import Deployment, Device
    from cnncalc.api.drawing import Drawing
    from cnncalc.api.errors import CnncalcError, Diagnostic
    from cnncalc.api.files.reports import Report
    from cnncalc.api.files.stored import StoredParameters
    from cnncalc.api.loading import from_torch, load, parse, summary
    from cnncalc.api.memory import Memory
    from cnncalc.api.network import Network
    from cnncalc.api.pages import Explanation, Page, explain
    from cnncalc.api.reconciliation import Reconciliation
    from cnncalc.api.search import Search, find_best
    from cnncalc.api.shelf import Architecture, architectures, schema
    from cnncalc.api.teaching.material import GradeReport, Mistake, QuizQuestion, Worksheets, grade, quiz
    from cnncalc.api.verification import Verification

__all__ = [
    "Analysis", "Architecture", "CheckReport", "CnncalcError", "Comparison", "Deployment", "Device", "Diagnostic",
    "Drawing", "Explanation", "GradeReport", "Layer", "Memory", "Mistake", "Network", "Page", "QuizQuestion",
    "ReceptiveField", "Reconciliation", "Report", "Search", "StoredParameters", "Verification", "Worksheets", "__version__",
    "architectures", "check", "explain", "find_best", "from_torch", "grade", "load", "parse", "quiz", "schema",
    "summary",
]  # fmt: skip

_HOMES = {
    "analysis": ("Analysis", "Layer", "ReceptiveField"),
    "checks": ("CheckReport", "check"),
    "comparison": ("Comparison",),
    "deployment": ("Deployment", "Device"),
    "drawing": ("Drawing",),
    "errors": ("CnncalcError", "Diagnostic"),
    "files.reports": ("Report",),
    "search": ("Search", "find_best"),
    "loading": ("from_torch", "load", "parse", "summary"),
    "memory": ("Memory",),
    "network": ("Network",),
    "pages": ("Explanation", "Page", "explain"),
    "reconciliation": ("Reconciliation",),
    "shelf": ("Architecture", "architectures", "schema"),
    "files.stored": ("StoredParameters",),
    "teaching.material": ("GradeReport", "Mistake", "QuizQuestion", "Worksheets", "grade", "quiz"),
    "verification": ("Verification",),
}
_MODULES = {name: module for module, names in _HOMES.items() for name in names}


def __getattr__(name: str) -> object:
    """Import a public name on first use."""
    module = _MODULES.get(name)
    if module is None:
        raise AttributeError(f"module 'cnncalc' has no attribute {name!r}")
    from importlib import import_module

    value: object = getattr(import_module(f"cnncalc.api.{module}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
