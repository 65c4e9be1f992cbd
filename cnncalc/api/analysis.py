"""The layers and totals of a network: what `cnncalc analyze` prints."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from cnncalc.analyses import claims, totals
from cnncalc.analyses.claims import Claim
from cnncalc.analyses.receptive import extent
from cnncalc.analyses.totals import Row
from cnncalc.api.errors import CnncalcError, check_count, check_text
from cnncalc.network import Network
from cnncalc.record import Record
from cnncalc.text import did_you_mean, plural, show
from cnncalc.units import DTYPES

if TYPE_CHECKING:
    from cnncalc.api.pages import Explanation


class ReceptiveField(Record):
    """The part of the input that one cell of a feature map depends on.

    Attributes
    ----------
    size : tuple of int
        Pixels along each spatial axis.
    stride : tuple
        Input pixels between the fields of neighbouring cells, along each axis; None if a cell has no neighbour or the
        distance varies.
    """

    size: tuple[int, ...]
    stride: tuple[float | int | None, ...] | None

    def __str__(self) -> str:
        return "x".join(map(str, self.size))


class Layer:
    """One row of the table: a layer, or an input.

    Counts are for one example. The memory is for the batch and dtype of the analysis.
    """

    __slots__ = ("_analysis", "_row")

    def __init__(self, analysis: totals.Analysis, row: Row) -> None:
        self._analysis = analysis
        self._row = row

    @property
    def name(self) -> str:
        """The path through blocks, joined with dots, such as `Stage1.conv2`."""
        return self._row.node.name

    @property
    def kind(self) -> str:
        """The kind, such as `conv`; `input` for an input."""
        return self._row.node.kind

    @property
    def fields(self) -> dict[str, Any]:
        """The fields that differ from their defaults, such as `{"filters": 64, "kernel": "3x3"}`."""
        return dict(self.to_dict()["fields"])

    @property
    def inputs(self) -> tuple[str, ...]:
        """The names of the layers whose outputs it reads."""
        return tuple(self._analysis.network.nodes[index].name for index in self._row.node.inputs)

    @property
    def output(self) -> tuple[int, ...]:
        """The output shape of one example, channels last and without the batch: (height, width, channels)."""
        return tuple(self._row.node.output)

    @property
    def activations(self) -> int:
        """Numbers written to a new volume; 0 for a layer that works in place."""
        return self._row.activations

    @property
    def weights(self) -> int:
        """Parameters that are multiplied; 0 if the layer reuses those of another."""
        return self._row.weights

    @property
    def biases(self) -> int:
        """Parameters that are added."""
        return self._row.biases

    @property
    def params(self) -> int:
        """Weights and biases."""
        return self._row.params

    @property
    def trainable(self) -> int:
        """Parameters that are not frozen."""
        return self._row.trainable

    @property
    def buffers(self) -> int:
        """Running means and variances."""
        return self._row.buffers

    @property
    def macs(self) -> int | None:
        """Multiply-accumulates for one example; None if they are not known."""
        return int(self._row.macs) if self._row.counted else None

    @property
    def memory(self) -> int:
        """Bytes of the activations, for the batch and dtype of the analysis."""
        return self._analysis.bytes(self.activations) * self._analysis.batch

    @property
    def receptive_field(self) -> ReceptiveField | None:
        """The receptive field of one cell of the output, or of the whole input if a cell sees all of it.

        None if it is not known.
        """
        seen = extent(self._analysis.field(self._row), self._analysis.extent)
        return None if seen is None else ReceptiveField(tuple(seen[0]), None if seen[1] is None else tuple(seen[1]))

    @property
    def shares(self) -> str | None:
        """The name of the layer whose weights it reuses; None if they are its own."""
        shared = self._row.node.shared
        return None if shared is None else self._analysis.network.nodes[shared].name

    @property
    def notes(self) -> tuple[str, ...]:
        """Remarks, such as that a size was rounded."""
        return tuple(sentence for _, sentence in self._row.notes)

    def explain(self) -> Explanation:
        """Show how each figure of the layer is calculated.

        Examples
        --------
        >>> import cnncalc
        >>> print(cnncalc.load("lenet5")["C1"].explain())  # doctest: +ELLIPSIS
        C1  conv: ...
        """
        from cnncalc.api.pages import Explanation

        return Explanation(self._analysis, (self._row,))

    def to_dict(self) -> dict[str, Any]:
        """Return the layer as in the JSON of `cnncalc analyze`."""
        from cnncalc.render.data import row_data

        return row_data(self._analysis, self._row)

    def __repr__(self) -> str:
        shape = self._row.node.output
        return f"<Layer {show(self.name)}: {self.kind}, output {shape}, {self.params:,} params>"


class Analysis(totals.Analysis):
    """The figures of every layer at a batch size and dtype, with totals.

    `str()` is the table of `cnncalc analyze`. Iteration yields the layers without the inputs, and `analysis["conv1"]` is one
    layer.

    Attributes
    ----------
    totals : cnncalc.analyses.totals.Totals
        `layers`, `depth`, `activations`, `conv_activations`, `weights`, `biases`, `params`, `trainable`, `buffers` and
        `macs`, all for one example. If `uncounted` is not 0, that many layers have unknown multiply-adds, and
        `macs` is a lower bound.
    batch : int
        Examples per batch, for memory.
    dtype : str
        The type of all numbers.
    """

    @classmethod
    def of(cls, network: Network, batch: int = 1, dtype: str = "float32", *, training: bool = False) -> Analysis:
        """Analyse a network. With `training`, every layer also has its share of the training memory.

        Raises
        ------
        TypeError, ValueError
            If the batch is not a positive whole number, or the dtype is not one of the choices.
        """
        if dtype not in DTYPES:
            raise ValueError(f"dtype must be one of {', '.join(sorted(DTYPES))}, not {dtype!r}")
        check_count("batch", batch)
        result = totals.analyze(network, batch, dtype)
        if training:
            from cnncalc.analyses.memory.peak import columns

            result = columns(result)
        return cls(**{name: getattr(result, name) for name in totals.Analysis._names})

    @property
    def layers(self) -> tuple[Layer, ...]:
        """All rows of the table in their order, inputs included."""
        return tuple(Layer(self, row) for row in self.rows)

    @property
    def activation_memory(self) -> int:
        """Bytes of all activations, for the batch and dtype."""
        return self.activation_bytes

    @property
    def expected(self) -> list[Claim]:
        """Every `expect` in the file, with the computed figure and whether it `agrees`."""
        return claims.expected(self)

    @property
    def published(self) -> list[Claim]:
        """The published figures of the network, with the computed figures and whether they agree."""
        return claims.published(self)

    def at(self, batch: int, dtype: str) -> Analysis:
        """Return the same figures at another batch size and dtype."""
        return Analysis(self.network, self.rows, self.totals, batch, dtype)

    def find(self, *names: str) -> list[Row]:
        """Return the rows with these names, in the order of the network.

        A name is a full name, its last part, which may match several layers, or a block.

        Raises
        ------
        KeyError
            If no layer has one of the names.
        """
        if not names:
            return list(self.rows)
        rows: dict[int, Row] = {}
        for word in names:
            check_text("the name of a layer", word)
            matching = [
                row
                for row in self.rows
                if row.node.name == word or row.node.name.endswith("." + word) or row.node.name.startswith(word + ".")
            ]
            if not matching:
                every = [row.node.name for row in self.rows]
                help = did_you_mean(word, [*every, *{name.rpartition(".")[2] for name in every}])
                raise KeyError(f"no layer named `{show(word)}`: {help or '`cnncalc analyze` shows the names'}")
            rows.update((row.node.index, row) for row in matching)
        return list(rows.values())

    def explain(self, *names: str) -> Explanation:
        """Show how the figures of these layers are calculated, or of all layers if there are no names.

        Raises
        ------
        KeyError
            If no layer has one of the names.
        """
        from cnncalc.api.pages import Explanation

        return Explanation(self, tuple(self.find(*names)))

    def to_text(
        self,
        columns: Sequence[str] | None = None,
        *,
        depth: int | None = None,
        sort: str | None = None,
        top: int | None = None,
        exact: bool = False,
    ) -> str:
        """Return the table with totals, published figures and notes, as `cnncalc analyze` prints it.

        Parameters
        ----------
        columns : sequence of str, optional
            Names of columns: kind, fields, output, activations, memory, params, trainable, weights, biases, buffers, macs,
            rf, formula, share.
        depth : int, optional
            Fold blocks below this level into one line each.
        sort, top : optional
            Sort by a column, largest first, and show only that many lines.
        exact : bool
            Print exact integers instead of rounded figures.

        Raises
        ------
        ValueError
            If a column is unknown.
        """
        from cnncalc.render.lines import UNICODE, plain
        from cnncalc.render.report import report

        return plain(report(self, self._options(columns, depth, sort, top, exact), UNICODE))

    def to_markdown(self, columns: Sequence[str] | None = None, *, depth: int | None = None) -> str:
        """Return the table in Markdown."""
        from cnncalc.render.markup import to_markdown

        return to_markdown(self, self._options(columns, depth))

    def to_latex(self, columns: Sequence[str] | None = None, *, depth: int | None = None) -> str:
        """Return the table in LaTeX, for the booktabs package."""
        from cnncalc.render.markup import to_latex

        return to_latex(self, self._options(columns, depth))

    def to_csv(self, columns: Sequence[str] | None = None, *, depth: int | None = None) -> str:
        """Return the table as CSV with plain numbers."""
        from cnncalc.render.columns import DEFAULT
        from cnncalc.render.data import to_csv

        options = self._options(columns, depth)
        return to_csv([(self.network.spec, self)], options.columns if columns else DEFAULT, depth)

    def to_dict(self) -> dict[str, Any]:
        """Return everything as plain data: the contract `cnncalc.analysis/1`, as in `cnncalc analyze --format json`."""
        from cnncalc.render.data import analysis

        return analysis(self)

    def to_json(self) -> str:
        """Return `to_dict` as JSON text, exactly as the command line prints it."""
        from cnncalc.render.data import to_json

        return to_json(self.to_dict())

    def to_pandas(self) -> Any:
        """Return the rows as a pandas DataFrame: one row per layer, indexed by name, integers exact.

        Raises
        ------
        CnncalcError
            If pandas is not installed.
        """
        return _import("pandas").DataFrame(self._records()).convert_dtypes().set_index("name")

    def to_polars(self) -> Any:
        """Return the rows as a polars DataFrame: one row per layer, integers exact.

        Raises
        ------
        CnncalcError
            If polars is not installed.
        """
        return _import("polars").DataFrame(self._records(), infer_schema_length=None)

    def __getitem__(self, name: str) -> Layer:
        """Return the layer with this full name, or the only layer whose name ends with it.

        Raises
        ------
        KeyError
            If no layer, or more than one, has this name.
        """
        for row in self.rows:
            if row.node.name == name:
                return Layer(self, row)
        rows = self.find(name)
        if len(rows) > 1:
            first = ", ".join(show(row.node.name) for row in rows[:3])
            raise KeyError(f"`{show(name)}` matches {plural(len(rows), 'layer')}: {first}, ...; use the full name")
        return Layer(self, rows[0])

    def __iter__(self) -> Iterator[Layer]:
        return (Layer(self, row) for row in self.rows if row.node.layer is not None)

    def __len__(self) -> int:
        return self.totals.layers

    def __bool__(self) -> bool:
        return True

    def __str__(self) -> str:
        return self.to_text()

    def _repr_html_(self) -> str:
        from cnncalc.render.html.analysis import analysis_html

        return analysis_html(self)

    def __repr__(self) -> str:
        total = self.totals
        least = "at least " if total.uncounted else ""
        return (
            f"<Analysis of {show(self.network.title)}: {plural(total.layers, 'layer')}, {total.params:,} params, "
            f"{total.activations:,} activations, {least}{total.macs:,} MACs; batch {self.batch:,}, {self.dtype}>"
        )

    def _options(
        self,
        columns: Sequence[str] | None,
        depth: int | None,
        sort: str | None = None,
        top: int | None = None,
        exact: bool = False,
    ) -> Any:
        from cnncalc.render.columns import COLUMNS, DEFAULT
        from cnncalc.render.ranking import Ranking
        from cnncalc.render.report import Options

        for name in columns or ():
            if name not in COLUMNS:
                raise ValueError(f"no column named {name!r}: the columns are {', '.join(COLUMNS)}")
        ranking = None if sort is None and top is None else Ranking(sort or "params", top)
        return Options(tuple(columns or DEFAULT), depth, exact, ranking=ranking)

    def _records(self) -> list[dict[str, Any]]:
        """Return one flat record for each row, with shapes as text."""
        return [
            {
                "name": layer.name,
                "kind": layer.kind,
                "output": "x".join(map(str, layer.output)),
                "activations": layer.activations,
                "memory": layer.memory,
                "weights": layer.weights,
                "biases": layer.biases,
                "params": layer.params,
                "trainable": layer.trainable,
                "buffers": layer.buffers,
                "macs": layer.macs,
                "receptive_field": None if layer.receptive_field is None else str(layer.receptive_field),
            }
            for layer in self.layers
        ]


def _import(package: str) -> Any:
    """Import a data frame package, which the extra of the same name installs."""
    from cnncalc.readers.optional import import_optional
    from cnncalc.readers.options import Missing

    try:
        return import_optional(package, package)
    except Missing as missing:
        raise CnncalcError.of(str(missing), "package") from missing
