"""Grades and quizzes as text and data. Worksheets have their own folder, with one module per format."""
