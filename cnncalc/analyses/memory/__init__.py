"""The memory of a training step and of inference: which storages are alive when, and the peak.

Layers describe their operations (`Layer.operations`). `plan` turns a network into a list of operations, `replay` runs that
list over the `ledger` of storages, and `peak` reports the result. `optimizers` has what an optimizer keeps and allocates.

To add an optimizer, add a `Rule` to `optimizers.OPTIMIZERS`, with its source.
"""
