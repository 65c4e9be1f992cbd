"""A whole page, which loads nothing and runs only its own scripts."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Sequence
from hashlib import sha256

from cnncalc.render.html.elements import Html, element, joined, opening


def document(title: str, body: Html, sheet: str, scripts: Sequence[str]) -> str:
    """Return a page, ASCII only, with other characters as references; the sheet and the scripts must be ASCII.

    Its content security policy names the scripts by their hashes, so that a browser runs no other one.
    """
    hashes = " ".join(f"'sha256-{b64encode(sha256(text.encode('ascii')).digest()).decode()}'" for text in scripts)
    policy = f"default-src 'none'; style-src 'unsafe-inline'; script-src {hashes}; base-uri 'none'; form-action 'none'"
    head = joined(
        [
            opening("meta", charset="utf-8"),
            opening("meta", http_equiv="Content-Security-Policy", content=policy),
            opening("meta", name="viewport", content="width=device-width,initial-scale=1"),
            element("title", title),
            element("style", Html(sheet)),
        ],
        "\n",
    )
    content = element("body", joined([body, *[element("script", Html(text)) for text in scripts]], "\n"))
    page = f'<!doctype html>\n<html lang="en">\n{element("head", head)}\n{content}\n</html>\n'
    return page.encode("ascii", "xmlcharrefreplace").decode("ascii")
