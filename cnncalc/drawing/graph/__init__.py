"""The graph view: layers as boxes, branches side by side, skips in lanes, and repeated blocks drawn once.

`labels.py` words what a layer does, `boxes.py` joins layers to boxes, `tree.py` folds equal blocks, `folding.py` chooses how
much is drawn, and `templates.py` finds symbols for the numbers in which blocks differ. `grid.py` and `routing.py` place cells
and edges; they know nothing of networks. `paint.py` and `pages.py` turn all of this into a scene.
"""

from cnncalc.drawing.graph.view import graph_view

__all__ = ["graph_view"]
