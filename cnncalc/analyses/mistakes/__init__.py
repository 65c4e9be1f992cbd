"""Usual mistakes: recognize which mistake gives exactly the wrong figure that someone wrote.

`table.MISTAKES` has one row for each kind of mistake, and `recognition.recognize` compares an answer with all of them. The same
table serves `expect:` and `published:` in a file, `cnncalc grade` and `cnncalc quiz`.

To add a kind, write a function that takes a `Question` and yields each figure that the mistake gives, as an `Attempt` with
its arithmetic. Put it in the module of what it is about: `windows` for output shapes, `counts` for parameters and
multiply-adds of a layer, `volumes` for activations and their memory, `field` for receptive fields, `totals` for sums over
layers. Add it to the table, and a case for it to tests/analyses/test_mistakes.py.
"""
