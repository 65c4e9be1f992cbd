"""Codes about models from other frameworks: ONNX, PyTorch, Keras and Darknet."""

from __future__ import annotations

from cnncalc.codes.page import Code

CODES = {
    "ambiguous-batch": Code(
        "cnncalc cannot tell which axis of an ONNX model's input is the batch axis. The graph treats one axis as "
        "the batch, but nothing shows whether it is the first. Use `--batch-axis` to name it.",
        note="this only occurs with ONNX models",
    ),
    "assumed-length": Code(
        "Note: a configuration of a language or speech model does not state how many tokens the network gets, so "
        "cnncalc counts 128, or fewer if the model takes fewer. `--input 512` sets another length.",
        note="this only occurs with Hugging Face configurations",
    ),
    "bad-model": Code(
        "The model cannot be read. The file may be truncated, or may not be in the format that its suffix "
        "promises. Its graph may contain a cycle, be missing a weight, or declare sizes that no tensor can have. "
        "For a PyTorch model, the code may fail to import, build or run.",
        note="only a model from another framework can cause it",
    ),
    "batch-fixed": Code(
        "The ONNX or TFLite model was exported for a fixed batch of several examples. cnncalc still reports figures for one "
        "example. `cnncalc check` requires an ONNX model that accepts a batch of 1.",
        note="this only occurs with ONNX and TFLite models",
    ),
    "branch-chosen": Code(
        "Warning: the branch that an `If` in the ONNX model takes depends on its input data. The figures are for "
        "the branch with more multiply-adds, or for the one named with `--branch`.",
        note="this only occurs with ONNX models",
    ),
    "counted-in-full": Code(
        "Note: the attention of the model is limited to a window that is shorter than the sequence. Its "
        "multiply-adds are counted for the whole sequence, which is what PyTorch computes before it masks the rest.",
        note="this only occurs with Hugging Face configurations",
    ),
    "macs-disagree": Code(
        "Warning: cnncalc and PyTorch count a different number of multiply-adds for a layer. PyTorch's number is "
        "half of what torch.utils.flop_counter reports. Both are shown. One of the two rules is wrong for this "
        "model.",
        note="this only occurs with PyTorch models",
    ),
    "not-compared": Code(
        "Warning: ONNX's shape inference, which `--compare-shapes` asks for, could not be run on the model. cnncalc "
        "worked out the shapes by its own rules, but could not compare them with ONNX's. In `cnncalc check` it is an "
        "error: a submission could not be compared with its base version.",
        note="only an ONNX model or a comparison in `cnncalc check` can cause it",
    ),
    "one-run": Code(
        "Warning: the forward pass of a PyTorch model depends on its input data, as with `if x.any()`, `nonzero`, "
        "or tokens routed to experts. cnncalc ran it once on the CPU with made-up parameters and inputs. The "
        "shapes and counts are those of that run, and another input may take a different path.",
        note="this only occurs with PyTorch models",
    ),
    "quantized-weights": Code(
        "Note: the ONNX model stores weights as small whole numbers or in 8 bits or less. The note lists the types and "
        "their bytes. Each weight counts as one parameter and each product as one multiply-add, as in the model before "
        "it was quantized. Scales and zero points do not count.",
        note="this only occurs with ONNX models",
    ),
    "scale-chosen": Code(
        "Warning: an Ultralytics model file has several scales, and neither its name nor an option states one, so the first "
        "one is read, as Ultralytics does. Choose one with `-p scale=s`.",
        note="this only occurs with Ultralytics models",
    ),
    "shapes-disagree": Code(
        "Warning: cnncalc's shape for a value differs from the one that PyTorch, the file or ONNX's shape inference "
        "gives. Both are shown. One of the two is wrong for this model.",
        note="only a model from another framework can cause it",
    ),
    "sparse-weights": Code(
        "Note: the ONNX model stores weights as sparse tensors, without their zeros. cnncalc counts the zeros, too, as "
        "parameters and in multiply-adds. Zeros in other weights count as well, because cnncalc does not read weights.",
        note="this only occurs with ONNX models",
    ),
    "unknown-setting": Code(
        "Warning: a field of the configuration is unknown to cnncalc, or it changes the model in a way that cnncalc "
        "does not describe, such as quantization. The figures are those of the network without it.",
        note="this only occurs with Hugging Face configurations",
    ),
    "signature-chosen": Code(
        "Warning: a TFLite file has several entry points (signatures), each with a graph of its own. The figures are those of "
        "the first one. `cnncalc check` refuses such a file.",
        note="this only occurs with TFLite models",
    ),
    "stripped": Code(
        "Warning: a TFLite file lacks the numbers of some constants, which a tool has removed. Their shapes count, but the "
        "file cannot be run.",
        note="this only occurs with TFLite models",
    ),
    "unknown-size": Code(
        "A dimension of the model's input has only a name, or no size at all, so the shapes that depend on it are "
        "unknown. Give the size, as in `cnncalc analyze model.onnx --dim height=224`.",
        note="only a model from another framework can cause it",
    ),
    "unsupported": Code(
        "The model uses something whose shape or cost cnncalc cannot work out, such as a loop whose length depends "
        "on data.",
        note="only a model from another framework can cause it",
    ),
    "unused-parameters": Code(
        "Warning: a PyTorch model has parameters that its forward pass does not use for this input in evaluation "
        "mode, such as a classifier that only runs during training. They are included in the parameters, but add "
        "no multiply-adds.",
        note="this only occurs with PyTorch models",
    ),
    "weights-differ": Code(
        "Warning: the tensors in a safetensors file are not those of the network that the configuration next to it "
        "describes, or its header cannot be read. The figures are those of the configuration. Checkpoints often hold "
        "a head that the class of the configuration does not have.",
        note="this only occurs with Hugging Face configurations",
    ),
}
