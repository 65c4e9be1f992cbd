"""PyTorch modules -> Network, by one forward pass without data."""
