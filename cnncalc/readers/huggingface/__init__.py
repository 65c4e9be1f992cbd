"""Reader for the `config.json` of Hugging Face's transformers, and for the headers of safetensors files next to it.

A configuration holds sizes and no graph. The graphs are specifications in architectures/transformers/, one for each family
of models. `config` reads the fields, and `vision`, `text` and `audio` turn those of their families into parameters of the
specification. `reader` expands it as any other specification. `weights` reads the header of safetensors files and never the
numbers, and `comparison` compares its tensors with the parameters of the network. Files of pickle are never opened.

To add a family, write its specification, with layers named like its modules in transformers. Then add a `Family` to the
table of `vision`, `text` or `audio`. Every field that changes the network must be read or refused.
"""
