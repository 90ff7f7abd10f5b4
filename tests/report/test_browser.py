"""The page in a browser that has no network, moved through by keyboard."""

import io
import shutil
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path

import pytest
from PIL import Image
from playwright.sync_api import Error, Page, sync_playwright

from pyro_seatbelt.report.html import render

NAMES = ("chromium", "chromium-browser", "google-chrome")
FLAGS = [
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
]


@pytest.fixture(scope="module")
def browser():
    path = next((found for name in NAMES if (found := shutil.which(name))), None)
    if path is None:
        pytest.skip(f"no browser here: install one of {', '.join(NAMES)}")
    with sync_playwright() as playwright:
        try:
            browser = playwright.chromium.launch(executable_path=path, args=FLAGS)
        except Error as error:
            pytest.skip(f"{path} does not start: {error.message.splitlines()[0]}")
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def html(make_page, claims) -> Callable[[int], str]:
    """A page of so many runs."""
    return cache(lambda num: render(make_page(num, claims=claims, notes=["a note"])))


@pytest.fixture
def visit(browser, html, tmp_path: Path) -> Iterator[Callable[..., Page]]:
    """Opens a page of so many runs; at the end nothing has gone wrong and nothing was asked for."""
    contexts, complaints = [], []

    def look(num_runs: int = 1, *, width: int = 1280, scheme: str = "light", **options) -> Page:
        file = tmp_path / "report.html"
        file.write_text(html(num_runs), "utf-8")
        context = browser.new_context(
            viewport={"width": width, "height": 800}, color_scheme=scheme, **options
        )
        contexts.append(context)
        context.set_offline(True)
        page = context.new_page()
        page.on("console", lambda message: complaints.append(message.text))
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on(
            "request",
            lambda request: (
                None
                if request.url.startswith(("data:", file.as_uri()))
                else complaints.append(request.url)
            ),
        )
        page.goto(file.as_uri())
        return page

    yield look
    for context in contexts:
        context.close()
    assert complaints == []


def state(page: Page) -> dict[str, object]:
    """What the viewer shows, in words and numbers."""
    return page.evaluate(
        """() => {
            const viewer = document.querySelector("[data-viewer]");
            const all = (what) => [...viewer.querySelectorAll(what)];
            const slider = viewer.querySelector("[data-slider]");
            return {
                penalty: viewer.querySelector("[data-penalty]").textContent,
                spoken: slider.getAttribute("aria-valuetext"),
                value: slider.value,
                readings: all("[data-reading]").map((each) => each.textContent),
                windows: all("[data-panel]").map((each) => each.getAttribute("viewBox")),
                sprite: all("[data-panel] use").map((each) => each.getAttribute("href")),
                pairs: all("[data-pair] option").map((each) => each.textContent),
                away: viewer.querySelector("[data-where]").classList.contains("away"),
                cursor: viewer.querySelector("[data-cursor]").getAttribute("x1"),
                mark: viewer.querySelector("[data-mark]").getAttribute("x1"),
            };
        }"""
    )


def greys(page: Page) -> list[int]:
    """What colour each of the six panels really has, in its middle."""
    shades = []
    for panel in page.locator("[data-panel]").all():
        panel.scroll_into_view_if_needed()
        with Image.open(io.BytesIO(panel.screenshot())) as picture:
            red, green, blue = picture.convert("RGB").getpixel(
                (picture.width // 2, picture.height // 2)
            )
        assert max(red, green, blue) - min(red, green, blue) <= 2
        shades.append(green)
    return shades


def expected(pair: int, place: int) -> list[int]:
    first = 100 + 7 * 3 * place + pair
    return [10 + 20 * pair, 30 + 20 * pair, first, first + 7, first + 14, 250 - 20 * pair]


def test_it_opens_at_the_penalty_of_the_paper(visit):
    page = visit()
    seen = state(page)
    assert (seen["penalty"], seen["value"]) == ("0.031", "2")
    assert seen["spoken"] == "lambda 0.031, |d| 2.1, the paper's choice"
    assert seen["readings"][0] == "2"
    assert not seen["away"]
    assert seen["cursor"] == seen["mark"] == "50"
    assert greys(page) == pytest.approx(expected(0, 2), abs=2)


def test_keys_move_the_slider_and_everything_follows(visit):
    page = visit()
    before = state(page)
    page.locator("[data-slider]").focus()
    page.keyboard.press("ArrowRight")
    after = state(page)
    assert (after["penalty"], after["spoken"]) == ("4", "lambda 4, |d| 1.1")
    assert after["readings"][:6] == ["3", "4.5", "1.05", "1238", "5.5", "4.25"]
    assert after["windows"][2:5] != before["windows"][2:5]
    assert after["windows"][:2] == before["windows"][:2]
    assert after["away"]
    assert (after["cursor"], after["mark"]) == ("75", "50")
    assert greys(page) == pytest.approx(expected(0, 3), abs=2)
    page.keyboard.press("Home")
    assert state(page)["spoken"] == "lambda 0, |d| 4.2"
    page.keyboard.press("End")
    assert state(page)["penalty"] == "1\u202f048\u202f576"
    page.get_by_role("button", name="Go to the paper").click()
    assert state(page) == before
    assert page.evaluate("document.activeElement.matches('[data-slider]')")


def test_a_screen_reader_finds_names(visit):
    page = visit()
    slider = page.get_by_role("slider", name="Penalty \u03bb")
    assert slider.input_value() == "2"
    assert page.get_by_role("combobox", name="Attack").count() == 1
    assert page.get_by_role("combobox", name="Pair").count() == 1
    assert page.get_by_role("img", name="adversarial reconstruction").count() == 1
    assert page.get_by_role("group", name="Attack viewer").count() == 1


def test_another_pair_and_another_attack(visit):
    page = visit()
    page.get_by_role("combobox", name="Pair").select_option("2")
    seen = state(page)
    assert seen["readings"][0] == "22"
    assert set(seen["sprite"]) == {"#run-1-sprite-0-2"}
    assert greys(page) == pytest.approx(expected(2, 2), abs=2)
    page.locator("[data-slider]").focus()
    page.keyboard.press("End")
    page.get_by_role("combobox", name="Attack").select_option("1")
    seen = state(page)
    assert seen["pairs"] == ["0: image 0 to 5", "1: image 1 to 6"]  # this one has no third pair
    assert set(seen["sprite"]) == {"#run-1-sprite-1-1"}
    assert seen["value"] == "4"  # the penalty that was chosen stays
    assert greys(page) == pytest.approx(expected(1, 4), abs=2)


def test_the_keyboard_reaches_every_control(visit):
    page = visit(3)
    for summary in page.locator("summary").all():
        summary.evaluate("each => { each.parentElement.open = true; }")
    wanted = page.evaluate(
        """() => {
            const all = [...document.querySelectorAll(
                "a[href], button, select, input, summary, [tabindex='0']")];
            all.forEach((each, number) => { each.dataset.number = number; });
            return all.length;
        }"""
    )
    assert wanted > 40
    reached = []
    for _ in range(wanted + 2):
        page.keyboard.press("Tab")
        number = page.evaluate("document.activeElement.dataset.number ?? null")
        if number is None:
            break
        reached.append(int(number))
        outline = page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
        assert outline != "none", page.evaluate("document.activeElement.outerHTML")[:80]
    assert reached == list(range(wanted))


@pytest.mark.parametrize("width", [1280, 390])
@pytest.mark.parametrize("num_runs", [1, 3])
def test_nothing_is_wider_than_the_window(width, num_runs, visit):
    page = visit(num_runs, width=width)
    page.evaluate("document.querySelectorAll('details').forEach(each => { each.open = true; })")
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    wide = page.evaluate(
        """() => [...document.querySelectorAll("body *")].filter((each) =>
            each.getClientRects().length && each.getBoundingClientRect().right > innerWidth + 1
            && !each.closest(".scroll, nav, .skip, svg > *")).map((each) =>
            each.outerHTML.slice(0, 80))"""
    )
    assert wide == []


@pytest.mark.parametrize("width", [1280, 390])
def test_claims_are_read_without_scrolling_sideways(width, visit):
    page = visit(width=width)
    assert page.locator(".claims").bounding_box()["width"] <= width
    names = {"Claims of the paper": "table", "lower fig5 on faces": "rowheader", "less": "cell"}
    for name, role in names.items():
        assert page.get_by_role(role, name=name).count() == 1, name


def test_no_word_of_a_chart_is_cut_off(visit):
    cut = visit().evaluate(
        """() => [...document.querySelectorAll(".plot text")].filter((each) => {
            const [word, plot] = [each, each.closest(".plot")].map((one) =>
                one.getBoundingClientRect());
            return word.right > plot.right || word.left < plot.left;
        }).map((each) => each.textContent)"""
    )
    assert cut == []


CONTRAST = Path(__file__).with_name("contrast.js").read_text("utf-8")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_words_stand_out(scheme, visit):
    page = visit(2, scheme=scheme)
    page.evaluate("document.querySelectorAll('details').forEach(each => { each.open = true; })")
    found = page.evaluate(CONTRAST)
    assert len(found) > 150
    assert [each for each in found if each[0] < 4.5] == []


def test_the_theme_can_be_chosen_and_is_remembered(visit):
    page = visit(scheme="light")

    def background():
        return page.evaluate("getComputedStyle(document.body).backgroundColor")

    by_system = background()
    button = page.get_by_role("button", name="Theme")
    for name in ("light", "dark"):
        button.click()
        assert button.text_content() == f"Theme: {name}"
    assert background() != by_system
    for _ in range(50):  # the browser writes down what it remembers when it has time
        page.reload()
        if button.text_content() == "Theme: dark":
            break
        page.wait_for_timeout(100)
    assert button.text_content() == "Theme: dark"
    assert background() != by_system
    button.click()
    assert (button.text_content(), background()) == ("Theme: system", by_system)


def test_headings_sort_the_comparison(visit):
    page = visit(3)

    def order():
        return page.locator(".comparison tbody th").all_text_contents()

    assert order() == ["run 0", "run 1", "run 2"]
    by_number = page.get_by_role("button", name="ELBO")
    by_number.click()
    assert order() == ["run 1", "run 0", "run 2"]  # what is not known comes last
    by_number.focus()
    page.keyboard.press("Enter")
    assert order() == ["run 0", "run 1", "run 2"]
    heading = page.locator(".comparison th[aria-sort]")
    assert heading.count() == 1
    assert heading.get_attribute("aria-sort") == "descending"
    page.get_by_role("button", name="model").click()
    assert order() == ["run 2", "run 1", "run 0"]
    page.get_by_role("button", name="TC").click()
    assert order() == ["run 2", "run 1", "run 0"]


def test_a_link_unfolds_the_run_that_it_leads_to(visit):
    page = visit(3)
    assert not page.locator("#run-2").evaluate("each => each.open")
    page.get_by_role("link", name="run 1").click()
    page.wait_for_function("document.querySelector('#run-2').open")
    assert not page.locator("#run-3").evaluate("each => each.open")


def test_every_run_has_a_viewer_of_its_own(visit):
    page = visit(2)
    sliders = page.locator("[data-slider]")
    sliders.nth(1).focus()
    page.keyboard.press("ArrowLeft")
    assert [each.input_value() for each in sliders.all()] == ["2", "1"]


def test_without_scripts_all_pairs_are_there(visit):
    page = visit(java_script_enabled=False)
    assert page.locator("figure.still").count() == 5
    assert page.locator("figure.still svg").count() == 30
    assert not page.locator("[data-slider]").is_visible()
    assert page.locator("noscript p").is_visible()
    assert page.locator("figure.still").first.is_visible()


def test_a_reader_who_wants_no_motion_gets_none(visit):
    page = visit(reduced_motion="reduce")
    assert page.evaluate("getComputedStyle(document.documentElement).scrollBehavior") == "auto"
    assert page.locator("details:not([open]) img").count() == 1  # the animation is folded away


@pytest.mark.parametrize(("width", "shown"), [(1280, None), (390, 640)])
def test_a_large_picture_stays_large_enough_to_read(width, shown, visit):
    region = visit(width=width).get_by_role("region", name="traversals")
    drawn = region.locator("img").bounding_box()["width"]
    assert drawn == shown or (shown is None and drawn <= region.bounding_box()["width"])


def test_a_table_that_goes_on_has_a_shadow_at_that_edge(visit):
    page = visit(3, width=390)
    region = page.get_by_role("region", name="Comparison of runs")
    region.locator("td").first.evaluate("each => { each.textContent = 'long '.repeat(20); }")

    def edges():
        with Image.open(io.BytesIO(region.screenshot())) as picture:
            grey = picture.convert("L")
            return [grey.getpixel((x, 4)) for x in (0, grey.width - 1)]

    paper = edges()[0]
    assert edges()[1] < paper - 20
    region.evaluate("each => { each.scrollLeft = each.scrollWidth; }")
    left, right = edges()
    assert left < paper - 20
    assert right == paper
