"""Who observed: a pseudonym with a role, in which reading, and whether that reading was accepted."""

from __future__ import annotations

import re
from typing import Final

from ingest.base import Context
from ontology import records
from ontology.prefixes import Curie
from ontology.terms import q

__all__ = ["accepted", "reader_of", "role_of", "session"]

ROLES: Final[dict[str, Curie]] = {
    "adjudicator": q.CENTRAL_READER,
    "algorithm": q.ALGORITHM,
    "central": q.CENTRAL_READER,
    "centralreader": q.CENTRAL_READER,
    "device": q.ALGORITHM,
    "independentassessor": q.CENTRAL_READER,
    "investigator": q.INVESTIGATOR,
}
"""Roles that are surely ours; Performing, Recording and Referring are not."""

ANSWERS: Final = {"1": True, "y": True, "yes": True, "true": True, "0": False, "n": False, "no": False, "false": False}

SESSION = re.compile(r"(?:(?:session|reading|read|reader|radiologist)[\s_-]*)?(\d{1,3})", re.ASCII | re.IGNORECASE)


def role_of(text: str) -> Curie | None:
    """The role that a source states of a reader; None where it is none of ours.

    >>> role_of("Central Reader"), role_of("INDEPENDENT ASSESSOR"), role_of("Performing")
    ('q:CentralReader', 'q:CentralReader', None)
    """
    return ROLES.get(re.sub(r"[^a-z]", "", text.casefold()))


NOBODY = re.compile(r"(?:(?:undefined|null|none|nan|unknown|anonymous)\W*)+", re.IGNORECASE)
"""What tools write for a name that they do not have (ePAD: ``undefined undefined``): it is no one reader's."""


def reader_of(context: Context, *names: str, role: str = "") -> records.Reader | None:
    """The pseudonym of the first name that is one, such as the name, else the login, which a site may share."""
    who = next((name.strip() for name in names if name.strip() and not NOBODY.fullmatch(name.strip())), None)
    return records.Reader(key=context.pseudonym(who), role=role_of(role)) if who else None


def session(text: str) -> str | None:
    """The number of a reading, of what is nothing but that; None else, since it could be any text.

    >>> session("Session 2"), session("Jane's second look")
    ('2', None)
    """
    found = SESSION.fullmatch(text.strip())
    return str(int(found[1])) if found else None


def accepted(text: str) -> bool | None:
    """Whether a reading is the accepted one, as SDTM's ``--ACPTFL`` and its like state it."""
    return ANSWERS.get(text.strip().casefold())
