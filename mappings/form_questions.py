"""What an annotation is asked for: questions with coded answers and numbers with units, of chosen variables and terms.

A question is given as ``VARIABLE`` (a number), as ``VARIABLE=TERM,TERM`` (one of these), or as a data element
(``cadsr:2200604``), whose permissible values are the answers. `mappings.form_aim` writes them as an AIM template,
`mappings.form_tid1500` as a profile of TID 1500; both hold codes that are read back as these terms, so that what is
annotated comes in mapped.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from mappings.code_sets import Triplet
from mappings.code_writing import CodeWriter, own_code
from mappings.forms import FormError, chosen, form_fields
from ontology.elements import Element
from ontology.prefixes import Curie
from ontology.terminology import label
from ontology.terms import radlex
from ontology.variables import VariableKind, variables

__all__ = ["Question", "questions"]


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked: the variable's code, the answers' codes where it is a choice, a unit where it is a number."""

    variable: Curie
    code: Triplet
    label: str
    answers: tuple[Triplet, ...] = ()
    terms: tuple[Curie, ...] = ()
    unit: str = ""

    @property
    def of_place(self) -> bool:
        """Whether it asks where something is."""
        return self.variable == radlex.ANATOMICAL_ENTITY

    @property
    def of_finding(self) -> bool:
        """Whether it asks what was seen."""
        return self.variable == radlex.IMAGING_OBSERVATION


def questions(
    references: Iterable[str], known: Mapping[tuple[Curie, str], Element], writer: CodeWriter
) -> tuple[Question, ...]:
    """The questions that references name, each variable once, in their order.

    Raises `FormError` for what is no question, or has no code that is read back as its term.
    """
    found: dict[Curie, Question] = {}
    for text in references:
        name, equals, answers = text.strip().partition("=")
        if name.startswith("cadsr:") or name[:1].isdigit():
            for item in _of_element(name, known, writer):
                found.setdefault(item.variable, item)
        elif equals:
            terms = [Curie(term.strip()) for term in answers.split(",") if term.strip()]
            found.setdefault(Curie(name), _choice(Curie(name), terms, writer))
        else:
            found.setdefault(Curie(name), _number(Curie(name), writer))
    if not found:
        raise FormError(
            "nothing is asked; right would be ncit:C96684, ncit:C94523=ncit:C94520,ncit:C94521 or an element"
        )
    return tuple(found.values())


def _code(term: Curie, writer: CodeWriter, *, variable: bool = False) -> Triplet:
    code = writer.triplet(term, variable=variable)
    if code is None:
        raise FormError(f"{term!r} has no code that is read back as it; right would be a term of `qilin terms search`")
    return code


def _named(term: Curie) -> str:
    registered = variables().get(term)
    return (registered.label if registered else label(term)) or term


def _number(variable: Curie, writer: CodeWriter) -> Question:
    registered = variables().get(variable)
    if registered is None or registered.kind is not VariableKind.MEASUREMENT:
        raise FormError(
            f"{variable!r} is no measurement; right would be one of `qilin variables`, or {variable}=TERM,TERM"
        )
    return Question(variable, _code(variable, writer, variable=True), registered.label, unit=registered.unit or "1")


def _choice(variable: Curie, terms: list[Curie], writer: CodeWriter) -> Question:
    if not terms:
        raise FormError(f"{variable!r} has no answers; right would be {variable}=TERM,TERM")
    registered = variables().get(variable)
    if registered is not None and registered.kind is VariableKind.MEASUREMENT:
        raise FormError(
            f"{variable!r} ({registered.label}) is a number, which no term answers; right would be {variable}"
        )
    codes = tuple(_code(term, writer) for term in terms)
    return Question(variable, _code(variable, writer, variable=True), _named(variable), codes, tuple(terms))


def _of_element(reference: str, known: Mapping[tuple[Curie, str], Element], writer: CodeWriter) -> Iterator[Question]:
    """The question of a data element: its values that mean one term each, also of terms that are not bundled."""
    for field in form_fields(chosen([reference], known), "annotation"):
        variable = field.element.variable
        if variable is None or field.identifies:
            raise FormError(f"{reference} has no variable; right would be an element of `qilin terms element`")
        if field.choices:
            named = {choice.concept: choice.label for choice in field.choices if choice.concept}
            codes = tuple(writer.triplet(term) or own_code(term, meaning) for term, meaning in named.items())
            yield Question(variable, _code(variable, writer, variable=True), field.label, codes, tuple(named))
        else:
            yield _number(variable, writer)
