"""Convert Keras models to the files in tests/readers/tflite/models, with their weights set to zero so that they compress.

Usage, with TensorFlow 2.21 installed: KERAS_BACKEND=tensorflow python -m tests.oracle.readers.tflite.make_models
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from cnncalc.readers.limits import TRUSTED
from cnncalc.readers.tflite.file import Held
from cnncalc.readers.tflite.model import read_model

FOLDER = Path(__file__).parents[3] / "readers" / "tflite" / "models"
KINDS = {"kws": ("int8",), "zoo": ("float16", "int8"), "text": ("dynamic",)}


def kws(keras: Any) -> Any:
    """Return the keyword spotter of MLPerf Tiny (Banbury et al. 2021)."""
    layers = keras.layers
    image = keras.Input((49, 10, 1))
    x = layers.Conv2D(64, (10, 4), strides=2, padding="same")(image)
    x = layers.ReLU()(layers.BatchNormalization()(x))
    for _ in range(4):
        x = layers.DepthwiseConv2D(3, padding="same")(x)
        x = layers.ReLU()(layers.BatchNormalization()(x))
        x = layers.Conv2D(64, 1, padding="same")(x)
        x = layers.ReLU()(layers.BatchNormalization()(x))
    x = layers.Flatten()(layers.AveragePooling2D((25, 5))(x))
    return keras.Model(image, layers.Dense(12, activation="softmax")(x))


def zoo(keras: Any) -> Any:
    """Return a network with many kinds of layers."""
    layers = keras.layers
    image = keras.Input((32, 32, 8))
    a = layers.Conv2D(16, 3, dilation_rate=2, padding="same", activation="relu6")(image)
    b = layers.Conv2DTranspose(16, 3, strides=2, padding="same")(a)
    x = layers.Concatenate()([b, layers.UpSampling2D(2, interpolation="bilinear")(a)])
    x = layers.SeparableConv2D(24, 3, padding="valid", activation="tanh")(x)
    x = layers.LeakyReLU()(layers.PReLU(shared_axes=[1, 2])(x))
    x = layers.MaxPooling2D(2)(layers.Cropping2D(2)(layers.ZeroPadding2D(1)(x)))
    x = layers.Conv2D(24, 3, groups=2)(x)
    gate = layers.Conv2D(24, 1, activation="sigmoid")(layers.GlobalAveragePooling2D(keepdims=True)(x))
    x = layers.Multiply()([x, gate])
    x = layers.Activation("hard_silu")(layers.Activation("gelu")(x))
    x = layers.Permute((2, 1, 3))(layers.LayerNormalization()(x))
    x = layers.Dense(12, activation="elu")(layers.Reshape((-1, 24))(x))
    x = layers.GlobalMaxPooling1D()(x)
    return keras.Model(image, [layers.Dense(5)(x), layers.Dense(3, activation="softmax")(x)])


def text(keras: Any) -> Any:
    """Return a network over tokens, with a dilated convolution that the converter writes with SPACE_TO_BATCH_ND."""
    layers = keras.layers
    tokens = keras.Input((30,), dtype="int32")
    x = layers.Conv1D(32, 5, activation="relu")(layers.Embedding(500, 16)(tokens))
    x = layers.Conv1D(16, 3, dilation_rate=2, padding="causal")(layers.MaxPooling1D(2)(x))
    return keras.Model(tokens, layers.Dense(2)(layers.GlobalAveragePooling1D()(x)))


def convert(model: Any, kind: str, tensorflow: Any, numpy: Any) -> bytes:
    """Return a model for batches of 1 as a file whose weights have this kind of type."""
    shape, random = (1, *model.inputs[0].shape[1:]), numpy.random.default_rng(0)
    for weight in model.weights:
        weight.assign(random.random(weight.shape) * 0.1 + 0.05)
    with tempfile.TemporaryDirectory() as folder:
        model.export(folder, verbose=False)
        converter = tensorflow.lite.TFLiteConverter.from_saved_model(folder)
        converter.optimizations = [tensorflow.lite.Optimize.DEFAULT]
        if kind == "float16":
            converter.target_spec.supported_types = [tensorflow.float16]
        if kind == "int8":

            def examples() -> Iterator[list[Any]]:
                yield [random.random(shape).astype("float32")]

            converter.representative_dataset = examples
            converter.target_spec.supported_ops = [tensorflow.lite.OpsSet.TFLITE_BUILTINS_INT8]
            converter.inference_input_type = converter.inference_output_type = tensorflow.int8
        return bytes(converter.convert())


def without_numbers(data: bytes) -> bytes:
    """Return the file with all weights of more than 64 bytes set to zero."""
    model = read_model(Held(data), TRUSTED)
    out = bytearray(data)
    for graph in model.subgraphs:
        for tensor in graph.tensors:
            buffer = model.buffers[tensor.buffer]
            if tensor.is_real and buffer.size > 64:
                out[buffer.start : buffer.start + buffer.size] = bytes(buffer.size)
    return bytes(out)


def main() -> None:
    """Write the files."""
    import keras
    import numpy
    import tensorflow

    for name, kinds in KINDS.items():
        model = globals()[name](keras)
        one = keras.models.clone_model(
            model, input_tensors=keras.Input(batch_shape=(1, *model.inputs[0].shape[1:]), dtype=model.inputs[0].dtype)
        )
        for kind in kinds:
            data = without_numbers(convert(one, kind, tensorflow, numpy))
            (FOLDER / f"{name}_{kind}.tflite").write_bytes(data)
            sys.stdout.write(f"{name}_{kind}.tflite {len(data):,} bytes\n")


if __name__ == "__main__":
    main()
