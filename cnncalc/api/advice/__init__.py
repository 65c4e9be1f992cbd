"""Advice on networks: `advisable` has the method of `Network`, and `advised` the class of what it returns."""
