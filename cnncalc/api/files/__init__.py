"""Public values about files: reports, which are written to several formats, and what a checkpoint stores."""
