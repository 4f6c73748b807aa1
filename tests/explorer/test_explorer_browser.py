"""The explorer as a reader meets it: JupyterLab in a real browser, all cells run, a slider moved by the keyboard."""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from contextlib import contextmanager

import pytest

from hmlm_lib import paths

pytestmark = pytest.mark.browser
NAME = "00_explorer.ipynb"
LAUNCH = (
    "--no-sandbox", "--headless", "--disable-gpu", "--disable-background-networking", "--disable-component-update",
    "--disable-sync", "--no-first-run",
)  # fmt: skip
PATIENCE_MS = 100_000
QUIET_S = 1.5  # no picture for so long: the last one has arrived


@pytest.fixture(scope="module")
def chromium():
    found = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if found is None:
        pytest.skip("no chromium on this machine: no browser to try the explorer in")
    return found


@pytest.fixture(scope="module")
def page(chromium, tmp_path_factory):
    """JupyterLab on the notebook, trained for a few steps, in a browser."""
    api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    folder = tmp_path_factory.mktemp("lab")
    prepare(folder)
    with server(folder) as address, api.sync_playwright() as play:
        browser = play.chromium.launch(executable_path=chromium, args=list(LAUNCH))
        try:
            tab = browser.new_page(viewport={"width": 1400, "height": 1300})
            tab.set_default_timeout(PATIENCE_MS)
            tab.goto(f"{address}/lab/tree/{NAME}", wait_until="domcontentloaded")
            tab.get_by_text("Python 3 (ipykernel) | Idle").wait_for()
            tab.get_by_role("menuitem", name="Run", exact=True).click()
            tab.get_by_role("menuitem", name="Run All Cells", exact=True).click()
            tab.wait_for_selector(".widget-image", state="attached")
            tab.locator(".widget-image").scroll_into_view_if_needed()
            yield tab
        finally:
            browser.close()


def prepare(folder):
    """The committed notebook down to the explorer, without outputs and with a short training."""
    notebook = json.loads((paths.ROOT / "notebooks" / NAME).read_text())
    last = max(i for i, cell in enumerate(notebook["cells"]) if "".join(cell["source"]).endswith("\nexplorer"))
    notebook["cells"] = notebook["cells"][: last + 1]
    for cell in notebook["cells"]:
        if cell["cell_type"] == "code":
            cell.update(outputs=[], execution_count=None)
        if "parameters" in cell["metadata"].get("tags", []):
            cell["source"] = "".join(cell["source"]) + "\neffort = 0.02"
    (folder / NAME).write_text(json.dumps(notebook))


@contextmanager
def server(folder):
    """JupyterLab on a free port, with folders of its own; gone at the end, with its kernels."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    own = {
        f"{name}_DIR": str(folder / name.lower())
        for name in (
            "JUPYTER_RUNTIME",
            "JUPYTER_CONFIG",
            "JUPYTER_DATA",
            "JUPYTERLAB_SETTINGS",
            "JUPYTERLAB_WORKSPACES",
        )
    }
    search = os.pathsep.join(filter(None, [str(paths.ROOT), os.environ.get("PYTHONPATH")]))
    own |= {"IPYTHONDIR": str(folder / "ipython"), "HMLM_OUTPUT_DIR": str(folder), "PYTHONPATH": search}
    options = {"ip": "127.0.0.1", "port": port, "port_retries": 0, "token": "", "password": "", "root_dir": folder}
    command = [sys.executable, "-m", "jupyterlab", "--no-browser", "--allow-root"]
    command += [f"--ServerApp.{name}={value}" for name, value in options.items()]
    with (folder / "server.log").open("w") as log:
        process = subprocess.Popen(
            command, env=os.environ | own, stdout=log, stderr=log, cwd=folder, start_new_session=True
        )
    address = f"http://127.0.0.1:{port}"
    try:
        wait_for(address, process, folder / "server.log")
        yield address
    finally:
        process.send_signal(signal.SIGTERM)  # which ends the kernels too
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


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


def slider(page, name):
    return page.locator(".widget-slider").filter(has_text=name)


def press(page, name, key, times):
    handle = slider(page, name).locator(".noUi-handle")
    for _ in range(times):
        handle.press(key)


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


def wait_for(address, process, log, seconds=90):
    deadline = time.monotonic() + seconds
    while True:
        try:
            with urllib.request.urlopen(f"{address}/api/status", timeout=5):
                return
        except (urllib.error.URLError, ConnectionError, TimeoutError):
            assert process.poll() is None, log.read_text()
            assert time.monotonic() < deadline, log.read_text()
            time.sleep(0.2)
