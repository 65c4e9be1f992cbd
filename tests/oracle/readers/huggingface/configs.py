"""Configurations to compare: defaults, published sizes, and sizes and heads drawn at random."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

Fields = dict[str, Any]

ACTIVATIONS = ("gelu", "relu", "silu", "gelu_new", "quick_gelu", "tanh", "mish", "gelu_pytorch_tanh")


def _labels(count: int) -> Fields:
    return {"id2label": {str(place): f"class {place}" for place in range(count)}}


# sizes as published in the model cards or papers of the models in the comments
PUBLISHED: dict[str, list[Fields]] = {
    "vit": [
        {},
        {"hidden_size": 1024, "num_hidden_layers": 24, "num_attention_heads": 16, "intermediate_size": 4096},  # large
        {"hidden_size": 1280, "num_hidden_layers": 32, "num_attention_heads": 16, "intermediate_size": 5120, "patch_size": 14},
        {"hidden_size": 192, "num_attention_heads": 3, "intermediate_size": 768, "image_size": 384},  # DeiT's tiny
    ],
    "deit": [
        {},
        {"hidden_size": 384, "num_attention_heads": 6, "intermediate_size": 1536},  # small
        {"hidden_size": 192, "num_attention_heads": 3, "intermediate_size": 768},  # tiny
    ],
    "resnet": [
        {},
        {"layer_type": "basic", "hidden_sizes": [64, 128, 256, 512], "depths": [2, 2, 2, 2]},  # 18
        {"layer_type": "basic", "hidden_sizes": [64, 128, 256, 512], "depths": [3, 4, 6, 3]},  # 34
        {"depths": [3, 4, 23, 3]},  # 101
        {"depths": [3, 8, 36, 3]},  # 152
    ],
    "convnext": [
        {},
        {"depths": [3, 3, 27, 3]},  # small
        {"depths": [3, 3, 27, 3], "hidden_sizes": [128, 256, 512, 1024]},  # base
        {"depths": [3, 3, 27, 3], "hidden_sizes": [192, 384, 768, 1536], "image_size": 384},  # large
    ],
    "swin": [
        {},
        {"depths": [2, 2, 18, 2]},  # small
        {"depths": [2, 2, 18, 2], "embed_dim": 128, "num_heads": [4, 8, 16, 32]},  # base
        {"depths": [2, 2, 18, 2], "embed_dim": 192, "num_heads": [6, 12, 24, 48], "image_size": 384, "window_size": 12},
    ],
    "segformer": [
        {},
        {"hidden_sizes": [64, 128, 320, 512]},  # b1
        {"hidden_sizes": [64, 128, 320, 512], "depths": [3, 4, 6, 3], "decoder_hidden_size": 768},  # b2
        {"hidden_sizes": [64, 128, 320, 512], "depths": [3, 6, 40, 3], "decoder_hidden_size": 768, **_labels(19)},  # b5
    ],
    "bert": [
        {},
        {"hidden_size": 1024, "num_hidden_layers": 24, "num_attention_heads": 16, "intermediate_size": 4096},  # large
        {"vocab_size": 28996},  # base, cased
        {"vocab_size": 119547},  # base, multilingual
        {"hidden_size": 128, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 512},  # tiny
    ],
    "gpt2": [
        {},
        {"n_embd": 1024, "n_layer": 24, "n_head": 16},  # medium
        {"n_embd": 1280, "n_layer": 36, "n_head": 20},  # large
        {"n_embd": 1600, "n_layer": 48, "n_head": 25},  # xl
        {"n_layer": 6},  # DistilGPT-2
    ],
    "llama": [
        {},  # 7B
        {"hidden_size": 5120, "intermediate_size": 13824, "num_hidden_layers": 40, "num_attention_heads": 40},  # 13B
        {
            "vocab_size": 128256, "hidden_size": 4096, "intermediate_size": 14336, "num_key_value_heads": 8,
            "max_position_embeddings": 8192,
        },  # Llama 3, 8B
        {
            "vocab_size": 128256, "hidden_size": 2048, "intermediate_size": 8192, "num_hidden_layers": 16, "head_dim": 64,
            "num_key_value_heads": 8, "tie_word_embeddings": True,
        },  # Llama 3.2, 1B
        {
            "hidden_size": 2048, "intermediate_size": 5632, "num_hidden_layers": 22, "num_key_value_heads": 4,
        },  # TinyLlama, 1.1B
    ],
    "mistral": [
        {},  # 7B
        {"vocab_size": 131072, "hidden_size": 5120, "num_hidden_layers": 40, "head_dim": 128},  # Nemo
    ],
    "qwen2": [
        {},
        {
            "hidden_size": 896, "intermediate_size": 4864, "num_hidden_layers": 24, "num_attention_heads": 14,
            "num_key_value_heads": 2, "tie_word_embeddings": True,
        },  # 0.5B
        {
            "vocab_size": 152064, "hidden_size": 3584, "intermediate_size": 18944, "num_hidden_layers": 28,
            "num_attention_heads": 28, "num_key_value_heads": 4,
        },  # 7B
    ],
    "whisper": [
        {},
        {
            "d_model": 512, "encoder_layers": 6, "decoder_layers": 6, "encoder_attention_heads": 8,
            "decoder_attention_heads": 8, "encoder_ffn_dim": 2048, "decoder_ffn_dim": 2048,
        },  # base
        {
            "d_model": 768, "encoder_layers": 12, "decoder_layers": 12, "encoder_attention_heads": 12,
            "decoder_attention_heads": 12, "encoder_ffn_dim": 3072, "decoder_ffn_dim": 3072,
        },  # small
        {
            "d_model": 1280, "encoder_layers": 32, "decoder_layers": 4, "encoder_attention_heads": 20, "num_mel_bins": 128,
            "decoder_attention_heads": 20, "encoder_ffn_dim": 5120, "decoder_ffn_dim": 5120, "vocab_size": 51866,
        },  # large-v3-turbo
    ],
}  # fmt: skip


def _pick(dice: random.Random, fields: Fields) -> Fields:
    """Leave out some fields, so that their defaults count."""
    return {name: value for name, value in fields.items() if dice.random() < 0.8}


def _square(dice: random.Random, least: int, most: int) -> Any:
    length = dice.randint(least, most)
    return length if dice.random() < 0.7 else [length, dice.randint(least, most)]


def _vit(dice: random.Random) -> Fields:
    heads = dice.choice((1, 2, 3, 4, 6, 12))
    patch = _square(dice, 4, 20)
    return {
        "hidden_size": heads * dice.randint(1, 24), "num_attention_heads": heads,
        **_pick(dice, {
            "num_hidden_layers": dice.randint(1, 5), "intermediate_size": dice.randint(1, 300),
            "patch_size": patch, "image_size": _square(dice, 32, 200), "hidden_act": dice.choice(ACTIVATIONS),
            "qkv_bias": dice.random() < 0.5, "num_channels": dice.randint(1, 4),
            "pooler_output_size": dice.randint(1, 90), "pooler_act": dice.choice(ACTIVATIONS),
            **_labels(dice.choice((0, 1, 2, 7, 1000))),
        }),
    }  # fmt: skip


def _resnet(dice: random.Random) -> Fields:
    stages = dice.randint(1, 4)
    return {
        "hidden_sizes": [4 * dice.randint(1, 40) for _ in range(stages)],
        "depths": [dice.randint(1, 4) for _ in range(stages)],
        **_pick(dice, {
            "embedding_size": dice.randint(1, 80), "layer_type": dice.choice(("basic", "bottleneck")),
            "downsample_in_first_stage": dice.random() < 0.5, "downsample_in_bottleneck": dice.random() < 0.5,
            "hidden_act": dice.choice(ACTIVATIONS), "num_channels": dice.randint(1, 4), **_labels(dice.choice((0, 3, 10))),
        }),
    }  # fmt: skip


def _convnext(dice: random.Random) -> Fields:
    stages = dice.randint(1, 4)
    return {
        "hidden_sizes": [dice.randint(1, 60) for _ in range(stages)], "num_stages": stages,
        "depths": [dice.randint(1, 4) for _ in range(stages)],
        **_pick(dice, {
            "patch_size": dice.randint(1, 7), "layer_scale_init_value": dice.choice((0.0, 1e-6, 1.0)),
            "hidden_act": dice.choice(ACTIVATIONS), "num_channels": dice.randint(1, 4),
            "image_size": dice.randint(60, 130), **_labels(dice.choice((0, 3, 10))),
        }),
    }  # fmt: skip


def _swin(dice: random.Random) -> Fields:
    stages, heads, window = dice.randint(1, 4), dice.randint(1, 4), dice.randint(2, 8)
    patch = dice.randint(1, 5)
    absolute = dice.random() < 0.3
    size = patch * dice.randint(window * 2 ** (stages - 1), window * 2 ** (stages - 1) + 30)
    return {
        "embed_dim": 2 * heads * dice.randint(1, 9), "depths": [dice.randint(1, 3) for _ in range(stages)],
        "num_heads": [heads * 2 ** dice.randint(0, place) for place in range(stages)],
        "window_size": window, "image_size": size, "patch_size": patch, "use_absolute_embeddings": absolute,
        **_pick(dice, {
            "mlp_ratio": dice.choice((4, 4.0, 2.5, 1.15, 3.3)), "qkv_bias": dice.random() < 0.5,
            "hidden_act": dice.choice(ACTIVATIONS), "num_channels": dice.randint(1, 4), **_labels(dice.choice((0, 3, 10))),
        }),
    }  # fmt: skip


def _segformer(dice: random.Random) -> Fields:
    heads = [dice.randint(1, 4) for _ in range(4)]
    return {
        "hidden_sizes": [number * dice.randint(2, 12) for number in heads], "num_attention_heads": heads,
        **_pick(dice, {
            "depths": [dice.randint(1, 3) for _ in range(4)], "mlp_ratios": [dice.choice((1, 2, 4)) for _ in range(4)],
            "sr_ratios": [dice.choice((1, 2, 3)) for _ in range(4)], "patch_sizes": [dice.choice((3, 5, 7)) for _ in range(4)],
            "strides": [dice.choice((1, 2, 3)) for _ in range(4)], "hidden_act": dice.choice(ACTIVATIONS),
            "decoder_hidden_size": dice.randint(1, 50), "num_channels": dice.randint(1, 4), **_labels(dice.choice((1, 3, 10))),
        }),
        "image_size": dice.choice((96, 130, 128)),
    }  # fmt: skip


def _bert(dice: random.Random) -> Fields:
    heads = dice.choice((1, 2, 3, 4))
    return {
        "hidden_size": heads * dice.randint(1, 24), "num_attention_heads": heads,
        **_pick(dice, {
            "num_hidden_layers": dice.randint(1, 4), "intermediate_size": dice.randint(1, 300),
            "vocab_size": dice.randint(10, 2000), "max_position_embeddings": dice.randint(20, 600),
            "type_vocab_size": dice.randint(1, 4), "hidden_act": dice.choice(ACTIVATIONS),
            "tie_word_embeddings": dice.random() < 0.6, **_labels(dice.choice((1, 2, 9))),
        }),
    }  # fmt: skip


def _gpt2(dice: random.Random) -> Fields:
    heads = dice.choice((1, 2, 3, 4))
    return {
        "n_embd": heads * dice.randint(1, 24), "n_head": heads,
        **_pick(dice, {
            "n_layer": dice.randint(1, 4), "n_inner": dice.choice((None, dice.randint(1, 300))),
            "vocab_size": dice.randint(10, 2000), "n_positions": dice.randint(20, 600),
            "activation_function": dice.choice(ACTIVATIONS), "tie_word_embeddings": dice.random() < 0.6,
            "bos_token_id": 1, "eos_token_id": 1, **_labels(dice.choice((1, 2, 9))),
        }),
    }  # fmt: skip


def _llama(dice: random.Random) -> Fields:
    shared = dice.choice((1, 2, 4))
    heads = shared * dice.choice((1, 2, 3))
    return {
        "hidden_size": heads * 2 * dice.randint(1, 16), "num_attention_heads": heads, "num_key_value_heads": shared,
        "head_dim": 2 * dice.randint(1, 24),
        **_pick(dice, {
            "num_hidden_layers": dice.randint(1, 4), "intermediate_size": dice.randint(1, 300),
            "vocab_size": dice.randint(10, 2000), "hidden_act": dice.choice(ACTIVATIONS),
            "attention_bias": dice.random() < 0.5, "mlp_bias": dice.random() < 0.5,
            "tie_word_embeddings": dice.random() < 0.5, **_labels(dice.choice((1, 2, 9))),
        }),
    }  # fmt: skip


def _mistral(dice: random.Random) -> Fields:
    fields = _llama(dice)
    return {name: value for name, value in fields.items() if name not in ("attention_bias", "mlp_bias")}


def _qwen2(dice: random.Random) -> Fields:
    return {**_mistral(dice), "use_sliding_window": False}


def _whisper(dice: random.Random) -> Fields:
    heads, others = dice.choice((1, 2, 4)), dice.choice((1, 2, 4))
    return {
        "d_model": 4 * dice.randint(2, 24), "encoder_attention_heads": heads, "decoder_attention_heads": others,
        "max_source_positions": dice.randint(10, 90),
        **_pick(dice, {
            "encoder_layers": dice.randint(1, 3), "decoder_layers": dice.randint(1, 3),
            "encoder_ffn_dim": dice.randint(1, 200), "decoder_ffn_dim": dice.randint(1, 200), "num_mel_bins": dice.randint(2, 90),
            "vocab_size": dice.randint(10, 2000), "max_target_positions": dice.randint(10, 300),
            "activation_function": dice.choice(ACTIVATIONS), "tie_word_embeddings": dice.random() < 0.6,
        }),
        "pad_token_id": 1, "bos_token_id": 1, "eos_token_id": 1,
    }  # fmt: skip


RANDOM: dict[str, Callable[[random.Random], Fields]] = {
    "vit": _vit, "deit": _vit, "resnet": _resnet, "convnext": _convnext, "swin": _swin, "segformer": _segformer,
    "bert": _bert, "gpt2": _gpt2, "llama": _llama, "mistral": _mistral, "qwen2": _qwen2, "whisper": _whisper,
}  # fmt: skip
