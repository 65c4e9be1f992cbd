"""Turn operations of ATen, PyTorch's own operators, into layers. Two readers share these rules, and neither needs PyTorch.

`readers.torch` runs a module and records its operations. `readers.pt2` reads them from an archive of torch.export. Both
write a record of `events`: tensors, values, calls of modules, and operations in order.

The steps, each in a module of its own:

1. `channels` marks the values whose channels come before their spatial axes.
2. `patterns` merges several operations that are one layer.
3. `network` passes every operation to its handler, which adds layers to the `graph`. `gradients` and `memory` note what
   the record shows beyond the layers' own rules.

To read another operation, add a handler to the module of its family: `windows`, `products`, `attention`, `layers` (norms,
activations, lookups, resizing), `recurrent`, `views` or `elementwise`, and name it in that module's HANDLERS. A handler
takes the graph and the event, and calls `graph.emit` with the layer. Add a construct to
tests/oracle/readers/torch/test_reader.py.
"""
