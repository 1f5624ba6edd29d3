"""OWL with the class tree that a reasoner infers: owlready2 with HermiT, which needs Java.

For ontologies that define classes by what they are made of. The whole ontology is in memory, so it is meant for those
of up to some ten thousand classes; big releases come with their inferred tree already stated.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyoxigraph as ox

from ontology.imports.base import Concept, Importer, Item, UnreadableError, curie_of
from ontology.imports.rdf import read as read_stated
from ontology.imports.rdf import triples

__all__ = ["INFERRED"]


def accepts(path: Path, head: bytes) -> bool:  # noqa: ARG001 - it is only used where it is asked for
    """Never by itself: reasoning takes time."""
    return False


def read(path: Path, vocabulary: str) -> Iterator[Item]:
    """The classes of an ontology under their inferred parents; `UnreadableError` where it is contradictory."""
    parents = _inferred(path)
    for item in read_stated(path, vocabulary):
        yield replace(item, parents=parents.get(item.curie, item.parents)) if isinstance(item, Concept) else item


def _inferred(path: Path) -> dict[str, tuple[str, ...]]:
    """The direct named parents of every class, after reasoning."""
    if shutil.which("java") is None:
        raise UnreadableError("HermiT needs Java, which is not there; import without --infer for the tree as stated")
    import owlready2  # noqa: PLC0415 - slow to import, and only here

    with tempfile.TemporaryDirectory(prefix="qilin-terms-") as folder:
        statements = Path(folder, "ontology.nt")
        with statements.open("wb") as file:
            # owlready2 does not read Turtle
            stated = (ox.Triple(quad.subject, quad.predicate, quad.object) for quad in triples(path))
            ox.serialize(stated, file, format=ox.RdfFormat.N_TRIPLES)
        world = owlready2.World()
        ontology = world.get_ontology(statements.as_uri()).load(only_local=True)
        try:
            with ontology:
                owlready2.sync_reasoner_hermit(world, debug=0)
        except owlready2.OwlReadyInconsistentOntologyError as error:
            raise UnreadableError(f"{path.name} contradicts itself; import it without --infer") from error
        except owlready2.OwlReadyJavaError as error:
            raise UnreadableError(f"{path.name}: HermiT could not read it; import it without --infer") from error
        return {curie_of(item.iri): tuple(curie_of(above.iri) for above in _direct(item)) for item in world.classes()}


def _direct(item: Any) -> list[Any]:
    """The named classes above a class, without those that are above another of them."""
    import owlready2  # noqa: PLC0415

    named = [above for above in item.is_a if isinstance(above, owlready2.ThingClass) and above is not owlready2.Thing]
    return [above for above in named if not any(above in other.ancestors() - {other} for other in named)]


INFERRED = Importer("inferred", "OWL with the class tree that HermiT infers (needs Java)", accepts, read)
