"""Rules for the builtin operators of TFLite, one file per family."""
