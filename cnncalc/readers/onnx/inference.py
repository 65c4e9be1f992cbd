"""Compare the shapes with those that `onnx.shape_inference` infers."""

from __future__ import annotations

from collections.abc import Iterator

from cnncalc.problem import Problem
from cnncalc.readers.axes import Dims, format_dims
from cnncalc.readers.onnx.graph import Scope
from cnncalc.readers.onnx.inputs import GraphInputs
from cnncalc.readers.onnx.shape_inference import InferenceFailed, infer_shapes
from cnncalc.readers.optional import import_optional
from cnncalc.text import show

SHOWN = 10  # differences that are reported one by one


class InferredShapes(GraphInputs):
    """A reading whose shapes can be compared with onnx.shape_inference."""

    def _inferred_dims(self) -> dict[str, Dims]:
        """Return the dimensions that onnx.shape_inference infers, by name. It is called once, when they are first needed."""
        if self.theirs is None:
            self.theirs = dict(self._infer(self.scope))
        return self.theirs

    def _infer(self, scope: Scope) -> Iterator[tuple[str, Dims]]:
        if self.strict:
            return
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
            text = f"shapes are not compared with onnx.shape_inference, which rejects the model: {error}"
            self.warnings.append(Problem("not-compared", text, level="warning"))
            return
        for one in (*inferred.graph.value_info, *inferred.graph.output):
            tensor = one.type.tensor_type
            if tensor.HasField("shape") and all(
                dim.HasField("dim_value") and dim.dim_value >= 0
                for dim in tensor.shape.dim  # -1 means unknown
            ):
                yield one.name, tuple(dim.dim_value for dim in tensor.shape.dim)

    def _compare(self, scope: Scope) -> None:
        differing = []
        for name, value in scope.values.items():
            theirs = self._inferred_dims().get(name)
            if theirs is not None and not self._agree(value.dims, theirs):
                differing.append((name, value.dims, theirs))
        for name, ours, theirs in differing[:SHOWN]:
            text = (
                f"cnncalc computes {show(format_dims(ours))} for `{show(name)}`, but onnx.shape_inference infers "
                f"{show(format_dims(theirs))}"
            )
            self.warnings.append(Problem("shapes-disagree", text, level="warning"))
        if len(differing) > SHOWN:
            text = f"the shapes of {len(differing) - SHOWN:,} more values differ from those of onnx.shape_inference"
            self.warnings.append(Problem("shapes-disagree", text, level="warning"))

    def _agree(self, ours: Dims, theirs: Dims) -> bool:
        if ours == theirs:
            return True
        batch = self.reader.batch
        if batch == 1 or len(ours) != len(theirs):
            return False
        other = [(a, b) for a, b in zip(ours, theirs, strict=True) if a != b]
        return len(other) == 1 and other[0][0] * batch == other[0][1]
