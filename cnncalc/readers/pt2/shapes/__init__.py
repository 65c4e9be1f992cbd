"""Check the arguments of operators, and work out the shapes of their results. Each family of operators has a module.

An archive states the shape of every tensor, but PyTorch ignores these when it loads the program. A rule takes the
`arguments` of an operator, refuses those of a wrong kind, and returns the dimensions of its results, or None if it cannot
tell. The reader compares them with the shapes in the file.
"""
