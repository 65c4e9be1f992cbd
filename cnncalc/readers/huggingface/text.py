"""Language models: BERT, GPT-2, and the family of Llama, Mistral and Qwen2."""

from __future__ import annotations

from typing import Any

from cnncalc.problem import Problem
from cnncalc.readers.huggingface.config import Config
from cnncalc.readers.huggingface.family import Family, Inputs, Plan, activation


def _labels(config: Config, head: dict[str, Any]) -> int:
    """Return the number of classes, which a head must have."""
    classes = config.classes()
    if classes == 0 and head.get("head", "none") not in ("none", "lm", "tied_lm", "nsp"):
        raise config.problem(config.name_of("num_labels", "id2label"), "must name at least one class for this head")
    return max(classes, 1)


def _bert(config: Config, inputs: Inputs, head: dict[str, Any]) -> Plan:
    width = config.integer("hidden_size", default=768)
    heads = config.integer("num_attention_heads", default=12)
    config.divides("num_attention_heads", heads, "hidden_size", width)
    config.refuse("add_cross_attention", "cnncalc's architecture has no cross-attention")
    config.refuse("position_embedding_type", "cnncalc's architecture adds a table of positions", unless=("absolute",))
    most = config.integer("max_position_embeddings", default=512)
    tokens, notes = inputs.tokens("input_ids", "token_type_ids", "position_ids", most=most)
    inputs.check_rest("input_ids", "token_type_ids", "position_ids")
    tied = config.flag("tie_word_embeddings", default=True)
    if head["predictions"] != "none":
        head = {**head, "predictions": "tied" if tied else "untied"}
    parameters = {
        "tokens": tokens,
        "vocab_size": config.integer("vocab_size", default=30522),
        "hidden_size": width,
        "num_hidden_layers": config.layers("num_hidden_layers", default=12),
        "num_attention_heads": heads,
        "intermediate_size": config.integer("intermediate_size", default=3072),
        "max_position_embeddings": most,
        "type_vocab_size": config.integer("type_vocab_size", default=2),
        "hidden_act": activation(config, "hidden_act", default="gelu"),
        "num_labels": _labels(config, head),
        **head,
    }
    return Plan(parameters, {}, notes)


def _head(head: str = "none", *, pooler: bool = False, predictions: str = "none") -> dict[str, Any]:
    """Return the parameters of a head of BERT."""
    return {"head": head, "pooler": pooler, "predictions": predictions}


_BERT = Family(
    "bert",
    {
        "BertModel": _head(pooler=True),
        "BertForPreTraining": _head("nsp", pooler=True, predictions="tied"),
        "BertForMaskedLM": _head(predictions="tied"),
        "BertLMHeadModel": _head(predictions="tied"),
        "BertForNextSentencePrediction": _head("nsp", pooler=True),
        "BertForSequenceClassification": _head("classifier", pooler=True),
        "BertForTokenClassification": _head("classifier"),
        "BertForQuestionAnswering": _head("qa"),
    },
    _bert,
    frozenset((
        "attention_probs_dropout_prob", "chunk_size_feed_forward", "classifier_dropout", "directionality",
        "hidden_dropout_prob", "layer_norm_eps", "pooler_fc_size", "pooler_num_attention_heads", "pooler_num_fc_layers",
        "pooler_size_per_head", "pooler_type",
    )),
    r"bert\.",
    ((r"\.gamma$", ".weight"), (r"\.beta$", ".bias")),
    r"position_ids$|token_type_ids$",
    {"cls.predictions.decoder": "embeddings.word_embeddings", "cls.predictions.decoder.bias": "cls.predictions.bias"},
)  # fmt: skip


def _gpt2(config: Config, inputs: Inputs, head: dict[str, Any]) -> Plan:
    width = config.integer("n_embd", "hidden_size", default=768)
    heads = config.integer("n_head", "num_attention_heads", default=12)
    config.divides("n_head", heads, "n_embd", width)
    config.refuse("add_cross_attention", "cnncalc's architecture has no cross-attention")
    most = config.integer("n_positions", "max_position_embeddings", default=1024)
    tokens, notes = inputs.tokens("input_ids", "position_ids", most=most)
    inputs.check_rest("input_ids", "position_ids")
    if head["head"] == "lm" and config.flag("tie_word_embeddings", default=True):
        head = {"head": "tied_lm"}
    parameters = {
        "tokens": tokens,
        "vocab_size": config.integer("vocab_size", default=50257),
        "n_positions": most,
        "n_embd": width,
        "n_layer": config.layers("n_layer", "num_hidden_layers", default=12),
        "n_head": heads,
        "n_inner": config.integer("n_inner", default=4 * width),
        "activation_function": activation(config, "activation_function", default="gelu_new"),
        "num_labels": _labels(config, head),
        **head,
    }
    return Plan(parameters, {}, notes)


_GPT2 = Family(
    "gpt2",
    {
        "GPT2Model": {"head": "none"},
        "GPT2LMHeadModel": {"head": "lm"},
        "GPT2ForSequenceClassification": {"head": "classifier"},
        "GPT2ForTokenClassification": {"head": "token_classifier"},
        "GPT2ForQuestionAnswering": {"head": "qa"},
    },
    _gpt2,
    frozenset((
        "attn_pdrop", "classifier_dropout", "embd_pdrop", "layer_norm_epsilon", "n_ctx", "n_special",
        "predict_special_tokens", "reorder_and_upcast_attn",
        "resid_pdrop", "scale_attn_by_inverse_layer_idx", "scale_attn_weights", "summary_activation",
        "summary_first_dropout", "summary_proj_to_labels", "summary_type", "summary_use_proj",
    )),
    r"transformer\.",
    buffers=r"\battn\.(bias|masked_bias)$",
    tied={"lm_head": "wte"},
)  # fmt: skip


class _Rules:
    """How one of the models of Llama's family differs from the others."""

    def __init__(
        self, hidden: int, units: int, vocabulary: int, shared: int | None, *, qkv: bool = False, biased: bool = False
    ) -> None:
        self.hidden = hidden
        self.units = units
        self.vocabulary = vocabulary
        self.shared = shared  # heads of keys and values; None: as many as those of the queries
        self.qkv = qkv  # queries, keys and values always have biases
        self.biased = biased  # `attention_bias` and `mlp_bias` exist


def _llama_like(rules: _Rules) -> Any:
    """Return the plan of one of the models."""

    def plan(config: Config, inputs: Inputs, head: dict[str, Any]) -> Plan:
        width = config.integer("hidden_size", default=rules.hidden)
        heads = config.integer("num_attention_heads", default=32)
        if config.value("head_dim") is None:
            config.divides("num_attention_heads", heads, "hidden_size", width)
        deep = config.integer("head_dim", default=max(width // heads, 1))
        shared = heads if "num_key_value_heads" in config.fields or rules.shared is None else rules.shared
        shared = config.integer("num_key_value_heads", default=shared)
        config.divides("num_key_value_heads", shared, "num_attention_heads", heads)
        if rules.biased:
            bias = config.flag("attention_bias", default=False)
            mlp_bias = config.flag("mlp_bias", default=False)
        else:
            bias = mlp_bias = False
        tokens, notes = inputs.tokens("input_ids")
        inputs.check_rest("input_ids")
        if head["head"] == "lm" and config.flag("tie_word_embeddings", default=False):
            head = {"head": "tied_lm"}
        parameters = {
            "tokens": tokens,
            "vocab_size": config.integer("vocab_size", default=rules.vocabulary),
            "hidden_size": width,
            "intermediate_size": config.integer("intermediate_size", default=rules.units),
            "num_hidden_layers": config.layers("num_hidden_layers", default=32),
            "num_attention_heads": heads,
            "num_key_value_heads": shared,
            "head_dim": deep,
            "hidden_act": activation(config, "hidden_act", default="silu"),
            "qkv_bias": rules.qkv or bias,
            "attention_bias": bias,
            "mlp_bias": mlp_bias,
            "num_labels": _labels(config, head),
            **head,
        }
        return Plan(parameters, {}, (*notes, *_window(config, tokens)))

    return plan


def _window(config: Config, tokens: int) -> tuple[Problem, ...]:
    """Return a note if attention is limited to a window that is shorter than the sequence."""
    is_mistral = config.fields.get("model_type") == "mistral"
    used = config.flag("use_sliding_window", default=is_mistral)
    usual = 2**31 if is_mistral and "sliding_window" in config.fields else 4096  # a null of Mistral means no window
    window = config.integer("sliding_window", default=usual, most=2**31)
    if not used or window >= tokens:
        return ()
    text = f"attention to a window of {window:,} tokens is counted as attention to all {tokens:,}"
    return (Problem("counted-in-full", text, "PyTorch computes the same products and masks them", level="note"),)


def _llama_family(name: str, rules: _Rules) -> Family:
    return Family(
        "llama",
        {
            f"{name}Model": {"head": "none"},
            f"{name}ForCausalLM": {"head": "lm"},
            f"{name}ForSequenceClassification": {"head": "classifier", "head_bias": False},
            f"{name}ForTokenClassification": {"head": "classifier", "head_bias": True},
            f"{name}ForQuestionAnswering": {"head": "qa"},
        },
        _llama_like(rules),
        frozenset((
            "attention_dropout", "classifier_dropout", "is_llama_config", "layer_types", "max_position_embeddings",
            "max_window_layers", "partial_rotary_factor", "pretraining_tp", "rms_norm_eps", "rope_interleaved",
            "rope_parameters", "rope_scaling", "rope_theta", "use_mrope",
        )),
        r"(model|transformer)\.",
        buffers=r"rotary_emb\.inv_freq$",
        tied={"lm_head": "embed_tokens"},
    )  # fmt: skip


FAMILIES = {
    "bert": _BERT,
    "gpt2": _GPT2,
    "llama": _llama_family("Llama", _Rules(4096, 11008, 32000, None, biased=True)),
    "mistral": _llama_family("Mistral", _Rules(4096, 14336, 32000, 8)),
    "qwen2": _llama_family("Qwen2", _Rules(4096, 22016, 151936, 32, qkv=True)),
}
