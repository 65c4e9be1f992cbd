"""Results as HTML: for notebooks, which show them instead of text, and for the page that `cnncalc report` writes.

`analysis_html`, `memory_html` and `comparison_html` each return one `<div>` with its own styles. Nothing is loaded from
elsewhere, and without JavaScript only sorting is missing. A table is a real table: blocks fold with `<details>` and one
CSS rule per block, so that it can still be copied into a spreadsheet, read aloud, or shown where styles are removed.

`elements` escapes all text, `assets` reads the style sheet and the scripts, `fragment` scopes them, so that several
outputs on one page do not affect each other. To add a view, return `fragment(kind, markup)` from a module of its own.
"""
