"""The codes of served observations as their sources have them, counted: what a steward curates."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import duckdb
import pyarrow as pa

from ontology.fields import STARS
from ontology.terms import q
from store.control import LoggedSource
from store.log import files_by_table
from store.stars import quoted

__all__ = ["RawCode", "raw_codes"]


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
    tables = {star.table for star in STARS if any(item.name == "raw_code" for item in star.fields)}
    with duckdb.connect() as connection:
        connection.execute("SET enable_progress_bar = false")
        connection.register("live", live)
        for table in sorted(table for table in tables if named[table]):
            listed = ", ".join(map(quoted, named[table]))
            scan = f"read_parquet([{listed}], union_by_name = true)"
            columns = {row[0] for row in connection.execute(f"DESCRIBE SELECT * FROM {scan}").fetchall()}
            if "raw_code" not in columns:
                continue
            said = [
                f"coalesce({name} = '{q.UNMAPPED}', false)" for name in ("variable", "value_concept") if name in columns
            ]
            query = (
                f"SELECT raw_code, {' OR '.join(said) or 'false'} AS unmapped, l.collection, l.kind, count(*) "
                f"FROM {scan} r JOIN live l USING (lot) WHERE raw_code IS NOT NULL GROUP BY ALL ORDER BY ALL"
            )
            for row in connection.execute(query).fetchall():
                yield RawCode(*row)
