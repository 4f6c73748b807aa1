"""The explorer as a reader meets it: JupyterLab in a real browser, all cells run, a slider moved by the keyboard."""

import time

import lab
import pytest
from lab import press, slider

pytestmark = pytest.mark.browser
QUIET_S = 1.5  # no picture for so long: the last one has arrived


@pytest.fixture(scope="module")
def page(browser, tmp_path_factory):
    """JupyterLab on the notebook, trained for a few steps, in a browser."""
    with lab.explorer(browser, tmp_path_factory.mktemp("lab")) as tab:
        yield tab


def shown(page):
    """Address of the picture; a new one for every picture that arrives."""
    return page.locator(".widget-image").get_attribute("src")


def after(page, act):
    """Do something, wait until pictures stop arriving; the picture as pixels on the screen."""
    before = shown(page)
    act()
    page.wait_for_function("before => document.querySelector('.widget-image').src !== before", arg=before)
    last, since = shown(page), time.monotonic()
    while time.monotonic() - since < QUIET_S:
        page.wait_for_timeout(100)
        if shown(page) != last:
            last, since = shown(page), time.monotonic()
    return page.locator(".widget-image").screenshot()


def readout(page, name):
    return slider(page, name).locator(".widget-readout").inner_text()


def status(page):
    return page.locator(".widget-html-content").filter(has_text="drawing").inner_text()


def test_every_cell_ran_without_an_error(page):
    assert page.locator(".jp-OutputArea-output[data-mime-type='application/vnd.jupyter.error']").count() == 0
    assert page.locator(".widget-slider").count() == 11
    assert "simulator" in status(page)
    assert "HMLM" in status(page)


def test_a_slider_moves_readout_picture_and_numbers(page):
    picture, numbers = page.locator(".widget-image").screenshot(), status(page)
    moved = after(page, lambda: press(page, "TGFB", "ArrowRight", 10))
    assert readout(page, "TGFB") == "0.60"
    assert moved != picture
    assert status(page) != numbers
    assert after(page, lambda: press(page, "TGFB", "ArrowLeft", 10)) == picture


def test_a_drag_ends_at_the_picture_of_its_last_position(page):
    start = slider(page, "IL1").locator(".noUi-handle").bounding_box()
    x, y = start["x"] + start["width"] / 2, start["y"] + start["height"] / 2

    def drag():
        page.mouse.move(x, y)
        page.mouse.down()
        page.mouse.move(x + 90, y, steps=30)
        page.mouse.up()

    dragged = after(page, drag)
    assert float(readout(page, "IL1")) > 0.5
    nudged = after(page, lambda: press(page, "IL1", "ArrowLeft", 1))
    assert nudged != dragged
    assert after(page, lambda: press(page, "IL1", "ArrowRight", 1)) == dragged


def test_buttons_and_chosen_names_set_the_cell(page):
    intact = after(page, lambda: page.get_by_role("button", name="1: TGF-beta", exact=True).click())
    assert (readout(page, "TGFB"), readout(page, "IL1"), readout(page, "lasts, h")) == ("0.90", "0.10", "72")

    knock_out = page.locator(".widget-dropdown select").filter(has_text="knock out ...")
    lost = after(page, lambda: knock_out.select_option("smad3"))
    assert lost != intact
    assert after(page, lambda: page.get_by_role("button", name="smad3 ×", exact=True).first.click()) == intact
    assert after(page, lambda: page.get_by_role("button", name="1: without smad3", exact=True).click()) == lost
