"""Read PyTorch modules: one forward pass without data, recorded and turned into layers.

The steps, each in a module of its own:

1. `load` imports and builds the module, and copies it to the meta device without weights.
2. `inputs` turns `--input` texts, shapes or example tensors into the arguments of its forward.
3. `forward` tries layouts and devices until forward succeeds. `run` runs it, `trace` records the operations as `events`.
4. `reader` passes every operation to its handler, which adds layers to the `graph`. `gradients` and `memory` note what
   the run shows beyond the layers' own rules. `errors` keeps failures of the user's module apart from bugs in cnncalc.

To read another operation, add a handler to the module of its family: `windows`, `products`, `attention`, `layers` (norms,
activations, lookups, resizing), `recurrent`, `views` or `elementwise`, and name it in that module's HANDLERS. A handler
takes the graph and the event, and calls `graph.emit` with the layer. Several operations that are one layer are merged in
`patterns`. Add a construct to tests/oracle/readers/torch/test_reader.py.
"""
