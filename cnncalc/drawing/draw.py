"""The table of views, and the choice of the view that suits a network."""

from __future__ import annotations

from cnncalc.analyses.totals import Analysis
from cnncalc.drawing.options import Options
from cnncalc.drawing.scene import Scene
from cnncalc.network import Network


def draw(analysis: Analysis, options: Options | None = None) -> Scene:
    """Return the picture of a network.

    Raises:
        Undrawable: If an option names a layer that does not exist, or that the picture cannot show.
    """
    options = options or Options()
    if options.layer is not None:
        from cnncalc.drawing.lecture.layer import layer_view

        return layer_view(analysis, options.layer, options)
    if options.receptive_field is not None:
        from cnncalc.drawing.lecture.field import field_view

        return field_view(analysis, options.receptive_field, options)
    view = view_of(analysis.network, options)
    if view == "memory":
        from cnncalc.drawing.memory import step_of

        return step_of(analysis, options)
    if view == "graph":
        from cnncalc.drawing.graph import graph_view

        return graph_view(analysis, options)
    from cnncalc.drawing.volumes.view import volumes_view

    return volumes_view(analysis, options)


def view_of(network: Network, options: Options) -> str:
    """Return the view that is drawn: for `auto`, `volumes` for a chain of layers, and `graph` for one with branches.

    An option that only the graph view has selects that view.
    """
    if options.view != "auto":
        return options.view
    if options.depth is not None or options.horizontal or options.against is not None:
        return "graph"
    chain = all(node.inputs == (number,) for number, node in enumerate(network.nodes[1:]))
    return "volumes" if chain else "graph"
