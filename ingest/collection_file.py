"""What an owner says of a collection as a whole: a file ``collection.yaml`` beside its data.

Its fields are those of `ontology.records.CollectionFacts`: title, description, license, doi, cancer_type, synthetic.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path

import yaml

from ingest.base import Context, Source, Yield, sha256_of
from ontology.records import CollectionFacts, DataClass, Reject, SourceRecord

__all__ = ["FILE_NAME", "SOURCE"]

FILE_NAME = "collection.yaml"
KNOWN = {field.name: bool if field.name == "synthetic" else str for field in fields(CollectionFacts)}


def accepts(locator: str) -> bool:
    """Whether a path has the one name that these files have."""
    return Path(locator).name == FILE_NAME


def read(locators: Iterator[str], context: Context) -> Iterator[Yield]:
    """One source for each file; a file with an unknown or ill-typed field is rejected whole."""
    for locator in locators:
        digest = sha256_of(Path(locator))
        facts = _facts(Path(locator))
        if isinstance(facts, Reject):
            yield facts
            continue
        yield SourceRecord(
            kind="collection", name=FILE_NAME, digest=digest, locator=locator, data_class=DataClass.IMAGES
        )
        if not context.known(digest, ""):
            yield facts


def _facts(path: Path) -> CollectionFacts | Reject:
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (yaml.YAMLError, UnicodeDecodeError):
        content = None
    wanted = f"a mapping of {', '.join(KNOWN)}"
    if not isinstance(content, dict):
        return Reject(name=FILE_NAME, place="file", problem="not a YAML mapping", wanted=wanted)
    for name, value in content.items():
        if name not in KNOWN:
            return Reject(name=FILE_NAME, place=str(name), problem="unknown field", wanted=wanted)
        if not isinstance(value, KNOWN[name]):
            right = "true or false" if KNOWN[name] is bool else "text"
            return Reject(name=FILE_NAME, place=str(name), problem="wrong type", wanted=right)
    return CollectionFacts(**content)


SOURCE = Source(
    name="collection",
    accepts=accepts,
    read=read,
    summary="collection.yaml: title, description, license, doi, cancer type of a collection; whether it is synthetic",
)
