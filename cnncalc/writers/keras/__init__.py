"""Network -> Keras source."""
