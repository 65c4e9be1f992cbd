"""The memory of training and inference: what is alive when, and the most of it."""
