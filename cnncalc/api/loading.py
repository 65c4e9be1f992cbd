"""Anything that describes a network -> Network."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from cnncalc import loading
from cnncalc import network as graph
from cnncalc.api.analysis import Analysis
from cnncalc.api.errors import CnncalcError, check_mapping, check_text, list_texts
from cnncalc.api.guard import public_errors
from cnncalc.api.network import Network, shape_texts
from cnncalc.loading import LoadOptions, Spec
from cnncalc.problem import Source
from cnncalc.text import show

ShapeLike = str | Sequence[int]
_RUNNING_MODELS = threading.Lock()  # while a model runs, the whole process has no output and no network access


def load(
    source: Any,
    *,
    input: ShapeLike | Mapping[str, ShapeLike] | None = None,
    params: Mapping[str, object] | None = None,
    set: Mapping[str, object] | None = None,
    freeze: str | Iterable[str] = (),
    as_conv: bool = False,
    arguments: Mapping[str, object] | None = None,
    batch_axes: Mapping[str, int | str] | int | str | None = None,
    branches: Mapping[str, str] | str | None = None,
    compare_shapes: bool = False,
    example_inputs: Any = None,
) -> Network:
    """Load a network from anything that describes one.

    Parameters
    ----------
    source
        One of

        * a path, as text or PathLike: a specification in YAML or JSON, ONNX, torch.export, Keras, TFLite, Darknet,
          Caffe, Ultralytics YOLO, or a `config.json` of Hugging Face or the folder that holds it;
        * the name of an architecture that comes with cnncalc (`cnncalc.architectures`), such as `vgg16`;
        * a network in one line, such as `"32x32x3 -> CONV3-16 -> FC-10"`;
        * text with several lines, which is a specification;
        * `torch:MODULE:CALLABLE`, which imports MODULE and so runs its code;
        * a dictionary with the content of a specification;
        * a `torch.nn.Module`, a Keras model or an `onnx.ModelProto`;
        * a `Network`, which is returned.
    input : str, sequence of int, or mapping, optional
        Shape of one example without the batch, to use instead of the one in the source. Channels last, such as `"224x224x3"`
        or `(224, 224, 3)`, except for a `torch.nn.Module`, which takes a sequence in PyTorch's order: `(3, 224, 224)`. For
        several inputs, a mapping from their names.
    params : mapping, optional
        Values for the file's `params`, for numbers that a one-line pattern leaves open, for dimensions of an ONNX model, or
        for a Caffe network the `phase`, for an Ultralytics model the `scale` and `nc`, or for fields of a `config.json`.
    set : mapping, optional
        Fields of layers to change, such as `{"conv2.stride": 2}`.
    freeze : str or iterable of str
        Layers, blocks or groups that are not trained.
    as_conv : bool
        Turn fc layers into the equivalent convolutions, so that larger inputs fit.
    arguments : mapping, optional
        Arguments for the callable of `torch:MODULE:CALLABLE`.
    batch_axes : optional
        For ONNX: the batch axis of an input, counted from 0, or `none`. For TFLite: 0 or `none`.
    branches : optional
        For ONNX: `then` or `else`, the branch of an `If` whose condition depends on the input.
    compare_shapes : bool
        For ONNX: compare the shapes with those that onnx.shape_inference infers, which needs the package onnx. By default
        they are compared with the shapes in the file. `warnings` lists the differences.
    example_inputs : optional
        For a `torch.nn.Module`: arguments of forward, for inputs that a shape cannot describe. One tensor, a sequence of
        arguments or a mapping of named ones, with a batch of 1.

    Returns
    -------
    Network
        Its shapes are those of one example, channels last and without the batch.

    Raises
    ------
    CnncalcError
        If the network cannot be found, read or computed.
    TypeError
        If `source` is of another type, or arguments cannot be combined.

    Notes
    -----
    Loading is thread-safe. PyTorch modules are read one at a time.

    Examples
    --------
    >>> import cnncalc
    >>> cnncalc.load("vgg16")
    <Network VGG-16: 38 layers, 138,357,544 params, 15,237,608 activations, 15,470,264,320 MACs>
    >>> net = cnncalc.load({"input": "28x28x1", "layers": [{"conv": {"filters": 8, "kernel": 3}}, "relu", {"fc": 10}]})
    >>> net.output_shapes
    {'fc1': (10,)}
    """
    if isinstance(source, Network):
        given = (input, params, set, freeze, as_conv, arguments, batch_axes, branches, compare_shapes)
        if any(given) or example_inputs is not None:
            raise TypeError("a Network is loaded already: give the options where it is loaded from its source")
        return source
    is_keras = _is_instance(source, "keras", "Model")
    if _is_instance(source, "torch", "nn", "Module") and not is_keras:  # a Keras model may be both
        if input is None and example_inputs is None:
            raise TypeError(
                "a torch.nn.Module does not store its input shape: add input=(3, 224, 224), in PyTorch's order"
            )
        others = {"params": params, "set": set, "arguments": arguments, "batch_axes": batch_axes, "branches": branches}
        others["compare_shapes"] = compare_shapes
        if any(others.values()):
            raise TypeError(f"a torch.nn.Module takes no {next(name for name, value in others.items() if value)}")
        return _with_frozen(from_torch(source, input, example_inputs=example_inputs), freeze, as_conv)
    if example_inputs is not None:
        raise TypeError("example_inputs is only for a torch.nn.Module")
    options = options_of(
        input=input,
        params=params,
        set=set,
        freeze=freeze,
        arguments=arguments,
        batch_axes=batch_axes,
        branches=branches,
        compare_shapes=compare_shapes,
    )
    if isinstance(source, Mapping):
        import json

        return _parse(Source("<dict>", json.dumps(_spell_tuples(source), indent=1, default=_plain)), options, as_conv)
    if is_keras:
        return _parse(Source(f"<{show(source.name)}>", source.to_json()), options, as_conv)
    if _is_instance(source, "onnx", "ModelProto"):
        return _load_onnx(source, options, as_conv)
    if isinstance(source, os.PathLike):
        return load_spec(Spec(os.fspath(source), file=True), options, as_conv=as_conv)
    if not isinstance(source, str):
        what = "a path, a name, text, a dictionary, a torch.nn.Module, a Keras model or an onnx.ModelProto"
        raise TypeError(f"cannot load a network from {type(source).__name__}: give {what}")
    if "\n" in source.strip():
        return _parse(Source("<text>", source), options, as_conv)
    line = ("->" in source or "\u2192" in source) and not os.path.lexists(source)
    return load_spec(Spec(source, line=line), options, as_conv=as_conv)


def parse(text: str, *, name: str = "<text>", **options: Any) -> Network:
    """Load a network from the text of a specification in YAML or JSON, or of a Keras model in JSON.

    Parameters
    ----------
    text : str
        The specification.
    name : str
        The name that error messages use.
    **options
        As for `load`.

    Raises
    ------
    CnncalcError
        If it is not a valid specification.

    Examples
    --------
    >>> import cnncalc
    >>> cnncalc.parse("input: 8x8x3\\nlayers: [conv: {filters: 4, kernel: 3}]").output_shapes
    {'conv1': (6, 6, 4)}
    """
    allowed = ("input", "params", "set", "freeze", "as_conv")
    for option in options:
        if option not in allowed:
            raise TypeError(f"parse takes no option {option!r}: the options are {', '.join(allowed)}")
    as_conv = bool(options.pop("as_conv", False))
    check_text("a specification", text)
    return _parse(Source(name, text), options_of(**options), as_conv)


def from_torch(
    module: Any,
    input_shape: ShapeLike | Mapping[str, ShapeLike] | None = None,
    *,
    example_inputs: Any = None,
) -> Network:
    """Load a torch.nn.Module, which does not change. No parameter is read or copied.

    Parameters
    ----------
    module : torch.nn.Module
        The model.
    input_shape : sequence of int, str, or mapping, optional
        Shape of one example without the batch: a sequence in PyTorch's order, such as `(3, 224, 224)`, or text, channels
        last. For several inputs, a mapping from the names of forward's arguments.
    example_inputs : optional
        Arguments of forward, for inputs that a shape cannot describe. One tensor, a sequence of arguments, or a mapping of
        named arguments. Arguments may be tensors, plain values, or lists, tuples and dictionaries of them. Give tensors a
        batch of 1.

    Raises
    ------
    CnncalcError
        If the module cannot be followed, or PyTorch is not installed.
    TypeError
        Unless exactly one of `input_shape` and `example_inputs` is passed.
    """
    from cnncalc.readers.torch import reader  # imported here so that importing cnncalc stays fast

    def read(shapes: Any, examples: Any = None) -> graph.Network:
        with _RUNNING_MODELS:
            return reader.from_torch(module, shapes, example_inputs=examples)

    def resize(shapes: Mapping[str, str]) -> graph.Network:
        return read(_in_torch_order(shapes.get("", shapes)))

    with public_errors():
        return Network.of(read(_in_torch_order(input_shape), example_inputs), None if input_shape is None else resize)


def summary(
    model: Any,
    input_size: ShapeLike | Mapping[str, ShapeLike] | None = None,
    *,
    input_data: Any = None,
    batch_size: int = 1,
    dtype: str = "float32",
    depth: int | None = None,
    col_names: Sequence[str] | None = None,
    verbose: int = 1,
) -> Analysis:
    """Print the table of a model like torchinfo does, and return its analysis.

    Parameters
    ----------
    model
        Anything that `load` accepts.
    input_size : sequence of int, str, or mapping, optional
        Shape of one example without the batch: `(3, 224, 224)` for a `torch.nn.Module`, otherwise channels last.
    input_data : optional
        Example inputs of a `torch.nn.Module`, with a batch of 1.
    batch_size : int
        Examples per batch, for memory.
    dtype : str
        Type of all numbers.
    depth : int, optional
        Fold blocks below this level.
    col_names : sequence of str, optional
        Columns: `kernel_size` is shown as fields, `input_size` is not offered, and `output_size`, `num_params` and
        `mult_adds` mean output, params and macs.
    verbose : int
        0 prints nothing.

    Raises
    ------
    CnncalcError
        If the model cannot be loaded.
    """
    network = load(model, input=input_size, example_inputs=input_data)
    analysis = network.analyze(batch_size, dtype)
    columns = None if col_names is None else [TORCHINFO_COLUMNS.get(name, name) for name in col_names]
    text = analysis.to_text(columns, depth=depth)
    if verbose:
        print(text, end="")
    return analysis


TORCHINFO_COLUMNS = {
    "output_size": "output", "num_params": "params", "mult_adds": "macs", "kernel_size": "fields", "params_percent": "share",
}  # fmt: skip


def options_of(
    *,
    input: ShapeLike | Mapping[str, ShapeLike] | None = None,
    params: Mapping[str, object] | None = None,
    set: Mapping[str, object] | None = None,
    freeze: str | Iterable[str] = (),
    arguments: Mapping[str, object] | None = None,
    batch_axes: Mapping[str, int | str] | int | str | None = None,
    branches: Mapping[str, str] | str | None = None,
    compare_shapes: bool = False,
) -> LoadOptions:
    """Return the arguments of `load` as options of the command line."""
    return LoadOptions(
        inputs=shape_texts(input),
        parameters={name: _text(value) for name, value in check_mapping("params", params, '{"width": 0.5}').items()},
        changes=tuple(
            f"{field}={_text(value)}" for field, value in check_mapping("set", set, '{"conv2.stride": 2}').items()
        ),
        frozen=list_texts("freeze", freeze if isinstance(freeze, str) else tuple(freeze)),
        arguments={name: _text(value) for name, value in check_mapping("arguments", arguments, '{"depth": 2}').items()},
        batch_axes=_by_input(batch_axes),
        branches=_by_input(branches),
        compare_shapes=compare_shapes,
    )


def load_spec(spec: Spec, options: LoadOptions, *, as_conv: bool = False) -> Network:
    """Load what the command line takes as SPEC.

    Raises
    ------
    CnncalcError
        If it cannot be found, read or computed.
    """

    def read(shapes: Mapping[str, str]) -> graph.Network:
        changed = {next(iter(options.inputs), ""): text for text in shapes.values()} if "" in shapes else dict(shapes)
        return loading.load(spec, options.with_inputs({**options.inputs, **changed}), as_conv=as_conv)

    with public_errors():
        if spec.reader.runs_code:
            with _RUNNING_MODELS:
                return Network.of(read({}), read)
        return Network.of(read({}), read)


def _parse(source: Source, options: LoadOptions, as_conv: bool) -> Network:
    """Load text that is already in memory."""

    def read(shapes: Mapping[str, str]) -> graph.Network:
        return loading.load_source(source, options.with_inputs({**options.inputs, **shapes}), as_conv=as_conv)

    with public_errors():
        return Network.of(read({}), read)


def _load_onnx(model: Any, options: LoadOptions, as_conv: bool) -> Network:
    """Load an onnx.ModelProto."""
    data = model.SerializeToString()
    name = f"<{show(model.graph.name) or 'ModelProto'}>.onnx"

    def read(shapes: Mapping[str, str]) -> graph.Network:
        return loading.load_onnx(data, name, options.with_inputs({**options.inputs, **shapes}), as_conv=as_conv)

    with public_errors():
        return Network.of(read({}), read)


def _with_frozen(network: Network, freeze: str | Iterable[str], as_conv: bool) -> Network:
    """Apply the options that every source takes to a network that has been read."""
    frozen = (freeze,) if isinstance(freeze, str) else tuple(freeze)
    with public_errors():
        return Network.of(loading.apply(network, frozen, as_conv=as_conv), network.resize)


def _is_instance(value: Any, package: str, *names: str) -> bool:
    """Return whether a value is an instance of a package's class, without importing the package."""
    found: Any = sys.modules.get(package)
    for name in names:
        found = getattr(found, name, None)
    return isinstance(found, type) and isinstance(value, found)


def _channels_first(text: str) -> tuple[int, ...]:
    """Convert a channels-last shape to PyTorch's order."""
    lengths = text.lower().split("x")
    if not all(length.strip().isdecimal() for length in lengths):
        raise CnncalcError.of(f"`{show(text)}` is not a shape", "option", "--input", "write 224x224x3, channels last")
    *spatial, channels = map(int, lengths)
    return (channels, *spatial)


def _in_torch_order(shape: ShapeLike | Mapping[str, ShapeLike] | None) -> Any:
    """Return input shapes in PyTorch's order: text is channels last, and sequences are in that order already."""
    if isinstance(shape, Mapping):
        return {name: _in_torch_order(inner) for name, inner in shape.items()}
    return _channels_first(shape) if isinstance(shape, str) else shape


def _by_input(value: Mapping[str, int | str] | int | str | None) -> dict[str, str]:
    if value is None:
        return {}
    return {name: str(inner) for name, inner in value.items()} if isinstance(value, Mapping) else {"": str(value)}


def _spell_tuples(value: Any) -> Any:
    """Return the content of a specification with tuples as sizes: `(3, 3)` is `3x3`, and `(32, 32, 3)` is `32x32x3`."""
    if isinstance(value, Mapping):
        return {key: _spell_tuples(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_spell_tuples(inner) for inner in value]
    return "x".join(map(str, value)) if isinstance(value, tuple) else value


def _text(value: object) -> str:
    """Return a value as it would be typed on the command line: `2`, `true`, `3x3`, `[1, 2]`."""
    if isinstance(value, str):
        return value
    if isinstance(value, tuple):
        return "x".join(map(str, value))
    import json

    return json.dumps(value, default=_plain)


def _plain(value: Any) -> Any:
    """Return a value of another package, such as a NumPy number, as a plain one."""
    plain = getattr(value, "tolist", None)
    if plain is None:
        raise TypeError(f"a specification cannot contain {type(value).__name__}")
    return plain()
