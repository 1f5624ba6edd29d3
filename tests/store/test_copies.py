"""The UID of a record is the same in SQL as in Python, whatever its key is."""

from __future__ import annotations

import duckdb
from hypothesis import given
from hypothesis import strategies as st

from ontology.record_uids import record_uid
from store.copies import RECORD_UID

DIGESTS = st.text("0123456789abcdef", min_size=64, max_size=64)
KEYS = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), min_size=1)


@given(digest=DIGESTS, key=KEYS)
def test_the_uid_of_a_record_is_the_same_in_sql(digest: str, key: str) -> None:
    found = duckdb.execute(f"SELECT {RECORD_UID} FROM (SELECT ? AS digest, ? AS key)", [digest, key]).fetchone()
    assert found == (record_uid(digest, key),)
