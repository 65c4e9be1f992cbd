"""Read ONNX models without their weights.

A file is read in this order. `file` skips the numbers of the weights, `messages` decodes the rest, `inputs` finds the inputs
and the batch axis, and `model` goes through the nodes. Each operator has a rule in the file of its family under `operators/`.
`patterns` then looks for operators that together form one layer, and `shape_inference` provides the shapes to compare with.

To add an operator, write a function that takes a Reader and an Operation and ends in `add_layer` or `add_operator`, and
list it in the HANDLERS of its file. If the operator mixes numbers along an axis, add a rule to `axis_tracking`, too.
"""
