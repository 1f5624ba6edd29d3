"""The parameters of a curated query: what each may be, and the SPARQL term that a given text becomes.

A value never becomes part of a query's text but as one term, written by the engine's own serialiser: there is no
interpolation into strings, patterns or names.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from functools import cache

import pyoxigraph as ox

from mappings.codes import BUNDLED, bundled
from ontology.prefixes import Curie, UnknownPrefixError, compact, expand, prefixes
from ontology.terminology import broader_or_same, terms
from ontology.variables import VariableKind, canonical, variables

__all__ = ["TYPES", "Parameter", "ParameterError", "written"]

XSD = prefixes()["xsd"]
LONGEST = 1_000
"""Characters that a value may have at most."""

CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff]")
ABSOLUTE_IRI = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:[^\s<>\"{}|\\^`]+")
WORDS = {"true": "true", "yes": "true", "1": "true", "false": "false", "no": "false", "0": "false"}


class ParameterError(ValueError):
    """A value that a parameter cannot take; the message says what would be right."""

    def __init__(self, parameter: str, problem: str, wanted: str) -> None:
        self.parameter = parameter
        self.problem = problem
        self.wanted = wanted
        super().__init__(f"{parameter}: {problem}; wanted: {wanted}")


@dataclass(frozen=True, slots=True)
class Parameter:
    """One parameter of a curated query, as its head declares it.

    ``under`` bounds a concept to one of the bundled hierarchy, ``kind`` a variable to measurements, findings and so
    on. Beside a ``mapped`` concept the one is asked for that it is mapped to: records have that. A parameter that is
    neither required nor has a default does not narrow the query where it is left out.
    """

    name: str
    type: str
    label: str
    default: str | None = None
    required: bool = False
    choices: tuple[str, ...] = ()
    under: Curie | None = None
    kind: VariableKind | None = None
    mapped: bool = False

    def alike(self, term: ox.NamedNode | ox.Literal) -> tuple[ox.NamedNode | ox.Literal, ...]:
        """What a value stands for in the query: itself, and what it is mapped to."""
        if not self.mapped or isinstance(term, ox.Literal):
            return (term,)
        curie = Curie(compact(term.value))
        mapped = _mapped(curie)
        return (term,) if mapped == curie else (term, ox.NamedNode(expand(mapped)))

    def term(self, text: str) -> str:
        """The SPARQL term that a text means, such as ``"LUNG1-001"`` or ``<http://…>``; `ParameterError` if none."""
        return written(self.read(text))

    def read(self, text: str) -> ox.NamedNode | ox.Literal:
        """The term that a text means; `ParameterError` if none."""
        text = text.strip()
        if not text:
            raise self.error("is empty", self.wanted)
        if len(text) > LONGEST or CONTROL.search(text):
            raise self.error("has control characters or is too long", f"printable text of at most {LONGEST} characters")
        if self.choices and text not in self.choices:
            raise self.error(f"{text!r} is none of the choices", f"one of: {', '.join(self.choices)}")
        return TYPES[self.type].read(self, text)

    def error(self, problem: str, wanted: str) -> ParameterError:
        """The error of this parameter."""
        return ParameterError(self.name, problem, wanted)

    @property
    def wanted(self) -> str:
        """What a value has to be, in words."""
        if self.choices:
            return f"one of: {', '.join(self.choices)}"
        below = f", within {compact(self.under)} ({terms()[self.under].label})" if self.under in terms() else ""
        return TYPES[self.type].wanted + below

    def options(self) -> list[tuple[str, str]]:
        """Values to choose from with their labels, as far as the vocabulary alone knows them; else an empty list."""
        if self.choices:
            return [(choice, named(Curie(choice)) or choice) for choice in self.choices]
        if self.type == "variable":
            return [(item.curie, item.label) for item in variables().values() if self.kind in (None, item.kind)]
        if self.type == "concept" and self.under:
            below = (item for item in terms().values() if self.under in broader_or_same(item.curie))
            return [(item.curie, item.label) for item in sorted(below, key=lambda item: item.label.casefold())]
        return []


def written(term: ox.NamedNode | ox.Literal) -> str:
    r"""A term as SPARQL text that means the same whether or not an engine resolves ``\u`` before it reads strings.

    >>> written(ox.Literal('say "x"'))
    '"say \\"x\\""'
    >>> print(written(ox.Literal(chr(92) + "u0022")))
    "\\\u00750022"
    """
    return str(term).replace("\\\\u", "\\\\\\u0075").replace("\\\\U", "\\\\\\u0055")


@cache
def _labels() -> dict[str, list[Curie]]:
    """Terms and variables by their label, in lower case."""
    found: dict[str, list[Curie]] = {}
    everything = [*((v.label, v.curie) for v in variables().values()), *((t.label, t.curie) for t in terms().values())]
    for label, curie in everything:
        named = found.setdefault(label.casefold(), [])
        if curie not in named:
            named.append(curie)
    return found


def named(curie: Curie) -> str | None:
    """The label of a term or variable."""
    item = variables().get(curie) or terms().get(curie)
    return item.label if item else None


def _string(_parameter: Parameter, text: str) -> ox.Literal:
    return ox.Literal(text)


def _integer(parameter: Parameter, text: str) -> ox.Literal:
    if not re.fullmatch(r"[+-]?[0-9]{1,17}", text):
        raise parameter.error(f"{text!r} is no whole number", parameter.wanted)
    return ox.Literal(str(int(text)), datatype=ox.NamedNode(XSD + "integer"))


def _decimal(parameter: Parameter, text: str) -> ox.Literal:
    try:
        number = Decimal(text)
    except InvalidOperation:
        number = Decimal("NaN")
    exponent = number.as_tuple().exponent
    if not isinstance(exponent, int) or not -18 <= exponent <= 17 or abs(number) >= 10**17:
        raise parameter.error(f"{text!r} is no decimal number", parameter.wanted)
    return ox.Literal(format(number, "f"), datatype=ox.NamedNode(XSD + "decimal"))


def _boolean(parameter: Parameter, text: str) -> ox.Literal:
    if text.lower() not in WORDS:
        raise parameter.error(f"{text!r} is neither", parameter.wanted)
    return ox.Literal(WORDS[text.lower()], datatype=ox.NamedNode(XSD + "boolean"))


def _iri(parameter: Parameter, text: str) -> ox.NamedNode:
    whole = text.removeprefix("<").removesuffix(">")
    prefix, colon, rest = whole.partition(":")
    if colon and prefix in prefixes() and not rest.startswith("//"):
        whole = expand(whole)
    if not ABSOLUTE_IRI.fullmatch(whole):
        raise parameter.error(f"{text!r} is no IRI", parameter.wanted)
    try:
        return ox.NamedNode(whole)
    except ValueError as error:
        raise parameter.error(f"{text!r} is no IRI", parameter.wanted) from error


def _concept(parameter: Parameter, text: str) -> ox.NamedNode:
    """A concept by CURIE, IRI or label; a concept beyond the bundled terms is taken at its word."""
    curie = _curie(parameter, text)
    if parameter.under and curie in terms() and parameter.under not in broader_or_same(curie):
        raise parameter.error(f"{curie} ({terms()[curie].label}) is something else", parameter.wanted)
    return _iri(parameter, curie)


def _curie(parameter: Parameter, text: str) -> Curie:
    """The one term that a text names."""
    found = _labels().get(text.casefold(), [])
    if parameter.mapped:
        found = [curie for curie in found if _mapped(curie) not in found or _mapped(curie) == curie]
    if parameter.under:
        found = [curie for curie in found if parameter.under in broader_or_same(curie)]
    if len(found) > 1:
        raise parameter.error(f"{text!r} is the label of several terms", f"one of: {', '.join(found)}")
    if found:
        return found[0]
    try:
        return Curie(compact(_iri(parameter, text).value))
    except UnknownPrefixError as error:
        raise parameter.error(f"{text!r} is no known term", parameter.wanted) from error


def _mapped(curie: Curie) -> Curie:
    """The term that readers make of a code which means exactly this one."""
    prefix, _, code = curie.partition(":")
    if prefix not in BUNDLED:
        return curie
    found = bundled().concept(code, prefix)
    return found.curie if found is not None and found.exact else curie


def _variable(parameter: Parameter, text: str) -> ox.NamedNode:
    """A variable of the registry by label, CURIE or any code that means it."""
    labelled = [item for item in variables().values() if item.label.casefold() == text.casefold()]
    item = labelled[0] if labelled else canonical(_curie(parameter, text))
    if item is None:
        raise parameter.error(f"{text!r} is no variable of the registry", parameter.wanted)
    if parameter.kind not in (None, item.kind):
        problem = f"{item.curie} ({item.label}) is of kind {item.kind}"
        raise parameter.error(problem, f"a variable of kind {parameter.kind}")
    return ox.NamedNode(expand(item.curie))


def _modality(parameter: Parameter, text: str) -> ox.NamedNode:
    """A modality by its DICOM defined term, ``CT``, or as a concept."""
    curie = Curie(f"dcm:{text.upper()}")
    return ox.NamedNode(expand(curie)) if curie in terms() else _concept(parameter, text)


@dataclass(frozen=True, slots=True)
class ParameterType:
    """How the values of a type are read, and what is wanted, in words."""

    read: Callable[[Parameter, str], ox.NamedNode | ox.Literal]
    wanted: str


TYPES: Mapping[str, ParameterType] = {
    "string": ParameterType(_string, "text"),
    "collection": ParameterType(_string, "the name of a collection, such as nsclc_radiomics"),
    "subject": ParameterType(_string, "the identifier of a subject within its collection, such as LUNG1-001"),
    "lesion": ParameterType(_string, "the label of a lesion, such as T01"),
    "integer": ParameterType(_integer, "a whole number"),
    "decimal": ParameterType(_decimal, "a decimal number, such as 2.5"),
    "boolean": ParameterType(_boolean, "true or false"),
    "iri": ParameterType(_iri, "an IRI"),
    "concept": ParameterType(_concept, "a concept by CURIE (ncit:C4878), IRI or exact label"),
    "variable": ParameterType(_variable, "a variable by label (Longest Diameter), CURIE (ncit:C96684) or IRI"),
    "modality": ParameterType(_modality, "a DICOM modality, such as CT, MR, PT, SEG"),
}
"""Every type of parameter."""
