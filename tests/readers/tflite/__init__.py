"""Tests of the reader of TFLite models."""
