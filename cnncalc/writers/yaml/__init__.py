"""Writer for specifications in YAML, used by `cnncalc import`.

`tree` finds groups, branches and residuals, `blocks` finds groups that repeat, `names` decides which names must be written,
`fields` translates a layer into words, `text` lays out YAML, `writer` joins them, and `proof` compares the result with the
network. A new layer kind needs no changes here, since its fields come from its class.
"""
