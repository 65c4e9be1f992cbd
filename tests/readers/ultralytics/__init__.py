"""Tests of the reader of Ultralytics' model files."""
