"""Change the text of a specification and keep everything else in it, comments included.

`spans` finds where every value of the text begins and ends, and `text` replaces pieces of it.
"""
