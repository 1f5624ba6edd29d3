"""SVG as text: elements with escaped attributes, and text that is cut to the width it has.

Only presentation attributes are written, no style sheet and no style attribute, so that a drawing looks the same in a
page, on its own, and under a content security policy that forbids inline styles.
"""

from __future__ import annotations

import re
from html import escape

__all__ = ["INK", "MUTED", "clipped", "element", "number", "shown", "text_width"]

INK, MUTED = "#1b1f24", "#55606e"
"""The colours of text, of the first and of the second importance."""
FORBIDDEN = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""What XML 1.0, section 2.2, cannot hold."""
NARROW = frozenset("fijlrtI.,;:'|!()[]/ -·")
WIDE = frozenset("mwMW@%—→")


def number(value: float) -> str:
    """A coordinate with at most one decimal.

    >>> number(12.0), number(3.14159), number(-0.01)
    ('12', '3.1', '0')
    """
    text = f"{value:.1f}".removesuffix(".0")
    return "0" if text == "-0" else text


def shown(text: str) -> str:
    """Text as XML character data; characters that XML 1.0 cannot hold are dropped.

    >>> shown("a<b & c\\x00")
    'a&lt;b &amp; c'
    """
    return escape(FORBIDDEN.sub("", text))


def element(name: str, content: str = "", /, **attributes: str | float | None) -> str:
    """An element with markup as its content; underscores of attribute names become hyphens, None is left out.

    >>> element("text", shown("<T01>"), x=4.0, text_anchor="end")
    '<text x="4" text-anchor="end">&lt;T01&gt;</text>'
    """
    parts = [name]
    for key, value in attributes.items():
        if value is not None:
            text = shown(value) if isinstance(value, str) else number(value)
            parts.append(f'{key.rstrip("_").replace("_", "-")}="{text}"')
    start = " ".join(parts)
    return f"<{start}>{content}</{name}>" if content else f"<{start}/>"


def text_width(text: str, size: float) -> float:
    """How wide a text is in a sans-serif font of that size, estimated on the generous side."""
    return sum(_advance(character) for character in text) * size


def _advance(character: str) -> float:
    if character in NARROW:
        return 0.36
    if character in WIDE:
        return 0.95
    return 0.72 if character.isupper() else 0.61


def clipped(text: str, width: float, size: float) -> str:
    """The text, or as much of it as fits the width with an ellipsis.

    >>> clipped("Retroperitoneal lymph node", 80, 12)
    'Retroperito…'
    """
    if text_width(text, size) <= width:
        return text
    kept = text
    while kept and text_width(kept + "…", size) > width:
        kept = kept[:-1]
    return kept.rstrip() + "…" if kept else ""
