"""The tools, one class and file each. To add one, write its rules and add it to the table."""

from __future__ import annotations

from cnncalc.reconcile.rules import Tool
from cnncalc.reconcile.tools.calflops import Calflops
from cnncalc.reconcile.tools.flop_counter import FlopCounter
from cnncalc.reconcile.tools.fvcore import Fvcore
from cnncalc.reconcile.tools.keras import Keras
from cnncalc.reconcile.tools.onnx_tool import OnnxTool
from cnncalc.reconcile.tools.ptflops import PtflopsAten, PtflopsPytorch
from cnncalc.reconcile.tools.thop import Thop
from cnncalc.reconcile.tools.timm import Timm
from cnncalc.reconcile.tools.torchinfo import Torchinfo

# by the name on the command line, in the order of the report
TOOLS: dict[str, type[Tool]] = {
    tool.name: tool
    for tool in (
        Thop, PtflopsPytorch, PtflopsAten, Fvcore, Torchinfo, Calflops, FlopCounter, OnnxTool, Keras, Timm,
    )
}  # fmt: skip
