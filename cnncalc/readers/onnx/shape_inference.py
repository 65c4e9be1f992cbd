"""Run `onnx.shape_inference`, which the reader and the writer compare their shapes with."""

from __future__ import annotations

from typing import Any

from cnncalc.readers.optional import import_optional
from cnncalc.text import show


class InferenceFailed(Exception):
    """onnx.shape_inference rejects a model. The message is its reason, made safe to print."""


def infer_shapes(model: Any, **options: bool) -> Any:
    """Return the model with the shapes that onnx.shape_inference infers.

    Raises:
        InferenceFailed: It rejects the model.
        Missing: The package onnx is not installed.
    """
    inference = import_optional("onnx.shape_inference", "onnx")
    invalid = import_optional("onnx.checker", "onnx").ValidationError
    unserializable = import_optional("google.protobuf.message", "onnx").EncodeError
    # its C++ code throws standard exceptions, too, which arrive as the last five
    errors = (
        inference.InferenceError,
        invalid,
        unserializable,
        RuntimeError,
        ValueError,
        IndexError,
        OverflowError,
        MemoryError,
    )
    try:
        return inference.infer_shapes(model, **options)
    except errors as error:
        raise InferenceFailed(show(error, 200)) from None
