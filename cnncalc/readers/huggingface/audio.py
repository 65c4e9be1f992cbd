"""Speech models: Whisper."""

from __future__ import annotations

from typing import Any

from cnncalc.problem import Problem
from cnncalc.readers.huggingface.config import Config
from cnncalc.readers.huggingface.family import Family, Inputs, Plan, activation
from cnncalc.text import show

_TOKENS = ("decoder_input_ids", "decoder_position_ids")


def _whisper(config: Config, inputs: Inputs, head: dict[str, Any]) -> Plan:
    width = config.integer("d_model", "hidden_size", default=384)
    encoder_heads = config.integer("encoder_attention_heads", "num_attention_heads", default=6)
    decoder_heads = config.integer("decoder_attention_heads", default=6)
    config.divides("encoder_attention_heads", encoder_heads, "d_model", width)
    config.divides("decoder_attention_heads", decoder_heads, "d_model", width)
    frames = 2 * config.integer("max_source_positions", default=1500, most=100_000)
    mels = config.integer("num_mel_bins", default=80, most=1_000_000)
    most = config.integer("max_target_positions", default=448)
    given = inputs.take("input_features")
    if given is not None and given.strip() != f"{frames}x{mels}":
        text = f"the encoder takes {frames}x{mels}, not `{show(given)}`"
        raise Problem("bad-argument", text, "its table of positions has `max_source_positions` rows")
    tokens, notes = inputs.tokens(*_TOKENS, most=most, only=False)
    inputs.check_rest(*_TOKENS, "input_features")
    if head["head"] == "lm" and config.flag("tie_word_embeddings", default=True):
        head = {"head": "tied_lm"}
    parameters = {
        "frames": frames,
        "tokens": tokens,
        "num_mel_bins": mels,
        "vocab_size": config.integer("vocab_size", default=51865),
        "d_model": width,
        "encoder_layers": config.layers("encoder_layers", "num_hidden_layers", default=4),
        "encoder_attention_heads": encoder_heads,
        "encoder_ffn_dim": config.integer("encoder_ffn_dim", default=1536),
        "decoder_layers": config.layers("decoder_layers", default=4),
        "decoder_attention_heads": decoder_heads,
        "decoder_ffn_dim": config.integer("decoder_ffn_dim", default=1536),
        "max_target_positions": most,
        "activation_function": activation(config, "activation_function", default="gelu"),
        **head,
    }
    return Plan(parameters, {}, notes)


FAMILIES = {
    "whisper": Family(
        "whisper",
        {"WhisperModel": {"head": "none"}, "WhisperForConditionalGeneration": {"head": "lm"}},
        _whisper,
        frozenset((
            "activation_dropout", "apply_spec_augment", "attention_dropout", "begin_suppress_tokens",
            "classifier_proj_size", "decoder_layerdrop", "dropout", "encoder_layerdrop", "init_std",
            "mask_feature_length", "mask_feature_min_masks", "mask_feature_prob", "mask_time_length",
            "mask_time_min_masks", "mask_time_prob", "max_source_positions", "median_filter_width", "num_hidden_layers",
            "scale_embedding", "use_weighted_layer_sum", "median_filter_width", "lang_ids",
        )),
        r"model\.",
        tied={"proj_out": "decoder.embed_tokens"},
    ),
}  # fmt: skip
