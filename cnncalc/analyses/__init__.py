"""Folds over a network: totals, receptive field, published and expected figures."""
