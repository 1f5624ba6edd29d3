"""Coding schemes: how sources spell them, and whether their codes mean something without their meaning.

``mappings/codes/schemes.tsv`` lists the spellings that are known. A designator that is not listed is a scheme of its
own, named by its letters and digits, in which code and meaning both have to agree (PS3.3 section 8.2: a private
designator says nothing of who assigned the code).
"""

from __future__ import annotations

import csv
import re
from dataclasses import dataclass
from functools import cache, lru_cache
from importlib.resources import files
from typing import Final
from urllib.parse import quote, unquote

from ontology.prefixes import prefixes

__all__ = ["FOLDER", "Scheme", "code_in", "namespace_of", "plain_meaning", "scheme_for", "scheme_named", "scheme_of"]

FOLDER = files("mappings").joinpath("codes")

NAMESPACE: Final = "https://w3id.org/qilin/scheme/"
UNNAMED: Final = "unnamed"
"""The scheme of codes that come without a designator."""

CODE_FORMS: Final = {"radlex": re.compile(r"RID\d+"), "rex": re.compile(r"REX\d+")}
"""Codes that show their own scheme: tools write them under the wrong designator, or as the designator."""


@dataclass(frozen=True, slots=True)
class Scheme:
    """A coding scheme: the prefix of its codes, and whether its codes mean something without their meaning."""

    name: str
    code_decides: bool

    def subject(self, code: str) -> str:
        """A code of the scheme as the subject of a mapping.

        >>> scheme_for("SRT").subject("G-A185"), scheme_for("my scheme").subject("a/b")
        ('srt:G-A185', 'myscheme:a%2Fb')
        """
        return f"{self.name}:{quote(code.strip(), safe='')}"


def plain_meaning(text: str) -> str:
    """A meaning as it is compared: letters and digits only.

    >>> plain_meaning("Long Axis") == plain_meaning("LongAxis")
    True
    """
    return re.sub(r"[^0-9a-z]+", "", text.casefold())


def _spelled(designator: str) -> str:
    """A scheme designator as it is compared: ``99_NCI_CIP`` and ``99NCI_CIP`` are one."""
    return re.sub(r"[\s_-]+", "", designator).casefold()


@cache
def _schemes() -> dict[str, Scheme]:
    with FOLDER.joinpath("schemes.tsv").open(encoding="utf-8") as table:
        return {
            _spelled(row["spelling"]): Scheme(row["scheme"], row["code_decides"] == "yes")
            for row in csv.DictReader(table, delimiter="\t", quoting=csv.QUOTE_NONE)
        }


def scheme_of(designator: str, code: str = "") -> Scheme | None:
    """The scheme that a source names, None where it is unknown; the code's own form goes before the designator.

    >>> scheme_of("RadLex").name, scheme_of("RADREX", "REX4001").name, scheme_of("RID1338", "1").name
    ('radlex', 'rex', 'radlex')
    """
    for name, form in CODE_FORMS.items():
        if form.fullmatch(code.strip()) or form.fullmatch(designator.strip()):
            return Scheme(name, code_decides=name == "radlex")
    return _schemes().get(_spelled(designator))


@lru_cache(maxsize=4096)
def _own(designator: str) -> Scheme:
    letters = re.sub(r"[^0-9a-z.]+", "", _spelled(designator)).strip(".") or UNNAMED
    return Scheme(letters if letters[0].isalpha() else f"x{letters}", code_decides=False)


def scheme_for(designator: str, code: str = "") -> Scheme:
    """The scheme that a source names; one that is not known is a scheme of its own.

    >>> scheme_for("99TEST"), scheme_for("").name
    (Scheme(name='x99test', code_decides=False), 'unnamed')
    """
    return scheme_of(designator, code) or _own(designator)


@cache
def _named() -> dict[str, Scheme]:
    own = {name: Scheme(name, code_decides=name == "radlex") for name in CODE_FORMS}
    return own | {scheme.name: scheme for scheme in _schemes().values()}


def scheme_named(name: str) -> Scheme:
    """The scheme of a prefix."""
    return _named().get(name) or Scheme(name, code_decides=False)


def code_in(subject: str) -> str:
    """The code of a subject.

    >>> code_in("myscheme:a%2Fb")
    'a/b'
    """
    return unquote(subject.partition(":")[2])


def namespace_of(name: str) -> str:
    """The namespace of a scheme's codes."""
    return prefixes().get(name) or f"{NAMESPACE}{name}#"
