"""Single operators against LiteRT's interpreter, which computes the shapes of all outputs.

It needs ai-edge-litert: `pip install ai-edge-litert`.
"""

from __future__ import annotations

import pytest

from tests.readers.tflite.cases import CASES, Case

interpreters = pytest.importorskip("ai_edge_litert.interpreter", reason="ai-edge-litert is not installed")
# the plain interpreter has no kernel for these types or operators
WITHOUT_KERNEL = frozenset(("RNN",))


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.kind.lower()}-{'x'.join(map(str, case.outputs[0]))}")
def test_the_shapes_of_an_operator(case: Case) -> None:
    """The expected shapes of the default tests are those of the interpreter."""
    interpreter = interpreters.Interpreter(
        model_content=case.data(),
        experimental_op_resolver_type=interpreters.OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES,
    )
    interpreter.allocate_tensors()
    shapes = [tuple(int(n) for n in one["shape"]) for one in interpreter.get_output_details()]
    assert shapes == list(case.outputs)
