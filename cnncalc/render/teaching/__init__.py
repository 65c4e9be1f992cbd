"""Grades and quizzes as text and data. Worksheets have a folder of their own, one format per module."""
