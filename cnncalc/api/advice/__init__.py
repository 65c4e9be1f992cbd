"""Advice on networks: `advised` has the class that `Network.advise` returns."""
