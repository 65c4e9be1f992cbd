"""Keras models (`.keras`, `to_json()`) -> Network."""
