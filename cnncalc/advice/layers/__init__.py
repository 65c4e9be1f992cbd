"""Rewrites that replace single layers."""
