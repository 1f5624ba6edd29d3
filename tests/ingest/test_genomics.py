"""Mutation tables and expression matrices through the table engine: ready maps, layouts, and what stays out."""

from __future__ import annotations

import itertools
import tracemalloc
from collections.abc import Iterator
from pathlib import Path

import pytest
from pydantic import ValidationError

from ingest.base import Context, Yield
from ingest.table import reader as table
from ingest.table.file import TableFile
from mappings.shape import Part, Subject
from mappings.tables import table_map
from ontology.generate import bundled
from ontology.records import Finding, Measurement, Reject, SourceRecord
from ontology.terms import ncit, q

CONTEXT = Context(collection="trial")
MAF = """\
#version 2.4
#annotation.spec gdc-2.0.0
Hugo_Symbol\tEntrez_Gene_Id\tVariant_Classification\tTumor_Sample_Barcode\tHGVSp_Short
TP53\t7157\tMissense_Mutation\tTCGA-05-4384-01A-01D-1753-08\tp.R175H
KRAS\t3845\tMissense_Mutation\tTCGA-05-4384-01A-01D-1753-08\tp.G12D
ERBB2\t2064\tIn_Frame_Ins\tTCGA-05-4390-01A-02D-1753-08\tp.Y772_A775dup
TTN\t7273\tSilent\tTCGA-05-4390-01A-02D-1753-08\tp.V1V
RPL5\t6125\tSplice_Region\tTCGA-05-4390-01A-02D-1753-08\t
EGFR\t1956\tMissense_Mutation\tsample-9\tp.L858R
PTEN\t5728\tUnheard_of\tTCGA-05-4390-01A-02D-1753-08\t
BRAF\t673\tMissense_Mutation\tTCGA-05-4390-01A-02D-1753-08\tJohn Doe, 555-867-5309
"""


def read(path: Path, mapping: str | None = None) -> list[Yield]:
    return list(table.read(iter([str(path)]), Context(collection="trial", mapping=mapping)))


def written(folder: Path, name: str, text: str) -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


@pytest.mark.parametrize("name", ["TCGA.LUAD.maf", "data_mutations.txt", "mutations.tsv"])
def test_a_mutation_table_is_a_finding_for_each_gene_and_variant(tmp_path: Path, name: str) -> None:
    path = written(tmp_path, name, MAF)
    assert table.SOURCE.accepts(str(path))
    found = read(path)
    findings = [item for item in found if isinstance(item, Finding)]
    assert [(item.key, item.subject, item.variable, item.value_concept, item.raw) for item in findings] == [
        ("R4C3", "TCGA-05-4384", ncit.TP53_GENE, ncit.MISSENSE_MUTATION, "Missense_Mutation p.R175H"),
        ("R5C3", "TCGA-05-4384", ncit.KRAS_GENE_MUTATION, ncit.MISSENSE_MUTATION, "Missense_Mutation p.G12D"),
        ("R6C3", "TCGA-05-4390", ncit.ERBB2_GENE_MUTATION, ncit.INSERTION_MUTATION, "In_Frame_Ins p.Y772_A775dup"),
        ("R7C3", "TCGA-05-4390", q.UNMAPPED, ncit.SILENT_MUTATION, "Silent p.V1V"),
        ("R8C3", "TCGA-05-4390", q.UNMAPPED, q.UNMAPPED, "Splice_Region"),
        ("R11C3", "TCGA-05-4390", ncit.BRAF_GENE_MUTATION, ncit.MISSENSE_MUTATION, "Missense_Mutation"),
    ]
    assert [item.raw_code for item in findings] == [None, None, None, "TTN", "RPL5", None]
    rejects = {item.place: item.problem for item in found if isinstance(item, Reject)}
    assert rejects == {
        "R9C4": "a subject of another form",
        "R10C3": "value without a decision",
        "R11C5": "not of the expected form",
    }
    assert "Doe" not in repr(found)


@pytest.mark.parametrize("name", ["AAChange", "Amino_Acid_Change", "Protein_Change"])
def test_the_protein_change_has_another_name_with_other_tools(tmp_path: Path, name: str) -> None:
    table_of = f"""\
Hugo_Symbol\tVariant_Classification\tTumor_Sample_Barcode\t{name}
DNMT3A\tMissense_Mutation\tTCGA-AB-2802\tp.R882C
NPM1\tFrame_Shift_Ins\tTCGA-AB-2802\tp.I268fs
LOC728211\tRNA\tTCGA-AB-2802\tNULL
"""
    found = read(written(tmp_path, "laml.maf", table_of))
    assert [item.raw for item in found if isinstance(item, Finding)] == [
        "Missense_Mutation p.R882C",
        "Frame_Shift_Ins p.I268fs",
        "RNA",
    ]
    assert not [item for item in found if isinstance(item, Reject)]


def test_of_several_names_the_first_that_the_file_has_counts(tmp_path: Path) -> None:
    text = MAF.replace("HGVSp_Short", "HGVSp_Short\tAAChange").replace("p.G12D", "p.G12D\tp.A1V")
    found = read(written(tmp_path, "two.maf", text))
    assert "Missense_Mutation p.G12D" in {item.raw for item in found if isinstance(item, Finding)}


def test_samples_that_are_no_barcodes_are_subjects_where_the_map_says_so(tmp_path: Path) -> None:
    found = read(written(tmp_path, "mine.maf", MAF), mapping="maf_samples")
    assert [item.variable for item in found if isinstance(item, Finding) and item.subject == "sample-9"] == [
        ncit.EGFR_GENE_MUTATION
    ]


def test_genes_are_those_that_their_terms_name() -> None:
    labels = {f"ncit:{row['code']}": row["label"] for row in bundled("ncit")}
    for name in ("maf", "cbioportal_mrna_rsem"):
        decided = table_map(name).decisions.values("Hugo_Symbol")
        assert len(decided) > 125
        for symbol, term in decided.items():
            assert term is not None
            assert labels[term] in {f"{symbol} Gene", f"{symbol} Gene Mutation"}


EXPRESSION = "Hugo_Symbol\tEntrez_Gene_Id\tTCGA-05-4384-01\tTCGA-05-4390-01\tTCGA-05-4390-11\n"


def test_a_matrix_gives_the_cells_of_listed_genes_alone(tmp_path: Path) -> None:
    text = EXPRESSION + "TP53\t7157\t1010.5\tNA\t7\nTTN\t7273\t1\t2\t3\nEGFR\t1956\t12\t0.5\tmany\n"
    found = read(written(tmp_path, "data_mrna_seq_v2_rsem.txt", text))
    measured = [item for item in found if isinstance(item, Measurement)]
    assert [(item.key, item.subject, item.variable, str(item.value), item.unit) for item in measured] == [
        ("R2C3", "TCGA-05-4384", ncit.TP53_GENE, "1010.5", "{RSEM}"),
        ("R4C3", "TCGA-05-4384", ncit.EGFR_GENE, "12", "{RSEM}"),
        ("R4C4", "TCGA-05-4390", ncit.EGFR_GENE, "0.5", "{RSEM}"),
    ]
    assert {item.method for item in measured} == {ncit.GENE_EXPRESSION_ANALYSIS}
    assert [(item.place, item.problem) for item in found if isinstance(item, Reject)] == [
        ("R2C5, R4C5", "a subject of another form")
    ]


def test_samples_may_stand_in_rows_and_genes_in_columns(tmp_path: Path) -> None:
    folder = tmp_path / "turned"
    folder.mkdir()
    written(
        folder,
        "map.yaml",
        "name: turned\ntitle: Samples in rows\norientation: matrix\nheader_row: 2\nlabels: [sample]\n"
        "only_decided: column\nsubject: sample\nlast_row: 4\ncolumns:\n"
        '  cell: {record: measurement, variable: {column: column, as_written: true}, unit: "{TPM}"}\n',
    )
    sssom = Path(str(table_map("cbioportal_mrna_rsem").decisions.path)).read_text(encoding="utf-8")
    written(folder, "mapping.sssom.tsv", sssom.replace("value:Hugo_Symbol/", "value:column/"))
    text = "Expression of trial X,,\nsample,TP53,TTN,KRAS\ns1,1.5,9,2.5\ns2,,9,3\ns3,4,4,4\n"
    found = read(written(tmp_path, "expression.csv", text), mapping=str(folder))
    assert [
        (item.key, item.subject, item.variable, str(item.value)) for item in found if isinstance(item, Measurement)
    ] == [
        ("R3C2", "s1", ncit.TP53_GENE, "1.5"),
        ("R3C4", "s1", ncit.KRAS_GENE, "2.5"),
        ("R4C4", "s2", ncit.KRAS_GENE, "3"),
    ]


def test_a_matrix_streams(tmp_path: Path) -> None:
    samples = [f"TCGA-05-{number:04d}-01" for number in range(200)]
    path = tmp_path / "data_mrna_seq_v2_rsem.txt"

    def lines() -> Iterator[str]:
        yield "\t".join(["Hugo_Symbol", "Entrez_Gene_Id", *samples]) + "\n"
        cells = "\t".join(["3.25"] * len(samples))
        yield from (f"GENE{number}\t{number}\t{cells}\n" for number in range(3000))
        yield f"TP53\t7157\t{cells}\n"

    with path.open("w", encoding="utf-8") as handle:
        handle.writelines(lines())
    read(path)  # what is loaded once is not the table's
    tracemalloc.start()
    items = table.read(iter([str(path)]), CONTEXT)
    count = sum(isinstance(item, Measurement) for item in items)
    _now, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert count == 200
    assert peak < 6_000_000, "600,000 cells as texts would be some 30 MB"


def test_comments_before_the_header_are_not_counted_and_those_below_are_rows(tmp_path: Path) -> None:
    part = Part.model_validate({"subject": "id", "comment": "#", "columns": {"x": {"record": "finding"}}})
    file = TableFile(written(tmp_path, "a.csv", "# one\n# two, with a comma\nid,x\n1,a\n#2,b\n"))
    assert file.headers(part) == ("id", "x")
    assert list(file.numbered(part)) == [(4, ["1", "a"]), (5, ["#2", "b"])]


def test_a_subject_is_found_within_its_cell() -> None:
    subject = Subject(column="sample", find="TCGA-[A-Z0-9]{2}-[A-Z0-9]{4}", prefix="X-")
    assert [subject.identifier(cell) for cell in ("TCGA-05-4384-01A", "normal", "")] == ["X-TCGA-05-4384", "", ""]
    with pytest.raises(ValidationError, match="no regular expression"):
        Subject(column="sample", find="(")


def test_the_heads_of_one_file_are_those_of_each_map(tmp_path: Path) -> None:
    """Maps are tried in turn on one file; what one sees of its head is not what another sees."""
    file = TableFile(written(tmp_path, "a.csv", "# c\nid,x\n1,a\n"))
    columns = {"x": {"record": "finding"}}
    plain = Part.model_validate({"subject": "id", "columns": columns})
    marked = Part.model_validate({"subject": "id", "comment": "#", "columns": columns})
    matrix = Part.model_validate(
        {"subject": "id", "comment": "#", "orientation": "matrix", "labels": ["id"], "columns": columns}
    )
    seen = [file.headers(part) for part in itertools.chain((plain, marked, matrix), (marked, plain))]
    assert seen == [("# c",), ("id", "x"), ("id", "column", "cell"), ("id", "x"), ("# c",)]


def test_a_source_names_its_map(tmp_path: Path) -> None:
    heads = [item for item in read(written(tmp_path, "x.maf", MAF)) if isinstance(item, SourceRecord)]
    assert [head.recipe.split("@")[0] for head in heads] == ["maf"]
