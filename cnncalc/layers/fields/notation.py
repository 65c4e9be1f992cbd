"""Notation of values in a specification, and corrections of values in the notation of other tools."""

from __future__ import annotations

from typing import Any

from cnncalc.text import show


def spell(value: Any) -> str:
    """Format a value as in a specification: `1x7`, `true`, `{top: 0, bottom: 1}`."""
    if value is True or value is False:
        return "true" if value else "false"
    if isinstance(value, tuple):
        return "x".join(map(str, value))
    if isinstance(value, dict):
        return "{" + ", ".join(f"{show(key)}: {spell(inner)}" for key, inner in value.items()) + "}"
    if isinstance(value, list):
        return "a list"
    if isinstance(value, (int, str)):
        return show(value)
    return decimal(value)


def decimal(value: Any) -> str:
    """Format a Fraction as a decimal: `0.5`."""
    return f"{float(value):g}"


def flag_help(text: str) -> str:
    """Return help for a word that other YAML readers take for true or false."""
    body = text.strip().lower()
    if body in ("yes", "on", "y", "1"):
        return "write `true`"
    return "write `false`" if body in ("no", "off", "n", "0", "none", "null", "~") else ""


def comma_help(text: str) -> str:
    """Return help for a number inside braces that was cut at its thousands separator."""
    return "a comma inside braces ends the value; write the number without commas" if text.isdecimal() else ""


def number_help(text: str) -> str:
    """Return help for text that other YAML readers take for a number."""
    body = text.strip().lower()
    if body[-1:] in (",", ";") and body[:-1].replace(".", "", 1).replace("x", "").isdecimal():
        return f"write `{body[:-1].strip()[:20]}`, without the {'comma' if body[-1] == ',' else 'semicolon'}"
    bare = body.replace("_", "").lstrip("+-")
    if "_" in body and bare.isdecimal():
        return f"write `{bare[:20]}`"
    if bare.isdecimal() and len(bare) > 1 and bare[0] == "0":
        return f"write `{bare.lstrip('0')[:20] or '0'}`: leading zeros are refused because YAML 1.1 reads them as octal"
    if bare.startswith(("0x", "0o", "0b")):
        return "write the number in decimal"
    mantissa, _, exponent = bare.partition("e")
    if mantissa.replace(".", "", 1).isdecimal() and exponent.lstrip("+-").isdecimal():
        return "write all digits of the number, without an exponent"
    base, power, exponent = body.partition("^")
    if power and base.strip().isdecimal() and exponent.strip().isdecimal():
        return f"write `{base.strip()[:20]}**{exponent.strip()[:20]}` for a power"
    joined = "-" if "-" in body else "/"
    parts = body.split(joined)
    if len(parts) > (1 if joined == "-" else 2) and all(part.replace(".", "", 1).isdecimal() for part in parts):
        does = "subtract" if joined == "-" else "divide"
        numbers = f" {joined} ".join(part.lstrip("0") or "0" for part in parts)
        return f"write one number; to {does}, put spaces around the `{joined}`: `{numbers[:40]}`"
    if ":" in body and body.replace(":", "").isdecimal():
        return "`:` has no meaning in a number; write one whole number"
    whole, point, fraction = bare.partition(".")
    if point and (whole + fraction).isdecimal() and not (whole and fraction):
        return f"write `{whole[:20] or '0.' + fraction[:20]}`"
    if body[:1] == "+" and bare.replace(".", "", 1).isdecimal():
        return f"write `{bare[:20]}`"
    if bare.lstrip(".") in ("inf", "infinity", "nan"):
        return "write a finite number"
    if text.strip() in ("~", "null", "Null", "NULL", "None"):
        return "write a number, or leave the field out"
    return _size_help(body)


def _size_help(body: str) -> str:
    """Return help for sizes and thousands in another notation: `3X3`, `(3, 3)`, `1,000`."""
    if body[:1] not in "0123456789(" or not body or len(body) > 60 or ("," in body and "x" in body):
        return ""
    parts = [part.strip() for part in body.strip("()").replace("\u00d7", "x").replace(",", "x").split("x")]
    if not 2 <= len(parts) <= 8 or not all(part.isdecimal() and part.isascii() for part in parts):
        return "use at most 12 digits" if body.isdecimal() and len(body) > 12 else ""
    if "," in body and body[0] != "(" and all(len(part) == 3 for part in parts[1:]):
        return f"write `{''.join(parts)}`, without commas"
    if "," in body and body[0] != "(":
        named, block = "`conv: {filters: 16, kernel: 3}`", "`Block: [64, 2]`"
        return (
            f"write one value; name the fields for several, as in {named}, or write a list for a block, as in {block}"
        )
    return f"write `{'x'.join(parts)}`"
