"""What one move of a slider costs: simulator, HMLM and drawing, and what the usual ways would take.

    python benchmarks/explorer.py [--quick] [--json] [--browser]

Peers, in the same run and on the same trajectory: for the simulator scipy's `solve_ivp(LSODA)` at rtol 1e-4 on the
published network as generated Python (`simulate.py`), and the study's own batched simulator; for drawing a new figure
with `savefig`. Ratios are peer / ours at the same tolerance; above 1 the peer is slower. The sliders themselves ask for
1e-3, a tenth of a pixel. Errors are against DOP853 at relative tolerance 1e-10, largest over 109 species and 145 times.
Training does not change HMLM's cost, so the model is untrained. --browser adds what a reader waits for: from a key
pressed on a slider in JupyterLab to the new picture on the screen.
"""

import argparse
import io
import statistics
import tempfile
from pathlib import Path

import lab
import numpy as np
from matplotlib.figure import Figure
from printed import printed
from scipy.integrate import solve_ivp
from simulate import exported
from timing import timed

from hmlm_lib.dynamics import simulate
from hmlm_lib.explorer import CONFIG, HORIZON_H, TIMES_H, Explorer, Setting, Simulator, published_cell, trajectory
from hmlm_lib.figures import use_style
from hmlm_lib.figures.explorer import draw_row, label_panels
from hmlm_lib.hmlm.model import HMLM
from hmlm_lib.network import load_network

WATCH = """() => {
    const picture = document.querySelector('.widget-image');
    let pressed = null;
    window.waited = [];
    document.addEventListener('keydown', () => { pressed = performance.now(); }, true);
    new MutationObserver(async () => {
        if (pressed === null) return;
        const since = pressed;
        pressed = null;
        await picture.decode();
        requestAnimationFrame(() => window.waited.push(performance.now() - since));
    }).observe(picture, {attributes: true, attributeFilter: ['src']});
}"""
PAUSE_MS = 300  # between two keys: a reader who looks before the next move
STROKE = 10  # keys up, then as many down: the slider ends at 1
SHOWN = ["TGFB1R", "smad3", "aSMA", "proCI", "fibronectin"]


def build() -> Explorer:
    """The notebook's explorer, with an untrained model."""
    use_style()
    network = load_network("fibroblast-core")
    model = HMLM.from_network(network, CONFIG)
    model.horizon_h = HORIZON_H
    return Explorer(
        network, published_cell(network).rest, {"simulator": Simulator(network, 1e-3), "HMLM": model}, SHOWN
    )


def update(explorer: Explorer, lasts_h: float, moves: int) -> dict[str, float]:
    """Milliseconds of a slider's moves with a stimulus that lasts so long: median of each part and of the whole."""
    explorer.show(Setting({"TGFB": 0.9}, lasts_h=lasts_h))
    slider, rows = explorer.sliders["tension"], []
    for level in np.linspace(0.2, 0.95, moves):
        whole, _ = timed(lambda level=level: setattr(slider, "value", float(level)))
        rows.append({f"{name} ms": ms for name, ms in explorer.milliseconds.items()} | {"update ms": 1000 * whole})
    found = {name: statistics.median(row[name] for row in rows) for name in rows[0]}
    return found | {"slowest update ms": max(row["update ms"] for row in rows)}


def solvers(explorer: Explorer, repeats: int) -> dict[str, float]:
    """One trajectory of 72 h with a held stimulus: ours against the peers, with errors."""
    network, rest, setting = explorer.network, explorer.rest, Setting({"TGFB": 0.9, "tension": 0.6})
    right, levels = exported(network), network.arrays.input_level.copy()
    for name, level in setting.stimulus.items():
        levels[network.index[name]] = level
    condition = setting.condition(network)

    def scipy(method: str, **how: float) -> np.ndarray:
        return solve_ivp(right, (0, HORIZON_H), rest, method, t_eval=TIMES_H, args=(levels,), **how).y.T

    calls = {
        "sliders": lambda: trajectory(explorer.models["simulator"], network, rest, setting).values,
        "ours": lambda: trajectory(Simulator(network, 1e-4), network, rest, setting).values,
        "LSODA": lambda: scipy("LSODA", rtol=1e-4, atol=1e-6),
        "batched": lambda: simulate(
            network, condition, TIMES_H, y0=rest[None], baseline_h=0, tolerance=1e-4
        ).values[0],
    }  # fmt: skip
    exact, found = scipy("DOP853", rtol=1e-10, atol=1e-12), {}
    for name, call in calls.items():
        call()
        seconds, course = timed(call, repeats)
        found |= {f"{name} ms": 1000 * seconds, f"{name} error": float(np.abs(course - exact).max())}
    return found | {f"{name} / ours": found[f"{name} ms"] / found["ours ms"] for name in ("LSODA", "batched")}


def drawing(explorer: Explorer, repeats: int) -> dict[str, float]:
    """The picture drawn again, against a new figure of the same size and content."""

    def anew() -> bytes:
        fig, buffer = Figure(figsize=(9.0, 3.6), dpi=100, layout="constrained"), io.BytesIO()
        axes = fig.subplots(1, 2, sharey=True)
        draw_row(axes, explorer.courses, SHOWN, HORIZON_H)
        label_panels(fig, axes, axes[:1], "simulator again")
        fig.savefig(buffer, format="png")
        return buffer.getvalue()

    again = lambda: explorer._picture.draw(explorer.courses, SHOWN, HORIZON_H)  # noqa: E731
    ours, peer = (1000 * timed(call, repeats)[0] for call in (again, anew))
    return {"ours ms": ours, "new figure ms": peer, "new figure / ours": peer / ours}


def in_browser(moves: int) -> dict[str, dict[str, float]]:
    """Milliseconds from key to picture, median and slowest, with a stimulus that is held and with one that ends."""
    found = {}
    with tempfile.TemporaryDirectory() as folder, lab.browser() as opened, lab.explorer(opened, Path(folder)) as page:
        page.get_by_role("button", name="1: TGF-beta", exact=True).click()
        page.wait_for_timeout(10 * PAUSE_MS)
        page.evaluate(WATCH)
        for part in ("in a browser, stimulus held", "in a browser, stimulus ends"):
            page.evaluate("() => { window.waited.length = 0; }")
            for move in range(moves):
                lab.press(page, "tension", ("ArrowRight", "ArrowLeft")[move // STROKE % 2])
                page.wait_for_function("known => window.waited.length > known", arg=move)
                page.wait_for_timeout(PAUSE_MS)
            waited = page.evaluate("() => window.waited")
            found[part] = {"key to picture ms": statistics.median(waited), "slowest ms": max(waited)}
            lab.press(page, "lasts, h", "ArrowLeft")
            page.wait_for_timeout(10 * PAUSE_MS)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="a few moves, a check that it runs")
    parser.add_argument("--json", action="store_true", help="metrics by key")
    parser.add_argument("--browser", action="store_true", help="also in JupyterLab, in chromium")
    options = parser.parse_args()
    moves = 3 if options.quick else 40
    explorer = build()
    update(explorer, HORIZON_H, 2)  # warm up
    found = {
        "stimulus held": update(explorer, HORIZON_H, moves),
        "stimulus ends": update(explorer, 24.0, moves),
        "simulator": solvers(explorer, 1 if options.quick else 9),
        "drawing": drawing(explorer, 1 if options.quick else 9),
    }
    if options.browser:
        found |= in_browser(moves)
    printed(found, "94_explorer_cost", "explorer", options.json)


if __name__ == "__main__":
    main()
