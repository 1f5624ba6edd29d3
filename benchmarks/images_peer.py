"""The peer of `benchmarks.images`: a plain script with pydicom and rdflib that states the attributes of images.

It has no gate, record log, check or concept. Run as ``python images_peer.py FOLDER QUADS STORE WAY``: ``images``
states every attribute of every image, ``series`` the distinct values of each series; it adds to an rdflib graph, writes
that as N-Quads, loads it with ``pyoxigraph.Store.bulk_load`` and prints the number of triples.
"""

from __future__ import annotations

import hashlib
import sys
import warnings
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import pydicom
import pyoxigraph as ox
from pydicom.dataset import Dataset as Header
from rdflib import RDF, Dataset, Graph, Literal, URIRef

from ontology.fields import dicom_attributes

WAYS = ("images", "series")
Q = "https://w3id.org/qilin/ns#"
DICOM = "https://w3id.org/qilin/dicom#"
GRAPH = URIRef("https://w3id.org/qilin/id/graph/bench")
NESTED = ("RadiopharmaceuticalInformationSequence", "EnergyWindowRangeSequence")
KEYWORDS = tuple(sorted(dicom_attributes()))

Said = Iterator[tuple[URIRef, str]]


def uid(text: str) -> URIRef:
    """The node of a DICOM UID."""
    return URIRef(f"urn:oid:{text}")


def said_in(header: Header) -> Said:
    """The attributes of a header that Qilin states too, by predicate and text."""
    places = [header, *(item for name in NESTED for item in header.get(name, ()))]
    for place in places:
        for keyword in KEYWORDS:
            value = place.get(keyword)
            if value is None or value == "":
                continue
            for one in value if isinstance(value, pydicom.multival.MultiValue) else [value]:
                yield URIRef(DICOM + keyword), str(one)


def place_images(graph: Graph, header: Header) -> None:
    """State the series and study of an image."""
    series, study = uid(header.SeriesInstanceUID), uid(header.StudyInstanceUID)
    subject = URIRef(f"https://w3id.org/qilin/id/subject/bench/{header.PatientID}")
    graph.add((series, RDF.type, URIRef(Q + "Series")))
    graph.add((series, URIRef(Q + "study"), study))
    graph.add((series, URIRef(Q + "subject"), subject))
    graph.add((study, RDF.type, URIRef(Q + "Study")))
    graph.add((study, URIRef(Q + "subject"), subject))


def state(graph: Graph, folder: Path, way: str) -> None:
    """State every file of a folder in one of the two ways."""
    sums: defaultdict[str, dict[tuple[URIRef, str], None]] = defaultdict(dict)
    digests: defaultdict[str, list[str]] = defaultdict(list)
    for path in sorted(folder.rglob("*.dcm")):
        with path.open("rb") as handle:
            header = pydicom.dcmread(handle, stop_before_pixels=True)
            end = handle.tell()
            handle.seek(0)
            digest = hashlib.sha256(handle.read(end)).hexdigest()
        if way == "series":
            if header.SeriesInstanceUID not in sums:
                place_images(graph, header)
            sums[header.SeriesInstanceUID].update(dict.fromkeys(said_in(header)))
            digests[header.SeriesInstanceUID].append(digest)
            continue
        place_images(graph, header)
        image = uid(header.SOPInstanceUID)
        graph.add((image, RDF.type, URIRef(Q + "Instance")))
        graph.add((image, URIRef(Q + "series"), uid(header.SeriesInstanceUID)))
        graph.add((image, URIRef(Q + "digest"), Literal(digest)))
        for predicate, text in said_in(header):
            graph.add((image, predicate, Literal(text)))
    for series, found in sums.items():
        graph.add((uid(series), URIRef(Q + "instanceCount"), Literal(len(digests[series]))))
        for predicate, text in found:
            graph.add((uid(series), predicate, Literal(text)))


def main() -> None:
    """State, write and load."""
    folder, quads, store, way = sys.argv[1:]
    warnings.simplefilter("ignore")
    dataset = Dataset()
    state(dataset.graph(GRAPH), Path(folder), way)
    dataset.serialize(quads, format="nquads", encoding="utf-8")
    loaded = ox.Store(store)
    loaded.bulk_load(path=quads, format=ox.RdfFormat.N_QUADS)
    print(len(loaded))


if __name__ == "__main__":
    main()
