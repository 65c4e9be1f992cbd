"""Evaluate operators on known numbers, as the arithmetic of shapes needs. No package is needed.

`arrays` holds numbers with their dimensions and type, `tensors` decodes them from a file, and `folding` evaluates an operator:
with `arithmetic`, which computes numbers, or with `rearranging`, which only moves them.

Whole numbers are exact and wrap around as those of their type do. Floating-point numbers are rounded to their type after
each operation, as ONNX Runtime does.
"""
