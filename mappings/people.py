"""Who decides: an ORCID, checked, or a name."""

from __future__ import annotations

import re

__all__ = ["UnknownPersonError", "person"]

ORCID = re.compile(r"(?:orcid:|https?://orcid\.org/)?(\d{4}-\d{4}-\d{4}-\d{3}[\dX])", re.IGNORECASE)


class UnknownPersonError(ValueError):
    """Neither an ORCID nor a name."""


def person(text: str) -> str:
    """An ORCID as ``orcid:…``, or a name with single blanks; `UnknownPersonError` where it is neither.

    >>> person("https://orcid.org/0000-0002-1825-0097"), person(" Ada  Lovelace ")
    ('orcid:0000-0002-1825-0097', 'Ada Lovelace')
    """
    found = ORCID.fullmatch(text.strip())
    if found is None:
        name = " ".join(text.split())
        if not name or "|" in name or re.fullmatch(r"(orcid:.*|[\d -]{16,})", name, re.IGNORECASE):
            raise UnknownPersonError(
                f"{text!r} is no person; wanted: an ORCID such as orcid:0000-0002-1825-0097, or a name"
            )
        return name
    digits = found[1].upper()
    total = 0
    for digit in digits.replace("-", "")[:-1]:
        total = (total + int(digit)) * 2
    check = (12 - total % 11) % 11  # ISO 7064 mod 11-2
    if digits[-1] != ("X" if check == 10 else str(check)):
        raise UnknownPersonError(f"{text!r} is no ORCID: its last digit does not fit the others")
    return f"orcid:{digits}"
