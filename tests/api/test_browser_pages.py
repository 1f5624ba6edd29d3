"""The pages in headless Chromium: no error, no violation of the policy, no request to elsewhere, keyboard works."""

from __future__ import annotations

import shutil
from collections.abc import Iterator

import pytest

sync_api = pytest.importorskip("playwright.sync_api")

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
PATHS = ("/", "/subjects", "/subjects/open_one/P-1", "/collections/open_one", "/queries/lesion-diameters", "/sparql")

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(CHROMIUM is None, reason="there is no Chromium on this machine"),
]


@pytest.fixture(scope="module")
def page(served: str) -> Iterator[sync_api.Page]:
    """A page that notes whatever goes wrong in ``page.faults``."""
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=list(FLAGS))
        page = browser.new_page(viewport={"width": 1280, "height": 900})
        faults: list[str] = []
        page.on("pageerror", lambda error: faults.append(str(error)))
        page.on(
            "console", lambda message: faults.append(message.text) if message.type in ("error", "warning") else None
        )
        page.on("request", lambda request: None if request.url.startswith(served) else faults.append(request.url))
        page.faults = faults
        yield page
        browser.close()


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("width", [1280, 390])
def test_pages_stand_without_faults_on_wide_and_narrow_screens(page, served: str, path: str, width: int) -> None:
    page.set_viewport_size({"width": width, "height": 900})
    page.faults.clear()
    assert page.goto(served + path).status == 200
    assert page.faults == []
    assert page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth")


def test_events_are_reached_by_keyboard_and_lead_to_their_rows(page, served: str) -> None:
    page.set_viewport_size({"width": 1280, "height": 900})
    page.goto(served + "/subjects/open_one/P-1")
    marks = page.locator("svg.timeline a")
    assert marks.count() > 10
    marks.first.focus()
    reached = []
    for _ in range(5):
        reached.append(page.evaluate("document.activeElement.querySelector('title')?.textContent"))
        page.keyboard.press("Tab")
    assert all(reached)
    assert len(set(reached)) == 5
    marks.first.focus()
    page.keyboard.press("Enter")
    page.wait_for_url("**#event-*")
    assert page.locator("tr:target").count() == 1


def test_a_search_leads_to_a_subject(page, served: str) -> None:
    page.goto(served + "/")
    page.get_by_label("Find a subject by identifier").fill("p-10")
    page.keyboard.press("Enter")
    page.get_by_role("link", name="P-10").click()
    assert page.locator("h1").inner_text().startswith("P-10")


def test_a_query_runs_from_the_form(page, served: str) -> None:
    page.goto(served + "/sparql")
    page.get_by_role("button", name="Run").click()
    assert page.locator("tbody tr").count() >= 1
