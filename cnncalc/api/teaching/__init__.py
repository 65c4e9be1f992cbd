"""The part of the API for teaching: `exercises` has the methods of a network, `material` what they return, and functions.

This module imports nothing, so that a network does not load what few programs use.
"""
