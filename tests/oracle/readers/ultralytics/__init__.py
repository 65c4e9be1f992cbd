"""Ultralytics' model files against the package ultralytics."""
