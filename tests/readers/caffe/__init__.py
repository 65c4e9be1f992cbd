"""Tests of the reader of Caffe's files."""
