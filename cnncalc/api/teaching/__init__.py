"""The API for teaching: `exercises` has the methods of a network, and `material` has what they return, and functions.

This module imports nothing, so that loading a network does not load what few programs need.
"""
