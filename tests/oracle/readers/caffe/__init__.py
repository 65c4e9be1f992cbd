"""Caffe's files against OpenCV."""
