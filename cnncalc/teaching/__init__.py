"""Material for teaching: worksheets with their keys, variants of a network, grading, and a quiz.

Everything here is about a `Question` of `cnncalc.analyses.mistakes` and an answer to it. `worksheet` chooses
the questions of a network, `variants` makes other networks that are equally hard, `key` writes the right answers and the
common mistakes to a file, `grading` compares completed worksheets with it, and `quiz` asks one question after the other. The
pages are written by `cnncalc.render.worksheets`.

To add a quantity that can be asked, add it to `worksheet.COLUMNS`, and its mistakes to `cnncalc.analyses.mistakes`.
"""
