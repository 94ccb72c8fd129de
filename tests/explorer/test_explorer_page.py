"""The explorer in headless Chromium: what a person sees, types and presses.

With TILTH_SCREENSHOTS=folder it also takes the pictures of the guide.
"""

import os
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")

Field = Any
Page = Any
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
WAIT_MS = 10_000


@pytest.fixture(scope="module")  # its loop runs as long as it does, which asynchronous tests forbid
def browser() -> Iterator[Any]:
    path = next((found for name in BROWSERS if (found := shutil.which(name))), None)
    if path is None:
        pytest.skip("there is no Chromium on this machine: `make browser` installs Debian's")
    with sync_api.sync_playwright() as playwright:
        # Chromium's own sandbox is not to be had in a container as root; the page is our own.
        launched = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        yield launched
        launched.close()


@pytest.fixture
def page(browser: Any, field: Field) -> Iterator[Page]:
    """A page that may show no error of its own, whatever it was led to."""
    with browser.new_context(viewport={"width": 1280, "height": 900}) as context:
        context.set_default_timeout(WAIT_MS)
        faults: list[str] = []
        opened = context.new_page()
        opened.on("pageerror", lambda error: faults.append(str(error)))
        opened.on(
            "console", lambda told: faults.append(told.text) if told.type == "error" else None
        )
        opened.on("dialog", lambda dialog: (faults.append(dialog.message), dialog.dismiss()))
        yield opened
        assert faults == []


def visit(page: Page, field: Field, path: str) -> None:
    page.goto(f"{field.node.http}/explorer/#/{path}")
    page.wait_for_selector("main h1")


def until(page: Page, condition: str) -> None:
    """Playwright's own waiting evaluates texts in the page, which the page's policy forbids."""
    for _ in range(WAIT_MS // 50):
        if page.evaluate(condition):
            return
        page.wait_for_timeout(50)
    raise AssertionError(f"it never came to pass that {condition}")


def settled(page: Page) -> None:
    until(page, "!document.querySelector('[aria-busy]')")


def heading(page: Page) -> str:
    text: str = page.inner_text("main h1")
    return text


PLACES = {
    "": "Tilth Development",
    "blocks": "Blocks",
    "blocks/5": "Block 5",
    "datasets": "Datasets",
    "datasets/0": "Rainfall of the Volta basin, 1961-2020",
    "datasets/3": "Relapses at a clinic",
    "jobs": "Jobs",
    "jobs/0": "Job 0",
    "workers": "Workers",
    "rewards": "Rewards",
    "no/such/page": "There is no such page",
}


# What stands out from its ground by less than WCAG asks of text (AA).
FAINT = """
() => {
  const channel = (v) => ((v /= 255) <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
  const parse = (text) => text.match(/[\\d.]+/g).map(Number);
  const light = ([r, g, b]) => 0.2126 * channel(r) + 0.7152 * channel(g) + 0.0722 * channel(b);
  const ground = (element) => {
    for (let at = element; at; at = at.parentElement) {
      const found = parse(getComputedStyle(at).backgroundColor);
      if (found.length < 4 || found[3] === 1) return found;
    }
    return [255, 255, 255];
  };
  const faint = [];
  for (const element of document.querySelectorAll("#app *")) {
    const own = [...element.childNodes].some((node) => node.nodeType === 3 && node.data.trim());
    if (!own || element.closest("svg, .unseen, .skip")) continue;
    const [a, b] = [light(parse(getComputedStyle(element).color)), light(ground(element))];
    const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    if (ratio < 4.5) faint.push(`${element.className} ${element.innerText}: ${ratio.toFixed(2)}`);
  }
  return faint;
}
"""
NAMELESS = """
() => {
  const used = document.querySelectorAll("a[href]:not([tabindex='-1']), button, input");
  const ids = [...document.querySelectorAll("[id]")].map((each) => each.id);
  const twice = ids.filter((id, at) => ids.indexOf(id) !== at);
  const named = (each) =>
    (each.textContent || "").trim() || each.getAttribute("aria-label") || each.labels?.length;
  return [...twice, ...[...used].filter((each) => !named(each)).map((each) => each.outerHTML)];
}
"""


@pytest.mark.parametrize("path", PLACES)
def test_every_page_opens_legible_named_and_whole(page: Page, field: Field, path: str) -> None:
    visit(page, field, path)
    settled(page)

    assert heading(page) == PLACES[path]
    assert page.title() == f"{PLACES[path]} · Tilth"
    assert page.locator(".fault").count() == 0
    assert page.locator("h1").count() == 1
    assert page.evaluate(NAMELESS) == []
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)
        assert page.evaluate(FAINT) == []
    page.set_viewport_size({"width": 360, "height": 700})
    assert page.evaluate("document.documentElement.scrollWidth") <= 360


def test_a_job_leads_to_the_call_that_ordered_it(page: Page, field: Field) -> None:
    visit(page, field, f"jobs/{field.done}")
    page.click(".timeline li:first-child a")
    page.wait_for_selector(".ledger")
    page.click(".ledger li:last-child a[href^='#/extrinsics/']")
    until(page, "document.querySelector('h1')?.innerText === 'Compute: create job'")

    assert "Order a job" in page.inner_text(".lead")
    assert "Job created" in page.inner_text(".events")
    assert page.evaluate(FAINT) == []


def test_a_block_shows_as_soon_as_it_is_made(page: Page, field: Field) -> None:
    visit(page, field, "blocks")
    page.wait_for_selector("tbody tr")
    before = int(page.inner_text("tbody tr td").replace("\u2009", "").split()[0])

    remark = {"remark": b"hello from the field"}
    field.client.submit(field.pair("Ferdie"), "System", "remark_with_event", remark)

    until(
        page, f"Number(document.querySelector('tbody td').innerText.replace(/\\D/g, '')) > {before}"
    )
    assert "Remark with event" in page.inner_text("tbody tr")
    page.click("tbody tr a")
    page.wait_for_selector(".events")
    assert "hello from the field" in page.inner_text(".ledger")


def test_what_a_publisher_writes_is_text(page: Page, field: Field) -> None:
    visit(page, field, f"datasets/{field.hostile}")
    page.wait_for_selector("table")

    assert heading(page) == "<script>document.title='owned'</script>"
    assert "owned" in page.title()
    assert page.title().startswith("<script>")
    shown = page.inner_text("main")
    for text in ("<script>alert(3)</script>", "<i>tag</i>", "<img src=x onerror=alert(1)>.csv"):
        assert text in shown
    assert page.locator("main script, main img, main i:not([class]), main b:not(p b)").count() == 0


def test_the_search_box_is_used_by_keyboard_alone(page: Page, field: Field) -> None:
    visit(page, field, "")
    page.keyboard.press("/")
    page.keyboard.type("volta")
    page.wait_for_selector("#found li:nth-child(2)")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowDown")
    active = page.get_attribute("#search", "aria-activedescendant")
    chosen = page.inner_text(f"#{active}")
    page.keyboard.press("Enter")
    page.wait_for_url(re.compile("#/datasets/"))
    until(page, "document.activeElement.tagName === 'H1'")

    assert heading(page) in chosen


@pytest.mark.parametrize(
    ("typed", "path"), [("5", "blocks/5"), ("alice", "accounts/5Grw"), ("ghana", "datasets?text=")]
)
def test_what_is_typed_leads_to_its_page(page: Page, field: Field, typed: str, path: str) -> None:
    visit(page, field, "rewards")
    page.fill("#search", typed)
    page.press("#search", "Enter")

    page.wait_for_url(re.compile(re.escape(f"#/{path}")))


def test_the_first_thing_that_tab_reaches_skips_to_the_page(page: Page, field: Field) -> None:
    visit(page, field, "blocks")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.innerText") == "Skip to the page"
    page.keyboard.press("Enter")

    assert page.evaluate("document.activeElement.id") == "main"
    assert page.url.endswith("#/blocks")


def test_datasets_are_narrowed_while_one_types(page: Page, field: Field) -> None:
    visit(page, field, "datasets")
    page.fill("#words", "rainfall")
    until(page, "document.querySelectorAll('.datasets li').length === 1")
    page.click(".chip >> text=climate")
    page.wait_for_url(re.compile("tag=climate"))
    page.go_back()

    page.wait_for_url(re.compile("text=rainfall"))


def test_a_private_table_shows_what_is_left_of_its_budget(page: Page, field: Field) -> None:
    visit(page, field, f"datasets/{field.clinic}")
    meter = page.locator("[role=meter]").first

    assert re.match(
        r"ε: 1 spent, [\d.]+ reserved, [\d.]+ left of 8", meter.get_attribute("aria-valuetext")
    )
    page.wait_for_selector("text=no row of it is real")


def test_a_file_is_saved_once_it_was_checked(page: Page, field: Field) -> None:
    visit(page, field, f"datasets/{field.harvest}")
    with page.expect_download() as saved:
        page.click("[aria-label='Download harvest.csv']")

    assert Path(saved.value.path()).read_bytes().startswith(b"year,crop,tonnes\n2019,maize")
    page.wait_for_selector("text=checked and saved")


def test_a_file_of_other_bytes_is_not_saved(page: Page, field: Field) -> None:
    page.route("**/ipfs/*", lambda route: route.fulfill(body="year,crop,tonnes\n" + "x" * 48))
    visit(page, field, f"datasets/{field.harvest}")
    page.click("[aria-label='Download harvest.csv']")

    page.wait_for_selector("text=not saved")


def test_citations_are_a_picture_one_can_walk(page: Page, field: Field) -> None:
    visit(page, field, f"datasets/{field.rain}")
    page.locator(f"svg.graph a[href='#/datasets/{field.harvest}']").focus()
    page.keyboard.press("Enter")

    until(page, "document.querySelector('h1')?.innerText.startsWith('Harvests')")


def test_the_page_says_when_the_node_is_gone_and_comes_back_with_it(
    page: Page, field: Field
) -> None:
    page.add_init_script(
        "window.sockets = []; window.WebSocket = class extends WebSocket {"
        " constructor(url) { super(url); window.sockets.push(this); } };"
    )
    visit(page, field, "blocks")
    page.wait_for_selector("[data-link=open]")
    page.evaluate("window.sockets.at(-1).close()")
    page.wait_for_selector("[data-link=lost]", state="attached")

    page.wait_for_selector("[data-link=open]")
    field.client.submit(field.pair("Ferdie"), "System", "remark", {"remark": b"back"})
    page.wait_for_selector("tbody tr:first-child >> text=Remark")


SHOTS = {
    "explorer-home-light": ("", "light", 1280, 800),
    "explorer-dataset-light": ("datasets/0", "light", 1280, 1100),
    "explorer-private-dark": ("datasets/3", "dark", 1280, 900),
    "explorer-job-dark": ("jobs/0", "dark", 390, 844),
}


@pytest.mark.skipif("TILTH_SCREENSHOTS" not in os.environ, reason="no folder for pictures is named")
@pytest.mark.parametrize("name", SHOTS)
def test_pictures_of_the_guide_are_taken(page: Page, field: Field, name: str) -> None:
    path, scheme, width, height = SHOTS[name]
    page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
    page.set_viewport_size({"width": width, "height": height})
    visit(page, field, path)
    settled(page)
    page.screenshot(path=Path(os.environ["TILTH_SCREENSHOTS"]) / f"{name}.png")
