"""The pages about Python: every example of python.md is run, and the reference is what the docstrings say."""

from __future__ import annotations

import doctest
import importlib.util
from pathlib import Path

DOCS = Path(__file__).parent.parent.parent / "docs"


def test_the_examples_of_the_page_are_right() -> None:
    """Every line after `>>>` is run, and prints what follows it."""
    text = (DOCS / "python.md").read_text(encoding="utf-8").replace("```", "")
    test = doctest.DocTestParser().get_doctest(text, {}, "python.md", None, 0)
    assert len(test.examples) > 15
    messages: list[str] = []
    assert doctest.DocTestRunner().run(test, out=messages.append).failed == 0, "\n".join(messages)


def test_the_reference_is_up_to_date(overwrite: bool) -> None:
    """`python docs/make_reference.py` writes what is stored."""
    found = importlib.util.spec_from_file_location("make_reference", DOCS / "make_reference.py")
    assert found is not None
    assert found.loader is not None
    module = importlib.util.module_from_spec(found)
    found.loader.exec_module(module)
    text = module.reference()
    if overwrite:
        module.FILE.write_text(text, encoding="utf-8")
    assert module.FILE.read_text(encoding="utf-8") == text
