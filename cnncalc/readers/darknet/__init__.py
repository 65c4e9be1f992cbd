"""Darknet's `.cfg` files -> Network."""
