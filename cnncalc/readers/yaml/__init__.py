"""Specification text -> Network: positioned tree, expressions, steps and blocks, one-line form, schema."""
