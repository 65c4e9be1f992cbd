"""ONNX models -> Network."""
