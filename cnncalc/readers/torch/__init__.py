"""Read PyTorch modules: one forward pass without data, recorded and turned into layers.

The steps, each in a module of its own:

1. `load` imports and builds the module, and copies it to the meta device without weights.
2. `inputs` turns `--input` texts, shapes or example tensors into the arguments of its forward.
3. `forward` tries layouts and devices until forward succeeds. `run` runs it, and `trace` records the operations.
4. `reader` has `readers.aten` turn the record into a network. `errors` keeps failures of the user's module apart from
   bugs in cnncalc.
"""
