"""Forms for new data, made of chosen data elements: what is entered in them arrives mapped.

A form is a list of fields with names, choices, validation and units. `mappings.form_redcap` writes it as a REDCap data
dictionary, `mappings.form_odm` as a CDISC ODM document; both carry the elements' public ids and versions, by which the
readers know the fields again.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from mappings.tables import TableMap
from ontology.elements import Element, Makes, PermissibleValue, UnknownElementError, ValueType, fullest, normal_version
from ontology.prefixes import Curie
from ontology.variables import canonical

__all__ = ["Choice", "FormError", "FormField", "chosen", "elements_of_map", "form_fields", "form_name"]

NAME_LENGTH = 26
"""Characters that REDCap recommends a variable name to have at most."""

RECORD = "record_id"
FEW = 8
"""Choices that are shown side by side; more become a list to open."""

MANY = 1000
"""Permissible values that a list of choices can hold; of more the value is entered as text."""

SHORT = 4
"""A permissible value of so few characters is a code: its meaning is shown instead."""

NOISE = frozenset(
    {"a", "an", "and", "at", "by", "for", "from", "in", "of", "on", "or", "the", "to", "with"}
    | {"person", "patient", "participant", "subject", "type", "value", "text", "category", "code", "name", "number"}
    | {"assessment", "performed", "identified", "reported", "measurement", "common"}
)
REFERENCE = re.compile(
    r"(?:cadsr|cde)?[\s:_]*(?:id)?[\s:_]*(?P<id>\d{1,9})(?:\s*v(?P<version>\d+(?:\.\d+)*))?", re.IGNORECASE
)


class FormError(ValueError):
    """A form that cannot be made; the message says why and what would be right."""


@dataclass(frozen=True, slots=True)
class Choice:
    """One choice of a field; ``concept`` is what it means, where that is known."""

    code: str
    label: str
    concept: Curie | None = None


@dataclass(frozen=True, slots=True)
class FormField:
    """A field of a form: ``type`` and ``validation`` as REDCap names them, ``unit`` a UCUM code."""

    name: str
    label: str
    type: str
    element: Element
    choices: tuple[Choice, ...] = ()
    validation: str = ""
    unit: str = ""

    @property
    def identifies(self) -> bool:
        """Whether what is entered may identify a person."""
        return self.element.makes is Makes.IDENTIFYING

    @property
    def reference(self) -> str:
        """The public id and version of the element, such as ``2200604v3``."""
        return f"{self.element.public_id}v{self.element.version}" if self.element.version else self.element.public_id

    @property
    def alone(self) -> bool:
        """Whether what is entered makes records without a table map."""
        listed = bool(self.choices) or self.element.value_type not in {ValueType.CODE, ValueType.TEXT}
        makes = {Makes.FINDING, Makes.MEASUREMENT, Makes.RESPONSE, Makes.DATE}
        dated = self.element.makes is Makes.EVENT and self.element.variable is not None
        return listed and (dated or self.element.makes in makes)


VALIDATIONS: Mapping[ValueType, str] = {
    ValueType.NUMBER: "number",
    ValueType.INTEGER: "integer",
    ValueType.DATE: "date_ymd",
    ValueType.DATETIME: "datetime_seconds_ymd",
    ValueType.TIME: "time",
}


def chosen(references: Iterable[str], known: Mapping[tuple[Curie, str], Element]) -> list[Element]:
    """The elements that references such as ``cadsr:2200604``, ``2200604v3`` or ``CDE:2200604v3`` name, each once.

    Without a version the newest is taken whose values are known. Raises `FormError` for what is no reference,
    `UnknownElementError` for an element that is not known.
    """
    found: dict[str, Element] = {}
    for text in references:
        form = REFERENCE.fullmatch(text.strip())
        if form is None:
            raise FormError(f"{text!r} is no data element; right would be cadsr:2200604 or 2200604v3")
        curie = Curie(f"cadsr:{int(form['id'])}")
        item = _known(curie, form["version"], known)
        found.setdefault(item.public_id, item)
    if not found:
        raise FormError("no data element is named; right would be cadsr:2200604, or --from-map with a table map")
    return list(found.values())


def _known(curie: Curie, version: str | None, known: Mapping[tuple[Curie, str], Element]) -> Element:
    versions = [item for (name, _), item in known.items() if name == curie]
    fitting = [item for item in versions if version is None or item.version == normal_version(version)]
    if not fitting:
        raise UnknownElementError(curie, version, sorted(item.version for item in versions))
    return fullest(fitting)


def elements_of_map(mapping: TableMap) -> list[str]:
    """The elements that the columns of a table map were decided to be, in the order of its decisions.

    Raises `FormError` for a map without elements.
    """
    rows = mapping.decisions.rows
    found = [row.term for row in rows if row.value is None and row.applied and row.term.startswith("cadsr:")]
    if not found:
        raise FormError(
            f"the table map {mapping.name} names no data elements; right would be a map with cadsr: decisions"
        )
    return list(dict.fromkeys(found))


def form_name(text: str) -> str:
    """A form's name as REDCap takes it; `FormError` where nothing of the text can be.

    >>> form_name("Baseline visit")
    'baseline_visit'
    """
    name = _slug(text)[:NAME_LENGTH].strip("_")
    if not re.match(r"[a-z]", name):
        raise FormError(f"{text!r} is no name of a form; right would be letters, digits and underscores")
    return name


def form_fields(elements: Iterable[Element], form: str) -> list[FormField]:
    """The fields of a form, one for each element."""
    taken = {RECORD, f"{form}_complete", f"{form}_timestamp"}
    fields = []
    for element in elements:
        name = _unused(_short_name(element.long_name), taken)
        taken.add(name)
        fields.append(_field(name, element))
    return fields


def _field(name: str, element: Element) -> FormField:
    label = " ".join((element.question[0] if element.question else element.long_name).split())
    kind = element.value_type
    if kind is ValueType.BOOLEAN:
        return FormField(name, label, "yesno", element)
    if kind is ValueType.CODE and 0 < len(element.values) <= MANY:
        choices = tuple(_choices(element.values))
        return FormField(name, label, "radio" if len(choices) <= FEW else "dropdown", element, choices)
    unit = ""
    if kind in {ValueType.NUMBER, ValueType.INTEGER}:
        registered = canonical(element.variable) if element.variable else None
        unit = element.canonical_unit or (registered.unit if registered else None) or ""
    return FormField(
        name, label, "text", element, validation=VALIDATIONS.get(kind, ""), unit="" if unit == "1" else unit
    )


def _choices(values: tuple[PermissibleValue, ...]) -> Iterator[Choice]:
    """The choices with codes that stay when values are added: that of the concept, else one made of the value."""
    concepts = Counter(value.concepts for value in values)
    meanings = Counter(value.meaning.casefold() for value in values)
    taken: set[str] = set()
    for value in values:
        concept = value.concepts[0] if len(value.concepts) == 1 else None
        alone = concept is not None and concept.startswith("ncit:") and concepts[value.concepts] == 1
        code = _unused(concept.partition(":")[2] if concept and alone else _slug(value.value)[:30] or "v", taken)
        taken.add(code)
        coded = len(value.value) <= SHORT and value.meaning and meanings[value.meaning.casefold()] == 1
        # the bar separates choices in a dictionary
        yield Choice(code, " ".join((value.meaning if coded else value.value).replace("|", "/").split()), concept)


def _slug(text: str) -> str:
    return re.sub(r"[^a-z0-9]+", "_", text.lower()).strip("_")


def _short_name(text: str) -> str:
    """A variable name of an element's long name: the words that tell, as many as fit.

    >>> _short_name("Person Gender Text Type"), _short_name("Karnofsky Performance Status Score")
    ('gender', 'karnofsky_performance')
    """
    words = _slug(text).split("_")
    telling = [word for word in words if word not in NOISE] or words
    name = ""
    for word in telling:
        longer = f"{name}_{word}" if name else word[:NAME_LENGTH]
        if len(longer) > NAME_LENGTH - 2:
            break
        name = longer
    name = (name or telling[0][: NAME_LENGTH - 2]).strip("_")
    return name if name[:1].isalpha() else f"f_{name}"[: NAME_LENGTH - 2]


def _unused(name: str, taken: set[str]) -> str:
    """The name, or with a number where it is taken."""
    number, free = 1, name
    while free in taken:
        number += 1
        free = f"{name[: NAME_LENGTH - 1 - len(str(number))].rstrip('_')}_{number}"
    return free
