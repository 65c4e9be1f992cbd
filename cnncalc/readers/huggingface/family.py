"""What the reader knows about one family of models, and what it makes of one configuration."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from cnncalc.problem import Problem
from cnncalc.readers.huggingface.config import Config
from cnncalc.record import Record
from cnncalc.text import quoted, show

USUAL_TOKENS = 128  # unless --input sets another length or the model takes fewer
LARGEST_AXIS = 1_000_000

# activation functions of transformers without parameters -> the kind that describes them
ACTIVATIONS = {
    **dict.fromkeys(("gelu", "gelu_10", "gelu_fast", "gelu_new", "gelu_python", "gelu_accurate", "quick_gelu"), "gelu"),
    **dict.fromkeys(("gelu_pytorch_tanh", "gelu_python_tanh"), "gelu"), "hardswish": "hardswish", "leaky_relu": "leakyrelu",
    "linear": "identity", "mish": "mish", "relu": "relu", "relu6": "relu6", "sigmoid": "sigmoid", "silu": "silu",
    "swish": "silu", "tanh": "tanh",
}  # fmt: skip

# fields of every configuration that change neither shapes nor figures
HARMLESS = frozenset((
    "_attn_implementation", "_attn_implementation_autoset", "_attn_implementation_internal", "_commit_hash",
    "_name_or_path", "_experts_implementation_internal", "_num_labels", "architectures", "attn_implementation",
    "bad_words_ids", "begin_suppress_tokens", "bos_token_id", "cross_attention_hidden_size", "decoder_start_token_id",
    "diversity_penalty", "do_sample", "dtype", "early_stopping", "encoder_no_repeat_ngram_size", "eos_token_id",
    "exponential_decay_length_penalty", "finetuning_task", "forced_bos_token_id", "forced_decoder_ids",
    "forced_eos_token_id", "gradient_checkpointing", "id2label", "initializer_range", "is_decoder", "is_encoder_decoder",
    "label2id", "length_penalty", "max_length", "min_length", "model_type", "name_or_path", "no_repeat_ngram_size",
    "num_beam_groups", "num_beams", "num_labels", "num_return_sequences", "output_attentions", "output_hidden_states",
    "output_past", "output_scores", "pad_token_id", "prefix", "problem_type", "remove_invalid_values", "repetition_penalty",
    "return_dict", "return_dict_in_generate", "sep_token_id", "suppress_tokens", "task_specific_params", "temperature",
    "tf_legacy_loss", "tie_word_embeddings", "tokenizer_class", "top_k", "top_p", "torch_dtype", "torchscript",
    "transformers_version", "transformers.js_config", "typical_p", "use_bfloat16", "use_cache",
))  # fmt: skip


class Plan(Record):
    """The parameters and input shapes for the specification of a family. The name "" is that of the only input."""

    parameters: Mapping[str, Any]
    inputs: Mapping[str, str]
    notes: tuple[Problem, ...] = ()


class Family(Record):
    """One family: its specification, its classes, and how its fields and tensors are read.

    `classes` maps the class that `architectures` names to the parameters that select its head. The first one is the model
    without a head. `harmless` are fields that change no figure. Names of tensors lose what `prefix` matches, are changed by
    `renames`, and are left out if `buffers` matches. `tied` maps tensors to the one whose numbers they repeat.
    """

    file: str
    classes: Mapping[str, Mapping[str, Any]]
    plan: Callable[[Config, Inputs, dict[str, Any]], Plan]
    harmless: frozenset[str] = frozenset()
    prefix: str = ""
    renames: tuple[tuple[str, str], ...] = ()
    buffers: str = ""
    tied: Mapping[str, str] = {}


class Inputs:
    """The input shapes that were given on the command line, by name. They must all be used."""

    def __init__(self, given: Mapping[str, str]) -> None:
        self.given = dict(given)

    def image(self, *, height: int, width: int, channels: int, fixed: str = "") -> str:
        """Return the shape of the image, which is the given one or that of the configuration.

        A network with a table of positions takes only the size of the field `fixed`.

        Raises:
            Problem: `bad-argument` or `unknown-input`.
        """
        text = self.take("pixel_values", "")
        self.check_rest("pixel_values")
        ours = f"{height}x{width}x{channels}"
        if text is None:
            return ours
        lengths = _lengths(text)
        if len(lengths) != 3 or lengths[2] != channels:
            help = f"write height x width x channels, as in `--input {ours}`"
            raise Problem(
                "bad-argument", f"`{show(text)}` is not the size of an image with {channels:,} channels", help
            )
        if fixed and lengths != [height, width, channels]:
            size = f"{lengths[0]}" if lengths[0] == lengths[1] else f"[{lengths[0]},{lengths[1]}]"
            text = f"the table of positions is for images of {height}x{width}, not of {lengths[0]}x{lengths[1]}"
            raise Problem("bad-argument", text, f"write `-p {fixed}={size}`, which also changes the table")
        return "x".join(map(str, lengths))

    def tokens(self, *names: str, most: int = LARGEST_AXIS, only: bool = True) -> tuple[int, tuple[Problem, ...]]:
        """Return the number of tokens, and a note if nothing sets it. All inputs in `names` have that length.

        `only` means that there is no other input, so that a shape without a name is that of the tokens.

        Raises:
            Problem: `bad-argument` or `unknown-input`.
        """
        given = {name: text for name in (("", *names) if only else names) if (text := self.take(name)) is not None}
        lengths = {tuple(_lengths(text)) for text in given.values()}
        if not given:
            length = min(USUAL_TOKENS, most)
            example = f"--input {2 * length}" if only else f"--input {names[0]}={2 * length}"
            text = f"the configuration states no length: the figures are for {length:,} tokens"
            return length, (Problem("assumed-length", text, f"set another one, as in `{example}`", level="note"),)
        if len(lengths) > 1 or len(next(iter(lengths))) != 1:
            texts = quoted(given.values(), "and")
            raise Problem("bad-argument", f"{texts}: not one number of tokens", "write one, as in `--input 512`")
        length = next(iter(lengths))[0]
        if length > most:
            text = f"{length:,} tokens are more than the {most:,} of the table of positions"
            raise Problem("bad-argument", text, f"give at most {most:,}")
        return length, ()

    def take(self, *names: str) -> str | None:
        """Return the text of the shape given for an input under one of its names, and mark it as used."""
        return next((self.given.pop(name) for name in names if name in self.given), None)

    def check_rest(self, *names: str) -> None:
        """Refuse shapes that no input used. `names` are the inputs of the network.

        Raises:
            Problem: `unknown-input`.
        """
        for name in self.given:
            if name:
                text = f"the network has no input `{show(name)}`"
                raise Problem("unknown-input", text, f"its inputs are {quoted(names, 'and')}")
            help = f"name one of {quoted(names, 'and')}, as in `--input {names[0]}=64`"
            raise Problem("unknown-input", "the network has several inputs", help)


def _lengths(text: str) -> list[int]:
    """Return the numbers of a shape such as `224x224x3`.

    Raises:
        Problem: `bad-argument`.
    """
    parts = text.strip().lower().split("x")
    if not all(part.isdecimal() and part.isascii() and 1 <= len(part) <= 7 for part in parts) or len(parts) > 4:
        raise Problem("bad-argument", f"`{show(text)}` is not an input shape", "write `224x224x3`, or `512` for tokens")
    lengths = [int(part) for part in parts]
    if not all(1 <= length <= LARGEST_AXIS for length in lengths):
        raise Problem("bad-argument", f"every axis must be from 1 to {LARGEST_AXIS:,}; got `{show(text)}`")
    return lengths


def stages(**values: Any) -> dict[str, Any]:
    """Return the parameters of the stages: `depth=[2, 6]` gives `depth1: 2`, `depth2: 6`, `depth3: 0` and `depth4: 0`.

    >>> stages(depth=[2, 6])
    {'depth1': 2, 'depth2': 6, 'depth3': 0, 'depth4': 0}
    """
    return {
        f"{name}{place + 1}": numbers[place] if place < len(numbers) else 0
        for name, numbers in values.items()
        for place in range(4)
    }


def activation(config: Config, *names: str, default: str) -> str:
    """Return the kind of an activation function."""
    return ACTIVATIONS[config.word(*names, default=default, known=tuple(ACTIVATIONS))]


def check_lengths(config: Config, count: int, of: str, **lists: Any) -> None:
    """Check that lists with one number for each stage have the same length.

    Raises:
        Problem: `bad-value`.
    """
    for name, values in lists.items():
        if len(values) != count:
            text = f"has {len(values)} numbers, but `{of}` has {count}"
            raise config.problem(name, text, "write one number for each stage")
