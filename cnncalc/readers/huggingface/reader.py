"""Read the `config.json` of a model of transformers: its fields become parameters of the specification of its family.

Fields that are missing have the defaults of transformers 5.24. A safetensors file in the same folder is compared with the
network. No code of the model and no pickle is read.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

from cnncalc import shelf
from cnncalc.analyses.stored import Stored, StoredTensor, group
from cnncalc.layers.operator import Operator
from cnncalc.network import Network, Node
from cnncalc.problem import Problem, Refused, Source
from cnncalc.readers.files import text as text_of
from cnncalc.readers.huggingface import audio, text, vision
from cnncalc.readers.huggingface.comparison import compare
from cnncalc.readers.huggingface.config import Config, parse, spell
from cnncalc.readers.huggingface.family import HARMLESS, Family, Inputs, Plan
from cnncalc.readers.huggingface.weights import BITS, Checkpoint, find, unreadable
from cnncalc.readers.options import ReaderOptions
from cnncalc.readers.yaml.reader import Overrides
from cnncalc.readers.yaml.reader import read as read_specification
from cnncalc.text import did_you_mean, plural, quoted, show

LIBRARY = "transformers 5.24"  # whose defaults are used
FAMILIES: dict[str, Family] = {**vision.FAMILIES, **text.FAMILIES, **audio.FAMILIES}
FILE = "config.json"
# fields of transformers that change every network in ways that no specification describes
_REFUSED = {
    "pruned_heads": "cnncalc cannot remove single heads",
    "per_layer_config": "cnncalc's architectures have equal layers",
    "tie_encoder_decoder": "cnncalc's architectures do not share weights of encoder and decoder",
}


def read(path: str, options: ReaderOptions) -> Network:
    """Read the network that a `config.json` describes.

    Raises:
        Refused: The file has a mistake, or describes a model without a specification.
        OSError: The file cannot be opened.
    """
    return read_text(text_of(path), options)


def read_text(source: Source, options: ReaderOptions) -> Network:
    """Read the network that the text of a `config.json` describes. A checkpoint is looked for in the folder of its path.

    >>> small = '{"model_type": "vit", "architectures": ["ViTForImageClassification"], "hidden_size": 192,'
    >>> small += ' "num_attention_heads": 3, "intermediate_size": 768, "num_labels": 1000}'
    >>> network = read_text(Source("config.json", small), ReaderOptions({}, {}))
    >>> from cnncalc.analyses.totals import analyze
    >>> analyze(network).totals.params
    5717416

    Raises:
        Refused: As `read`.
    """
    fields = parse(source.text, source.path)
    try:
        return _read(Config(fields, source.path, options.parameters), options)
    except Problem as problem:
        if problem.code != "unsupported":
            raise Refused([problem]) from None
        try:
            stored = _stored(source.path)
        except (Refused, OSError) as error:
            reason = Problem("bad-file", f"its parameters cannot be read either: {unreadable(error)}")
            raise Refused([problem, reason]) from None
        if stored is not None:
            problem.help += f"; `cnncalc analyze` lists the parameters that {show(stored.file)} stores"
        raise Refused([problem], stored=stored) from None


def _stored(path: str) -> Stored | None:
    """Return the tensors of the checkpoint next to a configuration; None if there is none.

    Raises:
        Refused, OSError: As `_checkpoint`.
    """
    checkpoint = _checkpoint(path)
    if checkpoint is None:
        return None
    tensors = [
        StoredTensor(
            tensor.name.rpartition(".")[0],
            tensor.dtype,
            tensor.size,
            None if tensor.size is None else tensor.size * BITS[tensor.dtype],
        )
        for tensor in checkpoint.tensors
    ]
    return group(_title(path, "model"), os.path.basename(checkpoint.path), tensors, checkpoint.missing)


def _checkpoint(path: str) -> Checkpoint | None:
    """Return the tensors of the checkpoint next to a configuration; None if there is none.

    Raises:
        Refused: It is damaged, or exceeds a limit.
        OSError: It cannot be read.
    """
    folder, file = os.path.split(path)
    return find(folder) if file == FILE and os.path.isfile(path) else None


def _title(path: str, otherwise: str) -> str:
    """Return the name of the folder of a configuration, if it has one."""
    folder, file = os.path.split(path)
    return os.path.basename(os.path.abspath(folder)) if file == FILE and folder not in ("", ".") else otherwise


def _read(config: Config, options: ReaderOptions) -> Network:
    family = _family(config)
    name = _class(config, family)
    for field, why in _REFUSED.items():
        config.refuse(field, why)
    plan = family.plan(config, Inputs(options.inputs), dict(family.classes[name]))
    known = config.read | family.harmless | HARMLESS | set(_REFUSED)
    for field in config.changed:
        if field not in config.read:
            help = did_you_mean(field, config.read) or f"fields are {quoted(sorted(config.read), 'and')}"
            text = f"`{show(field)}` is not a field of {name} that sets the size of the network"
            raise Problem("unknown-parameter", text, help)
    network = _expand(family, plan, config)
    return _finish(network, config, family, name, [*plan.notes, *_unknown(config, known)])


def _family(config: Config) -> Family:
    kind = config.value("model_type")
    if type(kind) is not str:
        raise config.problem("model_type", f"must name the kind of model; got {spell(kind)}")
    family = FAMILIES.get(kind)
    if family is None:
        help = did_you_mean(kind, FAMILIES) or f"cnncalc reads {quoted(sorted(FAMILIES), 'and')}"
        text = f"is `{show(kind)}`, for which cnncalc has no architecture"
        raise config.problem("model_type", text, f"{help}; otherwise export the model to ONNX", "unsupported")
    return family


def _class(config: Config, family: Family) -> str:
    """Return the class that the file names, or the model without a head."""
    names = config.value("architectures")
    if names is None or names == []:
        return next(iter(family.classes))
    if type(names) is not list or type(names[0]) is not str:
        raise config.problem("architectures", f"must be a list with the name of a class; got {spell(names)}")
    if names[0] not in family.classes:
        known = quoted(family.classes, "and")
        help = f"cnncalc reads {known}: write one of them to count that head"
        raise config.problem(
            "architectures", f"is `{show(names[0])}`, which cnncalc does not know", help, "unsupported"
        )
    return names[0]


def _expand(family: Family, plan: Plan, config: Config) -> Network:
    """Expand the specification of the family, with errors that name the configuration instead of the specification."""
    path = os.path.join(shelf.folder(), shelf.FAMILIES, family.file + shelf.SUFFIX)
    parameters = {name: _text(value) for name, value in plan.parameters.items()}
    try:
        network = read_specification(text_of(path), Overrides(parameters, plan.inputs))
    except Refused as refused:
        for problem in refused.problems:
            problem.where, problem.trail = None, ()
            problem.text = f"{show(config.path)}: {problem.text}"
            problem.help = "" if problem.code == "too-large" else problem.help
        refused.partial = None
        raise
    for node in network.nodes:
        node.where = None
        _explain(node, family)
    return network


def _explain(node: Node, family: Family) -> None:
    """Let the note of a layer that holds other parameters than usual say which, instead of where that is written."""
    layer, statistics = node.layer, node.statistics
    if not isinstance(layer, Operator) or layer.like is None or statistics is None:
        return
    weights = layer.weights(*statistics.shapes)
    note = "adds a learned table of relative positions to the scores"
    if "relative_position_bias_table" not in weights:
        note = f"uses the weights of `{next(iter(family.tied.values()))}`"
    node.statistics = layer.with_parameters(weights, {}, note).statistics(statistics.shapes)


def _text(value: Any) -> str:
    return ("true" if value else "false") if type(value) is bool else str(value)


def _unknown(config: Config, known: set[str] | frozenset[str]) -> list[Problem]:
    """Return warnings about fields that may change the network in a way that cnncalc does not know."""
    warnings = []
    for name in ("quantization_config", "quantization"):  # the second one is that of MLX
        if config.fields.get(name):
            text = f"`{name}` is ignored: the figures are those of the network before quantization"
            warnings.append(Problem("unknown-setting", text, level="warning"))
    if config.fields.get("auto_map"):
        text = "`auto_map` names code that comes with the model, which cnncalc does not read"
        warnings.append(Problem("unknown-setting", text, level="warning"))
    others = [name for name in config.fields if name not in known | {"quantization_config", "quantization", "auto_map"}]
    if others:
        text = f"{plural(len(others), 'field')} unknown to cnncalc: {quoted(others[:10], 'and')}"
        text += f" and {len(others) - 10:,} more" if len(others) > 10 else ""
        help = f"{LIBRARY} has no such field for this model, unless its own code adds it"
        warnings.append(Problem("unknown-setting", text, help, level="warning"))
    return warnings


def _finish(network: Network, config: Config, family: Family, name: str, notes: list[Problem]) -> Network:
    agreement = ""
    if not config.changed:
        try:
            checkpoint = _checkpoint(config.path)
        except (Refused, OSError) as error:
            text = f"the parameters cannot be compared: {unreadable(error)}"
            notes.append(Problem("weights-differ", text, level="warning"))
        else:
            if checkpoint is not None:
                agreement, warnings = compare(network, checkpoint, family)
                notes += warnings
    source = f"{name}, with the defaults of {LIBRARY} for missing fields" + (f"; {agreement}" if agreement else "")
    facts: Mapping[str, Any] = {
        **{key: getattr(network, key) for key in Network._names},
        "name": show(_title(config.path, name)),
        "source": source,
        "spec": config.path,
        "published": (),
        "description": "",
        "warnings": (*network.warnings, *notes),
    }
    return Network(**facts)
