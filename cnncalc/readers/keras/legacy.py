"""Convert older configurations to the current form: the names of Keras 1 and `model.json` of TensorFlow.js."""

from __future__ import annotations

from typing import Any

# field in Keras 1 -> field in Keras 2, for all classes
FIELDS = {
    "nb_filter": "filters", "border_mode": "padding", "bias": "use_bias", "inner_activation": "recurrent_activation",
    "subsample": "strides", "subsample_length": "strides", "filter_length": "kernel_size", "atrous_rate": "dilation_rate",
    "pool_length": "pool_size",
}  # fmt: skip
CLASSES = {
    "AtrousConvolution1D": "Conv1D", "AtrousConvolution2D": "Conv2D", "TimeDistributedDense": "Dense",
}  # fmt: skip
MERGES = {"concat": "Concatenate", "sum": "Add", "mul": "Multiply", "ave": "Average", "max": "Maximum"}
# classes in which `output_dim` became `units`
UNITS = ("Dense", "TimeDistributedDense", "LSTM", "GRU", "SimpleRNN", "ConvLSTM2D")
LAYOUTS = {"th": "channels_first", "tf": "channels_last", "default": "channels_last"}


def topology(top: Any) -> Any:
    """Return the model within `model.json` of TensorFlow.js, or within a file that has it under `model_config`.

    >>> topology({"format": "layers-model", "modelTopology": {"model_config": {"class_name": "Sequential", "config": []}}})
    {'class_name': 'Sequential', 'config': []}
    """
    for key in ("modelTopology", "model_config"):
        if isinstance(top, dict) and isinstance(top.get(key), (dict, str)) and "class_name" not in top:
            top = top[key]
    return top


def is_graph(top: Any) -> bool:
    """Return whether this is a TensorFlow.js model of TensorFlow operations, which no longer contains layers."""
    if not isinstance(top, dict):
        return False
    inside = top.get("modelTopology")
    return top.get("format") == "graph-model" or (isinstance(inside, dict) and isinstance(inside.get("node"), list))


def upgrade(top: Any) -> None:
    """Rename the classes and fields of Keras 1 in a configuration to those of Keras 2, in place."""
    waiting = [top]
    while waiting:
        part = waiting.pop()
        if isinstance(part, dict):
            if isinstance(part.get("class_name"), str) and isinstance(part.get("config"), dict):
                _upgrade_layer(part, part["config"])
            waiting += [inner for inner in part.values() if isinstance(inner, (dict, list))]
        elif isinstance(part, list):
            waiting += [inner for inner in part if isinstance(inner, (dict, list))]


def _upgrade_layer(layer: dict[str, Any], config: dict[str, Any]) -> None:
    cls = layer["class_name"]
    new: dict[str, Any] = {}
    if "dim_ordering" in config:
        new["data_format"] = LAYOUTS.get(str(config["dim_ordering"]), config["dim_ordering"])
    for sides in (("nb_row", "nb_col"), ("kernel_dim1", "kernel_dim2", "kernel_dim3")):
        if all(side in config for side in sides):
            new["kernel_size"] = [config[side] for side in sides]
    if "output_dim" in config and cls in UNITS:
        new["units"] = config["output_dim"]
    if "p" in config and "Dropout" in cls:
        new["rate"] = config["p"]
    if "stride" in config and cls.endswith("Pooling1D"):
        new["strides"] = config["stride"]
    if "length" in config and cls == "UpSampling1D":
        new["size"] = config["length"]
    if cls == "Merge" and config.get("mode") in MERGES and "layers" not in config:
        layer["class_name"] = MERGES[config["mode"]]
        new["axis"] = config.get("concat_axis", -1)
    for old, name in FIELDS.items():
        if old in config and not (old == "bias" and not isinstance(config[old], bool)):
            new.setdefault(name, config[old])
    layer["class_name"] = CLASSES.get(layer["class_name"], layer["class_name"])
    for name, value in new.items():
        config.setdefault(name, value)
