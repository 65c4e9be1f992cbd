"""Reports about files of other frameworks."""
