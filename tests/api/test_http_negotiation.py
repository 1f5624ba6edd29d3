"""Which format a request gets."""

from __future__ import annotations

import pytest

from api.negotiation import NotAcceptableError, accepted, formats, negotiate

OFFERED = formats("html", "json", "csv", "ttl")
BROWSER = "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,*/*;q=0.8"


@pytest.mark.parametrize(
    ("header", "suffix", "chosen"),
    [
        (None, None, "html"),
        ("", None, "html"),
        ("*/*", None, "html"),
        (BROWSER, None, "html"),
        ("application/json", None, "json"),
        ("text/csv, application/json", None, "json"),
        ("text/csv, application/json;q=0.9", None, "csv"),
        ("text/*;q=0.5, text/turtle", None, "ttl"),
        ("text/html;q=0, */*", None, "json"),
        ("text/csv;charset=utf-8;q=0.7, application/x-turtle;q=0.8", None, "ttl"),
        ("TEXT/CSV", None, "csv"),
        ("text/csv;q=abc, application/json;q=0.1", None, "json"),
        ("garbage", None, "html"),
        (BROWSER, "csv", "csv"),
        ("application/json", "ttl", "ttl"),
    ],
)
def test_the_best_of_what_is_there(header: str | None, suffix: str | None, chosen: str) -> None:
    assert negotiate(header, suffix, OFFERED).suffix == chosen


@pytest.mark.parametrize(("header", "suffix"), [("image/png", None), ("*/*", "png"), ("*/*;q=0", None)])
def test_nothing_that_fits(header: str, suffix: str | None) -> None:
    with pytest.raises(NotAcceptableError, match="text/html, application/json, text/csv, text/turtle"):
        negotiate(header, suffix, OFFERED)


def test_weights_are_kept_within_bounds() -> None:
    assert accepted("a/b;q=7, c/d;q=-1, e/f;q=nan") == [("a/b", 1.0), ("c/d", 0.0), ("e/f", 0.0)]
