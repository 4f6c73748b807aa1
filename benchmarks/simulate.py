"""How fast is the simulator, against what a user has today, and how does its cost grow?

    python benchmarks/simulate.py [--json] [--quick] [--device cuda]

Peers: the published network's equations as plain Python, one line a reaction, as the Netflux export writes them (with
its two faults mended so that it yields numbers), integrated by scipy's `ode('vode')` with the export's settings, and by
`solve_ivp(LSODA)` at rtol 1e-4. Every run solves 240 h under random stimuli; errors are against DOP853 at rtol 1e-10.
Ratios compare one peer trajectory with one of ours in the same run on the same machine.
"""

import argparse
import statistics
from collections.abc import Callable

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import torch
from printed import print_metrics
from scipy.integrate import ode, solve_ivp
from timing import timed

from hmlm_lib.device import choose_device
from hmlm_lib.dynamics import trajectories
from hmlm_lib.figures import MODEL_COLOURS, save_figure, use_style
from hmlm_lib.network import SignalingNetwork, load_network
from hmlm_lib.network.generate import random_arrays

HOURS, TOLERANCE = 240.0, 1e-4
TIMES = np.linspace(0, HOURS, 151)  # the export stores 150 steps


def exported(network: SignalingNetwork) -> Callable[[float, np.ndarray, np.ndarray], np.ndarray]:
    """The right-hand side dy/dt(t, y, inputs) as generated Python: scalar calls, one expression a species."""
    index, arrays = network.index, network.arrays
    terms: dict[str, list[str]] = {name: [] for name in network.species_names}
    for row, rule in zip(network.reactions.itertuples(), network.rules, strict=True):
        if not rule.reactants:
            continue
        gates = [
            f"{'inhib' if r.inhibits else 'act'}(y[{index[r.species]}], {row.w}, {row.n}, {row.ec50})"
            for r in rule.reactants
        ]
        product = gates[0] if len(gates) == 1 else f"({' * '.join(gates)}) / {row.w} ** {len(gates) - 1}"
        terms[rule.product].append(product)
    lines = ["def right(t, y, u):", f"    dy = [0.0] * {len(terms)}"]
    for i, (name, drive) in enumerate(terms.items()):
        rates = ([f"u[{i}]"] if arrays.has_input[i] else []) + drive
        total = rates[0] if rates else "0.0"
        for rate in rates[1:]:
            total = f"either({total}, {rate})"
        lines.append(f"    dy[{i}] = ({total} * {arrays.ymax[index[name]]} - y[{i}]) / {arrays.tau[i]}")
    scope = {"act": act, "inhib": lambda x, w, n, ec50: w - act(x, w, n, ec50), "either": lambda a, b: a + b - a * b}
    exec("\n".join([*lines, "    return dy"]), scope)
    return scope["right"]


def act(x: float, w: float, n: float, ec50: float) -> float:
    """Published gate with its constant B; no root is taken."""
    beta = (ec50**n - 1) / (2 * ec50**n - 1)
    power = max(x, 0.0) ** n
    return min(w * beta * power / (beta - 1 + power), w)


def by_vode(right: Callable, y0: np.ndarray, u: np.ndarray) -> np.ndarray:
    """The export's own loop: Adams, order 10, absolute tolerance 1e-6, 150 calls."""
    solver = ode(right).set_integrator("vode", method="adams", order=10, rtol=0, atol=1e-6, with_jacobian=False)
    solver.set_initial_value(y0, 0.0).set_f_params(u)
    return np.array([y0, *(solver.integrate(t) for t in TIMES[1:])])


def by_lsoda(right: Callable, y0: np.ndarray, u: np.ndarray) -> np.ndarray:
    return solve_ivp(right, (0, HOURS), y0, method="LSODA", rtol=1e-4, atol=1e-6, t_eval=TIMES, args=(u,)).y.T


def exact(right: Callable, y0: np.ndarray, u: np.ndarray) -> np.ndarray:
    return solve_ivp(right, (0, HOURS), y0, method="DOP853", rtol=1e-10, atol=1e-12, t_eval=TIMES, args=(u,)).y.T


def conditions(network: SignalingNetwork, count: int, seed: int = 0) -> np.ndarray:
    """Input levels [condition, species]: one to three inputs stepped to U(.3, .9), the others at their own level."""
    rng, arrays = np.random.default_rng(seed), network.arrays
    levels = np.repeat(arrays.input_level[None], count, axis=0)
    inputs = np.flatnonzero(arrays.has_input)
    for row in levels:
        row[rng.choice(inputs, rng.integers(1, 4), replace=False)] = rng.uniform(0.3, 0.9)
    return levels


def ours(network: SignalingNetwork, levels: np.ndarray, device: str) -> np.ndarray:
    with torch.no_grad():
        stimulus = torch.as_tensor(levels, dtype=torch.float32, device=device)
        return trajectories(network.arrays, TIMES, stimulus, tolerance=TOLERANCE).cpu().numpy()


def compare(batches: list[int], checked: int, device: str) -> pd.DataFrame:
    """One row a solver and batch: seconds a trajectory, ratios to the peers, largest error."""
    network = load_network("fibroblast-core")
    right, y0 = exported(network), network.arrays.y0
    levels = conditions(network, max(batches))
    reference = np.array([exact(right, y0, u) for u in levels[:checked]])
    rows = []
    for name, solve in (("vode", by_vode), ("lsoda", by_lsoda)):
        runs = [timed(lambda u=u, solve=solve: solve(right, y0, u)) for u in levels[:checked]]
        error = max(np.abs(run[1] - truth).max() for run, truth in zip(runs, reference, strict=True))
        rows.append({"solver": name, "batch": 1, "seconds": statistics.median(run[0] for run in runs), "error": error})
    ours(network, levels[:2], device)  # warm up
    for batch in batches:
        seconds, result = timed(lambda batch=batch: ours(network, levels[:batch], device), repeats=3)
        shared = min(batch, checked)
        error = float(np.abs(result[:shared] - reference[:shared]).max())
        rows.append({"solver": f"hmlm ({device})", "batch": batch, "seconds": seconds / batch, "error": error})
    table = pd.DataFrame(rows)
    for row in (0, 1):
        table[f"x {table.solver[row]}"] = table.seconds[row] / table.seconds
    return table


def scaling(sizes: list[int], device: str, hours: float = 6.0) -> pd.DataFrame:
    """Seconds for one simulation of 6 h of 16 conditions on generated networks, against their number of edges."""
    rows = []
    for size in sizes:
        arrays = random_arrays(size, seed=0)
        levels = torch.as_tensor(np.repeat(arrays.input_level[None], 16, axis=0), dtype=torch.float32, device=device)
        with torch.no_grad():
            seconds, _ = timed(lambda a=arrays, u=levels: trajectories(a, [0.0, hours], u, tolerance=1e-3))
        rows.append({"species": size, "edges": len(arrays.source), "seconds": seconds})
    return pd.DataFrame(rows)


def fig_scaling(table: pd.DataFrame) -> plt.Figure:
    use_style()
    fig, ax = plt.subplots(figsize=(4.6, 3.4))
    ax.loglog(table.edges, table.seconds, "o-", color=MODEL_COLOURS["oracle"], label="measured")
    last = table.iloc[-1]
    ax.loglog(
        table.edges, last.seconds * table.edges / last.edges, "--", color="#999999", label="proportional to edges"
    )
    ax.set(xlabel="edges of the network", ylabel="seconds", title="16 conditions, 6 h")
    ax.legend()
    return fig


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--json", action="store_true", help="print the flat keys of metrics.json instead of tables")
    parser.add_argument("--quick", action="store_true", help="small batches and networks, a check that it runs")
    parser.add_argument("--device", default="cpu", help="auto, cpu or cuda")
    options = parser.parse_args()
    device, why = choose_device(options.device)
    batches, sizes = [1, 100, 1000, 10_000], [100, 1000, 10_000, 100_000]
    table = compare(batches[:2] if options.quick else batches, 2 if options.quick else 16, device)
    growth = scaling(sizes[:2] if options.quick else sizes, device)
    if options.json:
        print_metrics(
            {
                ("90_simulate", f"{row.solver.split()[0]}_{row.batch}", "simulator", measure): getattr(row, measure)
                for row in table.itertuples()
                for measure in ("seconds", "error")
            }
        )
        return
    print(f"device: {device} ({why})")
    print(table.to_string(index=False, float_format="{:.3g}".format))
    print(growth.to_string(index=False, float_format="{:.3g}".format))
    if not options.quick:
        caption = f"Cost of a simulation on generated networks, {device}, {torch.get_num_threads()} threads, float32."
        save_figure(fig_scaling(growth), "90_simulator_cost", growth, caption)


if __name__ == "__main__":
    main()
