"""The catalogue of curated queries: each is one ``.rq`` file with a YAML head, read once.

The head stands in lines that begin with ``#+``. A line ``#- name name`` within the query marks where parameters come
in: it becomes a ``VALUES`` clause for each that has a value; a line ``#< name`` takes in another query as a part.
``docs/queries.md`` says how to write one.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

import pyoxigraph as ox
import yaml

from ontology.prefixes import Curie
from ontology.variables import VariableKind
from queries.parameters import TYPES, Parameter, written

__all__ = [
    "COLUMN_TYPES",
    "BrokenQueryError",
    "Column",
    "Query",
    "UnknownParameterError",
    "UnknownQueryError",
    "parse",
    "queries",
    "query",
    "whole",
]

HEAD = "#+"
TAKEN = re.compile(r"^(?P<indent>[ ]*)#< (?P<name>[a-z0-9-]+)$", re.MULTILINE)
MARK = re.compile(r"^(?P<indent>[ ]*)#-(?P<names>(?:[ ]+\w+)+)[ ]*$", re.MULTILINE)

COLUMN_TYPES: Mapping[str, str] = {
    "any": "a number, a text or true/false",
    "boolean": "true or false",
    "collection": "the name of a collection",
    "concept": "the IRI of a term; a column of the same name with Label appended has its label",
    "day": "a day number on the clock that the column clock names",
    "decimal": "a number, exact",
    "integer": "a whole number",
    "iri": "an IRI of anything else",
    "record": "the IRI of one fact",
    "series": "the IRI of a series, urn:oid: and its UID",
    "source": "the IRI of a source",
    "string": "a text",
    "study": "the IRI of a study, urn:oid: and its UID",
    "subject": "the identifier of a subject within its collection",
}
"""What a column may hold, by type."""


class UnknownQueryError(LookupError):
    """A query that is not in the catalogue; the message names those that are."""

    def __init__(self, name: str) -> None:
        self.name = name
        super().__init__(f"no query {name!r}; there are: {', '.join(queries())}")


class BrokenQueryError(ValueError):
    """A ``.rq`` file whose head or marks do not hold together."""


class UnknownParameterError(ValueError):
    """A parameter that the query does not have; the message names those that it has."""

    def __init__(self, query: Query, names: list[str]) -> None:
        self.parameter = names[0]
        known = ", ".join(item.name for item in query.parameters) or "none"
        super().__init__(f"{query.name} has no parameter {names[0]!r}; there are: {known}")


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a query's result; ``unit`` is a UCUM code where it is the same in all rows."""

    name: str
    label: str
    type: str
    unit: str | None = None


@dataclass(frozen=True, slots=True)
class Query:
    """A curated query: what it answers, what it takes, what it returns, and its SPARQL text."""

    name: str
    summary: str
    description: str
    questions: tuple[str, ...]
    """The ids of the competency questions that it answers."""
    parameters: tuple[Parameter, ...]
    columns: tuple[Column, ...]
    text: str
    """The SPARQL text without its head; as it stands it runs with no parameter bound."""
    sql: str | None = None
    """The same question over the record log (`queries.columnar`), where that is the faster way."""

    def bind(self, values: Mapping[str, str] | None = None) -> str:
        """The SPARQL text with parameters as ``VALUES``; an empty value is as good as none.

        Raises `queries.parameters.ParameterError` for a value that is wrong or missing, `UnknownParameterError` for a
        name that the query does not have.
        """
        given = self.terms(values)
        bound = {item.name: _clause(item, given[item.name]) for item in self.parameters if item.name in given}

        def clauses(mark: re.Match[str]) -> str:
            names = [name for name in mark["names"].split() if name in bound]
            return "\n".join(f"{mark['indent']}VALUES ?{name} {{ {bound[name]} }}" for name in names)

        return MARK.sub(clauses, self.text)

    def terms(self, values: Mapping[str, str] | None = None) -> dict[str, ox.NamedNode | ox.Literal]:
        """The parameters that have a value, as terms; raises what `bind` does."""
        given = {name: text for name, text in (values or {}).items() if text.strip()}
        known = {item.name for item in self.parameters}
        if unknown := sorted(given.keys() - known):
            raise UnknownParameterError(self, unknown)
        bound: dict[str, ox.NamedNode | ox.Literal] = {}
        for item in self.parameters:
            text = given.get(item.name, item.default)
            if text is not None:
                bound[item.name] = item.read(text)
            elif item.required:
                raise item.error("is missing", item.wanted)
        return bound

    def column(self, name: str) -> Column:
        """The column of that name; KeyError where there is none."""
        return {item.name: item for item in self.columns}[name]


@cache
def queries() -> Mapping[str, Query]:
    """Every curated query by name, in the order of names."""
    names = sorted(item.name[:-3] for item in files("queries").iterdir() if item.name.endswith(".rq"))
    return {name: parse(name, whole(f"{name}.rq"), _sql(name)) for name in names}


def whole(file: str) -> str:
    """The text of a file of this package, with the queries that it takes in by ``#< name``, without their heads."""
    suffix = file[file.rindex(".") :]

    def taken(mark: re.Match[str]) -> str:
        lines = whole(mark["name"] + suffix).splitlines()
        body = (line for line in lines if not line.startswith((HEAD, "PREFIX", "-- ")) and line)
        return "\n".join(mark["indent"] + line for line in body)

    return TAKEN.sub(taken, files("queries").joinpath(file).read_text(encoding="utf-8"))


def _clause(parameter: Parameter, term: ox.NamedNode | ox.Literal) -> str:
    """The terms of a ``VALUES`` clause."""
    return " ".join(map(written, parameter.alike(term)))


def _sql(name: str) -> str | None:
    """The SQL text beside a query, where it has one."""
    return whole(f"{name}.sql") if files("queries").joinpath(f"{name}.sql").is_file() else None


def query(name: str) -> Query:
    """The curated query of that name; `UnknownQueryError` where there is none."""
    try:
        return queries()[name]
    except KeyError:
        raise UnknownQueryError(name) from None


def parse(name: str, text: str, sql: str | None = None) -> Query:
    """Read a ``.rq`` text; `BrokenQueryError` where its head and its body do not hold together."""
    lines = text.splitlines()
    length = next((i for i, line in enumerate(lines) if not line.startswith(HEAD)), len(lines))
    body = "\n".join(lines[length:]) + "\n"
    try:
        head = yaml.safe_load("\n".join(line[len(HEAD) :].removeprefix(" ") for line in lines[:length]))
        found = Query(
            name=name,
            summary=head["summary"],
            description=head["description"].strip(),
            questions=tuple(head["questions"]),
            parameters=tuple(_parameter(key, about) for key, about in (head.get("parameters") or {}).items()),
            columns=tuple(Column(key, **about) for key, about in head["columns"].items()),
            text=body,
            sql=sql,
        )
    except (KeyError, TypeError, AttributeError, ValueError, yaml.YAMLError) as error:
        raise BrokenQueryError(f"{name}.rq: its head is wrong: {error}") from error
    _check(found)
    return found


def _parameter(name: str, about: Mapping[str, Any]) -> Parameter:
    given = dict(about)
    default = given.pop("default", None)
    kind = given.pop("kind", None)
    under = given.pop("under", None)
    return Parameter(
        name=name,
        default=None if default is None else str(default).lower() if isinstance(default, bool) else str(default),
        choices=tuple(map(str, given.pop("choices", ()))),
        kind=VariableKind(kind) if kind else None,
        under=Curie(under) if under else None,
        **given,
    )


def _check(found: Query) -> None:
    """Parameters and marks, and the types, agree."""
    marked = {name for mark in MARK.finditer(found.text) for name in mark["names"].split()}
    declared = {item.name for item in found.parameters}
    if marked != declared:
        odd = ", ".join(sorted(marked ^ declared))
        raise BrokenQueryError(f"{found.name}.rq: declared and marked parameters differ in {odd}")
    for item in found.parameters:
        if item.type not in TYPES:
            raise BrokenQueryError(f"{found.name}.rq: no parameter type {item.type!r}; there are {', '.join(TYPES)}")
    for column in found.columns:
        if column.type not in COLUMN_TYPES:
            known = ", ".join(COLUMN_TYPES)
            raise BrokenQueryError(f"{found.name}.rq: no column type {column.type!r}; there are {known}")
