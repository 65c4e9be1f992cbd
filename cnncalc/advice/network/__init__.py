"""Rewrites that change several layers at once."""
