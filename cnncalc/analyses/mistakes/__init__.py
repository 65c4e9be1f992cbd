"""Common mistakes: find out which mistake gives exactly the wrong figure in question.

`recognition.recognize` compares an answer with every kind of mistake that a question can meet. The same kinds serve
`expect:` and `published:` in a file, `cnncalc grade` and `cnncalc quiz`.

To add a kind, write a function that takes a `Question` and yields each figure that the mistake gives, as an `Attempt` with
its arithmetic. Put it in the module of what it is about, with a row in the MISTAKES at the end of that module: `windows` for
output shapes, `counts` for parameters and multiply-adds of a layer, `volumes` for activations and their memory, `field` for
receptive fields, `totals` for sums over layers. Add a case for it to tests/analyses/test_mistakes.py.
"""
