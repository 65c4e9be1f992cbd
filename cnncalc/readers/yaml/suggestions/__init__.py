"""Help for text that cnncalc does not understand: misspelled words and the notation of other tools."""
