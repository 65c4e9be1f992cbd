"""Files of pictures: text stays text, nothing is loaded from elsewhere, and no name is read as markup or as a command."""

from __future__ import annotations

import re
import shutil
import subprocess
from functools import cache
from pathlib import Path
from xml.etree import ElementTree

import pytest

from cnncalc import shelf
from cnncalc.analyses.totals import analyze
from cnncalc.drawing.draw import draw
from cnncalc.drawing.formats import write_scene
from cnncalc.drawing.formats.svg import to_svg
from cnncalc.drawing.formats.tikz import escape, to_tikz
from cnncalc.drawing.options import Options
from cnncalc.drawing.palette import color
from cnncalc.drawing.scene import Circle, Group, Polygon, Rect, Scene, Style, Text
from cnncalc.drawing.scene import Path as Line
from cnncalc.layers.conv import Conv
from cnncalc.loading import Spec, load
from cnncalc.network import Builder
from cnncalc.readers.options import Missing
from cnncalc.shape import Shape

SVG = "{http://www.w3.org/2000/svg}"
TAGS = {"svg", "title", "desc", "style", "g", "rect", "circle", "polygon", "path", "text"}
HOSTILE = (
    "</text><script>alert(1)</script>", '"><image href=x onerror=alert(1)>', "]]>--><!-- &amp; &#x202e;", "a\u202eb\x1b[31m\x00",
    r"\input{/etc/passwd}", r"\write18{rm}", "x}\\end{document}", "$x_1^2$ & 50% #1 ~", "^^5cinput", "漢字 ü é",
    "% comment\nline", "`'\"|<>[]",
)  # fmt: skip
EVERYTHING = Scene(
    200, 100, "title", "description",
    (
        Group("a", "tip", (Rect(10, 10, 40, 30, Style("conv", "line"), 3), Text(12, 30, "word", 9, "end", True, "muted")), (0,)),
        Line(((50, 25), (90, 25)), Style(stroke="accent", width=2, dash=(2, 1)), arrow=True),
        Line(((90, 25), (100, 0), (120, 60), (140, 25)), Style(stroke="line", opacity=0.5), curved=True),
        Circle(150, 50, 10, Style("merge-top", "merge-side")), Polygon(((160, 10), (180, 10), (170, 30)), Style("heat-2")),
    ),
)  # fmt: skip


@cache
def scene_of(name: str, view: str = "volumes") -> Scene:
    """Return the picture of a shipped network."""
    return draw(analyze(load(Spec(name))), Options(view=view))


def hostile_scene() -> Scene:
    """Return the picture of a network whose names try to become markup and commands."""
    builder = Builder()
    value = builder.input(HOSTILE[0], Shape((8, 8, 3)))
    for text in HOSTILE:
        value = builder.add(Conv(filters=3, kernel=1), [value], f"{text}.{text}")
    network = builder.finish([value], name=HOSTILE[0], spec=HOSTILE[1])
    scene = draw(analyze(network), Options(view="volumes"))
    names = tuple(Text(5, 10 * number, text) for number, text in enumerate(HOSTILE))
    return Scene(scene.width, scene.height, scene.title, scene.description, (*scene.items, *names))


# -- SVG --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("theme", ["light", "dark", "auto"])
@pytest.mark.parametrize("name", ["vgg16", "unet", "lenet5"])
def test_svg_is_plain(name: str, theme: str) -> None:
    """Only a few elements, literal colours, no scripts, no links, no variables; what is written is text."""
    scene = scene_of(name)
    svg = to_svg(scene, theme)
    root = ElementTree.fromstring(svg)
    assert {element.tag.removeprefix(SVG) for element in root.iter()} <= TAGS
    assert not re.search(r"href|url\(|var\(|@import|script|on\w+=", svg)
    assert [element.text for element in root.iter(f"{SVG}text")] == [
        item.text for item, _ in scene.flat() if isinstance(item, Text)
    ]
    for element in root.iter():
        for name in ("fill", "stroke"):
            assert re.fullmatch(r"none|#[0-9a-f]{6}", element.get(name, "none"))
    assert root[0].tag == f"{SVG}title"
    assert root[1].tag == f"{SVG}desc"
    assert (root[0].text, root[1].text) == (scene.title, scene.description)
    assert root.get("role") == "img"


def test_only_the_theme_auto_has_a_style() -> None:
    """Its dark colours are those of the dark theme, one rule for each class that is used."""
    light, dark, auto = (to_svg(EVERYTHING, theme) for theme in ("light", "dark", "auto"))
    assert "<style>" not in light + dark
    assert "class=" not in light + dark
    rules = dict(re.findall(r"\.([\w-]+)\{\w+:(#\w{6})\}", auto))
    used = {word for words in re.findall(r'class="([^"]*)"', auto) for word in words.split()}
    assert used == rules.keys()
    assert auto.count("@media (prefers-color-scheme: dark)") == 1
    for name, value in rules.items():
        assert value == color(name.partition("-")[2], "dark")
        assert value in dark
    assert re.sub(r' class="[^"]*"|<style>.*</style>\n', "", auto) == light


def test_every_group_has_its_tooltip() -> None:
    """As the first child, which is where browsers look for it; the name and the layers are attributes."""
    root = ElementTree.fromstring(to_svg(scene_of("lenet5")))
    groups = [element for element in root.iter(f"{SVG}g") if element.get("data-name")]
    assert {"C1", "S2", "F6"} <= {element.get("data-name") for element in groups}
    for element in groups:
        assert element[0].tag == f"{SVG}title"
        assert element.get("data-layers")


def test_hostile_names_stay_text_in_svg() -> None:
    """No element and no attribute comes from a name, and invisible characters are visible."""
    svg = to_svg(hostile_scene())
    root = ElementTree.fromstring(svg)
    assert {element.tag.removeprefix(SVG) for element in root.iter()} <= TAGS
    assert not any(name.startswith("on") or "href" in name for element in root.iter() for name in element.attrib)
    assert not re.search("[\x00-\x08\x0b-\x1f\u202e]", svg)
    written = [element.text for element in root.iter(f"{SVG}text")]
    assert HOSTILE[0] in written
    assert r"a\u202eb\x1b[31m\x00" in written


# -- TikZ -------------------------------------------------------------------------------------------------------------


def test_tikz_has_every_primitive() -> None:
    """Shapes, lines, arrow heads and text, with colours that are defined."""
    tex = to_tikz(EVERYTHING)
    for words in (
        "rounded corners=3bp",
        "circle[radius=10bp]",
        ".. controls",
        "dash pattern=on 2bp off 1bp",
        "opacity=0.5",
    ):
        assert words in tex
    assert (
        r"\node[anchor=base east, text=cnn muted] at (12, 30) {\fontsize{9bp}{10.8bp}\selectfont{}\bfseries word};"
        in tex
    )
    defined = set(re.findall(r"\\definecolor\{(cnn [\w ]+)\}", tex))
    assert set(re.findall(r"(?:fill|draw|text)=(cnn [a-z0-9 ]+)[,\]]", tex)) <= defined
    assert r"\definecolor{cnn conv}{HTML}{" + color("conv", "light")[1:].upper() + "}" in tex


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_names_stay_text_in_tex(text: str) -> None:
    """Only known commands are left, and every brace is closed."""
    tex = escape(text)
    bare = re.sub(r"\\[{}$&#%_]", "", tex)
    assert set(re.findall(r"\\([a-zA-Z]+)", bare)) <= {
        "textbackslash", "textasciicircum", "textasciitilde", "textless", "textgreater", "textbar", "textquotedbl",
        "textquotesingle", "textasciigrave",
    }  # fmt: skip
    assert bare.count("{") == bare.count("}")
    assert not re.search(r"[%&#^_~$\n]", bare)


def test_comments_of_tikz_end_with_their_line() -> None:
    """A name or description with a line break does not leave its comment."""
    lines = to_tikz(hostile_scene()).splitlines()
    allowed = (
        r"%",
        r"\documentclass",
        r"\use",
        r"\renew",
        r"\page",
        r"\set",
        r"\def",
        r"\begin",
        r"\end",
        r"\path",
        r"\node",
        r"\fill",
    )
    assert [line for line in lines if not line.startswith(allowed)] == []


@pytest.mark.heavy
@pytest.mark.skipif(shutil.which("pdflatex") is None, reason="pdflatex is not installed")
@pytest.mark.parametrize("name", [*shelf.names(), "hostile"])
def test_pdflatex_compiles_every_picture(name: str, tmp_path: Path) -> None:
    """To one page, without an error and without text that sticks out."""
    (tmp_path / "net.tex").write_text(
        to_tikz(hostile_scene() if name == "hostile" else scene_of(name)), encoding="utf-8"
    )
    done = subprocess.run(
        ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "-no-shell-escape", "net.tex"],
        cwd=tmp_path, check=False, stdout=subprocess.PIPE, encoding="latin-1",
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-2000:]
    assert "Output written on net.pdf (1 page" in done.stdout
    assert "Overfull" not in done.stdout


# -- PDF and PNG ------------------------------------------------------------------------------------------------------


@pytest.mark.heavy
def test_pdf_and_png() -> None:
    """The PDF has one page of the picture's size. The PNG has 300 dots per inch and a chunk that states it."""
    scene = scene_of("lenet5")
    try:
        pdf, png = (write_scene(scene, form, "auto") for form in ("pdf", "png"))
    except Missing as missing:  # CairoSVG, or the library that it loads
        pytest.skip(str(missing))
    assert isinstance(pdf, bytes)
    assert isinstance(png, bytes)
    assert pdf.startswith(b"%PDF-")
    width, height = (float(number) for number in re.findall(rb"/MediaBox \[ ?0 0 ([\d.]+) ([\d.]+)", pdf)[0])
    assert (width, height) == pytest.approx((scene.width, scene.height), abs=1)
    assert png[:16] == b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR"
    pixels = int.from_bytes(png[16:20], "big"), int.from_bytes(png[20:24], "big")
    assert pixels == pytest.approx((scene.width * 300 / 72, scene.height * 300 / 72), abs=2)
    assert png[37:41] == b"pHYs"
    assert int.from_bytes(png[41:45], "big") == 11811  # per metre


def test_without_cairosvg_one_line_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whether the package is missing, or the library that it loads."""
    from cnncalc.drawing.formats import converted

    def missing(module: str, extra: str) -> None:
        raise Missing(module, extra)

    def broken(module: str, extra: str) -> None:
        raise OSError('no library called "cairo-2" was found')

    for importer, words in (
        (missing, r"pip install 'cnncalc\[draw\]'$"),
        (broken, "and the library cairo: apt install"),
    ):
        monkeypatch.setattr(converted, "import_optional", importer)
        with pytest.raises(Missing, match=words):
            write_scene(EVERYTHING, "pdf")
