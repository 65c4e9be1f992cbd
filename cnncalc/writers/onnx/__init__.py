"""Network -> an ONNX model without weights."""
