"""Locators as they may be shown and kept: a URL may carry a user, a password and a token, and none of them is."""

from __future__ import annotations

import os
import re
from pathlib import Path

__all__ = ["shown", "split_table", "without_credentials"]

WITH_TABLE = re.compile(r"(?P<url>.*)#(?P<table>[\w$. -]+)", re.DOTALL)


def split_table(locator: str) -> tuple[str, str | None]:
    """The URL of a database and the name of the table behind its ``#``, if any.

    >>> split_table("sqlite:////data/trial.db#labs")
    ('sqlite:////data/trial.db', 'labs')
    """
    found = WITH_TABLE.fullmatch(locator)
    return (found["url"], found["table"]) if found else (locator, None)


def without_credentials(locator: str) -> str:
    """A URL without user, password and query, which may hold tokens; a path as it is.

    >>> without_credentials("postgresql://reader:p@ss@db.example.org/trial?sslpassword=x#public.lesions")
    'postgresql://db.example.org/trial#public.lesions'
    """
    scheme, mark, rest = locator.partition("://")
    if not mark:
        return locator
    rest, table = split_table(rest)
    if not rest.startswith("/"):
        # a password may hold any sign, also those that part a URL
        secret, _, rest = rest.rpartition("@")
        rest = "\u2026" if "?" in secret else rest
    rest = rest.partition("?")[0].partition("#")[0]
    return f"{scheme}://{rest}" + (f"#{table}" if table else "")


def shown(locator: str) -> str:
    """The name of a locator for people: without folders and credentials, and readable whatever its bytes.

    >>> shown("postgresql://reader:secret@db.example.org/trial#lesions"), shown("/data/labs.csv")
    ('trial#lesions', 'labs.csv')
    """
    if "://" not in locator and (name := locator.rpartition("/")[2]).isascii() and name not in {"", ".", ".."}:
        return name
    return os.fsencode(Path(without_credentials(locator)).name).decode("utf-8", "replace")
