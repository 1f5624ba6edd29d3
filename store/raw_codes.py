"""The codes of served observations and regions as their sources have them, counted: what a steward curates."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import duckdb
import pyarrow as pa

from ontology.fields import STARS
from ontology.terms import q
from store.control import LoggedSource
from store.log import files_by_table
from store.stars import quoted

__all__ = ["RawCode", "raw_codes"]


CODED: Final[dict[str, tuple[str, ...]]] = {
    "category_code": ("category",),
    "kind_code": ("kind",),
    "raw_code": ("variable", "value_concept"),
    "site_code": ("site",),
}
"""The fields that hold codes as found, of observations and of regions, and those of what they mean."""


@dataclass(frozen=True, slots=True)
class RawCode:
    """A raw code (one triplet, or several) with the number of records that have it."""

    text: str
    unmapped: bool
    """Whether variable or value of these records is ``q:Unmapped``."""
    collection: str
    kind: str
    records: int


def raw_codes(log: Path, sources: Iterable[LoggedSource]) -> Iterator[RawCode]:
    """Every raw code of the sources, by collection and kind of source."""
    sources = list(sources)
    live = pa.table(
        {
            "lot": pa.array([source.lot for source in sources], pa.int64()),
            "collection": pa.array([source.collection for source in sources], pa.string()),
            "kind": pa.array([source.kind for source in sources], pa.string()),
        }
    )
    named = files_by_table(log, {name for source in sources for name in source.files})
    with duckdb.connect() as connection:
        connection.execute("SET enable_progress_bar = false")
        connection.register("live", live)
        for table, name, stated in _coded():
            if not named[table]:
                continue
            listed = ", ".join(map(quoted, named[table]))
            scan = f"read_parquet([{listed}], union_by_name = true)"
            columns = {row[0] for row in connection.execute(f"DESCRIBE SELECT * FROM {scan}").fetchall()}
            if name not in columns:
                continue
            said = [f"coalesce(r.{concept} = '{q.UNMAPPED}', false)" for concept in stated if concept in columns]
            query = (
                f"SELECT r.{name}, {' OR '.join(said) or 'false'} AS unmapped, l.collection, l.kind, count(*) "
                f"FROM {scan} r JOIN live l USING (lot) WHERE r.{name} IS NOT NULL GROUP BY ALL ORDER BY ALL"
            )
            for row in connection.execute(query).fetchall():
                yield RawCode(*row)


def _coded() -> Iterator[tuple[str, str, tuple[str, ...]]]:
    """The tables of the log that have raw codes: table, column, and the columns of what the code means."""
    for star in sorted(STARS, key=lambda star: star.table):
        have = {item.name for item in star.fields}
        for name, stated in CODED.items():
            if name in have:
                yield star.table, name, stated
