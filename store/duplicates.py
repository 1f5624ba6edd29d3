"""Which of repeated statements is primary, and whose duplicates the others are.

An annotation or report that came in several formats states the same several times under one UID; copies under another
UID are known as `store.copies` says.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from ontology.fields import Star
from ontology.terms import q
from store.copies import APART, CONVERTED, FORMATS, LENGTHS, SAID, converted, restating, roots
from store.stars import quoted
from store.views import Views

__all__ = ["REPEATED", "Duplicates", "linked"]

HEADERS = "source_kind IN ('dicom', 'sr') AND key IN ('PatientAge', 'PatientSex')"


@dataclass(frozen=True, slots=True)
class Repeated:
    """A way in which statements are repeated: which rows, and what two of them have to share to be one statement."""

    where: str
    same: tuple[str, ...]
    counted: bool
    """Whether the n-th such statement of one source is the n-th of another, since a source states none twice."""

    @property
    def needed(self) -> tuple[str, ...]:
        """The columns without which no row is meant."""
        return tuple(name for name in ("document", "region") if self.where.startswith(name))


def _of_documents(*said: str) -> Repeated:
    """An annotation or report that came in several formats states the same several times."""
    shared = ("document", "variable", "statistic", "method", "value_concept", "absent_reason")
    return Repeated("document IS NOT NULL", (*shared, "value", "low", "high", *said), counted=True)


REPEATED: dict[str, tuple[Repeated, ...]] = {
    "Finding": (Repeated(HEADERS, ("variable", "value_concept", "raw"), counted=False), _of_documents()),
    "Measurement": (Repeated(HEADERS, ("variable", "study", "value", "low"), counted=False), _of_documents()),
    "Response": (_of_documents(),),
    "Outcome": (_of_documents("event"),),
    "RegionFacts": (Repeated("region IS NOT NULL", ("region",), counted=False),),
}
"""How statements are repeated, by record type: those of DICOM headers about a patient, those of copied documents."""

ALIKE = {
    name: f'coalesce(printf(\'%.6g\', try_cast("{name}" AS DOUBLE)), "{name}")' for name in ("value", "low", "high")
}
"""SQL for numbers as they are compared: formats differ in the digits that they hold (DICOM's DS has 16
characters, and AIM written as a report six decimals)."""


def linked(star: Star) -> bool:
    """Whether duplicates of a record type are linked to the primary one."""
    return any(item.name == "duplicate_of" for item in star.fields)


@dataclass(frozen=True, slots=True)
class Duplicates:
    """The repeated statements of a record type in a build; ``record`` is the SQL of a row's record."""

    build: Views
    star: Star
    record: str

    def once(self) -> str:
        """Statements that are repeated: the first of them is primary, the others are duplicates of it."""
        stated, copies = self._stated()
        parts: list[str] = []
        rest: list[str] = []
        for repeated in REPEATED[self.star.table]:
            if not all(self._has(name) for name in repeated.needed):
                continue
            within = " AND ".join([repeated.where, *(f"NOT coalesce({other}, false)" for other in rest)])
            rest.append(f"({repeated.where})")
            parts.append(self._group(repeated, stated, within))
        others = " AND ".join(f"NOT coalesce({other}, false)" for other in rest) or "true"
        alone = ", CAST(NULL AS VARCHAR) AS duplicate_of" if linked(self.star) else ""
        once = " UNION ALL BY NAME ".join([*parts, f"SELECT *{alone} FROM {stated} WHERE {others}"])
        if copies is None:
            return once
        # what a record is a copy of, its own copies are, too
        copied = f"SELECT {self.record} AS origin, duplicate_of FROM once WHERE duplicate_of IS NOT NULL"
        link = "coalesce(c.duplicate_of, substr(r.origin, 2, length(r.origin) - 2)) AS duplicate_of"
        again = (
            f'SELECT r.* EXCLUDE (origin) REPLACE (false AS "primary"), {link} '
            f"FROM ({copies}) r LEFT JOIN ({copied}) c USING (origin)"
        )
        return f"WITH once AS ({once}) FROM once UNION ALL BY NAME {again}"

    def _stated(self) -> tuple[str, str | None]:
        """SQL for the rows that may be primary, and for those that are copies of others, where there may be any."""
        view, links = self.build.view(self.star.table), list(self._copies())
        if not links:
            return view, None
        table = self.build.view(f"copies {self.star.table}")
        self.build.connection.execute(f"CREATE OR REPLACE TABLE {table} AS {roots(links)}")
        if self.build.connection.execute(f"SELECT NOT EXISTS (FROM {table})").fetchall() == [(True,)]:
            return view, None
        return f"(FROM {view} ANTI JOIN {table} USING (lot, key))", f"FROM {view} JOIN {table} USING (lot, key)"

    def _copies(self) -> Iterator[str]:
        """SQL for the links of rows to those that they are copies of, one for each way in which they may be."""
        if not linked(self.star):
            return
        view, iri = self.build.view(self.star.table), self.record
        if self._has("states"):
            apart = [name for name in APART if self._has(name)]
            yield restating(view, iri, [LENGTHS, *self._all_alike(SAID)], apart)
        kinds = {source.kind for source in self.build.manifest.sources}
        if kinds >= FORMATS and all(self._has(name) for name in ("lesion", "instance", "document")):
            reader = "reader" if self._has("reader") else "CAST(NULL AS VARCHAR)"
            yield converted(view, iri, [*self._all_alike(CONVERTED), *self._unmapped()], reader)

    def _unmapped(self) -> Iterator[str]:
        """SQL for the codes of rows that are of nothing known, which tell them apart."""
        cases = "".join(f" WHEN {name} THEN raw_code" for name in ("variable", "value_concept") if self._has(name))
        if self._has("raw_code"):
            yield f"CASE {quoted(q.UNMAPPED)}{cases} END"

    def _all_alike(self, names: Iterable[str]) -> Iterator[str]:
        """SQL for those of the columns that any row has, as they are compared."""
        return (sql for name in names if (sql := self._alike(name)))

    def _alike(self, name: str) -> str | None:
        """SQL for a column as it is compared; None where no row has it."""
        return ALIKE.get(name, f'"{name}"') if self._has(name) else None

    def _group(self, repeated: Repeated, stated: str, where: str) -> str:
        """The ``stated`` rows of one kind of repetition: which is primary, and whose duplicates the others are."""
        mine = ["collection", "subject", "audience", *self._all_alike(repeated.same)]
        # what one document states twice is two statements, which its copy states twice too
        nth = f"row_number() OVER (PARTITION BY lot, {', '.join(mine)} ORDER BY key)" if repeated.counted else "1"
        rows = f"SELECT *, {nth} AS nth FROM {stated} WHERE {where}"
        # a format that has lost who observed is the copy
        read = "reader IS NULL, " if self._has("reader") else ""
        group = f"PARTITION BY {', '.join(mine)}, nth ORDER BY {read}source_kind, digest, key"
        first = f"row_number() OVER ({group}) = 1"
        if not linked(self.star):
            return f'SELECT * EXCLUDE (nth) REPLACE ({first} AS "primary") FROM ({rows})'
        origin = f"first_value({self.record}) OVER ({group})"
        link = f"CASE WHEN NOT {first} THEN substr({origin}, 2, length({origin}) - 2) END AS duplicate_of"
        return f'SELECT * EXCLUDE (nth) REPLACE ({first} AS "primary"), {link} FROM ({rows})'

    def _has(self, column: str) -> bool:
        return self.build.has(self.star.table, column)
