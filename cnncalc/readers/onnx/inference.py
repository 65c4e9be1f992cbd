"""Compare the shapes with those that the file states, and on request with those that `onnx.shape_inference` infers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NoReturn

from cnncalc.problem import Problem
from cnncalc.readers.axes import Dims, format_dims
from cnncalc.readers.onnx.graph import Operation, Scope
from cnncalc.readers.onnx.inputs import GraphInputs
from cnncalc.readers.onnx.shape_inference import InferenceFailed, infer_shapes
from cnncalc.readers.optional import import_optional
from cnncalc.readers.options import Missing
from cnncalc.text import show

SHOWN = 10  # differences that are reported one by one

Stated = tuple[int | None, ...]  # dimensions in the file; None for one whose size is unknown


class ComparedShapes(GraphInputs):
    """A reading whose shapes can be compared with others. Strangers' files are not compared."""

    def dims_of(self, name: str) -> Dims | None:
        """Return the dimensions of a value for which there is no rule, from the file or else from onnx, if it is installed."""
        if self.strict:
            return None
        dims = self._stated_dims().get(name, (None,))
        known = tuple(length for length in dims if length is not None)
        if len(known) == len(dims):
            return known
        try:
            return self._inferred_dims().get(name)
        except Missing:
            return None

    def raise_no_rule(self, step: Operation) -> NoReturn:
        """Refuse an operator that has no rule and whose output shapes are unknown."""
        domain = f" of `{show(step.node.domain)}`" if step.node.domain else ""
        text = f"cnncalc has no rule for this operator{domain}"
        if self.strict:
            step.raise_unsupported(text, "export the model without this operator")
        help = "export the model with shape information (`value_info`) or without this operator"
        if self.theirs is not None:
            step.raise_unsupported(f"{text}, and neither the file nor onnx provides its output shape", help)
        step.raise_unsupported(
            f"{text}, and the file does not state its output shape",
            f"{help}, or install onnx, which can infer the shapes of many operators: `pip install 'cnncalc[onnx]'`",
        )

    def compare(self, scope: Scope) -> None:
        """Add a warning for each shape that differs from the one in the file, or from the one that onnx infers."""
        if self.strict:
            return
        if self.options.compare_shapes:
            self._warn(self._differences(scope, self._inferred_dims()), "onnx.shape_inference infers")
            if self.not_inferred:
                text = (
                    f"shapes are not compared with onnx.shape_inference, which rejects the model: {self.not_inferred}"
                )
                self.warnings.append(Problem("not-compared", text, level="warning"))
        else:
            self._warn(self._differences(scope, self._stated_dims()), "the file states")

    # -- shapes in the file --

    def _stated_dims(self) -> Mapping[str, Stated]:
        if self.stated is None:
            self.stated = dict(self._stated_shapes(self.scope))
        return self.stated

    def _stated_shapes(self, scope: Scope) -> Iterator[tuple[str, Stated]]:
        """Yield the dimensions that the file states for values, by name. They hold only for the sizes of inputs in the file."""
        graph = self.model.graph
        if not graph.value_info and not graph.output:
            return
        sizes: dict[str, int] = {}
        for one in graph.input:
            value = scope.values.get(one.name)
            if value is None or value.index is None:
                continue
            for axis, (dim, length) in enumerate(zip(one.type.tensor_type.shape.dim, value.dims, strict=False)):
                if dim.dim_param and sizes.setdefault(dim.dim_param, length) != length:
                    sizes[dim.dim_param] = 0
                elif axis in value.order and dim.dim_value > 0 and dim.dim_value != length:
                    return  # an option has changed it
        for one in (*graph.value_info, *graph.output):
            tensor = one.type.tensor_type
            if tensor.has("shape"):
                yield one.name, tuple(_length(dim, sizes) for dim in tensor.shape.dim)

    # -- shapes of onnx --

    def _inferred_dims(self) -> Mapping[str, Dims]:
        """Return the dimensions that onnx.shape_inference infers, by name. It is called once, when they are first needed.

        Raises:
            Missing: The package onnx is not installed.
        """
        if self.theirs is None:
            self.theirs = dict(self._infer(self.scope))
        return self.theirs

    def _infer(self, scope: Scope) -> Iterator[tuple[str, Dims]]:
        model = import_optional("onnx", "onnx").ModelProto.FromString(self.model.encoded)
        for one in model.graph.input:
            value = scope.values.get(one.name)
            if value is None or value.index is None:
                continue
            fixed = self.reader.batch
            dims = list(value.dims)
            hidden = [axis for axis in range(len(dims)) if axis not in value.order]
            if fixed > 1 and hidden:
                dims[hidden[0]] = fixed
            del one.type.tensor_type.shape.dim[:]
            for length in dims:
                one.type.tensor_type.shape.dim.add().dim_value = length
        try:
            inferred = infer_shapes(model, data_prop=True)
        except InferenceFailed as error:
            self.not_inferred = str(error)
            return
        for one in (*inferred.graph.value_info, *inferred.graph.output):
            tensor = one.type.tensor_type
            if tensor.HasField("shape") and all(
                dim.HasField("dim_value") and dim.dim_value >= 0
                for dim in tensor.shape.dim  # -1 means unknown
            ):
                yield one.name, tuple(dim.dim_value for dim in tensor.shape.dim)

    # -- differences --

    def _differences(self, scope: Scope, others: Mapping[str, Stated]) -> list[tuple[str, Dims, Stated]]:
        pairs = ((name, value.dims, others.get(name)) for name, value in scope.values.items()) if others else ()
        return [
            (name, ours, theirs) for name, ours, theirs in pairs if theirs is not None and not self._agree(ours, theirs)
        ]

    def _agree(self, ours: Dims, theirs: Stated) -> bool:
        if ours == theirs:
            return True
        if len(ours) != len(theirs):
            return False
        other = [(a, b) for a, b in zip(ours, theirs, strict=True) if b is not None and a != b]
        batch = self.reader.batch
        return not other or (batch != 1 and len(other) == 1 and other[0][0] * batch == other[0][1])

    def _warn(self, differing: Sequence[tuple[str, Dims, Stated]], source: str) -> None:
        for name, ours, theirs in differing[:SHOWN]:
            text = (
                f"cnncalc computes {show(format_dims(ours))} for `{show(name)}`, but {source} {show(_format(theirs))}"
            )
            self.warnings.append(Problem("shapes-disagree", text, level="warning"))
        if len(differing) > SHOWN:
            where = "in the file" if source == "the file states" else "of onnx.shape_inference"
            text = f"the shapes of {len(differing) - SHOWN:,} more values differ from those {where}"
            self.warnings.append(Problem("shapes-disagree", text, level="warning"))


def _length(dim: Any, sizes: Mapping[str, int]) -> int | None:
    """Return the size of a dimension in the file; None if it is unknown."""
    if dim.dim_param:
        return sizes.get(dim.dim_param) or None
    return dim.dim_value if dim.has("dim_value") and dim.dim_value >= 0 else None


def _format(dims: Stated) -> str:
    return "x".join("?" if length is None else str(length) for length in dims) or format_dims(())
