"""Read archives of torch.export (`.pt2`) as data: a zip file with the graph in JSON. PyTorch is not needed.

The steps, each in a module of its own:

1. `file` extracts the JSON from the archive. Weights, constants and sample inputs are never opened.
2. `program` checks the JSON and decodes its nodes, tensors and signature. `expression` works out sizes such as `s0 // 2`.
3. `sizes` chooses the lengths of dynamic dimensions, from `--dim`, `--input` or the example that was exported.
4. `replay` turns the nodes into a record of events, as running the module would. `operators` gives the operators of all
   versions the same names, `shapes` checks their arguments and the shapes in the file, `aliases` finds out which results
   share memory, `modules` finds the calls of modules, and `tying` finds parameters that have the same numbers.
5. `reader` has `readers.aten` turn the record into a network.
"""
