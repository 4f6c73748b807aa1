"""What breaks, and what is lost: faults done on purpose, counted, as the table of `reports/faults.md`.

    python benchmarks/faults.py [kills] [disks] [damage] [readers] [--scale 0.1] [--seed 0] [--json] [--write]

kills: kill -9 at random moments of the headless run. disks: full and read-only folders (needs root, for small mounts).
damage: bit flips and truncations of everything that is kept on disk. readers: malformed rules, SMILES and tables.
--scale: fraction of the numbers. --json: how often, and how many were lost or wrong, by key, in place of the tables.
--write: bring the parts that ran up to date in reports/faults.json and faults.md.
"""

import argparse
import importlib
import json
import time
from collections.abc import Sequence
from pathlib import Path

from breaking.outcome import Outcome
from printed import Key, print_metrics

from hmlm_lib.files import write_whole

REPORTS = Path(__file__).resolve().parent.parent / "reports"
PARTS = ("kills", "disks", "damage", "readers")
HEAD = """# Faults

What was broken on purpose, how often, and what was lost: every line is as the command above its table printed it.
Moments, places and mutations are drawn by a seed. A foreign exception is one that is not ours (`hmlm_lib.errors`): a
fault, whatever the input was.
"""
NOTES = {
    "kills": (
        "Whole runs would take too long to be killed often, so three of the shorter notebooks stand for all, with "
        "their own parameters; the two that do nothing but write are hit while writing more often. Moments are "
        "uniform over the time that is left; after at most five kills a run is left to end and compared. Kills and "
        "disks were measured when a run executed one notebook after the other; fewer with two at once: reports/LOG.md."
    ),
    "disks": (
        "Disks are small mounts of memory. Exit 1: a notebook failed, exit 2: the run could not go on. Two errors "
        "are counted as a fault, although they are of two notebooks: the first could not draw, the second could "
        "not be kept."
    ),
    "damage": "A file is damaged by one to three flipped bits, or cut short.",
    "readers": (
        "Readers of data sets that `fetch` compares with their sha256 never meet a malformed file otherwise; here the "
        "comparison is left out."
    ),
}


def table(outcomes: Sequence[dict]) -> list[str]:
    """Markdown, a line an outcome."""
    lines = ["| fault | times | what came out | lost or wrong |", "|---|---|---|---|"]
    return lines + [f"| {o['fault']} | {o['times']:,} | {o['happened']} | {o['lost']} |" for o in outcomes]


def page(parts: dict[str, dict]) -> str:
    """The report of all parts that were run."""
    lines = []
    for name in (name for name in PARTS if name in parts):
        part = parts[name]
        how = f"`python benchmarks/faults.py {name}`, scale {part['scale']:g}, seed {part['seed']}"
        lines += [f"## {name.capitalize()}", "", f"{how}, {part['seconds']:.0f} s:", "", *table(part["outcomes"]), ""]
        lines += [NOTES[name], ""]
    return HEAD + "\n" + "\n".join(lines[:-1]) + "\n"


def main() -> None:
    """Run the parts that were asked for, all by default."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("parts", nargs="*", metavar="PART", help=", ".join(PARTS))
    parser.add_argument("--scale", type=float, default=1.0)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", action="store_true", help="metrics by key")
    parser.add_argument("--write", action="store_true")
    given = parser.parse_args()
    for name in given.parts or PARTS:
        if name not in PARTS:
            parser.error(f"no part {name!r}; allowed: {', '.join(PARTS)}")
    counted: dict[Key, float] = {}
    for name in given.parts or PARTS:
        started = time.monotonic()
        outcomes: list[Outcome] = getattr(importlib.import_module(f"breaking.{name}"), name)(given.scale, given.seed)
        part = {"outcomes": [o.as_dict() for o in outcomes], "scale": given.scale, "seed": given.seed}
        part["seconds"] = round(time.monotonic() - started)
        counted |= {
            ("97_faults", name, o.fault, what): getattr(o, what) for o in outcomes for what in ("times", "wrong")
        }
        if not given.json:
            print("\n".join(table(part["outcomes"])), flush=True)
        if given.write:
            path = REPORTS / "faults.json"
            parts = (json.loads(path.read_text()) if path.is_file() else {}) | {name: part}
            write_whole(path, json.dumps(parts, indent=1) + "\n")
            write_whole(REPORTS / "faults.md", page(parts))
    if given.json:
        print_metrics(counted)


if __name__ == "__main__":
    main()
