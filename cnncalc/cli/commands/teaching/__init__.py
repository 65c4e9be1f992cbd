"""Commands for teaching: worksheets, grades and the quiz, whose dialogue is in a module of its own."""
