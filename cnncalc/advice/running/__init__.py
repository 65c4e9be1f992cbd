"""Rewrites that change how a network runs, and with it only its memory."""
