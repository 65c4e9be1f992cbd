"""The activations of TFLite: as operators, and as numbers of those that run inside other operators."""

from __future__ import annotations

from cnncalc.layers import activation, elementwise
from cnncalc.layers.base import Layer

# ActivationFunctionType of the schema; 5, SIGN_BIT, is not implemented in LiteRT's kernels
FUSED: dict[int, type[Layer] | None] = {
    0: None, 1: activation.ReLU, 2: elementwise.HardTanh, 3: activation.ReLU6, 4: activation.Tanh,
}  # fmt: skip
ACTIVATIONS: dict[str, type[Layer]] = {
    "RELU": activation.ReLU, "RELU6": activation.ReLU6, "RELU_N1_TO_1": elementwise.HardTanh, "TANH": activation.Tanh,
    "LOGISTIC": activation.Sigmoid, "ELU": activation.ELU, "LEAKY_RELU": activation.LeakyReLU, "GELU": activation.GELU,
    "HARD_SWISH": activation.HardSwish, "SOFTMAX": activation.Softmax, "LOG_SOFTMAX": activation.LogSoftmax,
    "NEG": elementwise.Neg, "ABS": elementwise.Abs, "EXP": elementwise.Exp, "LOG": elementwise.Log,
    "SQRT": elementwise.Sqrt, "RSQRT": elementwise.Rsqrt, "SQUARE": elementwise.Square, "SIN": elementwise.Sin,
    "COS": elementwise.Cos,
}  # fmt: skip


def words(text: str) -> tuple[str, ...]:
    """Return the words of a text."""
    return tuple(text.split())


# elementwise, without multiply-adds, and without a layer kind
UNARY = words(
    "FLOOR CEIL ROUND SIGN LOGICAL_NOT ZEROS_LIKE RELU_0_TO_1 FAKE_QUANT CUMSUM REVERSE_V2 REVERSE_SEQUENCE "
    "L2_NORMALIZATION COMPLEX_ABS REAL IMAG BUCKETIZE MATRIX_SET_DIAG DYNAMIC_UPDATE_SLICE BITCAST"
)
BINARY = words(
    "ADD SUB MUL DIV MAXIMUM MINIMUM POW SQUARED_DIFFERENCE FLOOR_DIV FLOOR_MOD LESS LESS_EQUAL GREATER GREATER_EQUAL "
    "EQUAL NOT_EQUAL LOGICAL_AND LOGICAL_OR ATAN2 BITWISE_XOR RIGHT_SHIFT ADD_N SELECT SELECT_V2"
)
