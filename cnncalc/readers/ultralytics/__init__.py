"""Reader for the model files of Ultralytics YOLO.

`definition` turns the YAML into rows with resolved widths and repeats, and `row` checks the arguments of one of them. `parts`
has the convolution that all blocks are made of. `blocks`, `attention`, `heads` and `modules` have one function for each
module, and `reader` has the table from modules to functions. To add a module, write its function and add a row.
"""
