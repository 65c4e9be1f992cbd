"""Small configurations, one for each kind of model."""

from __future__ import annotations

from typing import Any

Fields = dict[str, Any]
TINY: dict[str, Fields] = {
    "vit": {"hidden_size": 8, "num_attention_heads": 2, "num_hidden_layers": 2, "intermediate_size": 16, "image_size": 32},
    "deit": {"hidden_size": 8, "num_attention_heads": 2, "num_hidden_layers": 2, "intermediate_size": 16, "image_size": 32},
    "resnet": {"hidden_sizes": [8, 16], "depths": [1, 2], "embedding_size": 4},
    "convnext": {"hidden_sizes": [8, 16], "depths": [1, 2], "num_stages": 2, "image_size": 64},
    "swin": {"embed_dim": 8, "depths": [1, 2], "num_heads": [1, 2], "image_size": 64, "window_size": 4},
    "segformer": {"hidden_sizes": [4, 8, 12, 16], "num_attention_heads": [1, 2, 3, 4], "image_size": 64},
    "bert": {"hidden_size": 8, "num_attention_heads": 2, "num_hidden_layers": 2, "intermediate_size": 16, "vocab_size": 50},
    "gpt2": {"n_embd": 8, "n_head": 2, "n_layer": 2, "vocab_size": 50},
    "llama": {"hidden_size": 8, "num_attention_heads": 2, "num_hidden_layers": 2, "intermediate_size": 16, "vocab_size": 50},
    "mistral": {
        "hidden_size": 8, "num_attention_heads": 2, "num_key_value_heads": 1, "num_hidden_layers": 2, "vocab_size": 50,
    },
    "qwen2": {
        "hidden_size": 8, "num_attention_heads": 2, "num_key_value_heads": 1, "num_hidden_layers": 2, "vocab_size": 50,
    },
    "whisper": {
        "d_model": 8, "encoder_layers": 1, "decoder_layers": 2, "encoder_attention_heads": 2, "decoder_attention_heads": 2,
        "vocab_size": 50, "max_source_positions": 20, "pad_token_id": 1,
    },
}  # fmt: skip
