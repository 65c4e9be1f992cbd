"""Pictures of networks: views turn an analysis into a `Scene`, and writers turn a scene into a file.

A scene is a list of primitives in points, and knows nothing of networks. A view knows networks, and nothing of file formats.
To add a view, write a function from an analysis and `Options` to a `Scene`, and add it to the table in `draw.py`. To add a
format, write a function from a scene and a theme to text, with one case for each primitive in `scene.py`.
"""
