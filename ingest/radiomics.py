"""Output of PyRadiomics as a source: CSV (a row or a column for each case) and JSON.

One file is one source. What comes in:

- The subject, by the first column that is named ``PatientID``, ``Patient``, ``SubjectID``, ``Subject``, ``CaseID``,
  ``Case`` or ``ID``. With cases in columns it is the configured test case, else the column's name. A file that names
  nobody takes its subject from ``subjects.yaml`` (`ingest.subjects_file`).
- Each feature as a measurement: of the variable that its class and name mean (``mappings/codes/pyradiomics.sssom.tsv``,
  by the codes of IBSI); else of an unmapped one. The name as written is kept as code.
- A procedure for each configuration: settings, versions and image type (``original``, ``wavelet-LLH`` …) together.
- The mask as region, by the hash of its voxels and its label, so that all files that were computed from one mask speak
  of one region; without a hash, by the paths of image and mask, of which only a hash is kept. Its box is in voxels.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Final

from ingest.base import Context, Source, Yield, head_of, once, sha256_of, unreadable
from ingest.gate.records import LABEL
from ingest.observed.coded import Code, meaning
from ingest.observed.quantities import Quantity, ValueProblem, amount, quantity_of
from ingest.observed.regions import PIXELS, box_of, region_key
from ingest.radiomics_model import (
    Case,
    Feature,
    is_radiomics,
    number_text,
    numbers_in,
    plane_of,
    read_cases,
    settings_of,
)
from ingest.subjects_file import LONGEST_ID, Placed, placed
from ontology.prefixes import Curie
from ontology.records import (
    DataClass,
    Measurement,
    Procedure,
    Region,
    RegionFacts,
    Reject,
    SourceRecord,
)
from ontology.terms import ncit, q
from ontology.variables import variables

__all__ = ["SOURCE", "accepts", "read"]

VERSION: Final = "radiomics-2"
"""The reader's version: raise it when the same document would give other records."""

HEAD: Final = 1 << 16
SCHEME: Final = "PyRadiomics"
SUFFIXES: Final = {".csv", ".json", ".tsv", ".txt"}
REFERENCE: Final = re.compile(r"\A\ufeff?reference value;tolerance;tag\b|assert\(within_tolerance\(")
"""How tables of IBSI's reference values begin, as values with tolerances or as assertions of a test."""

FLAT: Final = "shape2D_MaximumDiameter"
"""The diameter that is of the plane of the images only where the settings say so."""

NO_NUMBERS: Final = frozenset(("nan", "inf", "-inf"))


def accepts(locator: str) -> bool:
    """Whether a file begins as PyRadiomics writes its output."""
    if Path(locator).suffix.casefold() not in SUFFIXES:
        return False
    head = head_of(locator, HEAD).decode("utf-8", "replace")
    return is_radiomics(head) or REFERENCE.search(head) is not None


def read(locators: Iterator[str], context: Context) -> Iterator[Yield]:
    """The records of each file, in the order of the locators."""
    for done, locator in enumerate(locators, 1):
        yield from _document(Path(locator), context)
        context.progress(done, None)


def _document(path: Path, context: Context) -> Iterator[Yield]:
    """One file: its source and the records of its cases."""
    try:
        _refuse_reference(path)
        digest, whose = sha256_of(path), _placed(path)
        of = f" {whose.recipe(context)}" if whose else ""
        head = SourceRecord(
            kind="radiomics",
            name=path.name,
            digest=digest,
            locator=str(path),
            data_class=DataClass.METADATA,
            recipe=f"{VERSION}{context.answers(LABEL)} codes-{context.codes.digest[:16]}{of}",
        )
        yield head
        if context.known(digest, head.recipe):
            return
        yield from once(_cases(path, whose, context))
    except ValueProblem as error:
        yield Reject(name=path.name, place="document", problem=error.problem, wanted=error.wanted)
    except OSError as error:
        yield unreadable(path.name, error, "document")


def _cases(path: Path, whose: Placed | None, context: Context) -> Iterator[Yield]:
    """The records of the cases."""
    for case in read_cases(path):
        context.unmapped(path.name, case.others)
        yield from _case(path.name, case, whose, context)


def _refuse_reference(path: Path) -> None:
    """Reference values of IBSI are what software has to compute from a phantom: they are measurements of nobody."""
    head = head_of(str(path), HEAD).decode("utf-8", "replace")
    if REFERENCE.search(head) is not None and not is_radiomics(head):
        raise ValueProblem(
            "a table of reference values, by which software is tested: they are measurements of no subject",
            "the features that were computed of a subject, as PyRadiomics writes them",
        )


def _placed(path: Path) -> Placed | None:
    """What ``subjects.yaml`` says of the file, where it says something."""
    try:
        return placed(path)
    except ValueProblem:
        return None


def _case(name: str, case: Case, whose: Placed | None, context: Context) -> Iterator[Yield]:
    """The records of one case."""
    subject = case.subject or (whose.subject if whose else "")
    if not subject or len(subject) > LONGEST_ID or not subject.isprintable():
        problem = "the case names no usable subject"
        wanted = f"a column PatientID, Subject, Case or ID, or subjects.yaml; at most {LONGEST_ID} printable characters"
        yield Reject(name=name, place=case.place, problem=problem, wanted=wanted)
        return
    images = whose if whose and whose.subject == subject else None
    if images:
        yield from images.nodes(context)
    region = _region(subject, case)
    if region is not None:
        yield Region(subject=subject, key=region.region)
        yield region
    made: dict[str, Procedure] = {}
    for feature in case.features:
        if feature.image not in made:
            made[feature.image] = _procedure(case, feature.image)
            yield made[feature.image]
        try:
            variable, found = _value(feature, case, context)
        except ValueProblem as error:
            yield Reject(name=name, place=feature.place, problem=error.problem, wanted=error.wanted)
            continue
        yield Measurement(
            key=feature.place,
            subject=subject,
            variable=variable.variable,
            statistic=variable.statistic,
            region=region.region if region else None,
            study=images.study if images else None,
            series=images.series if images else None,
            when=images.when if images else None,
            reader=images.observer(context) if images else None,
            procedure=made[feature.image].key,
            value=found[0],
            unit=found[1],
            raw=number_text(feature.text),
            raw_code=f"{feature.code}|{SCHEME}|{feature.whole}",
        )


def _value(feature: Feature, case: Case, context: Context) -> tuple[Quantity, tuple[Decimal | float, str | None]]:
    """What a feature is of, and its value in the unit of that: lengths of PyRadiomics are in mm."""
    text = number_text(feature.text)
    if text.casefold() in NO_NUMBERS:
        raise ValueProblem("the feature could not be computed", "a finite number")
    term = meaning([Code(feature.code, SCHEME, feature.whole)], context.codes)
    of = quantity_of([term], "") if term else Quantity(q.UNMAPPED)
    if feature.code == FLAT and of.variable == ncit.LONGEST_DIAMETER and plane_of(case.about) != 0:
        of = replace(of, variable=ncit.DIAMETER)  # of a plane across the images, or of who knows which
    found = amount(text, _unit(of.variable), of.variable)
    return of, (found.value, found.unit)


def _unit(variable: Curie) -> str:
    registered = variables().get(variable)
    return (registered.unit or "") if registered else ""


def _procedure(case: Case, image: str) -> Procedure:
    """The configuration by which features of an image type were computed; its key is a hash of all of it."""
    shown, digest = settings_of(case.about)
    key = hashlib.sha256(f"{digest}\0{image}".encode()).hexdigest()[:16]
    said = [f"imageType={image}", f"configuration={digest}", *([shown] if shown else [])]
    return Procedure(
        key=f"pyradiomics.{key}",
        software="PyRadiomics",
        version=case.about.get("Versions_PyRadiomics") or None,
        automation=q.AUTOMATIC,
        settings=", ".join(said),
    )


def _region(subject: str, case: Case) -> RegionFacts | None:
    """The mask that the features are of; None where the case says nothing of it."""
    about = case.about
    digest, paths = about.get("Mask-original_Hash", ""), (about.get("Image", ""), about.get("Mask", ""))
    if not digest and not paths[1]:
        return None
    document = digest or hashlib.sha256("\0".join(paths).encode()).hexdigest()[:32]
    low_size = numbers_in(about.get("Mask-original_BoundingBox", ""))
    label = about.get("Label") or "1"
    facts = RegionFacts(
        key=f"{case.place}/region", subject=subject, region=region_key(document, label), shape=q.MASK_SHAPE
    )
    if len(low_size) != 6 or not all(size >= 1 for size in low_size[3:]):
        return facts
    low = low_size[:3]
    high = [start + size - 1 for start, size in zip(low, low_size[3:], strict=True)]
    box = box_of([low, high], PIXELS)
    if box is None:
        return facts
    return RegionFacts(
        key=facts.key,
        subject=subject,
        region=facts.region,
        shape=facts.shape,
        slices=int(low_size[5]),
        **box,
    )


SOURCE = Source(
    name="radiomics",
    accepts=accepts,
    read=read,
    summary="PyRadiomics output: CSV with cases in rows or columns, JSON",
)
