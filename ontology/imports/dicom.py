"""The codes of DICOM PS3.16 from pydicom's dictionary: scheme DCM, and the SNOMED CT codes that PS3.16 lists."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ontology.imports.base import Concept, Importer, Item, Release, UnreadableError

__all__ = ["DICOM"]

SCHEMES = {
    "dcm": ("DCM", "DICOM controlled terminology (PS3.16)", "codes as DICOM publishes them for use"),
    "sct": ("SCT", "SNOMED CT as DICOM PS3.16 uses it", "for use in DICOM; any other use needs an affiliate licence"),
}


def accepts(path: Path, head: bytes) -> bool:  # noqa: ARG001 - there is no file to look into
    """Whether the word ``dicom`` was given in place of a file."""
    return str(path) == "dicom"


def read(path: Path, vocabulary: str) -> Iterator[Item]:  # noqa: ARG001
    """The codes of a scheme, each once; other wordings of its meaning in other context groups are synonyms."""
    import pydicom  # noqa: PLC0415 - the dictionary takes a moment to load, and only here
    from pydicom.sr._concepts_dict import concepts  # noqa: PLC0415

    if vocabulary not in SCHEMES:
        raise UnreadableError(f"DICOM's dictionary holds {' and '.join(SCHEMES)}, not {vocabulary}")
    scheme, title, licence = SCHEMES[vocabulary]
    yield Release(title, f"pydicom {pydicom.__version__}", None, licence)
    meanings: dict[str, list[str]] = {}
    dictionary: Any = concepts[scheme]
    for by_code in dictionary.values():
        for code, (meaning, _groups) in by_code.items():
            meanings.setdefault(code, []).append(" ".join(meaning.split()))
    for code, texts in sorted(meanings.items()):
        yield Concept(f"{vocabulary}:{code}", texts[0], synonyms=tuple(dict.fromkeys(texts[1:])))


DICOM = Importer("dicom", "DICOM PS3.16 codes, from pydicom's dictionary", accepts, read, vocabulary="dcm")
