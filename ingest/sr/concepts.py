"""The concepts by which the content items of structured reports are known, whatever template they follow.

Template identifiers are optional and often missing, so an item is known by the code of its concept name (PS3.16,
chapter A). The codes are in ``concepts.tsv``, beside each other where an older scheme had another one, or
a tool has its own.
"""

from __future__ import annotations

import csv
from enum import StrEnum
from functools import cache
from importlib.resources import files

from ingest.sr.model import Code, Item
from mappings.codes import scheme_of

__all__ = ["Role", "role", "role_of"]


class Role(StrEnum):
    """What a content item is in a report."""

    ACTIVITY_SESSION = "activity_session"
    AIM_ANATOMIC_ENTITY = "aim_anatomic_entity"
    AIM_ANATOMIC_ENTITY_CHARACTERISTIC = "aim_anatomic_entity_characteristic"
    AIM_ANNOTATION = "aim_annotation"
    AIM_ANNOTATION_TYPE = "aim_annotation_type"
    AIM_CALCULATION = "aim_calculation"
    AIM_CALCULATION_DATA = "aim_calculation_data"
    AIM_CALCULATION_RESULT = "aim_calculation_result"
    AIM_CODE = "aim_code"
    AIM_CONFIDENCE = "aim_confidence"
    AIM_GEOMETRIC_SHAPE = "aim_geometric_shape"
    AIM_IMAGING_OBSERVATION = "aim_imaging_observation"
    AIM_IMAGING_OBSERVATION_CHARACTERISTIC = "aim_imaging_observation_characteristic"
    AIM_LOGIN = "aim_login"
    AIM_MAXIMUM = "aim_maximum"
    AIM_MINIMUM = "aim_minimum"
    AIM_PRESENT = "aim_present"
    AIM_QUANTIFICATION = "aim_quantification"
    AIM_REPORT = "aim_report"
    AIM_VALUE = "aim_value"
    ALGORITHM_NAME = "algorithm_name"
    ALGORITHM_VERSION = "algorithm_version"
    AUTOMATION = "automation"
    CERTAINTY = "certainty"
    COMPOSITE_FEATURE = "composite_feature"
    DERIVATION = "derivation"
    DEVICE = "device"
    DEVICE_MANUFACTURER = "device_manufacturer"
    DEVICE_MODEL = "device_model"
    DEVICE_NAME = "device_name"
    DEVICE_UID = "device_uid"
    FINDING = "finding"
    FINDING_CATEGORY = "finding_category"
    IMAGE_LIBRARY = "image_library"
    IMAGE_REGION = "image_region"
    LATERALITY = "laterality"
    LESION = "lesion"
    LOGIN = "login"
    MEASUREMENT_GROUP = "measurement_group"
    METHOD = "method"
    OBSERVER_NAME = "observer_name"
    OBSERVER_ROLE = "observer_role"
    OBSERVER_TYPE = "observer_type"
    PERSON = "person"
    PROCEDURE_REPORTED = "procedure_reported"
    QUALITATIVE_EVALUATIONS = "qualitative_evaluations"
    REAL_WORLD_MAP = "real_world_map"
    RECORD = "record"
    REFERENCED_SEGMENT = "referenced_segment"
    REGION_IN_SPACE = "region_in_space"
    SERIES_UID = "series_uid"
    SINGLE_IMAGE_FINDING = "single_image_finding"
    SITE = "site"
    SOURCE_DOCUMENT = "source_document"
    SOURCE_IMAGE = "source_image"
    SOURCE_SERIES = "source_series"
    STUDY_DATE = "study_date"
    STUDY_UID = "study_uid"
    SUBJECT_AGE = "subject_age"
    TIME_POINT = "time_point"
    TIME_POINT_ORDER = "time_point_order"
    TIME_POINT_TYPE = "time_point_type"
    TOPOGRAPHICAL_MODIFIER = "topographical_modifier"
    TRACKING_IDENTIFIER = "tracking_identifier"
    TRACKING_UID = "tracking_uid"
    VISIT = "visit"
    VOLUME_SURFACE = "volume_surface"


def _key(value: str, designator: str) -> tuple[str, str]:
    """Code and scheme as they are compared: ``NCI`` and ``NCIt`` name one scheme."""
    scheme = scheme_of(designator, value)
    return value.strip(), scheme.name if scheme else designator.strip().casefold()


@cache
def _roles() -> dict[tuple[str, str], Role]:
    with files("ingest").joinpath("sr/concepts.tsv").open(encoding="utf-8") as table:
        rows = list(csv.DictReader(table, delimiter="\t", quoting=csv.QUOTE_NONE))
    return {_key(row["code"], row["scheme"]): Role(row["role"]) for row in rows}


def role(code: Code | None) -> Role | None:
    """The role of a concept, None where it has none.

    >>> role(Code("G-C0E3", "SRT", "Finding Site")) is role(Code("363698007", "SCT", "Finding site")) is Role.SITE
    True
    """
    return _roles().get(_key(code.value, code.scheme)) if code is not None else None


def role_of(item: Item) -> Role | None:
    """The role of a content item by its concept name."""
    return role(item.name)
