"""The annotations of the demonstration cohort, read and written again, say the same in both formats."""

from __future__ import annotations

import pytest

from analysis.measurement_set import Image
from api.demo.aim_files import write_aim
from api.demo.cohort import make
from ingest.aim import reader as aim
from ontology.records import Observation
from ontology.terms import radlex
from tests.analysis.said import CONTEXT, OF_AIM, lesions, read_again, said, set_of, written

CT_IMAGE = "1.2.840.10008.5.1.4.1.1.2"


@pytest.fixture(scope="module")
def cohort(tmp_path_factory):
    """What the annotations of some subjects state."""
    folder = tmp_path_factory.mktemp("cohort")
    for patient in make(subjects=4):
        write_aim(patient, folder, 1)
    return list(aim.read(iter(sorted(map(str, folder.glob("*.xml")))), CONTEXT))


def test_the_cohort_as_aim(cohort, tmp_path):
    result = written(set_of(cohort), "aim", tmp_path)
    assert not [reason for reason in result.missing if reason.startswith(("a ", "an "))]
    again = read_again("aim", tmp_path)
    assert said(again, *OF_AIM) == said(cohort, *OF_AIM)
    assert said(again).total() > 100


def test_the_cohort_as_reports(cohort, tmp_path):
    given = set_of(cohort)
    images = [Image(item.uid, item.series, item.study, CT_IMAGE) for item in given.images.values()]
    written(given.with_images(images), "sr", tmp_path)
    again = read_again("sr", tmp_path)
    where = ("study", "series", "instance", "lesion")
    lost = given_without_places(cohort, *where) - given_without_places(again, *where)
    assert not lost
    assert lesions(again) == lesions(cohort)


def given_without_places(found, *more):
    """What is said, but for sites, which a report states once for each group, and for what is part of what."""
    plain = said(
        [item for item in found if not (isinstance(item, Observation) and item.variable == radlex.ANATOMICAL_ENTITY)],
        *more,
    )
    total = type(plain)()
    for key, count in plain.items():
        total[*key[:3], *key[4:]] += count
    return total
