"""The check of a SPARQL text before it reaches the engine.

The engine evaluates deep nesting by recursion and dies of it, and it makes real HTTP requests for ``SERVICE``. This
check is lexical and runs on the text as sent and with its code point escapes resolved, since engines differ on when
they resolve them and either view alone can hide a token. It is one layer; the worker process is the other.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

__all__ = ["QueryRefusedError", "check_query"]

TOKEN = re.compile(
    r'''
    (?P<skip> \s+ | \#[^\r\n]* )
  | (?P<iri> <[^<>"{}|^`\\\x00-\x20]*> )
  | (?P<string> """(?:(?:"|"")?(?:[^"\\]|\\.))*""" | \'\'\'(?:(?:'|'')?(?:[^'\\]|\\.))*\'\'\'
              | "(?:[^"\\\r\n]|\\.)*" | '(?:[^'\\\r\n]|\\.)*' )
  | (?P<variable> [?$]\w+ )
  | (?P<name> (?:[^\W\d][\w-]*)?:(?:[\w:-]|%[0-9A-Fa-f]{2}|\\.)* )  # ends before a dot: `x:.SERVICE` is two tokens
  | (?P<blank> _:[\w-]+ )
  | (?P<language> @[A-Za-z][A-Za-z0-9-]* )
  | (?P<word> [^\W\d]\w* )
  | (?P<number> \d+(?:\.\d+)?(?:[eE][+-]?\d+)? )
  | (?P<operator> . )
    ''',
    re.DOTALL | re.VERBOSE,
)
ESCAPE = re.compile(r"\\u([0-9A-Fa-f]{4})|\\U([0-9A-Fa-f]{8})")

FORBIDDEN = {
    "SERVICE": "SERVICE is not allowed: this endpoint asks no other",
    "LOAD": "LOAD is not allowed: the warehouse is written by ingest only",
}
CLAUSES = {"UNION", "OPTIONAL", "MINUS", "BIND", "FILTER"}


class QueryRefusedError(ValueError):
    """A query that is not evaluated; the message says which limit it passes."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What a query text may have at most."""

    length: int = 100_000
    depth: int = 64
    operators: int = 2_000
    run: int = 32


def check_query(text: str, limits: Limits = Limits()) -> None:
    """Raise `QueryRefusedError` where a query would reach outside or exhaust the engine's stack.

    >>> check_query("SELECT * { ?s ?p 'SERVICE' }")
    >>> check_query("SELECT * { SERVICE <http://example.org/> { ?s ?p ?o } }")
    Traceback (most recent call last):
    store.guard.QueryRefusedError: SERVICE is not allowed: this endpoint asks no other
    """
    if len(text) > limits.length:
        raise QueryRefusedError(f"the query has {len(text):,} characters; at most {limits.length:,} are allowed")
    _check(text, limits)
    resolved = ESCAPE.sub(_character, text)
    if resolved != text:
        _check(resolved, limits)


def _character(match: re.Match[str]) -> str:
    point = int(match[1] or match[2], 16)
    return chr(point) if point < 0x110000 else match[0]


def _check(text: str, limits: Limits) -> None:
    depth = operators = run = 0
    for match in TOKEN.finditer(text):
        kind, word = match.lastgroup, match.group()
        if kind == "skip":
            continue
        run = run + 1 if kind == "operator" and word in "!-+^" else 0
        if kind == "word":
            if word.upper() in FORBIDDEN:
                raise QueryRefusedError(FORBIDDEN[word.upper()])
            operators += word.upper() in CLAUSES
        elif kind == "operator":
            depth += (word in "({[") - (word in ")}]")
            operators += word in "+-*/!|&^=<>,;"
        if depth > limits.depth:
            raise QueryRefusedError(f"the query nests deeper than {limits.depth} levels")
        if operators > limits.operators:
            raise QueryRefusedError(f"the query has more than {limits.operators:,} operators and clauses")
        if run > limits.run:
            raise QueryRefusedError(f"the query has more than {limits.run} operators in a row")
