"""The SPARQL 1.1 Service Description of the endpoint."""

from __future__ import annotations

import pyoxigraph as ox

from ontology.prefixes import expand, prefixes
from store.worker import GRAPH_FORMATS, SELECT_FORMATS

__all__ = ["describe_service"]

SD = "http://www.w3.org/ns/sparql-service-description#"
RESULTS = {
    "json": "SPARQL_Results_JSON",
    "xml": "SPARQL_Results_XML",
    "csv": "SPARQL_Results_CSV",
    "tsv": "SPARQL_Results_TSV",
}
GRAPHS = {"turtle": "Turtle", "ntriples": "N-Triples", "rdfxml": "RDF_XML", "jsonld": "JSON-LD"}
FORMATS = "http://www.w3.org/ns/formats/"


def describe_service(endpoint: str, form: str) -> bytes:
    """The description of the service at ``endpoint``, in an RDF format by the store's name for it.

    The dataset has one default graph, which is everything that the caller may read, and no named graphs.
    """
    service, dataset, graph = ox.BlankNode("service"), ox.BlankNode("dataset"), ox.BlankNode("graph")
    kind, label = ox.NamedNode(expand("rdf:type")), ox.NamedNode(expand("rdfs:label"))
    named = ox.NamedNode
    assert RESULTS.keys() == SELECT_FORMATS.keys(), "every format of the engine has a name here"
    assert GRAPHS.keys() == GRAPH_FORMATS.keys(), "every format of the engine has a name here"
    triples = [
        ox.Triple(service, kind, named(SD + "Service")),
        ox.Triple(service, named(SD + "endpoint"), named(endpoint)),
        ox.Triple(service, named(SD + "supportedLanguage"), named(SD + "SPARQL11Query")),
        *(ox.Triple(service, named(SD + "resultFormat"), named(FORMATS + name)) for name in RESULTS.values()),
        *(ox.Triple(service, named(SD + "resultFormat"), named(FORMATS + name)) for name in GRAPHS.values()),
        ox.Triple(service, named(SD + "defaultDataset"), dataset),
        ox.Triple(dataset, kind, named(SD + "Dataset")),
        ox.Triple(dataset, named(SD + "defaultGraph"), graph),
        ox.Triple(graph, kind, named(SD + "Graph")),
        ox.Triple(graph, label, ox.Literal("everything that the caller may read", language="en")),
    ]
    known = {"sd": SD, "formats": FORMATS, "rdfs": prefixes()["rdfs"]}
    written = ox.serialize(triples, format=GRAPH_FORMATS[form], prefixes=known)
    assert written is not None, "serialize returns bytes where it is given no output"
    return written
