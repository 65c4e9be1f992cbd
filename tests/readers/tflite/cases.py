"""Single operators with the shapes and multiply-adds that they must have. LiteRT's interpreter computes the same shapes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from cnncalc.record import Record
from tests.readers.tflite.files import Tensor, ints, one_op, weights

SAME, VALID = 0, 1


class Case(Record):
    """An operator on its own. `params` and `macs` are those of the network."""

    kind: str
    inputs: tuple[Tensor | None, ...]
    outputs: tuple[tuple[int, ...], ...]
    options: Mapping[str, Any]
    params: int = 0
    macs: int = 0
    type: str = "float32"

    def data(self) -> bytes:
        """Return the file."""
        return one_op(self.kind, self.inputs, self.outputs, self.options, type=self.type)


def x(*dims: int) -> Tensor:
    """Return an input."""
    return Tensor(dims)


def case(
    kind: str, inputs: Sequence[Tensor | None], output: tuple[int, ...] | list[tuple[int, ...]], params: int = 0, macs: int = 0,
    type_of: str = "float32", **options: Any,
) -> Case:  # fmt: skip
    """Return a case with one output, or a list of them."""
    outputs = tuple(output) if isinstance(output, list) else (output,)
    return Case(kind, tuple(inputs), outputs, options, params, macs, type_of)


STRIDES: dict[str, Any] = {"stride_w": 2, "stride_h": 2}
ONE: dict[str, Any] = {"stride_w": 1, "stride_h": 1, "dilation_w": 1, "dilation_h": 1}
STATES = (Tensor((1, 3), variable=True), Tensor((1, 3), variable=True))
GATES = (*[weights(3, 5)] * 4, *[weights(3, 3)] * 4)

CASES = [
    # windows: sizes by TensorFlow's SAME and VALID
    case("CONV_2D", [x(1, 9, 8, 3), weights(4, 3, 3, 3), weights(4)], (1, 5, 4, 4), 112, 5 * 4 * 4 * 27,
         padding=SAME, dilation_w=1, dilation_h=1, **STRIDES),
    case("CONV_2D", [x(1, 9, 8, 4), weights(6, 3, 2, 2), weights(6)], (1, 7, 7, 6), 78, 7 * 7 * 6 * 12, padding=VALID, **ONE),
    case("CONV_2D", [x(1, 9, 9, 3), weights(4, 3, 3, 3), weights(4)], (1, 5, 5, 4), 112, 25 * 108, padding=VALID,
         stride_w=1, stride_h=1, dilation_w=2, dilation_h=2),
    case("DEPTHWISE_CONV_2D", [x(1, 9, 8, 3), weights(1, 3, 3, 6), weights(6)], (1, 9, 8, 6), 60, 72 * 54, padding=SAME,
         multiplier=2, **ONE),
    case("CONV_3D", [x(1, 4, 6, 6, 2), weights(2, 3, 3, 2, 5), weights(5)], (1, 3, 4, 4, 5), 185, 48 * 180, padding=VALID,
         stride_d=1, stride_w=1, stride_h=1),
    case("TRANSPOSE_CONV", [ints(1, 8, 8, 5), weights(5, 3, 3, 2), x(1, 4, 4, 2)], (1, 8, 8, 5), 90, 16 * 90, padding=SAME,
         **STRIDES),
    case("TRANSPOSE_CONV", [ints(1, 9, 9, 5), weights(5, 3, 3, 2), x(1, 4, 4, 2)], (1, 9, 9, 5), 90, 16 * 90, padding=VALID,
         **STRIDES),
    case("AVERAGE_POOL_2D", [x(1, 9, 8, 3)], (1, 5, 4, 3), padding=SAME, filter_w=3, filter_h=3, **STRIDES),
    case("MAX_POOL_2D", [x(1, 9, 8, 3)], (1, 4, 4, 3), padding=VALID, filter_w=2, filter_h=2, **STRIDES),
    case("L2_POOL_2D", [x(1, 9, 8, 3)], (1, 4, 4, 3), padding=VALID, filter_w=2, filter_h=2, **STRIDES),
    case("PAD", [x(1, 4, 5, 3), ints(0, 0, 1, 2, 0, 1, 0, 0, dims=(4, 2))], (1, 7, 6, 3)),
    case("PAD", [x(1, 4, 5, 3), ints(0, 0, 0, 0, 0, 0, 0, 2, dims=(4, 2))], (1, 4, 5, 5)),
    case("PADV2", [x(1, 4, 5, 3), ints(1, 0, 1, 2, 0, 1, 0, 1, dims=(4, 2)), Tensor((1,), [0.5])], (2, 7, 6, 4)),
    case("MIRROR_PAD", [x(1, 4, 5, 3), ints(0, 0, 1, 2, 0, 1, 0, 0, dims=(4, 2))], (1, 7, 6, 3), mode=0),
    case("RESIZE_BILINEAR", [x(1, 4, 5, 3), ints(8, 10)], (1, 8, 10, 3)),
    case("RESIZE_NEAREST_NEIGHBOR", [x(1, 4, 5, 3), ints(7, 9)], (1, 7, 9, 3)),
    case("SPACE_TO_DEPTH", [x(1, 4, 6, 3)], (1, 2, 3, 12), block=2),
    case("DEPTH_TO_SPACE", [x(1, 2, 3, 12)], (1, 4, 6, 3), block=2),
    case("SPACE_TO_BATCH_ND", [x(1, 4, 6, 3), ints(2, 2), ints(1, 1, 0, 0, dims=(2, 2))], (4, 3, 3, 3)),
    case("BATCH_TO_SPACE_ND", [x(4, 3, 3, 3), ints(2, 2), ints(1, 1, 0, 0, dims=(2, 2))], (1, 4, 6, 3)),
    # products
    case("FULLY_CONNECTED", [x(1, 4, 4, 2), weights(5, 32), weights(5)], (1, 5), 165, 160),
    case("FULLY_CONNECTED", [x(1, 4, 4, 2), weights(5, 2), weights(5)], (16, 5), 15, 160),
    case("FULLY_CONNECTED", [x(1, 4, 4, 2), weights(5, 2), weights(5)], (1, 4, 4, 5), 15, 160, keep_num_dims=True),
    case("FULLY_CONNECTED", [x(3, 7), weights(5, 7), weights(5)], (3, 5), 40, 105),
    case("BATCH_MATMUL", [x(1, 3, 4, 5), x(1, 3, 5, 6)], (1, 3, 4, 6), 0, 360),
    case("BATCH_MATMUL", [x(1, 3, 4, 5), x(1, 3, 6, 5)], (1, 3, 4, 6), 0, 360, adjoint_y=True),
    case("BATCH_MATMUL", [x(1, 3, 5, 4), x(1, 1, 5, 6)], (1, 3, 4, 6), 0, 360, adjoint_x=True),
    case("EMBEDDING_LOOKUP", [Tensor((7,), type="int32"), weights(20, 6)], (7, 6), 120),
    # elementwise
    *[case(kind, [x(1, 4, 5, 3)], (1, 4, 5, 3)) for kind in (
        "RELU", "RELU6", "RELU_N1_TO_1", "TANH", "LOGISTIC", "ELU", "LEAKY_RELU", "GELU", "HARD_SWISH", "SOFTMAX",
        "LOG_SOFTMAX", "NEG", "ABS", "EXP", "LOG", "SQRT", "RSQRT", "SQUARE", "SIN", "COS", "FLOOR", "CEIL", "ROUND",
        "L2_NORMALIZATION", "RELU_0_TO_1",
    )],
    *[case(kind, [x(1, 4, 5, 3), x(1, 1, 1, 3)], (1, 4, 5, 3)) for kind in (
        "ADD", "SUB", "MUL", "DIV", "MAXIMUM", "MINIMUM", "POW", "SQUARED_DIFFERENCE", "FLOOR_DIV",
    )],
    *[case(kind, [x(1, 4, 5, 3), x(1, 4, 5, 3)], (1, 4, 5, 3), type_of="bool") for kind in (
        "LESS", "LESS_EQUAL", "GREATER", "GREATER_EQUAL", "EQUAL", "NOT_EQUAL",
    )],
    case("ADD", [x(1, 4, 5, 3), weights(3)], (1, 4, 5, 3), 3),
    case("MUL", [x(1, 4, 5, 3), weights(3)], (1, 4, 5, 3), 3),
    case("ADD", [x(1, 6, 3), weights(1, 6, 3)], (1, 6, 3), 18),
    case("SUB", [x(1, 4, 5, 3), weights(3)], (1, 4, 5, 3)),
    case("MUL", [x(1, 4, 5, 3), Tensor((), [0.5])], (1, 4, 5, 3)),
    case("PRELU", [x(1, 4, 5, 3), weights(1, 1, 3)], (1, 4, 5, 3), 3),
    case("PRELU", [x(1, 4, 5, 3), weights(4, 5, 3)], (1, 4, 5, 3), 60),
    case("LOCAL_RESPONSE_NORMALIZATION", [x(1, 4, 5, 8)], (1, 4, 5, 8), radius=2),
    case("ADD_N", [x(1, 4), x(1, 4), x(1, 4)], (1, 4)),
    # views
    case("RESHAPE", [x(1, 4, 4, 2), ints(1, -1)], (1, 32)),
    case("RESHAPE", [x(1, 4, 4, 2), ints(1, 16, 2)], (1, 16, 2)),
    case("SQUEEZE", [x(1, 1, 1, 9)], (1, 9), axes=(1, 2)),
    case("EXPAND_DIMS", [x(1, 4, 5), ints(-1, dims=())], (1, 4, 5, 1)),
    case("TRANSPOSE", [x(1, 4, 5, 3), ints(0, 3, 1, 2)], (1, 3, 4, 5)),
    case("TRANSPOSE", [x(1, 20, 8), ints(1, 0, 2)], (20, 1, 8)),
    case("TRANSPOSE", [x(2, 20, 8), ints(2, 0, 1)], (8, 2, 20)),
    case("TILE", [x(1, 4, 5), ints(1, 2, 3)], (1, 8, 15)),
    case("BROADCAST_TO", [x(1, 1, 5), ints(1, 4, 5)], (1, 4, 5)),
    case("SLICE", [x(1, 8, 6), ints(0, 2, 1), ints(1, -1, 3)], (1, 6, 3)),
    case("STRIDED_SLICE", [x(1, 8, 6), ints(0, 1, 0), ints(1, 8, 6), ints(1, 3, 1)], (1, 3, 6)),
    case("STRIDED_SLICE", [x(1, 8, 6), ints(0, 2, 0), ints(0, 3, 0), ints(1, 1, 1)], (1, 6), begin=5, end=5, shrink=2),
    case("STRIDED_SLICE", [x(1, 8, 6), ints(0, 8, 0), ints(1, -9, 6), ints(1, -1, 1)], (1, 8, 6), begin=0, end=2),
    case("STRIDED_SLICE", [x(1, 8, 6), ints(0, 0), ints(0, 3), ints(1, 1)], (1, 8, 3), ellipsis=1),
    case("SPLIT", [ints(-1, dims=()), x(1, 4, 6)], [(1, 4, 3), (1, 4, 3)], count=2),
    case("SPLIT_V", [x(1, 4, 6), ints(1, -1, 2), ints(2, dims=())], [(1, 4, 1), (1, 4, 3), (1, 4, 2)], count=3),
    case("UNPACK", [x(1, 3, 6)], [(1, 6), (1, 6), (1, 6)], count=3, axis=1),
    case("PACK", [x(1, 6), x(1, 6)], (1, 2, 6), count=2, axis=1),
    case("CONCATENATION", [x(1, 4, 5, 3), x(1, 4, 5, 2)], (1, 4, 5, 5), axis=-1),
    case("CONCATENATION", [x(1, 4, 5, 3), x(1, 6, 5, 3)], (1, 10, 5, 3), axis=1),
    case("CONCATENATION", [weights(1, 1, 8), x(1, 4, 8)], (1, 5, 8), 8, axis=1),
    case("GATHER", [x(1, 8, 6), ints(0, 2, 5)], (1, 3, 6), axis=1),
    case("GATHER", [weights(20, 6), Tensor((1, 7), type="int32")], (1, 7, 6), 120, axis=0),
    case("GATHER_ND", [x(8, 6), ints(0, 2, 5, dims=(3, 1))], (3, 6)),
    # sums and choices
    case("MEAN", [x(1, 4, 5, 3), ints(1, 2)], (1, 3)),
    case("MEAN", [x(1, 4, 5, 3), ints(1, 2)], (1, 1, 1, 3), keep_dims=True),
    case("SUM", [x(1, 4, 5, 3), ints(-1)], (1, 4, 5)),
    case("REDUCE_MAX", [x(1, 4, 5, 3), ints(1, 2)], (1, 3)),
    case("REDUCE_MIN", [x(1, 4, 5, 3), ints(3)], (1, 4, 5, 1), keep_dims=True),
    case("REDUCE_PROD", [x(1, 4, 5, 3), ints(1)], (1, 5, 3)),
    case("ARG_MAX", [x(1, 4, 5, 3), ints(-1, dims=())], (1, 4, 5), type_of="int64", type=4),
    case("TOPK_V2", [x(1, 9), ints(4, dims=())], [(1, 4), (1, 4)]),
    case("ONE_HOT", [Tensor((1, 5), type="int32"), ints(7, dims=()), Tensor((), [1.0]), Tensor((), [0.0])], (1, 5, 7), axis=-1),
    case("CUMSUM", [x(1, 5, 3), ints(1, dims=())], (1, 5, 3)),
    case("REVERSE_V2", [x(1, 5, 3), ints(1)], (1, 5, 3)),
    case("SELECT_V2", [Tensor((1, 5, 1), type="bool"), x(1, 5, 3), x(1, 1, 3)], (1, 5, 3)),
    # recurrent
    case("RNN", [x(1, 5), weights(3, 5), weights(3, 3), weights(3), Tensor((1, 3), variable=True)], (1, 3), 27, 24, fused=4),
    case("UNIDIRECTIONAL_SEQUENCE_RNN",
         [x(1, 7, 5), weights(3, 5), weights(3, 3), weights(3), Tensor((1, 3), variable=True)], (1, 7, 3), 27, 168, fused=4),
    case("UNIDIRECTIONAL_SEQUENCE_LSTM", [x(1, 7, 5), *GATES, *[None] * 3, *[weights(3)] * 4, None, None, *STATES], (1, 7, 3),
         108, 7 * 96, fused=4),
    case("UNIDIRECTIONAL_SEQUENCE_LSTM",  # coupled input and forget gates, with peepholes
         [x(1, 7, 5), None, *GATES[1:4], None, *GATES[5:], None, *[weights(3)] * 2, None, *[weights(3)] * 3, None, None, *STATES],
         (1, 7, 3), 87, 7 * 72, fused=4),
    case("UNIDIRECTIONAL_SEQUENCE_LSTM",
         [x(7, 1, 5), *GATES, *[None] * 3, *[weights(3)] * 4, None, None, *STATES], (7, 1, 3), 108, 7 * 96, fused=4,
         time_major=True),
    case("LSTM", [x(1, 5), *[weights(6, 5)] * 4, *[weights(6, 3)] * 4, *[None] * 3, *[weights(6)] * 4, weights(3, 6), None,
         Tensor((1, 3), variable=True), Tensor((1, 6), variable=True)], (1, 3), 234, 210, fused=4),
    case("SVDF", [x(1, 5), weights(8, 5), weights(8, 6), weights(4), Tensor((1, 48), variable=True)], (1, 4), 92, 88, rank=2),
]  # fmt: skip
