"""Write PyTorch source. `writer` builds the classes of the source from the translations of the layers.

To translate another layer kind, write a function for it in the module of its family: `windows`, `views` (merges and
reshaping) or `layers` (all others). It takes the layer, the shapes and layouts of its inputs, and its output shape, and
returns a `Leaf`. A class that torch.nn does not have goes to `helpers`. `cnncalc verify` checks the translation.
"""
