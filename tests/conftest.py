"""What tests of several packages share: the demonstration warehouse, built once a session."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa
from filelock import FileLock
from hypothesis import settings

from store.warehouse import Warehouse

settings.register_profile("ci", derandomize=True, deadline=None)
settings.register_profile("local", deadline=None)
settings.load_profile("ci" if os.environ.get("CI") else "local")

PSEUDONYM_SECRET = "5e" * 32
"""Readers' pseudonyms depend on a warehouse's secret, so golden results need a fixed one."""


@pytest.fixture(scope="session")
def demo_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The data folder of the demonstration warehouse: the demo cohort alone, ingested from its files.

    Under xdist the first worker that needs it builds it, and the others wait and share it.
    """
    own = tmp_path_factory.getbasetemp()
    shared = own.parent if "PYTEST_XDIST_WORKER" in os.environ else own
    home = shared / "demo-warehouse"
    with FileLock(shared / "demo-warehouse.lock"):
        if not (home / "built").exists():
            build_demo(shared / "demo-files", home)
            (home / "built").touch()
    return home


def build_demo(folder: Path, home: Path) -> None:
    """Write the demonstration files into ``folder`` and ingest them into ``home``; nothing may be rejected."""
    from api.demo import COLLECTION, write_demo
    from ingest.run import Job, run
    from store.control import setting_table

    files = write_demo(folder)
    places = (files.dicom, files.aim, files.lesions, files.redcap, files.dictionary, files.labs, files.treatments)
    warehouse = Warehouse.open(home)
    try:
        with warehouse.control.engine.begin() as connection:
            fixed = sa.update(setting_table).where(setting_table.c.name == "secret").values(value=PSEUDONYM_SECRET)
            connection.execute(fixed)
        report = run(warehouse, [Job(locators=tuple(map(str, places)), collection=COLLECTION, audience="public")])
        assert not report.rejects
    finally:
        warehouse.close()


@pytest.fixture(scope="session")
def demo_warehouse(demo_home: Path) -> Iterator[Warehouse]:
    """The demonstration warehouse, to ask and not to write to."""
    warehouse = Warehouse.open(demo_home)
    yield warehouse
    warehouse.close()
