"""What a person sees in the MLflow UI after the main job, in a real browser."""

from __future__ import annotations

import json
import re
from collections import Counter
from typing import TYPE_CHECKING

import pytest
from harness.browser import fresh_context
from playwright.sync_api import expect

if TYPE_CHECKING:
    from collections.abc import Callable

    from e2e.conftest import ExplainedStore
    from playwright.sync_api import Browser, BrowserContext, Locator, Page

    Picture = Callable[[Page, str], None]

expect.set_options(timeout=60_000)  # a machine that does other things too loads a report in more than the usual 5 s

pytestmark = pytest.mark.timeout(900)  # the first of them waits for the main job

_FOLDER = "explanations/model"
_TOP_FEATURE = "status_of_account"  # whatever the seed, nothing matters more in this data
_CARD = "experiment-view-compare-runs-card"


def _open(context: BrowserContext, store: ExplainedStore, link: str) -> Page:
    """Open a link of the UI (``#/…``) in a tab of its own: the UI follows some of them only when it loads."""
    page = context.new_page()
    page.goto(f"{store.uri}/{link}")
    return page


def _side_by_side(context: BrowserContext, store: ExplainedStore, name: str) -> Page:
    """Follow the link of this name in the description of the parent run."""
    page = _open(context, store, f"#/experiments/{store.experiment_id}/runs/{store.parent_run_id}")
    link = page.get_by_role("link", name=name)
    expect(link).to_be_attached()
    return _open(context, store, str(link.get_attribute("href")))


def _importance(store: ExplainedStore, run_id: str) -> dict[str, float]:
    """Mean absolute SHAP value by feature, as the run's metrics have it."""
    prefix = "shap_mean_abs/"
    metrics = store.client.get_run(run_id).data.metrics
    return {name.removeprefix(prefix): value for name, value in metrics.items() if name.startswith(prefix)}


def _labels(store: ExplainedStore) -> dict[str, str]:
    """Run name → run id of the two runs that carry an explanation."""
    return {str(store.client.get_run(run_id).info.run_name): run_id for run_id in store.versions.values()}


def test_charts_open_at_what_drives_the_runs_the_most_important_first(
    browser_context: BrowserContext, explained_store: ExplainedStore, picture: Picture
) -> None:
    page = _side_by_side(browser_context, explained_store, "charts")
    sections = page.get_by_test_id("experiment-view-compare-runs-section-header")
    expect(sections.nth(0)).to_contain_text(re.compile(r"^What drives them\s*\(2\)"))
    runs = _labels(explained_store)
    features = _importance(explained_store, next(iter(runs.values())))
    expect(sections.nth(1)).to_contain_text(re.compile(rf"^shap_mean_abs\s*\({len(features)}\)"))

    cards = page.get_by_test_id(_CARD)
    images = cards.nth(0).locator("img")
    expect(images).to_have_count(len(runs))
    for index in range(len(runs)):
        _expect_picture(images.nth(index))
    together = cards.nth(1)  # with one axis for all
    expect(together.locator(".barlayer .point")).to_have_count(10 * len(runs))
    sums = Counter[str]()
    for run_id in runs.values():
        sums.update(_importance(explained_store, run_id))
    for place, (feature, _) in enumerate(sums.most_common(3), start=2):
        expect(cards.nth(place)).to_contain_text(f"shap_mean_abs/{feature}")
    picture(page, "charts")

    metric = f"shap_mean_abs/{_TOP_FEATURE}"
    page.get_by_placeholder("Search metric charts").fill(metric)
    card = page.get_by_test_id(_CARD).filter(has_text=metric).last
    expect(card.locator(".barlayer .point")).to_have_count(len(runs))
    for name, run_id in runs.items():
        expect(card).to_contain_text(name)
        expect(card).to_contain_text(f"{_importance(explained_store, run_id)[_TOP_FEATURE]:.2f}")


def test_importance_tables_stand_side_by_side_grouped_by_feature(
    browser_context: BrowserContext, explained_store: ExplainedStore, picture: Picture
) -> None:
    page = _side_by_side(browser_context, explained_store, "table")

    chosen = page.get_by_role("combobox")
    expect(chosen.filter(has_text="Table:")).to_contain_text(f"{_FOLDER}/global_importance.json")
    expect(chosen.filter(has_text="Group by:")).to_contain_text("feature")
    chosen.filter(has_text="Compare:").click()
    page.get_by_role("option", name="mean_abs_shap", exact=True).click()

    cell = page.get_by_role("gridcell", name=_TOP_FEATURE, exact=True)
    row = page.get_by_role("row").filter(has=cell)
    expect(row).to_be_visible()
    shown = [float(text) for text in row.get_by_role("gridcell").all_inner_texts() if re.fullmatch(r"[\d.]+", text)]
    wanted = [_importance(explained_store, run_id)[_TOP_FEATURE] for run_id in _labels(explained_store).values()]
    assert sorted(shown) == pytest.approx(sorted(wanted), rel=1e-4)
    for name in _labels(explained_store):
        expect(page.get_by_role("columnheader").filter(has_text=name)).to_be_visible()
    picture(page, "tables")


def test_image_grid_shows_the_importance_of_both_runs(
    browser_context: BrowserContext, explained_store: ExplainedStore, picture: Picture
) -> None:
    page = _side_by_side(browser_context, explained_store, "charts")
    page.set_viewport_size({"width": 2300, "height": 1450})  # the runs' parameters make its cells wide
    page.get_by_placeholder("Search metric charts").fill("shap_importance")
    card = page.get_by_test_id(_CARD).filter(has_text="shap_importance").first
    card.locator("[data-component-id=fullscreen_button_chartcard]").click()

    grid = page.get_by_role("dialog")
    for name in _labels(explained_store):
        expect(grid).to_contain_text(name)
    images = grid.locator("img")
    expect(images).to_have_count(2)
    for index in range(2):
        _expect_picture(images.nth(index))
    picture(page, "images")


def test_pictures_open_in_the_artifact_viewer(
    browser_context: BrowserContext, explained_store: ExplainedStore, picture: Picture
) -> None:
    run_id = explained_store.versions["german-credit-random-forest"]
    page = _open(browser_context, explained_store, _artifact(explained_store, run_id, "plots/beeswarm.png"))
    expect(page.get_by_text(f"{_FOLDER}/plots/beeswarm.png", exact=True)).to_be_visible()
    _expect_picture(page.locator("img[src^='blob:'], img[src*='get-artifact']").last)
    picture(page, "plot")


@pytest.mark.parametrize("model", ["german-credit-random-forest", "german-credit-keras"])
def test_the_report_opens_in_the_artifact_viewer(
    browser_context: BrowserContext, explained_store: ExplainedStore, picture: Picture, model: str
) -> None:
    page = _open(
        browser_context, explained_store, _artifact(explained_store, explained_store.versions[model], "report.html")
    )
    report = page.frame_locator("iframe")
    expect(report.get_by_role("heading", level=1)).to_contain_text(model)
    expect(report.get_by_text(_TOP_FEATURE).first).to_be_visible()
    _expect_picture(report.locator("img").first)
    report.get_by_role("navigation").get_by_text("Appendix").click()
    expect(report.get_by_role("heading", name="Appendix")).to_be_in_viewport()
    report.get_by_role("heading", level=1).scroll_into_view_if_needed()
    if model == "german-credit-random-forest":
        picture(page, "report")


def test_the_comparison_report_opens_from_the_parent_run(
    browser_context: BrowserContext, explained_store: ExplainedStore, picture: Picture
) -> None:
    page = _side_by_side(browser_context, explained_store, "Report")
    report = page.frame_locator("iframe")
    for model in explained_store.versions:
        expect(report.get_by_text(model).first).to_be_visible()
    picture(page, "comparison")


def test_the_run_tells_what_drives_the_model(
    browser_context: BrowserContext, explained_store: ExplainedStore, picture: Picture
) -> None:
    run_id = explained_store.versions["german-credit-random-forest"]
    page = _open(browser_context, explained_store, f"#/experiments/{explained_store.experiment_id}/runs/{run_id}")
    page.get_by_text("Show more").click()
    expect(page.get_by_role("cell", name="ROC AUC")).to_be_visible()
    expect(page.get_by_role("listitem").filter(has_text=_TOP_FEATURE)).to_be_visible()
    _expect_picture(page.locator("img[src*='get-artifact']"))
    picture(page, "run")


def test_the_version_leads_to_its_explanation(
    browser_context: BrowserContext, explained_store: ExplainedStore, picture: Picture
) -> None:
    page = _open(browser_context, explained_store, "#/models/german-credit-random-forest/versions/1")
    expect(page.get_by_role("listitem").filter(has_text=_TOP_FEATURE)).to_be_visible()
    _expect_picture(page.locator("img[src*='get-artifact']"))
    expect(page.get_by_role("row").filter(has_text="interp.status")).to_contain_text("done")
    picture(page, "version")

    with browser_context.expect_page() as opened:
        page.get_by_role("link", name="Read the full explanation").click()
    heading = opened.value.frame_locator("iframe").get_by_role("heading", level=1)
    expect(heading).to_contain_text("german-credit-random-forest")


def test_the_versions_picture_is_whole_beside_the_assistant_of_a_new_browser(
    browser: Browser, explained_store: ExplainedStore
) -> None:
    with fresh_context(browser, first_visit=True) as context:
        page = _open(context, explained_store, "#/models/german-credit-random-forest/versions/1")
        page.set_viewport_size({"width": 1400, "height": 1000})
        expect(page.get_by_text("MLflow Assistant")).to_be_visible()
        image = page.locator("img[src*='get-artifact']")
        _expect_picture(image)
        room = "image => image.parentElement.getBoundingClientRect().right - image.getBoundingClientRect().right"
        assert image.evaluate(room) >= 0


def test_the_report_is_closed_to_the_outside(browser_context: BrowserContext, explained_store: ExplainedStore) -> None:
    """Opened by itself, the page asks for nothing: everything it shows is inside it."""
    run_id = explained_store.versions["german-credit-random-forest"]
    page = browser_context.new_page()
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    path = f"{_FOLDER}/report.html"
    source = explained_store.client.download_artifacts(run_id, path)
    page.goto(f"file://{source}")
    expect(page.get_by_role("heading", level=1)).to_be_visible()
    assert [url for url in asked if not url.startswith(("file:", "data:"))] == []


def test_the_table_is_what_mlflow_calls_a_table(explained_store: ExplainedStore) -> None:
    for run_id in explained_store.versions.values():
        announced = json.loads(explained_store.client.get_run(run_id).data.tags["mlflow.loggedArtifacts"])
        assert {"path": f"{_FOLDER}/global_importance.json", "type": "table"} in announced


def _artifact(store: ExplainedStore, run_id: str, path: str) -> str:
    return f"#/experiments/{store.experiment_id}/runs/{run_id}/artifacts/{_FOLDER}/{path}"


def _expect_picture(image: Locator) -> None:
    """The image has been loaded and is more than an icon."""
    expect(image).to_have_js_property("complete", value=True)
    assert image.evaluate("image => image.naturalWidth") > 200
