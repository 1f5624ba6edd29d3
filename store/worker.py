"""A query worker: one process that evaluates queries over one generation, and may be killed at any moment.

Run as ``python -m store.worker STORE MEMORY_BYTES``. It reads one JSON request a line from standard input and answers
in frames on standard output: one byte of kind, four bytes of length (big endian), the payload. ``M`` names the form
of the result, ``D`` is data, ``E`` an error as JSON, ``Z`` the end.
"""

from __future__ import annotations

import ctypes
import json
import os
import resource
import signal
import struct
import sys
from typing import IO, Any, cast

import pyoxigraph as ox

HEADER = struct.Struct(">cI")
CLONE_NEWUSER_AND_NET = 0x10000000 | 0x40000000

SELECT_FORMATS = {
    "json": ox.QueryResultsFormat.JSON,
    "xml": ox.QueryResultsFormat.XML,
    "csv": ox.QueryResultsFormat.CSV,
    "tsv": ox.QueryResultsFormat.TSV,
}
GRAPH_FORMATS = {
    "turtle": ox.RdfFormat.TURTLE,
    "ntriples": ox.RdfFormat.N_TRIPLES,
    "jsonld": ox.RdfFormat.JSON_LD,
    "rdfxml": ox.RdfFormat.RDF_XML,
}


def evaluate(store: ox.Store, request: dict[str, Any]) -> Any:
    """Evaluate a query over the graphs that its caller may read, and over nothing else.

    This is the one place that may call ``Store.query`` for a caller. With both lists given, FROM, FROM NAMED and GRAPH
    are inert; with only one of them the engine reaches graphs outside.
    """
    graphs: list[ox.NamedNode | ox.BlankNode | ox.DefaultGraph] = [ox.NamedNode(iri) for iri in request["graphs"]]
    return store.query(
        request["query"],
        base_iri=request.get("base"),
        prefixes=request["prefixes"],
        default_graph=graphs,
        named_graphs=[],
    )


class _Frames:
    """A file-like object that sends what is written to it as data frames."""

    def __init__(self, out: IO[bytes]) -> None:
        self.out = out

    def send(self, kind: bytes, payload: bytes = b"") -> None:
        """Send one frame."""
        self.out.write(HEADER.pack(kind, len(payload)) + payload)
        self.out.flush()

    def write(self, data: bytes) -> int:
        """Send a piece of the result."""
        self.send(b"D", data)
        return len(data)

    def flush(self) -> None:
        """Nothing is held back."""


def answer(store: ox.Store, request: dict[str, Any], frames: _Frames) -> None:
    """Evaluate one request and send its result or its error.

    The alarm ends the process should its parent be gone and nobody be left to kill it.
    """
    signal.alarm(int(request["seconds"]) + 5)
    try:
        result = evaluate(store, request)
        if isinstance(result, ox.QueryTriples):
            form = request["graph_format"]
            frames.send(b"M", form.encode())
            # with prefixes people can read Turtle, and it is a good third smaller
            out = cast("IO[bytes]", frames)
            ox.serialize(result, out, format=GRAPH_FORMATS[form], prefixes=request["prefixes"])
        else:
            form = request["select_format"]
            frames.send(b"M", form.encode())
            result.serialize(cast("IO[bytes]", frames), format=SELECT_FORMATS[form])
    except SyntaxError as error:
        frames.send(b"E", json.dumps({"kind": "syntax", "message": str(error)}).encode())
    except (OSError, ValueError, RuntimeError) as error:
        # the text of an engine's error may carry content, so only its kind leaves the worker
        frames.send(b"E", json.dumps({"kind": "evaluation", "message": type(error).__name__}).encode())
    else:
        frames.send(b"Z")
    finally:
        signal.alarm(0)


def confine(memory: int) -> bool:
    """Bound the process's own memory and cut it off from the network; whether the system allowed the latter."""
    resource.setrlimit(resource.RLIMIT_DATA, (memory, memory))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    return bool(ctypes.CDLL(None, use_errno=True).unshare(CLONE_NEWUSER_AND_NET) == 0)


def main() -> None:
    """Serve requests until standard input ends."""
    path, memory = sys.argv[1], int(sys.argv[2])
    out = os.fdopen(os.dup(sys.stdout.fileno()), "wb", buffering=0)
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    confined = confine(memory)
    store = ox.Store.read_only(path)
    frames = _Frames(out)
    frames.send(b"Z", b"confined" if confined else b"")
    for line in sys.stdin:
        answer(store, json.loads(line), frames)


if __name__ == "__main__":
    main()
