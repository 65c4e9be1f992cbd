"""Names and fields of the TFLite schema that cnncalc reads: tensorflow/lite/schema/schema.fbs, version 3.

Numbers of types and operators are their places in the enumerations, and fields of a table are numbered from 0.
"""

from __future__ import annotations

from typing import Any

_NAMES = """
    ADD AVERAGE_POOL_2D CONCATENATION CONV_2D DEPTHWISE_CONV_2D DEPTH_TO_SPACE DEQUANTIZE EMBEDDING_LOOKUP FLOOR
    FULLY_CONNECTED HASHTABLE_LOOKUP L2_NORMALIZATION L2_POOL_2D LOCAL_RESPONSE_NORMALIZATION LOGISTIC LSH_PROJECTION LSTM
    MAX_POOL_2D MUL RELU RELU_N1_TO_1 RELU6 RESHAPE RESIZE_BILINEAR RNN SOFTMAX SPACE_TO_DEPTH SVDF TANH CONCAT_EMBEDDINGS
    SKIP_GRAM CALL CUSTOM EMBEDDING_LOOKUP_SPARSE PAD UNIDIRECTIONAL_SEQUENCE_RNN GATHER BATCH_TO_SPACE_ND
    SPACE_TO_BATCH_ND TRANSPOSE MEAN SUB DIV SQUEEZE UNIDIRECTIONAL_SEQUENCE_LSTM STRIDED_SLICE BIDIRECTIONAL_SEQUENCE_RNN
    EXP TOPK_V2 SPLIT LOG_SOFTMAX DELEGATE BIDIRECTIONAL_SEQUENCE_LSTM CAST PRELU MAXIMUM ARG_MAX MINIMUM LESS NEG PADV2
    GREATER GREATER_EQUAL LESS_EQUAL SELECT SLICE SIN TRANSPOSE_CONV SPARSE_TO_DENSE TILE EXPAND_DIMS EQUAL NOT_EQUAL LOG
    SUM SQRT RSQRT SHAPE POW ARG_MIN FAKE_QUANT REDUCE_PROD REDUCE_MAX PACK LOGICAL_OR ONE_HOT LOGICAL_AND LOGICAL_NOT
    UNPACK REDUCE_MIN FLOOR_DIV REDUCE_ANY SQUARE ZEROS_LIKE FILL FLOOR_MOD RANGE RESIZE_NEAREST_NEIGHBOR LEAKY_RELU
    SQUARED_DIFFERENCE MIRROR_PAD ABS SPLIT_V UNIQUE CEIL REVERSE_V2 ADD_N GATHER_ND COS WHERE RANK ELU REVERSE_SEQUENCE
    MATRIX_DIAG QUANTIZE MATRIX_SET_DIAG ROUND HARD_SWISH IF WHILE NON_MAX_SUPPRESSION_V4 NON_MAX_SUPPRESSION_V5
    SCATTER_ND SELECT_V2 DENSIFY SEGMENT_SUM BATCH_MATMUL PLACEHOLDER_FOR_GREATER_OP_CODES CUMSUM CALL_ONCE BROADCAST_TO
    RFFT2D CONV_3D IMAG REAL COMPLEX_ABS HASHTABLE HASHTABLE_FIND HASHTABLE_IMPORT HASHTABLE_SIZE REDUCE_ALL
    CONV_3D_TRANSPOSE VAR_HANDLE READ_VARIABLE ASSIGN_VARIABLE BROADCAST_ARGS RANDOM_STANDARD_NORMAL BUCKETIZE
    RANDOM_UNIFORM MULTINOMIAL GELU DYNAMIC_UPDATE_SLICE RELU_0_TO_1 UNSORTED_SEGMENT_PROD UNSORTED_SEGMENT_MAX
    UNSORTED_SEGMENT_SUM ATAN2 UNSORTED_SEGMENT_MIN SIGN BITCAST BITWISE_XOR RIGHT_SHIFT STABLEHLO_LOGISTIC STABLEHLO_ADD
    STABLEHLO_DIVIDE STABLEHLO_MULTIPLY STABLEHLO_MAXIMUM STABLEHLO_RESHAPE STABLEHLO_CLAMP STABLEHLO_CONCATENATE
    STABLEHLO_BROADCAST_IN_DIM STABLEHLO_CONVOLUTION STABLEHLO_SLICE STABLEHLO_CUSTOM_CALL STABLEHLO_REDUCE STABLEHLO_ABS
    STABLEHLO_AND STABLEHLO_COSINE STABLEHLO_EXPONENTIAL STABLEHLO_FLOOR STABLEHLO_LOG STABLEHLO_MINIMUM STABLEHLO_NEGATE
    STABLEHLO_OR STABLEHLO_POWER STABLEHLO_REMAINDER STABLEHLO_RSQRT STABLEHLO_SELECT STABLEHLO_SUBTRACT STABLEHLO_TANH
    STABLEHLO_SCATTER STABLEHLO_COMPARE STABLEHLO_CONVERT STABLEHLO_DYNAMIC_SLICE STABLEHLO_DYNAMIC_UPDATE_SLICE
    STABLEHLO_PAD STABLEHLO_IOTA STABLEHLO_DOT_GENERAL STABLEHLO_REDUCE_WINDOW STABLEHLO_SORT STABLEHLO_WHILE
    STABLEHLO_GATHER STABLEHLO_TRANSPOSE DILATE STABLEHLO_RNG_BIT_GENERATOR REDUCE_WINDOW STABLEHLO_COMPOSITE
    STABLEHLO_SHIFT_LEFT STABLEHLO_CBRT STABLEHLO_CASE
"""
OPERATORS = tuple(_NAMES.split())
CUSTOM = "CUSTOM"

# number of a type -> its name, its bits, and the letter of the module struct if numbers of it are read
TYPES: dict[int, tuple[str, int, str]] = {
    0: ("float32", 32, "f"), 1: ("float16", 16, "e"), 2: ("int32", 32, "i"), 3: ("uint8", 8, "B"), 4: ("int64", 64, "q"),
    5: ("string", 0, ""), 6: ("bool", 8, "?"), 7: ("int16", 16, "h"), 8: ("complex64", 64, ""), 9: ("int8", 8, "b"),
    10: ("float64", 64, "d"), 11: ("complex128", 128, ""), 12: ("uint64", 64, "Q"), 13: ("resource", 0, ""),
    14: ("variant", 0, ""), 15: ("uint32", 32, "I"), 16: ("uint16", 16, "H"), 17: ("int4", 4, ""), 18: ("bfloat16", 16, ""),
    19: ("int2", 2, ""), 20: ("uint4", 4, ""), 21: ("float8_e4m3fn", 8, ""), 22: ("float8_e5m2", 8, ""),
}  # fmt: skip
FLOATS = frozenset((0, 1, 8, 10, 11, 18, 21, 22))

Field = tuple[int, str, Any]  # number, letter of the module struct, default; `*` is a vector of them, and `s` a text
_WINDOW: dict[str, Field] = {"padding": (0, "b", 0), "stride_w": (1, "i", 0), "stride_h": (2, "i", 0)}
_FUSED: dict[str, Field] = {"fused": (0, "b", 0)}
_SEQUENCE: dict[str, Field] = {"time_major": (0, "?", False), "fused": (1, "b", 0)}
_REDUCER: dict[str, Field] = {"keep_dims": (0, "?", False)}
_POOL: tuple[int, dict[str, Field]] = (
    5, {**_WINDOW, "filter_w": (3, "i", 0), "filter_h": (4, "i", 0), "fused": (5, "b", 0)},
)  # fmt: skip
_VOLUME: tuple[int, dict[str, Field]] = (
    106, {"padding": (0, "b", 0), "stride_d": (1, "i", 0), "stride_w": (2, "i", 0), "stride_h": (3, "i", 0),
          "fused": (4, "b", 0), "dilation_d": (5, "i", 1), "dilation_w": (6, "i", 1), "dilation_h": (7, "i", 1)},
)  # fmt: skip
# operator -> the number of its options in the union BuiltinOptions, and their fields
OPTIONS: dict[str, tuple[int, dict[str, Field]]] = {
    "CONV_2D": (1, {**_WINDOW, "fused": (3, "b", 0), "dilation_w": (4, "i", 1), "dilation_h": (5, "i", 1)}),
    "DEPTHWISE_CONV_2D": (
        2, {**_WINDOW, "multiplier": (3, "i", 0), "fused": (4, "b", 0), "dilation_w": (5, "i", 1), "dilation_h": (6, "i", 1)}
    ),
    "AVERAGE_POOL_2D": _POOL, "MAX_POOL_2D": _POOL, "L2_POOL_2D": _POOL,
    "SVDF": (6, {"rank": (0, "i", 0), "fused": (1, "b", 0)}),
    "RNN": (7, _FUSED),
    "FULLY_CONNECTED": (8, {"fused": (0, "b", 0), "format": (1, "b", 0), "keep_num_dims": (2, "?", False)}),
    "CONCATENATION": (10, {"axis": (0, "i", 0), "fused": (1, "b", 0)}),
    "ADD": (11, _FUSED), "MUL": (21, _FUSED), "SUB": (28, _FUSED), "DIV": (29, _FUSED), "L2_NORMALIZATION": (12, _FUSED),
    "LOCAL_RESPONSE_NORMALIZATION": (13, {"radius": (0, "i", 0)}),
    "LSTM": (14, {"fused": (0, "b", 0), "kernel": (3, "b", 0)}),
    "CALL": (16, {"subgraph": (0, "I", 0)}),
    "RESHAPE": (17, {"shape": (0, "*i", ())}),
    "SPACE_TO_DEPTH": (19, {"block": (0, "i", 0)}), "DEPTH_TO_SPACE": (94, {"block": (0, "i", 0)}),
    "GATHER": (23, {"axis": (0, "i", 0), "batch_dims": (1, "i", 0)}),
    **dict.fromkeys(("MEAN", "SUM", "REDUCE_PROD", "REDUCE_MAX", "REDUCE_MIN", "REDUCE_ANY", "REDUCE_ALL"), (27, _REDUCER)),
    "SQUEEZE": (30, {"axes": (0, "*i", ())}),
    "UNIDIRECTIONAL_SEQUENCE_RNN": (31, _SEQUENCE),
    "STRIDED_SLICE": (
        32, {"begin": (0, "i", 0), "end": (1, "i", 0), "ellipsis": (2, "i", 0), "new_axis": (3, "i", 0),
             "shrink": (4, "i", 0), "offset": (5, "?", False)},
    ),
    "SPLIT": (35, {"count": (0, "i", 0)}), "SPLIT_V": (79, {"count": (0, "i", 0)}),
    "TRANSPOSE_CONV": (49, {**_WINDOW, "fused": (3, "b", 0)}),
    "PACK": (59, {"count": (0, "i", 0), "axis": (1, "i", 0)}), "UNPACK": (64, {"count": (0, "i", 0), "axis": (1, "i", 0)}),
    "ARG_MAX": (40, {"type": (0, "b", 0)}), "ARG_MIN": (56, {"type": (0, "b", 0)}),
    "ONE_HOT": (61, {"axis": (0, "i", 0)}),
    "BIDIRECTIONAL_SEQUENCE_LSTM": (69, {"fused": (0, "b", 0), "merge": (3, "?", False), "time_major": (4, "?", True)}),
    "BIDIRECTIONAL_SEQUENCE_RNN": (70, {**_SEQUENCE, "merge": (2, "?", False)}),
    "UNIDIRECTIONAL_SEQUENCE_LSTM": (71, {"fused": (0, "b", 0), "time_major": (3, "?", False)}),
    "MIRROR_PAD": (77, {"mode": (0, "b", 0)}),
    "BATCH_MATMUL": (101, {"adjoint_x": (0, "?", False), "adjoint_y": (1, "?", False)}),
    "CONV_3D": _VOLUME, "CONV_3D_TRANSPOSE": _VOLUME,
    "CALL_ONCE": (103, {"subgraph": (0, "i", 0)}), "VAR_HANDLE": (111, {"container": (0, "s", ""), "name": (1, "s", "")}),
}  # fmt: skip
OPTIONS_2: dict[str, tuple[int, dict[str, Field]]] = {"STABLEHLO_COMPOSITE": (21, {"subgraph": (1, "i", 0)})}
