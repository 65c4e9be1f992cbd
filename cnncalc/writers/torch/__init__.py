"""Network -> PyTorch source."""
