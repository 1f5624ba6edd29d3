"""RECIST 1.1 as the demonstration cohort applies it to what one reader measured (Eisenhauer et al. 2009)."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from enum import StrEnum

__all__ = ["Category", "Target", "overall", "target_response"]


class Category(StrEnum):
    """A response category of RECIST 1.1."""

    CR = "CR"
    PR = "PR"
    SD = "SD"
    PD = "PD"
    NE = "NE"


Target = tuple[Decimal | None, bool]
"""A target lesion at one visit: the diameter that counts in mm (short axis of a node), None if not evaluable; nodal."""


def target_response(targets: Sequence[Target], baseline: Decimal, nadir: Decimal) -> Category:
    """The response of the target lesions to a baseline sum and to the smallest sum so far, both in mm.

    The sum over what could be evaluated shows progression even where a lesion was not evaluable (section 4.4.1).
    """
    total = sum((size for size, _ in targets if size is not None), Decimal(0))
    if total - nadir >= 5 and total >= nadir * Decimal("1.2") and not _gone(targets):
        return Category.PD
    if any(size is None for size, _ in targets):
        return Category.NE
    if _gone(targets):
        return Category.CR
    return Category.PR if total <= baseline * Decimal("0.7") else Category.SD


def _gone(targets: Sequence[Target]) -> bool:
    """Whether every lesion has disappeared and every node is below 10 mm."""
    return all(size is not None and (size < 10 if nodal else size == 0) for size, nodal in targets)


def overall(target: Category, others_present: bool | None, new_lesion: bool) -> Category:
    """The response at a time point (table 1): ``others_present`` is None where there are no non-target lesions."""
    if new_lesion or target is Category.PD:
        return Category.PD
    if target is Category.CR and others_present:
        return Category.PR
    return target
