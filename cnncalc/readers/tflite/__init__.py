"""Read TFLite models (LiteRT, `.tflite`) without their weights and without TensorFlow.

A file is read in this order. `file` opens it, `flatbuffer` reads its tables with every offset checked, `model` turns them
into tensors and operators, `inputs` finds the sizes of the inputs, and `walk` goes through the operators. Each operator has
a rule in the file of its family under `operators/`. `shapes` compares every shape with the one that the file stores.

To add an operator, write a function that takes a Reader and an Operation and ends in `conclude` or `set_output`, and list it
in the HANDLERS of its file. If it has options, add their fields to `schema`.
"""
