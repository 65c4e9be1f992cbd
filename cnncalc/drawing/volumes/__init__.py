"""The volumes view: feature maps as boxes in three dimensions, as in the figures of AlexNet and VGG.

`trunk.py` picks the path that is drawn, `groups.py` collects its layers by spatial size, `captions.py` words what a group does,
`boxes.py` has the size law and the faces of a box, and `view.py` places everything.
"""
