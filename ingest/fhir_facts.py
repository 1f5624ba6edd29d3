"""What a FHIR resource asserts: one function for each type of resource, in the profiles of mCODE.

Names, addresses, narrative, notes and free text are not looked at. mCODE: https://hl7.org/fhir/us/mcode/
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from ingest.base import Yield
from ingest.fhir_model import Case, Concept, Node, ajcc, fields_of, key_of, where
from ingest.fhir_values import VALUES, Statement, absent, quantity
from ontology import records
from ontology.prefixes import Curie
from ontology.records import Event, Finding, Measurement
from ontology.terms import ncit, q
from ontology.variables import VariableKind, canonical

__all__ = ["condition", "observation", "patient"]

GENDER = re.compile(r"[a-z-]{1,20}")
US_CORE: Final = "http://hl7.org/fhir/us/core/StructureDefinition/us-core-"
NEOPLASM: Final = r"C\d.*|D[0-4]\d?.*"
"""ICD-10-CM chapter 2."""

STAGING: Final[Mapping[str, Curie]] = {
    "stage-group": ncit.DISEASE_STAGE_QUALIFIER,
    "primary-tumor-category": ncit.GENERIC_PRIMARY_TUMOR_TNM_FINDING,
    "regional-nodes-category": ncit.GENERIC_REGIONAL_LYMPH_NODES_TNM_FINDING,
    "distant-metastases-category": ncit.GENERIC_DISTANT_METASTASIS_TNM_FINDING,
}
"""What observations of mCODE's TNM profiles say, by the ends of their names.

From its third edition mCODE asks for TNM stages by SNOMED CT codes that may not be shipped here.
"""


# patients


def patient(case: Case) -> Iterator[Yield]:
    """Sex, race, ethnicity and vital status; the birth date is never looked at."""
    node = case.node
    yield records.Subject(subject=case.subject)
    if not GENDER.fullmatch(gender := node.text("gender") or "-"):
        node.refuse("gender", "is no code", "male, female, other or unknown")
    elif gender != "-":
        coded = {"code": gender, "system": "http://hl7.org/fhir/administrative-gender"}
        said = Concept.of(Node(coded, "", "", node.known))
        yield case.finding(".gender", ncit.SEX, said, raw=gender)
    for name, variable in (("race", ncit.RACE), ("ethnicity", ncit.ETHNIC_GROUP)):
        for extension in node.extensions(US_CORE + name):
            for number, category in enumerate(extension.extensions("ombCategory")):
                said = Concept.of(category.child("valueCoding"))
                if said.codes:
                    yield case.finding(f".{name}[{number}]", variable, said)
    died = node.when("deceasedDateTime")
    dead = True if died or node.text("deceasedDateTime") else node.flag("deceasedBoolean")
    if dead is not None:
        yield case.finding(".deceased", ncit.VITAL_STATUS, Concept(), ncit.DEAD if dead else ncit.ALIVE)
    if died is not None:
        yield Event(key=f"{case.key}.death", subject=case.subject, kind=ncit.DEAD, when=died)


# conditions


def condition(case: Case) -> Iterator[Yield]:
    """A cancer: diagnosis, site, morphology, stage and the event of the diagnosis; other conditions are left out.

    A cancer is what a profile of mCODE or the chapter of ICD-10-CM says is one, or what a known code means: the code
    sets hold no other diseases.
    """
    node = case.node
    code = Concept.of(node.child("code"))
    secondary = node.profiled("mcode-secondary-cancer-condition") or code.has("icd10cm", r"C7[789].*")
    primary = node.profiled("mcode-primary-cancer-condition")
    if not (primary or secondary or code.term or code.has("icd10cm", NEOPLASM) or node.profiled("cancer-condition")):
        return
    asserted = (item.when("valueDateTime") for item in node.extensions("condition-assertedDate"))
    when = next((item for item in asserted if item), None) or node.when("onsetDateTime", "onsetPeriod", "recordedDate")
    places = [Concept.of(item) for item in node.children("bodySite")]
    site = where(node.children("bodySite"))
    common: dict[str, Any] = {"when": when, **fields_of(site)}
    yield case.finding("", ncit.DIAGNOSIS_ASSESSMENT, code, **common)
    variable = ncit.SITE_OF_METASTASIS if secondary else ncit.ANATOMIC_SITE
    for number, place in enumerate(places):
        yield case.finding(
            f".bodySite[{number}]", variable, place, part_of=case.key, when=when, laterality=site.laterality
        )
    for extension in node.extensions("mcode-histology-morphology-behavior"):
        said = Concept.of(extension.child("valueCodeableConcept"))
        yield case.finding(".morphology", ncit.MORPHOLOGIC_FINDING, said, part_of=case.key, **common)
    if when is not None and not secondary:
        yield Event(key=f"{case.key}.diagnosis", subject=case.subject, kind=ncit.DIAGNOSIS_ASSESSMENT, when=when)
    if (age := node.child("onsetAge")) is not None:
        shared = {"key": f"{case.key}.onsetAge", "subject": case.subject, "when": when}
        yield from quantity(Statement(age, ncit.AGE_AT_DIAGNOSIS, Measurement, shared))
    yield from _stages(case, common)


def _stages(case: Case, common: Mapping[str, Any]) -> Iterator[Yield]:
    """Stages that are stated in the condition alone: one with an assessment is that observation's."""
    for number, stage in enumerate(case.node.children("stage")):
        summary = Concept.of(stage.child("summary"))
        if summary.codes and not stage.children("assessment"):
            place, term = f".stage[{number}]", ajcc(summary, group=True)
            yield case.finding(place, ncit.DISEASE_STAGE_QUALIFIER, summary, term, part_of=case.key, **common)


# observations


def observation(case: Case) -> Iterator[Yield]:
    """The value of an observation, and those of its components as parts of it."""
    node = case.node
    place = node.child("bodySite")
    site = where([place] if place else [])
    sources = (key_of(item.text("reference")) for item in node.children("derivedFrom"))
    study = next((case.references.studies[key] for key in sources if key in case.references.studies), None)
    common: dict[str, Any] = {
        "subject": case.subject,
        "when": node.when("effectiveDateTime", "effectivePeriod", "effectiveInstant"),
        **fields_of(site),
        "study": study,
    }
    if study:
        yield records.Study(uid=study, subject=case.subject)
    stated = list(_stated(node, case.key, common, _staging(node)))
    yield from stated
    above = case.key if any(isinstance(item, records.Observation) for item in stated) else None
    for number, component in enumerate(node.children("component")):
        yield from _stated(component, f"{case.key}.component[{number}]", {**common, "part_of": above})


def _staging(node: Node) -> Curie | None:
    """The variable of an observation that claims one of mCODE's TNM profiles."""
    if not node.profiled("mcode-tnm-"):
        return None
    return next((variable for name, variable in STAGING.items() if node.profiled(name)), None)


def _stated(node: Node, key: str, common: Mapping[str, Any], profiled: Curie | None = None) -> Iterator[Yield]:
    """What a code and its value say; nothing where there is no value. A code that is unknown gives way to a profile."""
    code = Concept.of(node.child("code"))
    if not code.codes:
        node.refuse("code", "has no code, so what was observed is not known", "a coding; text is not read")
        return
    term = code.term or profiled
    registered = canonical(term) if term else None
    variable = registered.curie if registered else term or q.UNMAPPED
    kinds = {VariableKind.MEASUREMENT: Measurement, VariableKind.RESPONSE: records.Response}
    kind = kinds.get(registered.kind, Finding) if registered else None
    shared = {**common, "key": key, "raw_code": code.raw}
    for element, read in VALUES.items():
        if node.value.get(element) is not None:
            yield from read(Statement(node, variable, kind, shared, element))
            return
    unread = [name for name in node.value if name.startswith("value")]
    if (reason := Concept.of(node.child("dataAbsentReason"))).codes:
        yield from absent(Statement(node, variable, kind, shared), reason)
    elif unread:
        node.refuse(unread[0], "is of a type that is not read", "a quantity, a code, a number, a range or a boolean")
