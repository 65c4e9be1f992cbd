"""Write a changed network as a file.

* `step_text` writes a changed layer with the words of its old step, so that `$filters` stays `$filters`.
* `file_text` changes the lines of the file and keeps all others, and proves that the result is the changed network.
* `specification` generates a new file if the lines of the old one cannot express the network.
"""
