"""Draw every architecture of the shelf in every view, on one page: `python docs/pictures/contact_sheet.py FOLDER`.

Run it from the root of a checkout. FOLDER gets one SVG for each picture, and `index.html` with all of them as thumbnails. More
arguments are names of the only architectures to draw, or paths of other models.
"""

from __future__ import annotations

import sys
from html import escape
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))
from cnncalc import shelf
from cnncalc.analyses.totals import analyze
from cnncalc.drawing.draw import draw
from cnncalc.drawing.formats import write_scene
from cnncalc.drawing.options import Options
from cnncalc.loading import Spec, load

VIEWS = ("volumes", "graph", "memory")
STYLE = """
body { font: 13px Helvetica, Arial, sans-serif; margin: 16px; background: #fff; color: #1b1f27 }
main { display: grid; grid-template-columns: repeat(auto-fill, 240px); gap: 14px }
figure { margin: 0; border: 1px solid #d5d9e0; padding: 6px }
img { width: 100%; height: 220px; object-fit: contain }
figcaption { padding-top: 4px }
"""


def main() -> None:
    """Write the pictures and the page."""
    if len(sys.argv) < 2:
        sys.exit("usage: python docs/pictures/contact_sheet.py FOLDER [SPEC]...")
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    figures = []
    for spec in sys.argv[2:] or shelf.names():
        analysis = analyze(load(Spec(spec)), batch=32)
        for view in VIEWS:
            file = f"{Path(spec).name}-{view}.svg"
            scene = draw(analysis, Options(view=view))
            text = write_scene(scene, "svg")
            assert isinstance(text, str)
            (folder / file).write_text(text, encoding="utf-8")
            size = f"{scene.width:.0f} × {scene.height:.0f} pt"
            caption = f"{escape(Path(spec).name)}, {view}, {size}"
            image = f'<a href="{escape(file)}"><img src="{escape(file)}" alt=""></a>'
            figures.append(f"<figure>{image}<figcaption>{caption}</figcaption></figure>")
    head = f"<!doctype html><meta charset=utf-8><title>Contact sheet</title><style>{STYLE}</style>"
    (folder / "index.html").write_text(f"{head}<main>{''.join(figures)}</main>", encoding="utf-8")


if __name__ == "__main__":
    main()
