"""The one table that says which field of a record becomes which predicate.

The store compiles this table to SQL over the record log (`store.stars`); tests hold it against ``qilin.ttl`` and
against the dataclasses of `ontology.records`. Nothing else in the code writes triples of records.
"""

from __future__ import annotations

import csv
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from importlib.resources import files

from ontology import records
from ontology.prefixes import Curie

__all__ = [
    "CLOCK_STAR",
    "COLLECTION_STAR",
    "SAME_LESION_STAR",
    "SOURCE_STAR",
    "STARS",
    "DicomAttribute",
    "Field",
    "Kind",
    "Star",
    "dicom_attributes",
    "star_of",
]


class Kind(StrEnum):
    """How a field's value is written as an RDF term."""

    CONCEPT = "concept"
    COLLECTION = "collection"
    SUBJECT = "subject"
    UID = "uid"
    LESION = "lesion"
    REGION = "region"
    READER = "reader"
    PROCEDURE = "procedure"
    RECORD = "record"
    SOURCE = "source"
    CLOCK = "clock"
    STRING = "string"
    DECIMAL = "decimal"
    INTEGER = "integer"
    BOOLEAN = "boolean"
    SCALAR = "scalar"
    IRI = "iri"
    DATETIME = "dateTime"
    WHEN = "when"
    DERIVED = "derived"
    ATTRIBUTES = "attributes"


@dataclass(frozen=True, slots=True)
class Field:
    """One field of a record and the predicate that carries it.

    For `Kind.WHEN`, ``predicate`` is that of the exact day; the bounds of a partial date take the same name with
    ``Earliest`` and ``Latest`` appended.
    """

    name: str
    predicate: Curie
    kind: Kind


@dataclass(frozen=True, slots=True)
class Star:
    """How one record type becomes triples about one node."""

    record: type[records.Record]
    node: Kind
    """What the subject of the triples is: a kind of identifying node, or `Kind.RECORD`."""
    classes: tuple[Curie, ...]
    fields: tuple[Field, ...]
    cite: bool = True
    """Whether the star names its source (identity stars do not: many sources may name the node)."""
    told_apart: tuple[str, ...] = ()
    """The fields by which identity records of one node are told apart, since each says another thing."""

    @property
    def told(self) -> bool:
        """Whether triples are made of the record itself: some only help to make those of others."""
        return bool(self.classes or self.fields)

    @property
    def table(self) -> str:
        """The name of the record type, which is that of its table in the record log."""
        return self.record.__name__


@dataclass(frozen=True, slots=True)
class DicomAttribute:
    """An attribute of DICOM PS3.6 that a series may carry."""

    keyword: str
    tag: str
    vr: str
    vm: str
    kind: Kind
    free_text: bool


@cache
def dicom_attributes() -> dict[str, DicomAttribute]:
    """The attributes that a `SeriesHeader` may carry, by keyword."""
    with files("ontology").joinpath("dicom_attributes.tsv").open(encoding="utf-8") as table:
        return {
            row["keyword"]: DicomAttribute(
                row["keyword"], row["tag"], row["vr"], row["vm"], Kind(row["datatype"]), row["free_text"] == "yes"
            )
            for row in csv.DictReader(table, delimiter="\t")
        }


def _fields(*rows: str) -> tuple[Field, ...]:
    """Rows of ``name predicate kind``, as they stand in the tables below."""
    split = (row.split() for row in rows)
    return tuple(Field(name, Curie(predicate), Kind(kind)) for name, predicate, kind in split)


OBSERVATION = _fields(
    "subject          q:subject          subject",
    "variable         q:variable         concept",
    "element          q:element          concept",
    "lesion           q:about            lesion",
    "region           q:region           region",
    "study            q:study            uid",
    "series           q:series           uid",
    "instance         q:instance         uid",
    "reader           q:reader           reader",
    "read_session     q:readSession      string",
    "assessment       q:assessment       string",
    "procedure        q:procedure        procedure",
    "value            q:value            scalar",
    "value_concept    q:valueConcept     concept",
    "unit             q:unit             string",
    "raw              q:raw              string",
    "raw_code         q:rawCode          string",
    "when             q:day              when",
    "visit            q:visit            integer",
    "visit_label      q:visitLabel       string",
    "baseline         q:baseline         boolean",
    "minute           q:minute           decimal",
    "statistic        q:statistic        concept",
    "method           q:method           concept",
    "site             q:site             concept",
    "laterality       q:laterality       concept",
    "site_modifier    q:siteModifier     concept",
    "certainty        q:certainty        decimal",
    "low              q:low              decimal",
    "high             q:high             decimal",
    "absent_reason    q:absentReason     concept",
    "part_of          q:partOf           record",
    "replicate        q:replicate        integer",
    "accepted_reading q:acceptedReading  boolean",
    "derived          q:origin           derived",
    "document         q:document         string",
    "primary          q:primary          boolean",
    "duplicate_of     q:duplicateOf      iri",
)

OBSERVED = Curie("q:Observation")

STARS: tuple[Star, ...] = (
    Star(
        records.CollectionFacts,
        Kind.COLLECTION,
        (),
        _fields(
            "title       dcterms:title        string",
            "description dcterms:description  string",
            "license     dcterms:license      string",
            "doi         dcterms:identifier   string",
            "cancer_type q:cancerType         string",
            "synthetic   q:synthetic          boolean",
        ),
    ),
    Star(
        records.Subject,
        Kind.SUBJECT,
        (Curie("q:Subject"),),
        _fields("subject q:identifier string", "collection q:collection collection"),
        cite=False,
    ),
    Star(records.Study, Kind.UID, (Curie("q:Study"),), _fields("subject q:subject subject"), cite=False),
    Star(
        records.Series,
        Kind.UID,
        (Curie("q:Series"),),
        _fields("subject q:subject subject", "study q:study uid"),
        cite=False,
    ),
    Star(
        records.Instance,
        Kind.UID,
        (Curie("q:Instance"),),
        _fields("subject q:subject subject", "series q:series uid"),
        cite=False,
    ),
    Star(
        records.Lesion,
        Kind.LESION,
        (Curie("q:Lesion"),),
        _fields("subject q:subject subject", "label q:label string"),
        cite=False,
    ),
    Star(records.Region, Kind.REGION, (Curie("q:Region"),), _fields("subject q:subject subject"), cite=False),
    Star(
        records.Reader,
        Kind.READER,
        (Curie("q:Reader"),),
        _fields("key q:identifier string", "role q:role concept"),
        cite=False,
    ),
    Star(
        records.Procedure,
        Kind.PROCEDURE,
        (Curie("q:Procedure"),),
        _fields(
            "software   q:software   string",
            "version    q:version    string",
            "automation q:automation concept",
            "settings   q:settings   string",
        ),
        cite=False,
    ),
    Star(
        records.StudyHeader,
        Kind.UID,
        (),
        _fields("when q:day when", "year q:year integer", "description dicom:StudyDescription string"),
    ),
    Star(
        records.SeriesHeader,
        Kind.UID,
        (),
        _fields(
            "modality           q:modality          concept",
            "when               q:day               when",
            "instance_count     q:instanceCount     integer",
            "body_part          q:bodyPart          concept",
            "body_part_code     q:bodyPartCode      string",
            "tracer             q:tracer            concept",
            "tracer_code        q:tracerCode        string",
            "radionuclide       q:radionuclide      concept",
            "radionuclide_code  q:radionuclideCode  string",
            "contrast           q:contrast          concept",
            "contrast_code      q:contrastCode      string",
            "title_code         q:titleCode         string",
            "view_code          q:viewCode          string",
            "stain              q:stain             concept",
            "stain_code         q:stainCode         string",
            "uptake_minutes     q:uptakeMinutes     decimal",
            "acquisition        q:acquisition       concept",
            "acquisition_rule   q:acquisitionRule   string",
            "field_strength     q:fieldStrength     decimal",
            "slice_spacing      q:sliceSpacing      decimal",
            "temporal_positions q:temporalPositions integer",
            "time_step          q:timeStep          decimal",
            "scan_seconds       q:scanSeconds       decimal",
            "viewer             q:viewer            iri",
            "license            dcterms:license     string",
            "source_doi         dcterms:source      string",
            "attributes         dicom:              attributes",
        ),
    ),
    Star(
        records.Derivation,
        Kind.UID,
        (),
        _fields("origin q:derivedFrom uid"),
        cite=False,
        told_apart=("origin",),
    ),
    Star(records.SeriesImages, Kind.UID, (), (), cite=False),
    Star(records.ImageSources, Kind.UID, (), (), cite=False),
    Star(
        records.LesionFacts,
        Kind.RECORD,
        (Curie("q:LesionIdentity"),),
        _fields(
            "subject      q:subject      subject",
            "lesion       q:about        lesion",
            "rule         q:identityRule concept",
            "tracking_uid q:trackingUid  string",
            "label        q:label        string",
            "site         q:site         concept",
            "reader       q:reader       reader",
        ),
    ),
    Star(
        records.RegionFacts,
        Kind.RECORD,
        (Curie("q:RegionDescription"),),
        _fields(
            "subject            q:subject          subject",
            "region             q:region           region",
            "document           q:document         string",
            "number             q:regionNumber     integer",
            "lesion             q:about            lesion",
            "study              q:study            uid",
            "series             q:series           uid",
            "instance           q:instance         uid",
            "instance_count     q:instanceCount    integer",
            "reader             q:reader           reader",
            "procedure          q:procedure        procedure",
            "when               q:day              when",
            "shape              q:shape            concept",
            "category           q:category         concept",
            "category_code      q:categoryCode     string",
            "kind               q:kind             concept",
            "kind_code          q:kindCode         string",
            "site               q:site             concept",
            "site_code          q:siteCode         string",
            "laterality         q:laterality       concept",
            "site_modifier      q:siteModifier     concept",
            "label              q:label            string",
            "tracking_uid       q:trackingUid      string",
            "contours           q:contourCount     integer",
            "slices             q:sliceCount       integer",
            "points             q:pointCount       integer",
            "frame_of_reference q:frameOfReference string",
            "x_low              q:xLow             decimal",
            "x_high             q:xHigh            decimal",
            "y_low              q:yLow             decimal",
            "y_high             q:yHigh            decimal",
            "z_low              q:zLow             decimal",
            "z_high             q:zHigh            decimal",
            "box_unit           q:boxUnit          string",
            "area               q:area             decimal",
            "volume             q:volume           decimal",
            "method             q:method           concept",
            "primary            q:primary          boolean",
        ),
    ),
    Star(records.Measurement, Kind.RECORD, (Curie("q:Measurement"), OBSERVED), OBSERVATION),
    Star(records.Finding, Kind.RECORD, (Curie("q:Finding"), OBSERVED), OBSERVATION),
    Star(
        records.Response,
        Kind.RECORD,
        (Curie("q:Response"), OBSERVED),
        OBSERVATION + _fields("criteria q:criteria concept"),
    ),
    Star(
        records.Outcome,
        Kind.RECORD,
        (Curie("q:Outcome"), OBSERVED),
        OBSERVATION
        + _fields(
            "event         q:event        boolean",
            "start_event   q:startEvent   concept",
            "censor_reason q:censorReason concept",
        ),
    ),
    Star(
        records.Treatment,
        Kind.RECORD,
        (Curie("q:Treatment"),),
        _fields(
            "subject   q:subject  subject",
            "agent     q:agent    concept",
            "kind      q:kind     concept",
            "regimen   q:regimen  string",
            "line      q:line     integer",
            "dose      q:dose     decimal",
            "dose_unit q:doseUnit string",
            "fractions q:fractions integer",
            "intent    q:intent   concept",
            "setting   q:setting  concept",
            "start     q:startDay when",
            "end       q:endDay   when",
            "element   q:element  concept",
            "raw       q:raw      string",
        ),
    ),
    Star(
        records.Event,
        Kind.RECORD,
        (Curie("q:Event"),),
        _fields(
            "subject q:subject subject",
            "kind    q:kind    concept",
            "when    q:day     when",
            "element q:element concept",
            "raw     q:raw     string",
        ),
    ),
)
"""Every record type; the order is that of loading, identities before facts of the same node."""

COLLECTION_STAR = Star(
    records.Record,
    Kind.COLLECTION,
    (Curie("q:Collection"),),
    _fields("collection q:identifier string"),
    cite=False,
)
"""A collection by its name, as every source of it names it."""

SOURCE_STAR = Star(
    records.Record,
    Kind.SOURCE,
    (Curie("q:Source"),),
    _fields(
        "collection   q:collection         collection",
        "name         q:identifier         string",
        "digest       q:digest             string",
        "source_kind  q:sourceKind         string",
        "data_class   q:dataClass          concept",
        "logged_at    prov:generatedAtTime dateTime",
    ),
    cite=False,
)
"""A source as the manifest of a generation lists it."""

CLOCK_STAR = Star(
    records.Record,
    Kind.CLOCK,
    (Curie("q:Clock"),),
    _fields("collection q:collection collection", "label rdfs:label string", "individual q:anchor concept"),
    cite=False,
)
"""A way of counting days: a clock of the collection and the anchor event that is day 0."""

SAME_LESION_STAR = Star(records.Record, Kind.LESION, (), _fields("other q:sameLesionAs lesion"), cite=False)
"""What a person decided of two lesions of a subject: that they are one."""


@cache
def star_of(table: str) -> Star:
    """The star of a record type by name; KeyError where there is none."""
    return {star.table: star for star in STARS}[table]
