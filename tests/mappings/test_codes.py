"""The code mappings: sound as SSSOM, sorted, without contradiction, and every object a term that we ship."""

from __future__ import annotations

import csv
import re
from collections import Counter
from importlib.resources import files
from pathlib import Path

import pytest
import sssom_pydantic
from pydicom.sr._concepts_dict import concepts
from pydicom.sr._snomed_dict import mapping as snomed

from mappings import codes
from ontology import generate
from ontology.generate import VOCABULARIES, bundled
from ontology.prefixes import compact, prefixes
from ontology.terms import dcm, ncit, q, radlex
from ontology.variables import canonical

FOLDER = Path(codes.__file__).with_name("codes")
SETS = sorted(FOLDER.glob("*.sssom.tsv"))
LABELS = {f"{name}:{row['code']}": row["label"] for name in VOCABULARIES for row in bundled(name)}
VOCABULARY = Path(generate.__file__).with_name("qilin.ttl")
OWN = {
    f"q:{name}": label
    for name, label in re.findall(
        r'^q:(\w+) a .*?rdfs:label "([^"]+)"', VOCABULARY.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE
    )
}
CODES = codes.bundled()


def rows(path: Path) -> list[dict[str, str]]:
    lines = [line for line in path.read_text(encoding="utf-8").splitlines() if not line.startswith("#")]
    return list(csv.DictReader(lines, delimiter="\t", quoting=csv.QUOTE_NONE))


@pytest.mark.parametrize("path", SETS, ids=lambda path: path.name)
def test_a_set_is_sound_sssom(path: Path) -> None:
    loaded = sssom_pydantic.read(path)
    assert len(loaded.mappings) == len(rows(path))
    assert str(loaded.mapping_set.id).endswith(path.name)
    assert {mapping.justification.curie for mapping in loaded.mappings} == {"semapv:ManualMappingCuration"}


@pytest.mark.parametrize("path", SETS, ids=lambda path: path.name)
def test_a_set_is_sorted_and_its_prefixes_are_ours(path: Path) -> None:
    keys = [(row["subject_id"], row["subject_label"], row["object_id"]) for row in rows(path)]
    assert keys == sorted(keys)
    head = re.findall(r"^#  (\w+): (\S+)$", path.read_text(encoding="utf-8"), re.MULTILINE)
    for prefix, namespace in head:
        assert prefixes().get(prefix, namespace) == namespace
    used = {row[name].partition(":")[0] for row in rows(path) for name in ("subject_id", "object_id", "predicate_id")}
    assert used | {"semapv"} == {prefix for prefix, _ in head}


def test_every_object_is_a_term_that_we_ship_with_that_label() -> None:
    wrong = [row.place for row in codes.mappings() if {**LABELS, **OWN}.get(row.term) != row.label]
    assert not wrong
    assert codes.mappings()


def test_no_two_rows_contradict_each_other() -> None:
    repeated = Counter((row.subject, row.facet) for row in codes.mappings())
    assert not [subject for subject, count in repeated.items() if count > 1]
    terms: dict[tuple[str, str], set[str]] = {}
    for row in codes.mappings():
        terms.setdefault((row.subject, row.facet), set()).add(row.term)
    assert not {subject for subject, objects in terms.items() if len(objects) > 1}


def test_snomed_codes_and_labels_are_those_of_dicom() -> None:
    labels = {code: label for group in concepts["SCT"].values() for code, (label, _) in group.items()}
    for row in codes.mappings():
        scheme, _, code = row.subject.partition(":")
        if scheme == "sct":
            assert row.subject_label.casefold().split()[0] in labels[code].casefold(), row.place
            assert CODES.canonical(code, "SCT") == row.term
    twins = {row.subject: row.term for row in codes.mappings()}
    paired = {srt: sct for srt, sct in snomed["SRT"].items() if f"srt:{srt}" in twins}
    assert len(paired) > 40
    own = {srt for srt, sct in paired.items() if twins[f"srt:{srt}"] != twins.get(f"sct:{sct}", f"sct:{sct}")}
    assert own == set()


@pytest.mark.parametrize(
    ("triplet", "term"),
    [
        (("G-A22A", "SRT", "Length"), ncit.LENGTH),
        (("G-A185", "SRT", "LongAxis"), ncit.LONGEST_DIAMETER),
        (("103340004", "SCT", "Short axis"), ncit.LONGEST_PERPENDICULAR),
        (("G-D705", "SRT", ""), ncit.VOLUME),
        (("C12971", "NCIT", "Breast"), ncit.BREAST),
        (("C96684", "NCI", "LDIAM"), ncit.LONGEST_DIAMETER),
        (("RID58", "RADREX", "liver"), ncit.LIVER),
        (("RID34304", "RADLEX", "Homogeneous"), radlex.HOMOGENEOUS_MASS_ENHANCEMENT),
        (("112031", "DCM", "Attenuation Coefficient"), dcm.ATTENUATION_COEFFICIENT),
        (("REX0001", "RADLEX", "LUNG"), ncit.LUNG),
        (("S71", "99EPAD", "target"), ncit.TARGET_LESION_IDENTIFICATION),
        (("S90", "99EPAD", "FU Number (0=Baseline)"), q.VISIT),
        (("KIRC-33", "99NCI_CIP", "indeterminate"), ncit.INDETERMINATE),
    ],
)
def test_a_triplet_means_its_term(triplet: tuple[str, str, str], term: str) -> None:
    assert CODES.canonical(*triplet) == term


@pytest.mark.parametrize(
    "triplet",
    [
        ("C12971", "NCIT", "Left kidney"),  # the meaning contradicts the code
        ("S71", "99EPAD", "Finding"),  # a private code with another meaning
        ("REX4010", "RADREX", "LIDC Soft Tissue"),  # one code, two meanings in one series
        ("85", "VASARI", "Eloquent Brain"),
        ("C12971", "unheard-of", "Breast"),
        ("", "SRT", "Length"),
        ("G-X999", "SRT", "Shininess"),
    ],
)
def test_what_is_not_sure_means_nothing(triplet: tuple[str, str, str]) -> None:
    assert CODES.canonical(*triplet) is None


def test_scheme_spellings_are_sorted_and_one_each() -> None:
    with (FOLDER / "schemes.tsv").open(encoding="utf-8") as table:
        spellings = [row["spelling"] for row in csv.DictReader(table, delimiter="\t")]
    assert spellings == sorted(spellings, key=str.casefold)
    assert len(spellings) == len(set(spellings))
    names = {spelling: codes.scheme_of(spelling) for spelling in ("NCI", "NCIt", "NCIT", "NCIm", "nci")}
    assert {scheme.name for scheme in names.values() if scheme} == {"ncit"}
    assert codes.scheme_of("RID1338", "1.0") == codes.scheme_of("RadLex")


def test_codes_of_one_quantity_lead_to_one_variable() -> None:
    triplets = [("G-A185", "SRT"), ("103339001", "SCT"), ("C96684", "NCIt")]
    terms = [CODES.canonical(*triplet) for triplet in triplets]
    assert {found.label for term in terms if term and (found := canonical(term))} == {"Longest Diameter"}


def test_a_document_depends_on_the_codes_that_it_asked_for_and_on_no_others() -> None:
    assert re.fullmatch("[0-9a-f]{64}", CODES.digest)
    asked: set[bytes] = set()
    noting = CODES.noting(asked.add)
    assert noting.canonical("G-A22A", "SRT", "Length") == ncit.LENGTH
    assert noting.canonical("x", "99ANY", "unknown to all") is None
    assert asked == {codes.key_of("srt:G-A22A"), codes.key_of("x99any:x")}
    other = codes.Codes(row for row in codes.mappings() if row.subject != "srt:G-A185")
    without = codes.Codes(row for row in codes.mappings() if row.subject != "srt:G-A22A")
    assert other.digest_of(asked) == CODES.digest_of(asked) != without.digest_of(asked)
    assert without.canonical("G-A22A", "SRT", "Length") is None


def test_the_files_are_where_they_are_looked_for() -> None:
    assert files("mappings").joinpath("codes", "srt.sssom.tsv").is_file()
    assert compact("http://purl.obolibrary.org/obo/NCIT_C25334") == CODES.canonical("G-A22A", "SRT")
