"""The peers of `benchmarks.annotations`: a plain script with lxml and rdflib that states the same facts of AIM 4.

It knows the few codes of the made-up documents, and does nothing else that Qilin does: no gate, no record log, no
check, no kept document. Run as ``python annotations_peer.py WAY FOLDER STORE``; WAY says how the triples of rdflib come
into the store on disk:

- ``file``: an rdflib graph in memory is written as N-Quads beside the store, and ``pyoxigraph.Store.bulk_load`` loads
  that file: the strongest that we could think of.
- ``documents``: rdflib's own plug-in for the store (``oxrdflib``), with ``addN`` of the triples of each document.
- ``triples``: the same plug-in with ``Graph.add`` of each triple, as its documentation and most scripts do.

It prints the number of triples and the seconds of each step.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import sys
import time
from collections.abc import Callable, Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pyoxigraph as ox
from lxml import etree
from rdflib import RDF, RDFS, XSD, Dataset, Graph, Literal, URIRef

Q = "https://w3id.org/qilin/ns#"
BASE = "https://w3id.org/qilin/id/"
AIM = "{gme://caCORE.caCORE/4.4/edu.northwestern.radiology.AIM}"
NCIT = "http://purl.obolibrary.org/obo/NCIT_"
DCM = "http://dicom.nema.org/resources/ontology/DCM/"
RADLEX = "http://radlex.org/RID/"
DERIVED = URIRef("http://www.w3.org/ns/prov#wasDerivedFrom")
MADE = URIRef("http://www.w3.org/ns/prov#generatedAtTime")
LESION = NCIT + "C96684"

TERMS = {
    ("RID58", "RadLex"): NCIT + "C12392",
    ("RID1301", "RadLex"): NCIT + "C12468",
    ("RID86", "RadLex"): NCIT + "C12432",
    ("RID205", "RadLex"): NCIT + "C12415",
    ("S71", "99EPAD"): NCIT + "C94520",
}
STATISTICS = {
    "R-00317": (DCM + "112181", None),
    "R-404FB": (DCM + "112031", NCIT + "C25570"),
    "G-A437": (DCM + "112031", NCIT + "C25564"),
    "R-10047": (DCM + "112031", NCIT + "C53322"),
}


def q(name: str) -> URIRef:
    """A term of the vocabulary."""
    return URIRef(Q + name)


def node(*parts: str) -> URIRef:
    """A minted node."""
    return URIRef(BASE + "/".join(quote(part, safe="") for part in parts))


def uid(text: str) -> URIRef:
    """The node of a DICOM UID."""
    return URIRef("urn:oid:" + text)


def triplet(element: Any) -> str:
    """A code as found."""
    return f"{element.get('code')}|{element.get('codeSystemName')}|{element[0].get('value')}"


def value(element: Any, path: str, name: str = "value") -> str:
    """What an element at a path holds."""
    return str(element.find(path.replace("/", "/" + AIM).join((AIM, ""))).get(name))


Triple = tuple[URIRef, URIRef, URIRef | Literal]


class Document:
    """One document being stated."""

    def __init__(self, add: Callable[[Triple], object], path: Path) -> None:
        self.add = add
        content = path.read_bytes()
        root = etree.fromstring(content)
        self.digest = hashlib.sha256(content).hexdigest()
        self.source = node("source", "bench", self.digest[:16])
        self.annotation = root.find(f"{AIM}imageAnnotations/{AIM}ImageAnnotation")
        self.person = value(root, "person/id")
        user = hashlib.sha256(value(root, "user/name").encode()).hexdigest()[:8]
        self.reader_key = f"reader-{user}"
        self.root, self.name = root, path.name
        self.dated: list[URIRef] = []

    def say(self, about: URIRef, /, **said: URIRef | Literal | str | int | bool | None) -> None:
        """State what is not None."""
        for name, what in said.items():
            if what is not None:
                self.add((about, q(name), what if isinstance(what, URIRef | Literal) else Literal(what)))

    def record(self, place: str) -> URIRef:
        """The node of a record."""
        return node("record", "bench", self.digest[:16], place)

    def nodes(self) -> None:
        """What the facts are about."""
        model, version = (
            value(self.root, "equipment/manufacturerModelName"),
            value(self.root, "equipment/softwareVersion"),
        )
        image = self.annotation.find(f"{AIM}imageReferenceEntityCollection/{AIM}ImageReferenceEntity/{AIM}imageStudy")
        study = value(image, "instanceUid", "root")
        series = value(image, "imageSeries/instanceUid", "root")
        self.date = dt.date.fromisoformat(value(image, "startDate")[:8])
        instance = value(image, "imageSeries/imageCollection/Image/sopInstanceUid", "root")
        anatomy = self.annotation.find(f"{AIM}imagingPhysicalEntityCollection/{AIM}ImagingPhysicalEntity/{AIM}typeCode")
        self.site = TERMS[anatomy.get("code"), anatomy.get("codeSystemName")]
        self.label = value(self.annotation, "name").split("~")[0]
        self.document = value(self.annotation, "uniqueIdentifier", "root")
        self.markup = self.annotation.find(f"{AIM}markupEntityCollection/{AIM}MarkupEntity")
        self.subject = node("subject", "bench", self.person)
        self.reader = node("reader", "bench", self.reader_key)
        self.procedure = node(
            "procedure", "bench", "aim-" + hashlib.sha256(f"{model}{version}".encode()).hexdigest()[:16]
        )
        lesion = f"{self.reader_key}.{self.label.lower()}.{self.site.rpartition('_')[2].lower()}"
        self.lesion = node("lesion", "bench", self.person, lesion)
        self.region = node("region", "bench", self.person, value(self.markup, "uniqueIdentifier", "root"))
        self.study, self.series, self.instance = uid(study), uid(series), uid(instance)
        types = {
            self.subject: "Subject",
            self.reader: "Reader",
            self.procedure: "Procedure",
            self.lesion: "Lesion",
            self.region: "Region",
            self.study: "Study",
            self.series: "Series",
            self.instance: "Instance",
            self.source: "Source",
        }
        for about, kind in types.items():
            self.add((about, RDF.type, q(kind)))
        collection = node("collection", "bench")
        self.say(self.subject, identifier=self.person, collection=collection)
        self.say(self.reader, identifier=self.reader_key)
        self.say(self.procedure, software=model, version=version)
        self.say(self.lesion, subject=self.subject, label=self.label)
        self.say(self.region, subject=self.subject)
        self.say(self.study, subject=self.subject)
        self.say(self.series, subject=self.subject, study=self.study)
        self.say(self.instance, subject=self.subject, series=self.series)
        self.say(
            self.source,
            collection=collection,
            dataClass=q("ImageMetadata"),
            digest=self.digest,
            identifier=self.name,
            sourceKind="aim",
        )
        now = dt.datetime.now(dt.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        self.add((self.source, MADE, Literal(now, datatype=XSD.dateTime)))

    def fact(self, place: str, *classes: str) -> URIRef:
        """A record with what every one of them says."""
        about = self.record(place)
        for name in classes:
            self.add((about, RDF.type, q(name)))
        self.add((about, DERIVED, self.source))
        self.say(
            about, subject=self.subject, about=self.lesion, reader=self.reader, site=URIRef(self.site), locator=place
        )
        return about

    def observed(self, place: str, kind: str) -> URIRef:
        """An observation with what all of the annotation share."""
        about = self.fact(place, kind, "Observation")
        self.dated.append(about)
        self.say(
            about,
            document=self.document,
            instance=self.instance,
            origin=q("Asserted"),
            primary=True,
            region=self.region,
            series=self.series,
            study=self.study,
            visitLabel="Follow-up",
        )
        return about

    def found(self, place: str, element: Any, variable: str, part_of: str | None = None) -> None:
        """A statement."""
        code = element if element.tag == f"{AIM}typeCode" else element.find(f"{AIM}typeCode")
        term = TERMS.get((str(code.get("code")), str(code.get("codeSystemName"))), Q + "Unmapped")
        self.say(
            self.observed(place, "Finding"),
            variable=URIRef(variable),
            valueConcept=URIRef(term),
            rawCode=triplet(code),
            partOf=self.record(part_of) if part_of else None,
        )

    def identity(self) -> None:
        """Which lesion it is."""
        about = self.fact("ImageAnnotation[1]/lesion", "LesionIdentity")
        self.say(about, identityRule=q("ByNameWithinReader"), label=self.label)

    def shape(self) -> None:
        """The region, in summary."""
        about = self.fact("ImageAnnotation[1]/MarkupEntity[1]/region", "RegionDescription")
        self.dated.append(about)
        points = list(self.markup.iter(f"{AIM}TwoDimensionSpatialCoordinate"))
        sides = [[Decimal(value(point, axis)).quantize(Decimal("0.001")) for point in points] for axis in "xy"]
        self.say(
            about,
            boxUnit="{pixel}",
            contourCount=1,
            document=self.document,
            instance=self.instance,
            instanceCount=1,
            label=self.label,
            pointCount=len(points),
            primary=True,
            region=self.region,
            regionNumber=1,
            series=self.series,
            shape=q("PointsShape"),
            sliceCount=1,
            study=self.study,
            xLow=Literal(min(sides[0])),
            xHigh=Literal(max(sides[0])),
            yLow=Literal(min(sides[1])),
            yHigh=Literal(max(sides[1])),
        )

    def measurements(self) -> None:
        """The numbers."""
        for at, held in enumerate(self.annotation.iter(f"{AIM}CalculationEntity"), 1):
            codes = held.findall(f"{AIM}typeCode")
            length = codes[0].get("code") == "G-D7FE"
            result = held.find(f"{AIM}calculationResultCollection/{AIM}CalculationResult")
            text, unit = (
                value(result, "calculationDataCollection/CalculationData/value"),
                value(result, "unitOfMeasure"),
            )
            variable, statistic = (LESION, None) if length else STATISTICS[str(codes[1].get("code"))]
            self.say(
                self.observed(f"ImageAnnotation[1]/CalculationEntity[{at}]/CalculationData[1]", "Measurement"),
                procedure=self.procedure,
                variable=URIRef(variable),
                statistic=URIRef(statistic) if statistic else None,
                value=Literal(Decimal(text) * 10 if length else Decimal(text)),
                unit="mm" if length else unit,
                raw=f"{text} {unit}",
                rawCode=" + ".join(map(triplet, codes)),
            )

    def findings(self) -> None:
        """The statements."""
        self.found("ImageAnnotation[1]/typeCode[1]", self.annotation.find(f"{AIM}typeCode"), RADLEX + "RID5")
        for at, held in enumerate(self.annotation.iter(f"{AIM}ImagingPhysicalEntity"), 1):
            self.found(f"ImageAnnotation[1]/ImagingPhysicalEntity[{at}]", held, RADLEX + "RID3")
        for at, held in enumerate(self.annotation.iter(f"{AIM}ImagingObservationEntity"), 1):
            place = f"ImageAnnotation[1]/ImagingObservationEntity[{at}]"
            self.found(place, held, RADLEX + "RID5")
            for below, part in enumerate(held.iter(f"{AIM}ImagingObservationCharacteristic"), 1):
                self.found(f"{place}/ImagingObservationCharacteristic[{below}]", part, NCIT + "C94523", place)


CLOCK = node("clock", "bench", "calendar", "first-reading")


def days(documents: list[tuple[str, dt.date, list[URIRef]]]) -> Iterator[Triple]:
    """The day of every observation and region, counted from the first of its subject, and the clock it is on."""
    first: dict[str, dt.date] = {}
    for person, date, _ in documents:
        first[person] = min(date, first.get(person, date))
    for person, date, records in documents:
        day = Literal((date - first[person]).days)
        for about in records:
            yield about, q("day"), day
            yield about, q("clock"), CLOCK
    yield CLOCK, RDF.type, q("Clock")
    yield CLOCK, q("anchor"), q("FirstReadingAnchor")
    yield CLOCK, q("collection"), node("collection", "bench")
    yield CLOCK, RDFS.label, Literal("days from first reading (calendar)")


def collection() -> Iterator[Triple]:
    """What is said of the collection."""
    yield node("collection", "bench"), RDF.type, q("Collection")
    yield node("collection", "bench"), q("identifier"), Literal("bench")


def stated(folder: Path, add: Callable[[Triple], object], ended: Callable[[], object]) -> None:
    """State every document of a folder; ``ended`` is called after each, and at the end."""
    dated = []
    for path in sorted(folder.iterdir()):
        document = Document(add, path)
        for part in (document.nodes, document.identity, document.shape, document.measurements, document.findings):
            part()
        dated.append((document.person, document.date, document.dated))
        ended()
    for triple in (*collection(), *days(dated)):
        add(triple)
    ended()


GRAPH = node("graph", "collection:bench")


def by_file(folder: Path, store: Path) -> Iterator[float]:
    """A graph in memory, a file, and the loader of the store; the seconds of each."""
    dataset, quads = Dataset(), store.with_suffix(".nq")
    graph = dataset.graph(GRAPH)
    yield timed(lambda: stated(folder, graph.add, lambda: None))
    yield timed(lambda: dataset.serialize(str(quads), format="nquads"))
    target = ox.Store(str(store))
    yield timed(lambda: target.bulk_load(path=str(quads), format=ox.RdfFormat.N_QUADS, lenient=True))


def by_documents(folder: Path, store: Path) -> Iterator[float]:
    """rdflib's plug-in for the store, the triples of a document at a time."""
    graph = _opened(store)
    held: list[Triple] = []

    def ended() -> None:
        graph.addN([(*triple, graph) for triple in held])
        held.clear()

    yield timed(lambda: stated(folder, held.append, ended))
    graph.store.close()


def by_triples(folder: Path, store: Path) -> Iterator[float]:
    """rdflib's plug-in for the store, triple by triple."""
    graph = _opened(store)
    yield timed(lambda: stated(folder, graph.add, lambda: None))
    graph.store.close()


def _opened(store: Path) -> Graph:
    dataset = Dataset(store="Oxigraph")
    dataset.open(str(store), create=True)
    return dataset.graph(GRAPH)


WAYS = {"file": by_file, "documents": by_documents, "triples": by_triples}


def timed(step: Callable[[], object]) -> float:
    """The seconds of a step."""
    started = time.perf_counter()
    step()
    return time.perf_counter() - started


def main() -> None:
    """State, write, load."""
    way, folder, store = sys.argv[1], *map(Path, sys.argv[2:4])
    seconds = list(WAYS[way](folder, store))
    print(len(ox.Store.read_only(str(store))), *seconds)


if __name__ == "__main__":
    main()
