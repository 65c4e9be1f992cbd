"""Write ONNX files without weights. `writer` has the entry point, and `model` builds the graph.

To add a layer kind, write a function with `@kind("NAME")` in the file of its family. It receives the layer's `Part`, adds
operators with `op` and `output`, and returns where its value has the channels, "first" or "last".
"""
