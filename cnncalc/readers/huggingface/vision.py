"""Vision models: ViT and DeiT, ResNet, ConvNeXt, Swin, SegFormer."""

from __future__ import annotations

from typing import Any

from cnncalc.readers.huggingface.config import Config
from cnncalc.readers.huggingface.family import Family, Inputs, Plan, activation, check_lengths, stages

# names of transformers 5 -> those of earlier versions, which files have
_ATTENTION = (
    (r"\bmlp\.fc1\b", "intermediate.dense"), (r"\bmlp\.fc2\b", "output.dense"),
    (r"\battention\.o_proj\b", "attention.output.dense"),
)  # fmt: skip


def _with_classes(config: Config, head: dict[str, Any], *classified: str) -> dict[str, Any]:
    """Return the parameters of the head. Without classes, the layer after the features is an identity."""
    classes = config.classes()
    if head["head"] not in classified:
        return head
    return {**head, "num_labels": classes} if classes else {**head, "head": "none"}


def _vit(config: Config, inputs: Inputs, head: dict[str, Any]) -> Plan:
    width = config.integer("hidden_size", default=768)
    heads = config.integer("num_attention_heads", default=12)
    config.divides("num_attention_heads", heads, "hidden_size", width)
    config.refuse("head_dim", "cnncalc's architecture splits `hidden_size` evenly", unless=(width // heads,))
    height, wide = config.size("image_size", default=224)
    patch = config.size("patch_size", default=16)
    if height < patch[0] or wide < patch[1]:
        raise config.problem("patch_size", f"is larger than the image, {height}x{wide}")
    parameters = {
        "hidden_size": width,
        "num_hidden_layers": config.layers("num_hidden_layers", default=12),
        "num_attention_heads": heads,
        "intermediate_size": config.integer("intermediate_size", default=3072),
        "patch_size": f"{patch[0]}x{patch[1]}",
        "hidden_act": activation(config, "hidden_act", default="gelu"),
        "qkv_bias": config.flag("qkv_bias", default=True),
        "pooler_output_size": config.integer("pooler_output_size", default=width),
        "pooler_act": activation(config, "pooler_act", default="tanh"),
        **_with_classes(config, head, "classifier", "teacher"),
    }
    channels = config.integer("num_channels", default=3)
    shape = inputs.image(height=height, width=wide, channels=channels, fixed="image_size")
    return Plan(parameters, {"": shape})


def _deit(config: Config, inputs: Inputs, head: dict[str, Any]) -> Plan:
    plan = _vit(config, inputs, head)
    return Plan({**plan.parameters, "tokens": 2}, plan.inputs)


_VIT = Family(
    "vit",
    {
        "ViTModel": {"head": "pooler"},
        "ViTForImageClassification": {"head": "classifier"},
    },
    _vit,
    frozenset(("attention_probs_dropout_prob", "encoder_stride", "hidden_dropout_prob", "layer_norm_eps")),
    r"(vit|deit)\.",
    (
        (r"^layers\.", "encoder.layer."), *_ATTENTION, (r"\battention\.q_proj\b", "attention.attention.query"),
        (r"\battention\.k_proj\b", "attention.attention.key"), (r"\battention\.v_proj\b", "attention.attention.value"),
    ),
)  # fmt: skip
_DEIT = Family(
    "vit",
    {
        "DeiTModel": {"head": "pooler"},
        "DeiTForImageClassification": {"head": "classifier"},
        "DeiTForImageClassificationWithTeacher": {"head": "teacher"},
    },
    _deit, _VIT.harmless, _VIT.prefix, _VIT.renames,
)  # fmt: skip


def _resnet(config: Config, inputs: Inputs, head: dict[str, Any]) -> Plan:
    widths = config.list("hidden_sizes", default=(256, 512, 1024, 2048))
    depths = config.list("depths", default=(3, 4, 6, 3), most=250)
    check_lengths(config, len(depths), "depths", hidden_sizes=widths)
    kind = config.word("layer_type", default="bottleneck", known=("basic", "bottleneck"))
    if kind == "bottleneck" and min(widths) < 4:
        raise config.problem("hidden_sizes", f"has {min(widths)}, which a bottleneck cannot divide by 4")
    parameters = {
        "embedding_size": config.integer("embedding_size", default=64),
        "layer_type": kind,
        **stages(width=widths, depth=depths),
        "hidden_act": activation(config, "hidden_act", default="relu"),
        "downsample_in_first_stage": config.flag("downsample_in_first_stage", default=False),
        "downsample_in_bottleneck": config.flag("downsample_in_bottleneck", default=False),
        **_with_classes(config, head, "classifier"),
    }
    size = config.size("image_size", default=224)
    channels = config.integer("num_channels", default=3)
    return Plan(parameters, {"": inputs.image(height=size[0], width=size[1], channels=channels)})


_BACKBONE = frozenset(("out_features", "out_indices", "stage_names", "_out_features", "_out_indices"))
_RESNET = Family(
    "resnet",
    {"ResNetModel": {"head": "none"}, "ResNetForImageClassification": {"head": "classifier"}},
    _resnet,
    _BACKBONE,
    r"resnet\.",
    buffers=r"num_batches_tracked$",
)


def _convnext(config: Config, inputs: Inputs, head: dict[str, Any]) -> Plan:
    widths = config.list("hidden_sizes", default=(96, 192, 384, 768))
    depths = config.list("depths", default=(3, 3, 9, 3), most=250)
    count = config.integer("num_stages", default=4)
    if count != len(depths):
        raise config.problem("num_stages", f"is {count:,}, but `depths` has {len(depths)} numbers")
    check_lengths(config, count, "depths", hidden_sizes=widths)
    patch = config.size("patch_size", default=4)
    scale = config.number("layer_scale_init_value", default=1e-6, least=-1e6, most=1e6)
    parameters = {
        "patch_size": f"{patch[0]}x{patch[1]}",
        **stages(width=widths, depth=depths),
        "hidden_act": activation(config, "hidden_act", default="gelu"),
        "layer_scale": scale > 0,
        **_with_classes(config, head, "classifier"),
    }
    size = config.size("image_size", default=224)
    channels = config.integer("num_channels", default=3)
    return Plan(parameters, {"": inputs.image(height=size[0], width=size[1], channels=channels)})


_CONVNEXT = Family(
    "convnext",
    {"ConvNextModel": {"head": "none"}, "ConvNextForImageClassification": {"head": "classifier"}},
    _convnext,
    _BACKBONE | {"drop_path_rate", "layer_norm_eps"},
    r"convnext\.",
)


def _swin(config: Config, inputs: Inputs, head: dict[str, Any]) -> Plan:
    width = config.integer("embed_dim", default=96)
    depths = config.list("depths", default=(2, 2, 6, 2), most=250)
    heads = config.list("num_heads", default=(3, 6, 12, 24))
    check_lengths(config, len(depths), "depths", num_heads=heads)
    window = config.integer("window_size", default=7, most=1000)
    ratio = config.number("mlp_ratio", default=4.0, least=0, most=1000)
    for place, number in enumerate(heads):
        config.divides(f"num_heads[{place}]", number, f"embed_dim * {2**place}", width * 2**place)
    patch, patch_width = config.size("patch_size", default=4)
    if patch != patch_width:
        raise config.problem("patch_size", "is not a square, which cnncalc does not describe", code="unsupported")
    absolute = config.flag("use_absolute_embeddings", default=False)
    height, wide = config.size("image_size", default=224)
    if absolute and (height % patch or wide % patch):
        raise config.problem("image_size", f"must be a multiple of `patch_size`, {patch}, for its table of positions")
    channels = config.integer("num_channels", default=3)
    shape = inputs.image(height=height, width=wide, channels=channels, fixed="image_size" if absolute else "")
    cells = [-(-int(length) // patch) for length in shape.split("x")[:2]]
    for place in range(len(depths)):
        if min(cells) < window:
            text = f"is {window}, but the feature map of stage {place + 1} is only {cells[0]}x{cells[1]}"
            help = "transformers cannot run this: use a larger image or a smaller window"
            raise config.problem("window_size", text, help)
        cells = [-(-length // 2) for length in cells]
    units = [int(ratio * (width * 2**place)) for place in range(len(depths))]  # rounded as by transformers
    if min(units) < 1:
        raise config.problem("mlp_ratio", f"is too small: the first MLP would have {units[0]} units")
    parameters = {
        "patch_size": patch,
        "embed_dim": width,
        **stages(depth=depths, heads=heads, mlp=units),
        "window_size": window,
        "hidden_act": activation(config, "hidden_act", default="gelu"),
        "qkv_bias": config.flag("qkv_bias", default=True),
        "use_absolute_embeddings": absolute,
        **_with_classes(config, head, "classifier"),
    }
    return Plan(parameters, {"": shape})


_SWIN = Family(
    "swin",
    {"SwinModel": {"head": "none"}, "SwinForImageClassification": {"head": "classifier"}},
    _swin,
    _BACKBONE
    | {
        "attention_probs_dropout_prob", "drop_path_rate", "encoder_stride", "hidden_dropout_prob", "hidden_size",
        "layer_norm_eps", "num_layers", "path_norm",
    },
    r"swin\.",
    (
        *_ATTENTION, (r"\battention\.q_proj\b", "attention.self.query"), (r"\battention\.k_proj\b", "attention.self.key"),
        (r"\battention\.v_proj\b", "attention.self.value"),
        (r"\battention\.relative_position_bias\.relative", "attention.self.relative"),
    ),
    r"relative_position_index$",
)  # fmt: skip


def _segformer(config: Config, inputs: Inputs, head: dict[str, Any]) -> Plan:
    count = config.integer("num_encoder_blocks", default=4)
    if count != 4:
        text = f"is {count:,}, and cnncalc's architecture has 4 stages"
        raise config.problem("num_encoder_blocks", text, code="unsupported")
    widths = config.list("hidden_sizes", default=(32, 64, 160, 256))
    heads = config.list("num_attention_heads", default=(1, 2, 5, 8))
    lists = {
        "depths": config.list("depths", default=(2, 2, 2, 2), most=250),
        "hidden_sizes": widths,
        "num_attention_heads": heads,
        "mlp_ratios": config.numbers("mlp_ratios", default=(4, 4, 4, 4), least=0, most=1000),
        "patch_sizes": config.list("patch_sizes", default=(7, 3, 3, 3), most=1000),
        "strides": config.list("strides", default=(4, 2, 2, 2), most=1000),
        "sr_ratios": config.list("sr_ratios", default=(8, 4, 2, 1), most=1000),
    }
    check_lengths(config, count, "num_encoder_blocks", **lists)
    for place, (width, number) in enumerate(zip(widths, heads, strict=True)):
        config.divides(f"num_attention_heads[{place}]", number, f"hidden_sizes[{place}]", width)
    units = [int(width * ratio) for width, ratio in zip(widths, lists["mlp_ratios"], strict=True)]
    if min(units) < 1:
        raise config.problem("mlp_ratios", f"has {min(lists['mlp_ratios']):g}, which leaves an MLP without units")
    parameters = {
        **stages(width=widths, heads=heads, mlp=units, depth=lists["depths"], patch=lists["patch_sizes"]),
        **stages(stride=lists["strides"], reduction=lists["sr_ratios"]),
        "hidden_act": activation(config, "hidden_act", default="gelu"),
        "decoder_hidden_size": config.integer("decoder_hidden_size", default=256),
        **head,
        "num_labels": max(config.classes(), 1) if head["head"] == "none" else _some_classes(config),
    }
    size = config.size("image_size", default=512)
    channels = config.integer("num_channels", default=3)
    return Plan(parameters, {"": inputs.image(height=size[0], width=size[1], channels=channels)})


def _some_classes(config: Config) -> int:
    classes = config.classes()
    if classes == 0:
        raise config.problem(config.name_of("num_labels", "id2label"), "must name at least one class for this head")
    return classes


_SEGFORMER = Family(
    "segformer",
    {
        "SegformerModel": {"head": "none"},
        "SegformerForImageClassification": {"head": "classifier"},
        "SegformerForSemanticSegmentation": {"head": "segmentation"},
    },
    _segformer,
    frozenset((
        "attention_probs_dropout_prob", "classifier_dropout_prob", "downsampling_rates", "drop_path_rate",
        "hidden_dropout_prob", "layer_norm_eps", "reshape_last_stage", "semantic_loss_ignore_index",
    )),
    r"segformer\.",
    (
        (r"^encoder\.patch_embeddings\.(\d+)\.", r"stages.\1.patch_embeddings."),
        (r"^encoder\.block\.(\d+)\.", r"stages.\1.block."), (r"^encoder\.layer_norm\.(\d+)", r"stages.\1.layer_norm"),
        (r"^stages\.(\d+)\.blocks\.", r"stages.\1.block."), (r"\blayernorm_before\b", "layer_norm_1"),
        (r"\blayernorm_after\b", "layer_norm_2"), (r"\battention\.q_proj\b", "attention.self.query"),
        (r"\battention\.k_proj\b", "attention.self.key"), (r"\battention\.v_proj\b", "attention.self.value"),
        (r"\battention\.o_proj\b", "attention.output.dense"), (r"\bmlp\.fc1\b", "mlp.dense1"),
        (r"\bmlp\.fc2\b", "mlp.dense2"), (r"sequence_reduction\.sequence_reduction", "self.sr"),
        (r"sequence_reduction\.layer_norm", "self.layer_norm"), (r"\blinear_projections\.", "linear_c."),
    ),
    r"num_batches_tracked$",
)  # fmt: skip

FAMILIES = {
    "vit": _VIT, "deit": _DEIT, "resnet": _RESNET, "convnext": _CONVNEXT, "swin": _SWIN, "segformer": _SEGFORMER,
}  # fmt: skip
