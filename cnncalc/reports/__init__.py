"""Reports to share: everything about one network in a file, or a comparison of several.

`report.py` collects the figures and the picture, `page.py` writes them as one HTML file, `markdown.py` as Markdown. The parts
of the page that notebooks show, too, are in `cnncalc.render.html`. To add a section to the page, add a function to
`sections.py` and call it in `page.py`.
"""
