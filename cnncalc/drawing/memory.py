"""The memory view: live bytes over a step, stacked by kind, with the peak, the phases, and every moment as a tooltip."""

from __future__ import annotations

from itertools import pairwise

from cnncalc.analyses.memory.ledger import Moment
from cnncalc.analyses.memory.peak import Run, infer, train
from cnncalc.analyses.totals import Analysis
from cnncalc.drawing.coloring import LINE, legend
from cnncalc.drawing.measure import measure, wrap
from cnncalc.drawing.options import SMALLEST_TEXT, Options
from cnncalc.drawing.palette import MEMORY_KINDS
from cnncalc.drawing.scene import Group, Item, Path, Point, Polygon, Rect, Scene, Style, Text
from cnncalc.text import show
from cnncalc.units import format_bytes

WIDTH, PLOT_HEIGHT = 520.0, 220.0
MARGIN = 14.0
TITLE_SIZE = 10.0
PHASE_LINE = 11.0
MOST_COLUMNS = 1_000
UNITS = ((10**15, "PB"), (10**12, "TB"), (10**9, "GB"), (10**6, "MB"), (10**3, "kB"), (1, "B"))
TICKS = 5  # at most, above 0


def step_of(analysis: Analysis, options: Options) -> Scene:
    """Return the curve of a training step, or of inference."""
    network, batch, dtype = analysis.network, analysis.batch, analysis.dtype
    title = f"{network.title}, batch {batch:,}, {dtype}"
    if options.mode == "infer":
        run = infer(network, batch, dtype)
        return memory_view(run, f"{title}, inference", options.width, options.legend)
    run = train(network, batch, dtype, options.optimizer)
    return memory_view(run, f"{title}, {options.optimizer}", options.width, options.legend)


def memory_view(run: Run, title: str, width: float | None = None, show_legend: bool = True) -> Scene:
    """Return the curve of one step. Its numbers are those of the report: every moment has its exact bytes."""
    return _Chart(run, title, width or WIDTH, show_legend).scene()


def round_ticks(highest: int, most: int = TICKS) -> list[int]:
    """Return 0 and round numbers up to the first one that is not below `highest`.

    >>> round_ticks(398_000_000)
    [0, 100000000, 200000000, 300000000, 400000000]
    """
    step = power = 1
    while step * most < highest:
        for factor in (1, 2, 5):
            step = factor * power
            if step * most >= highest:
                break
        else:
            power *= 10
    return list(range(0, highest + step, step)) if highest % step else list(range(0, highest + 1, step))


def tick_label(size: int, highest: int) -> str:
    """Return the label of a tick, in the unit of the highest one.

    >>> tick_label(1_500_000_000, 2_000_000_000)
    '1.5 GB'
    """
    unit, name = next(pair for pair in UNITS if highest >= pair[0] or pair[0] == 1)
    return f"{size / unit:g} {name}" if size else "0"


class _Chart:
    """The chart while it is drawn."""

    def __init__(self, run: Run, title: str, width: float, show_legend: bool) -> None:
        self.run = run
        self.title = title
        self.width = width
        self.show_legend = show_legend
        self.items: list[Item] = []
        self.ticks = round_ticks(max(1, run.peak.live))
        labels = [tick_label(size, self.ticks[-1]) for size in self.ticks]
        self.left = MARGIN + max(measure(label, SMALLEST_TEXT) for label in labels) + 6
        self.right = width - MARGIN
        self.step = (self.right - self.left) / len(run.moments)

    def scene(self) -> Scene:
        """Return the whole picture."""
        run = self.run
        y = MARGIN
        for line in wrap(show(self.title, 300), self.width - 2 * MARGIN, TITLE_SIZE, bold=True):
            y += TITLE_SIZE + 2
            self.items.append(Text(MARGIN, y - 2, line, TITLE_SIZE, bold=True))
        peak = peak_words(run)
        for line in wrap(peak, self.width - 2 * MARGIN, SMALLEST_TEXT):
            y += LINE
            self.items.append(Text(MARGIN, y - 2, line, SMALLEST_TEXT, color="muted"))
        self.top = y + LINE + 6  # the label of the peak goes above the plot
        self.bottom = self.top + PLOT_HEIGHT
        self.draw_scale()
        kinds = self.draw_kinds()
        self.draw_moments()
        self.draw_peak()
        y = self.draw_phases() + 8
        if self.show_legend:
            entries = [(f"memory-{kind.replace(' ', '-')}", kind) for kind in kinds]
            items, height = legend(entries, self.left, y, self.right - self.left)
            self.items += items
            y += height
        words = f"Live memory over {len(run.moments):,} moments of a step; {peak}."
        return Scene(self.width, y + MARGIN / 2, f"Memory: {show(self.title, 300)}", words, tuple(self.items))

    def y(self, size: int) -> float:
        """Return the place of a size on the scale."""
        return self.bottom - size / self.ticks[-1] * PLOT_HEIGHT

    def x(self, moment: float) -> float:
        """Return the place of a moment."""
        return self.left + moment * self.step

    def draw_scale(self) -> None:
        for size in self.ticks:
            y = self.y(size)
            style = Style(stroke="line" if size == 0 else "faint", width=0.6)
            self.items.append(Path(((self.left, y), (self.right, y)), style, role="line"))
            label = tick_label(size, self.ticks[-1])
            self.items.append(Text(self.left - 5, y + 2.8, label, SMALLEST_TEXT, "end", color="muted"))

    def draw_kinds(self) -> list[str]:
        """Draw an area for every kind of memory, and return the kinds that there are."""
        moments = self.run.moments
        base = [0] * len(moments)
        found = []
        for kind in MEMORY_KINDS:
            sizes = [bytes_of(moment, kind) for moment in moments]
            if not any(sizes):
                continue
            found.append(kind)
            tops = [low + size for low, size in zip(base, sizes, strict=True)]
            outline = (*self.steps(tops), *reversed(self.steps(base)))
            self.items.append(Polygon(outline, Style(f"memory-{kind.replace(' ', '-')}"), role="mark"))
            base = tops
        return found

    def steps(self, levels: list[int]) -> list[Point]:
        """Return the corners of a line that goes in steps, without those in the middle of a flat part."""
        points: list[Point] = [(self.left, self.y(levels[0]))]
        for number, (before, level) in enumerate(pairwise(levels), 1):
            if level != before:
                points += [(self.x(number), self.y(before)), (self.x(number), self.y(level))]
        points.append((self.right, self.y(levels[-1])))
        return points

    def draw_moments(self) -> None:
        """Draw invisible columns, which show the exact bytes of a moment when the pointer rests on them."""
        bound = "at least " if self.run.bounded else ""
        first = 0
        for moment, last in columns_of(self.run):
            words = f"{moment.phase}, {show(moment.at, 200)}: {bound}{moment.live:,} bytes"
            left, right = self.x(first), self.x(last)
            column = Rect(left, self.top, right - left, PLOT_HEIGHT, Style("page", opacity=0), role="mark")
            self.items.append(Group(moment.at, words, (column,)))
            first = last

    def draw_peak(self) -> None:
        run = self.run
        number = next(place for place, moment in enumerate(run.moments) if moment.live == run.peak.live)
        x, y = self.x(number + 0.5), self.y(run.peak.live)
        label = " ".join(["peak", *[run.bound] * bool(run.bound), format_bytes(run.peak.live)])
        half = measure(label, SMALLEST_TEXT, bold=True) / 2
        middle = min(max(x, self.left + half), self.right - half)
        line = Style(stroke="ink", width=0.8, dash=(2, 2))
        self.items.append(Path(((x, self.top - 2), (x, y)), line, role="line"))
        self.items.append(Text(middle, self.top - 5, label, SMALLEST_TEXT, "middle", bold=True))

    def draw_phases(self) -> float:
        """Draw the phases below the axis, and return where they end."""
        moments = self.run.moments
        starts = [0, *(k for k in range(1, len(moments)) if moments[k].phase != moments[k - 1].phase), len(moments)]
        ends: list[float] = []  # of the labels in every line
        for first, last in pairwise(starts):
            phase = moments[first].phase
            left, right = self.x(first), self.x(last)
            style = Style(stroke="line", width=0.8)
            if first:
                self.items.append(Path(((left, self.top), (left, self.bottom + 6)), style, role="line"))
            half = measure(phase, SMALLEST_TEXT) / 2
            middle = min(max((left + right) / 2, self.left + half), self.right - half)
            line = next((k for k, end in enumerate(ends) if end + 6 <= middle - half), len(ends))
            ends[line : line + 1] = [middle + half]
            baseline = self.bottom + PHASE_LINE * (line + 1) + 1
            self.items.append(Text(middle, baseline, phase, SMALLEST_TEXT, "middle"))
        return self.bottom + PHASE_LINE * len(ends) + 3


def columns_of(run: Run) -> list[tuple[Moment, int]]:
    """Return the moment that each column of the chart shows, and the number of moments up to the end of the column.

    Where there are more moments than columns, a column shows the moment with the most bytes.
    """
    moments = run.moments
    together = -(-len(moments) // MOST_COLUMNS)
    return [
        (max(moments[first : first + together], key=lambda moment: moment.live), min(first + together, len(moments)))
        for first in range(0, len(moments), together)
    ]


def bytes_of(moment: Moment, kind: str) -> int:
    """Return the bytes of a kind; what is alive only at that moment is `temporary`."""
    parts = dict(moment.parts)
    return moment.live - sum(parts.values()) if kind == "temporary" else parts.get(kind, 0)


def peak_words(run: Run) -> str:
    """Return the exact peak, and where it is reached."""
    bound = run.bound + " " * bool(run.bound)
    return f"peak {bound}{run.peak.live:,} bytes at {show(run.peak.at, 200)}, {run.peak.phase}"
