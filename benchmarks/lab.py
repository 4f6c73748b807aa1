"""A real browser, and in it JupyterLab with the explorer: tests look at it, `explorer.py --browser` times it."""

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
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from hmlm_lib import paths

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Locator, Page

NAME = "00_explorer.ipynb"
LAUNCH = (
    "--no-sandbox", "--headless", "--disable-gpu", "--disable-background-networking", "--disable-component-update",
    "--disable-sync", "--no-first-run",
)  # fmt: skip
PATIENCE_MS = 100_000
FOLDERS = ("JUPYTER_RUNTIME", "JUPYTER_CONFIG", "JUPYTER_DATA", "JUPYTERLAB_SETTINGS", "JUPYTERLAB_WORKSPACES")


class NoBrowserError(RuntimeError):
    """There is no browser on this machine, or nothing to drive it with."""


@contextmanager
def browser() -> "Iterator[Browser]":
    """Chromium without a window; NoBrowserError where it or playwright is not installed."""
    found = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if found is None:
        raise NoBrowserError("there is no chromium on this machine: nothing can be opened in a browser")
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        raise NoBrowserError("playwright is not installed: nothing can drive a browser") from None
    with sync_playwright() as play:
        opened = play.chromium.launch(executable_path=found, args=list(LAUNCH))
        try:
            yield opened
        finally:
            opened.close()


@contextmanager
def explorer(opened: "Browser", folder: Path) -> "Iterator[Page]":
    """JupyterLab on the explorer, trained for a few steps, all cells run; its files go below the folder."""
    _prepare(folder)
    with _server(folder) as address:
        tab = opened.new_page(viewport={"width": 1400, "height": 1300})
        tab.set_default_timeout(PATIENCE_MS)
        tab.goto(f"{address}/lab/tree/{NAME}", wait_until="domcontentloaded")
        tab.get_by_text("Python 3 (ipykernel) | Idle").wait_for()
        tab.get_by_role("menuitem", name="Run", exact=True).click()
        tab.get_by_role("menuitem", name="Run All Cells", exact=True).click()
        tab.wait_for_selector(".widget-image", state="attached")
        tab.locator(".widget-image").scroll_into_view_if_needed()
        yield tab
        tab.close()


def slider(page: "Page", name: str) -> "Locator":
    """The slider of a stimulus."""
    return page.locator(".widget-slider").filter(has_text=name)


def press(page: "Page", name: str, key: str, times: int = 1) -> None:
    """Press a key on a slider's handle."""
    handle = slider(page, name).locator(".noUi-handle")
    for _ in range(times):
        handle.press(key)


def _prepare(folder: Path) -> None:
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
def _server(folder: Path) -> Iterator[str]:
    """JupyterLab on a free port, with folders of its own; gone at the end, with its kernels."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    own = {f"{name}_DIR": str(folder / name.lower()) for name in FOLDERS}
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
        _wait_for(address, process, folder / "server.log")
        yield address
    finally:
        process.send_signal(signal.SIGTERM)  # which ends the kernels too
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _wait_for(address: str, process: subprocess.Popen, log: Path, seconds: float = 90) -> None:
    deadline = time.monotonic() + seconds
    while True:
        try:
            with urllib.request.urlopen(f"{address}/api/status", timeout=5):
                return
        except (urllib.error.URLError, ConnectionError, TimeoutError):
            if process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"JupyterLab did not start:\n{log.read_text()}") from None
            time.sleep(0.2)
