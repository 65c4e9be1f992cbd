"""The reader of TFLite models against LiteRT's interpreter and Keras."""
