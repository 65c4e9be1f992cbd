"""Suggestions for text that is not valid: misspelled words, YAML syntax errors, and the notation of other tools.

The modules are imported only after a mistake, to keep the start fast. To support another tool, add a table of its layers
to `foreign_words.py`, with a row in `TOOLS`.
"""
