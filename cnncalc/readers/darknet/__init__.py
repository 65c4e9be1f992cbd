"""Reader for Darknet's `.cfg` files.

`cfg` parses the text, `base` holds what all sections share, `layers` and `recurrent` have one method for each kind of
section, and `reader` has the table from section names to methods. To add a section, write its method and add a row.
"""
