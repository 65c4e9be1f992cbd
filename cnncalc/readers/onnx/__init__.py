"""Read ONNX models without their weights, and without any package.

A file is read in this order. `file` skips the numbers of the weights, `messages` decodes the rest, `inputs` finds the inputs
and the batch axis, and `model` goes through the nodes. Numbers that are known, such as shapes, are computed by `constants`. Each
other operator has a rule in the file of its family under `operators/`. `patterns` then looks for operators that together form one
layer, `inference` compares the shapes with those in the file or with those of the package onnx, and `storage` states how
quantized and sparse weights count.

To add an operator, write a function that takes a Reader and an Operation and ends in `add_layer` or `add_operator`, and
list it in the HANDLERS of its file. If the operator mixes numbers along an axis, add a rule to `axis_tracking`, too.
"""
