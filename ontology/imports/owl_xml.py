"""OWL/XML (OWL 2 XML Serialization): declarations, annotations and class axioms, as statements."""

from __future__ import annotations

from pathlib import Path

from lxml import etree

from ontology import xml
from ontology.imports.base import UnreadableError
from ontology.imports.rdf_facts import OWL, RDF, RDFS, Facts

__all__ = ["owl_xml"]

LANGUAGE = "{http://www.w3.org/XML/1998/namespace}lang"
BASE = "{http://www.w3.org/XML/1998/namespace}base"
TAGS = ("Prefix", "Declaration", "SubClassOf", "EquivalentClasses", "AnnotationAssertion")


def _tag(node: etree._Element) -> str:
    return str(node.tag).removeprefix(f"{{{OWL}}}")


class _Document:
    """The names of one document, and where its statements go."""

    def __init__(self, gathered: Facts) -> None:
        self._gathered = gathered
        self._prefixes = {"owl": OWL, "rdf": RDF, "rdfs": RDFS}
        self._base: str | None = None

    def take(self, node: etree._Element) -> None:
        """One element below the root."""
        if self._base is None:
            root = node.getroottree().getroot()
            self._base = root.get(BASE) or root.get("ontologyIRI") or ""
            self._gathered.kind(self._base, OWL + "Ontology")
            if root.get("versionIRI"):
                self._gathered.link(self._base, OWL + "versionIRI", root.get("versionIRI") or "")
        {
            "Prefix": self._prefix,
            "Declaration": self._declaration,
            "SubClassOf": self._axiom,
            "EquivalentClasses": self._axiom,
            "AnnotationAssertion": self._annotation,
        }[_tag(node)](node)

    def _iri(self, node: etree._Element) -> str:
        short = node.get("abbreviatedIRI") or ((node.text or "").strip() if _tag(node) == "AbbreviatedIRI" else "")
        if short:
            prefix, _, local = short.partition(":")
            return self._prefixes.get(prefix, f"{prefix}:") + local
        given = node.get("IRI") or (node.text or "").strip()
        return f"{self._base}{given}" if given.startswith("#") else given

    def _prefix(self, node: etree._Element) -> None:
        self._prefixes[node.get("name") or ""] = node.get("IRI") or ""

    def _declaration(self, node: etree._Element) -> None:
        for child in node:
            if _tag(child) == "Class":
                self._gathered.kind(self._iri(child), OWL + "Class")

    def _annotation(self, node: etree._Element) -> None:
        # annotations of the annotation itself stand before property, subject and value
        if len(node) < 3:
            return
        subject, predicate, value = self._iri(node[-2]), self._iri(node[-3]), node[-1]
        if _tag(value) == "Literal":
            self._gathered.text(subject, predicate, value.text or "", value.get(LANGUAGE, ""))
        else:
            self._gathered.link(subject, predicate, self._iri(value))

    def _axiom(self, node: etree._Element) -> None:
        """The named classes above a class: those stated, and the named parts of an intersection."""
        children = [child for child in node if _tag(child) != "Annotation"]
        if len(children) < 2 or _tag(children[0]) != "Class":
            return
        subject = self._iri(children[0])
        for above in children[1:]:
            named = [above] if _tag(above) == "Class" else list(above) if _tag(above) == "ObjectIntersectionOf" else []
            for member in named:
                if _tag(member) == "Class" and self._iri(member) != OWL + "Thing":
                    self._gathered.link(subject, RDFS + "subClassOf", self._iri(member))


def owl_xml(path: Path, gathered: Facts) -> None:
    """Give the statements of a document to ``gathered``; `UnreadableError` where it is not well-formed."""
    document = _Document(gathered)
    try:
        for node in xml.stream(path, *(f"{{{OWL}}}{tag}" for tag in TAGS), doctype=True):
            document.take(node)
    except xml.XmlError as error:
        raise UnreadableError(f"{path.name}: {error}") from error
