"""The shapes, on small graphs, by two engines that have to agree."""

from __future__ import annotations

from importlib.resources import files

import pyrudof
import pyshacl
import pytest
import rdflib

from ontology.prefixes import prefixes
from ontology.variables import variables

SHAPES = files("ontology").joinpath("shapes.ttl").read_text(encoding="utf-8")
HEAD = "\n".join(f"@prefix {prefix}: <{namespace}> ." for prefix, namespace in prefixes().items())
UNITS = "\n".join(f'{item.curie} q:canonicalUnit "{item.unit}" .' for item in variables().values() if item.unit)

IDENTITIES = """
<urn:x:collection> a q:Collection ; q:identifier "demo" ; dcterms:title "Demonstration" ; q:synthetic true .
<urn:x:subject> a q:Subject ; q:identifier "D-01" ; q:collection <urn:x:collection> .
<urn:oid:1.2.3> a q:Study ; q:subject <urn:x:subject> ; q:day 0 .
<urn:oid:1.2.3.4> a q:Series ; q:subject <urn:x:subject> ; q:study <urn:oid:1.2.3> ; q:modality dcm:CT ;
    q:instanceCount 80 .
<urn:x:lesion> a q:Lesion ; q:subject <urn:x:subject> ; q:label "T01" .
<urn:x:reader> a q:Reader ; q:identifier "reader-0001" ; q:role q:CentralReader .
<urn:x:procedure> a q:Procedure ; q:software "Viewer" ; q:automation q:Manual .
<urn:x:source> a q:Source ; q:collection <urn:x:collection> ; q:dataClass q:Clinical ; q:sourceKind "table" ;
    q:identifier "lesions.csv" ; q:digest "DIGEST" ; prov:generatedAtTime "2026-01-01T00:00:00"^^xsd:dateTime .
""".replace("DIGEST", "0" * 64)
FACT = 'q:subject <urn:x:subject> ; prov:wasDerivedFrom <urn:x:source> ; q:locator "R2C9" ; '
OBSERVED = FACT + "q:origin q:Asserted ; q:primary true ; "
MEASUREMENT = f"<urn:x:m> a q:Measurement, q:Observation ; {OBSERVED} q:variable ncit:C96684 ; "
FINDING = f"<urn:x:f> a q:Finding, q:Observation ; {OBSERVED} q:variable ncit:C28421 ; "
RESPONSE = f"<urn:x:r> a q:Response, q:Observation ; {OBSERVED} q:variable ncit:C96613 ; "
OUTCOME = f"<urn:x:o> a q:Outcome, q:Observation ; {OBSERVED} q:variable ncit:C125201 ; "
TREATMENT = f"<urn:x:t> a q:Treatment ; {FACT}"
EVENT = f"<urn:x:e> a q:Event ; {FACT}"

VALID = {
    "identities": IDENTITIES,
    "measurement": MEASUREMENT + 'q:value 42.5 ; q:unit "mm" ; q:day -7 ; q:clock <urn:x:clock> .',
    "measurement as integer": MEASUREMENT + 'q:value 42 ; q:unit "mm" .',
    "measurement as double": MEASUREMENT + 'q:value 4.2e1 ; q:unit "mm" .',
    "too small to measure": MEASUREMENT + 'q:high 5.0 ; q:unit "mm" .',
    "not evaluable": MEASUREMENT + "q:absentReason ncit:C62222 .",
    "measurement without canonical unit": MEASUREMENT.replace("ncit:C96684", "ncit:C28084") + "q:value 7 .",
    "partial date": FINDING + "q:valueConcept ncit:C20197 ; q:dayEarliest 3 ; q:dayLatest 33 ; q:clock <urn:x:clock> .",
    "finding as text": FINDING + 'q:value "male" .',
    "response": RESPONSE + "q:valueConcept ncit:C18213 ; q:criteria ncit:C124415 .",
    "outcome": OUTCOME + 'q:value 365 ; q:unit "d" ; q:event false .',
    "treatment": TREATMENT + "q:agent ncit:C376 ; q:line 1 ; q:startDay 0 ; q:endDay 84 .",
    "regimen only": TREATMENT + 'q:regimen "FOLFOX" .',
    "event": EVENT + "q:kind ncit:C15329 ; q:day 12 ; q:clock <urn:x:clock> .",
}

INVALID = {
    "no digest": IDENTITIES.replace("0" * 64, "0" * 10),
    "data class": IDENTITIES.replace("q:Clinical", "q:Pixels"),
    "study that is no UID": IDENTITIES.replace("<urn:oid:1.2.3> a q:Study", "<urn:x:study> a q:Study"),
    "series of two studies": IDENTITIES + "<urn:oid:1.2.3.4> q:study <urn:oid:1.2.9> .",
    "empty series": IDENTITIES.replace("q:instanceCount 80", "q:instanceCount 0"),
    "subject without identifier": IDENTITIES.replace('q:Subject ; q:identifier "D-01"', "q:Subject"),
    "lesion of two subjects": IDENTITIES + "<urn:x:lesion> q:subject <urn:x:other> .",
    "reader's role": IDENTITIES.replace("q:CentralReader", "ncit:C12468"),
    "automation": IDENTITIES.replace("q:Manual", '"manual"'),
    "collection without name": IDENTITIES.replace('q:identifier "demo" ;', ""),
    "value as text": MEASUREMENT + 'q:value "42" ; q:unit "mm" .',
    "no value": MEASUREMENT + 'q:unit "mm" .',
    "no unit": MEASUREMENT + "q:value 42 .",
    "unit not canonical": MEASUREMENT + 'q:value 4.2 ; q:unit "cm" .',
    "two values": MEASUREMENT + 'q:value 42, 43 ; q:unit "mm" .',
    "two variables": MEASUREMENT + 'q:variable ncit:C25285 ; q:value 42 ; q:unit "mm" .',
    "two sources": MEASUREMENT + 'q:value 42 ; q:unit "mm" ; prov:wasDerivedFrom <urn:x:other> .',
    "no source": MEASUREMENT.replace("prov:wasDerivedFrom <urn:x:source> ;", "") + 'q:value 42 ; q:unit "mm" .',
    "no locator": MEASUREMENT.replace('q:locator "R2C9" ;', "") + 'q:value 42 ; q:unit "mm" .',
    "no subject": MEASUREMENT.replace("q:subject <urn:x:subject> ;", "") + 'q:value 42 ; q:unit "mm" .',
    "one class only": MEASUREMENT.replace(", q:Observation", "") + 'q:value 42 ; q:unit "mm" .',
    "bounds crossed": MEASUREMENT + 'q:low 5 ; q:high 3 ; q:unit "mm" .',
    "day without clock": MEASUREMENT + 'q:value 42 ; q:unit "mm" ; q:day 3 .',
    "day as text": MEASUREMENT + 'q:value 42 ; q:unit "mm" ; q:day "3" ; q:clock <urn:x:clock> .',
    "days crossed": FINDING + "q:valueConcept ncit:C20197 ; q:dayEarliest 33 ; q:dayLatest 3 ; q:clock <urn:x:c> .",
    "certainty": FINDING + "q:valueConcept ncit:C20197 ; q:certainty 1.5 .",
    "finding without result": FINDING + 'q:raw "m" .',
    "origin": FINDING.replace("q:Asserted", "q:Guessed") + "q:valueConcept ncit:C20197 .",
    "response as text": RESPONSE + 'q:value "SD" .',
    "outcome without event": OUTCOME + 'q:value 365 ; q:unit "d" .',
    "event as text": OUTCOME + 'q:value 365 ; q:unit "d" ; q:event "yes" .',
    "negative time": OUTCOME + 'q:value -3 ; q:unit "d" ; q:event true .',
    "treatment of nothing": TREATMENT + "q:startDay 0 .",
    "treatment ends first": TREATMENT + "q:agent ncit:C376 ; q:startDay 84 ; q:endDay 0 .",
    "event of no kind": EVENT + "q:day 12 ; q:clock <urn:x:clock> .",
}


@pytest.fixture(scope="module")
def shapes() -> rdflib.Graph:
    return rdflib.Graph().parse(data=SHAPES)


def by_pyshacl(data: str, shapes: rdflib.Graph) -> bool:
    conforms, _graph, _text = pyshacl.validate(rdflib.Graph().parse(data=data), shacl_graph=shapes)
    return bool(conforms)


def by_pyrudof(data: str) -> bool:
    with pyrudof.Rudof() as engine:
        engine.read_shacl(SHAPES)
        engine.read_data(data)
        return bool(engine.validate_shacl().conforms)


@pytest.mark.parametrize("name", VALID)
def test_whole_records_conform(name: str, shapes: rdflib.Graph) -> None:
    data = "\n".join([HEAD, UNITS, VALID[name]])
    assert by_pyshacl(data, shapes)
    assert by_pyrudof(data)


@pytest.mark.parametrize("name", INVALID)
def test_faulty_records_do_not(name: str, shapes: rdflib.Graph) -> None:
    data = "\n".join([HEAD, UNITS, INVALID[name]])
    assert not by_pyshacl(data, shapes)
    assert not by_pyrudof(data)
