"""An archive (PACS) that is asked by DIMSE: C-FIND in the study root model (PS3.4 C.4.1, C.6.2), through pynetdicom."""

from __future__ import annotations

import json
import logging
import os
import re
import ssl
import time
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from decimal import Decimal
from functools import cached_property
from typing import Any, Final
from urllib.parse import parse_qsl, unquote, urlsplit

from pydicom.datadict import tag_for_keyword

from ingest.dicom.header import UNREADABLE, BrokenDicomError, Header
from ingest.dicom.json import header_in

__all__ = ["AET", "CERTIFICATE", "KEY", "Archive", "Association", "DimseError", "is_archive"]

AET: Final = "QILIN_DIMSE_AET"
"""The environment variable with our own AE title; else it is QILIN."""

CERTIFICATE: Final = "QILIN_DIMSE_CERT"
KEY: Final = "QILIN_DIMSE_KEY"
"""The environment variables with the files of our certificate and its key, where an archive asks for one (PS3.15 B)."""

SCHEMES: Final = ("dimse://", "dimse+tls://")
PORT: Final = 11112

WAITS: Final = (1.0, 5.0)
"""Seconds before an association is asked for again where nothing answers."""

CONNECTING: Final = 15.0
ANSWERING: Final = 120.0
"""Seconds to connect, and to wait for the next result."""

PENDING: Final = frozenset({0xFF00, 0xFF01})
ENDED_EARLY: Final = frozenset({0xA700, 0xFE00})
"""Out of resources, and cancelled (PS3.4 table C.4-1); so archives also end what is longer than they allow."""

DEEPEST: Final = 4

LONGEST_AET: Final = 16
"""The characters of an AE title (PS3.8 9.3.2)."""

WANTED: Final = "dimse://TITLE@host:port, with the title by which the archive goes"


class DimseError(RuntimeError):
    """An archive that did not answer as it should; ``place`` names the query without its values."""

    def __init__(self, place: str, problem: str, wanted: str, *, over: bool = True) -> None:
        super().__init__(problem)
        self.place, self.problem, self.wanted = place, problem, wanted
        self.over = over
        """Whether no other query will be answered either."""


def is_archive(locator: str) -> bool:
    """Whether a locator names an archive that is asked by DIMSE."""
    return locator.lower().startswith(SCHEMES)


@dataclass(frozen=True)
class Archive:
    """``dimse://TITLE@host:port[/studies/UID[/series/UID]][?PatientID=…&ModalitiesInStudy=PT]``."""

    locator: str
    waits: Sequence[float] = field(default_factory=lambda: WAITS)

    @cached_property
    def title(self) -> str:
        """The AE title of the archive."""
        title = unquote(urlsplit(self.locator).username or "")
        if not title or len(title) > LONGEST_AET or not title.isprintable() or "\\" in title:
            raise DimseError("locator", "names no AE title of the archive", WANTED)
        return title

    @property
    def told(self) -> str:
        """The archive as it may be shown and kept."""
        parts = urlsplit(self.locator)
        return f"{parts.scheme.lower()}://{self.title}@{parts.hostname}:{self._port}"

    @property
    def _port(self) -> int:
        try:
            return urlsplit(self.locator).port or PORT
        except ValueError:
            raise DimseError("locator", "names no port", WANTED) from None

    @cached_property
    def filters(self) -> dict[str, str]:
        """What studies must match (PS3.4 C.2.2.2), by keyword."""
        parts = urlsplit(self.locator)
        pairs = dict(parse_qsl(parts.query, keep_blank_values=True))
        if any(tag_for_keyword(name) is None for name in pairs):
            raise DimseError("locator", "asks for what is no DICOM attribute", "such as ?PatientID=…&StudyDate=2014-")
        found = re.fullmatch(r"(?:/studies/([0-9.]+)(?:/series/([0-9.]+))?)?/?", parts.path)
        if found is None or parts.password:
            raise DimseError("locator", "is not understood", f"{WANTED}, and /studies/UID/series/UID behind it")
        named = {"StudyInstanceUID": found[1], "SeriesInstanceUID": found[2]}
        return {**pairs, **{name: uid for name, uid in named.items() if uid}}

    @contextmanager
    def associated(self) -> Iterator[Association]:
        """An association for queries; `DimseError` where there is none to be had."""
        from pynetdicom import AE  # noqa: PLC0415 - slow to import
        from pynetdicom.sop_class import (  # type: ignore[attr-defined]  # noqa: PLC0415 - made at run time
            StudyRootQueryRetrieveInformationModelFind as Find,
        )

        with _silent():
            entity = AE(ae_title=os.environ.get(AET, "QILIN")[:LONGEST_AET] or "QILIN")
            entity.add_requested_context(Find)
            entity.connection_timeout = entity.acse_timeout = CONNECTING
            entity.dimse_timeout = entity.network_timeout = ANSWERING
            found = self._associate(entity)
            try:
                yield Association(found, Find)
            finally:
                if found.is_established:
                    found.release()

    def _associate(self, entity: Any) -> Any:
        host = urlsplit(self.locator).hostname
        if not host:
            raise DimseError("locator", "names no host", WANTED)
        for wait in (*self.waits, None):
            found = entity.associate(host, self._port, ae_title=self.title, tls_args=self._tls(host))
            if found.is_established:
                return found
            if found.is_rejected:
                raise DimseError(
                    "association", "the archive refuses it",
                    f"its own AE title in the locator, and ours ({AET}, else QILIN) known to it",
                )  # fmt: skip
            if found.acceptor.primitive is not None:
                raise DimseError("association", "the archive accepts no queries", "an archive with C-FIND (study root)")
            if wait is not None:
                time.sleep(wait)
        secure = self.locator.lower().startswith("dimse+tls")
        problem = f"nothing answers at this host and port{', or with no TLS that is trusted' if secure else ''}"
        wanted = "an archive that runs" + (
            ", with a certificate of an authority that SSL_CERT_FILE names" if secure else ""
        )
        raise DimseError("association", problem, f"{wanted}, or to try again later: what came in stays")

    def _tls(self, host: str) -> tuple[ssl.SSLContext, str] | None:
        if not self.locator.lower().startswith("dimse+tls"):
            return None
        context = ssl.create_default_context()
        if certificate := os.environ.get(CERTIFICATE):
            try:
                context.load_cert_chain(certificate, os.environ.get(KEY) or None)
            except OSError:
                raise DimseError("association", f"{CERTIFICATE} is no certificate", "a PEM file with its key") from None
        return context, host


class Association:
    """Queries over one association, one after the other."""

    def __init__(self, association: Any, model: Any) -> None:
        self.association, self.model = association, model

    def find(self, level: str, keys: Mapping[str, str]) -> list[Header]:
        """Every result of a query; keys without a value are asked for. `DimseError` where it comes to no good end."""
        from pydicom.dataset import Dataset  # noqa: PLC0415

        place = f"C-FIND {level}"
        asked = Dataset()
        asked.QueryRetrieveLevel = level
        asked.SpecificCharacterSet = "ISO_IR 192"
        for keyword, value in keys.items():
            setattr(asked, keyword, value)
        results: list[Header] = []
        try:
            for status, identifier in self.association.send_c_find(asked, self.model):
                code = status.get("Status")
                if code in PENDING and identifier is not None:
                    results.append(_elements(identifier))
                elif code is None:
                    raise DimseError(place, "the archive did not answer in time, or ended the association", LATER)
                elif code not in {0x0000, *PENDING}:
                    wanted = LIMITED if code in ENDED_EARLY else "a query that it can answer"
                    raise DimseError(place, f"the archive answered with status 0x{code:04X}", wanted, over=False)
        except (RuntimeError, ValueError) as error:
            if isinstance(error, DimseError):
                raise
            raise DimseError(place, f"the query cannot be sent ({type(error).__name__})", LATER) from None
        return results


LIMITED: Final = "a narrower query, such as ?PatientID=…, or a higher limit of its answers (Orthanc: LimitFindResults)"
LATER: Final = "to try again later, or a narrower query: what came in stays"


def _elements(identifier: Any) -> Header:
    """One result; nothing where it cannot be decoded."""
    try:
        plain = identifier.to_json_dict(bulk_data_threshold=1 << 20, suppress_invalid_tags=True)
        return header_in(json.loads(json.dumps(plain), parse_float=Decimal), DEEPEST)
    except (BrokenDicomError, *UNREADABLE):
        return Header({}, watched=())


@contextmanager
def _silent() -> Iterator[None]:
    """Keep pynetdicom and pydicom from logging and warning, since their texts quote values."""
    logs = [logging.getLogger(name) for name in ("pynetdicom", "pydicom")]
    levels = [log.level for log in logs]
    for log in logs:
        log.setLevel(logging.CRITICAL + 1)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        for log, level in zip(logs, levels, strict=True):
            log.setLevel(level)
