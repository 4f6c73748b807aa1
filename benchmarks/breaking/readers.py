"""Malformed input through every public reader: what comes out may be a value or an error of ours, nothing else."""

import gzip
import io
import os
import random
import sys
import tempfile
import warnings
import zipfile
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from unittest.mock import patch

import numpy as np
import openpyxl
import pandas as pd
from openpyxl.cell.cell import ILLEGAL_CHARACTERS_RE

from breaking import mutate
from breaking.outcome import Outcome, counted
from hmlm_lib.chmr import benchmarks, cellular
from hmlm_lib.chmr.molecules import read_molecules
from hmlm_lib.composition import readers as pairs
from hmlm_lib.errors import HmlmError
from hmlm_lib.midas import from_table, read_midas
from hmlm_lib.network import SignalingNetwork, load_network, parse_rule, read_network
from hmlm_lib.real import cellbox, drugstudies, literature, own
from hmlm_lib.real.sheets import read_sheet

SMILES = (
    "CCO",
    "c1ccccc1C(=O)O",
    "CC(=O)Oc1ccccc1C(=O)O",
    "[Na+].[Cl-]",
    "C[C@H](N)C(=O)O",
    "C1CC2CCC1C2",
    "N#Cc1ccncc1",
)


@dataclass
class Found:
    """read: inputs that were accepted; ours: errors of the library by type; foreign: any other, by type and place."""

    read: int = 0
    ours: Counter = field(default_factory=Counter)
    foreign: Counter = field(default_factory=Counter)
    example: dict[str, object] = field(default_factory=dict)
    note: str = ""

    def outcome(self, fault: str, times: int) -> Outcome:
        happened = counted({"read": self.read} | dict(self.ours)) + self.note
        foreign = sum(self.foreign.values())
        shown = f" ({counted(self.foreign)})" if foreign else ""
        return Outcome(fault, times, happened, f"{foreign} foreign exceptions{shown}", foreign)


def ask(found: Found, read: Callable[[object], object], given: object, seen: object = None) -> None:
    """Read one input and note what came out; seen: what to show of it."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            read(given)
        found.read += 1
    except HmlmError as problem:
        found.ours[type(problem).__name__] += 1
    except Exception as problem:  # every one of these is a fault of ours
        at = _where(problem)
        found.foreign[f"{type(problem).__name__} in {at}"] += 1
        found.example.setdefault(f"{type(problem).__name__} in {at}", (given if seen is None else seen, str(problem)))


def _where(problem: BaseException) -> str:
    """The innermost place in the library."""
    step, at = problem.__traceback__, "a reader"
    while step is not None:
        path = Path(step.tb_frame.f_code.co_filename)
        if "hmlm_lib" in path.parts:
            at = f"{'/'.join(path.parts[path.parts.index('hmlm_lib') + 1 :])} {step.tb_frame.f_code.co_name}"
        step = step.tb_next
    return at


@contextmanager
def messages() -> Iterator[list[int]]:
    """Bytes that libraries write to the error stream by themselves, past Python."""
    size: list[int] = []
    sys.stderr.flush()
    kept = os.dup(2)
    with tempfile.TemporaryFile() as file:
        os.dup2(file.fileno(), 2)
        try:
            yield size
        finally:
            os.dup2(kept, 2)
            os.close(kept)
            size.append(file.tell())


def rules(times: int, rng: random.Random) -> Found:
    """One at a time, and every third time a network of several."""
    found = Found()
    for k in range(times):
        if k % 3:
            ask(found, parse_rule, mutate.rule(rng))
        else:
            given = [mutate.rule(rng) for _ in range(rng.randrange(4))]
            if rng.random() < 0.7:
                given = [*given[:1], "A => B", "=> A"]
            ask(found, lambda rules: SignalingNetwork.from_rules("mine", rules).arrays, given)
    return found


def molecules(times: int, rng: random.Random) -> tuple[Found, int]:
    """One at a time; also the bytes that RDKit wrote."""
    found = Found()
    with messages() as size:
        for _ in range(times):
            ask(found, read_molecules, [mutate.smiles(rng, SMILES)])
    return found, size[0]


SPECIES = [
    ["module", "ID", "name", "Yinit", "Ymax", "tau", "type"],
    ["inputs", "A", "alpha", 0, 1, 0.1, "protein"],
    ["inputs", "B", "beta", 0, 1, 1, "protein"],
    ["middle", "C", "gamma", 0.5, 1, 10, "mRNA"],
]
REACTIONS = [
    ["module", "ID", "rule", "weight", "n", "EC50", "PMIDs"],
    ["inputs", "r1", "=> A", 0.25, 1.4, 0.5, 12345678],
    ["middle", "r2", "A & !B => C", 1, 1.4, 0.5, ""],
    ["middle", "r3", "C => B", 0.5, 2, 0.6, 23456789],
]
SIF = [["A", "1", "B"], ["B", "-1", "C", "A"], ["C", "activates", "A"]]
OURS = [["species", "module", "tau", "y0", "is_output"], ["A", "m", "1", "0", "1"], ["B", "m", "2", "0", "0"]]
OUR_REACTIONS = [
    ["reaction", "rule", "w", "n", "ec50"],
    ["r1", "=> A", "0.5", "1.4", "0.5"],
    ["r2", "A => B", "1", "1", "0.5"],
]
MIDAS = [
    ["TR:cell:CellLine", "TR:EGF:Stimuli", "TR:MEKi:Inhibitors", "DA:ALL", "DV:ERK", "DV:AKT"],
    ["1", "0", "0", "0", "10.5", "7"],
    ["1", "0", "1", "0", "9.5", "7.5"],
    ["1", "1", "0", "5", "40", ""],
    ["1", "1", "1", "5", "11", "8"],
    ["1", "1", "1", "5", "12", "9"],
]


def sheet(rng: random.Random, name: str, given: mutate.Rows, whole: bool = False) -> tuple[str, mutate.Rows]:
    """A sheet, changed; numbers stay numbers."""
    name = rng.choice((name, name, name, name, name.upper(), "Sheet1", f" {name} "))
    return name, given if whole else mutate.rows(rng, given)


def workbook(rng: random.Random, sheets: list[tuple[str, mutate.Rows]]) -> bytes:
    """An .xlsx of sheets with a title row before the header, then sometimes damaged."""
    book = openpyxl.Workbook()
    book.remove(book.active)
    for name, table in sheets:
        page = book.create_sheet(name)
        for r, row in enumerate(table, start=1):
            for c, cell in enumerate(map(_storable, row), start=1):
                place = page.cell(r, c, cell)
                if isinstance(cell, str):
                    place.data_type = "s"  # `=> A` is a rule, no formula
    if not book.sheetnames or rng.random() < 0.03:
        book.create_sheet("other")
    file = io.BytesIO()
    book.save(file)
    data = file.getvalue()
    return mutate.damaged(rng, data) if rng.random() < 0.15 else data


def _storable(cell: object) -> object:
    """What a workbook can hold of a cell: no control characters, no surrogates."""
    if not isinstance(cell, str):
        return cell
    return ILLEGAL_CHARACTERS_RE.sub("?", cell.encode("utf-8", "replace").decode())


def networks(times: int, rng: random.Random) -> dict[str, Found]:
    """Spreadsheets, SIF and folders of two tables."""
    found = {"a Netflux workbook": Found(), "a SIF file": Found(), "a folder of two tables": Found()}
    with tempfile.TemporaryDirectory(prefix="faults-") as name:
        place = Path(name)
        for _ in range(times):
            which = rng.randrange(2)
            titled = [[["species information"], *SPECIES], [["reaction information"], *REACTIONS]]
            sheets = [
                sheet(rng, s, t, whole=which != k)
                for k, (s, t) in enumerate(zip(("species", "reactions"), titled, strict=True))
            ]
            if len({n.lower() for n, _ in sheets}) < 2:  # no workbook has two sheets of one name
                sheets.pop()
            (place / "net.xlsx").write_bytes(workbook(rng, sheets))
            ask(found["a Netflux workbook"], _network, place / "net.xlsx", sheets)
            (place / "net.sif").write_bytes(mutate.text_file(rng, SIF, rng.choice((" ", "\t"))))
            ask(found["a SIF file"], _network, place / "net.sif", (place / "net.sif").read_bytes())
            (place / "net").mkdir(exist_ok=True)
            for k, (file, table) in enumerate((("species.csv", OURS), ("reactions.csv", OUR_REACTIONS))):
                plain = "\n".join(map(",".join, table)).encode()
                (place / "net" / file).write_bytes(mutate.text_file(rng, table) if k == which else plain)
            seen = [(place / "net" / file).read_bytes() for file in ("species.csv", "reactions.csv")]
            ask(found["a folder of two tables"], _network, place / "net", seen)
    return found


def _network(path: Path) -> None:
    network = read_network(path)
    _ = network.arrays, network.summary()


def blots(times: int, rng: random.Random) -> dict[str, Found]:
    """MIDAS and tidy tables, as files and as tables in memory."""
    found = {what: Found() for what in ("`read_midas`", "`midas.from_table`", "`own.read`, MIDAS", "`own.read`, tidy")}
    tidy = [line.split(",") for line in own.template().splitlines()]
    with tempfile.TemporaryDirectory(prefix="faults-") as name:
        path = Path(name) / "blots.csv"
        for _ in range(times):
            path.write_bytes(mutate.text_file(rng, MIDAS))
            ask(found["`read_midas`"], read_midas, path, path.read_bytes())
            path.write_bytes(mutate.text_file(rng, MIDAS))
            ask(found["`own.read`, MIDAS"], own.read, path, path.read_bytes())
            path.write_bytes(mutate.text_file(rng, tidy))
            ask(found["`own.read`, tidy"], own.read, path, path.read_bytes())
            table = frame(rng, MIDAS)
            ask(found["`midas.from_table`"], from_table, table, table.to_csv())
    return found


def frame(rng: random.Random, given: mutate.Rows) -> pd.DataFrame:
    """A table in memory, with whatever types it came to have."""
    table = [row for row in mutate.rows(rng, given) if row]
    width = max((len(row) for row in table), default=0)
    header = [*table[0], *(f"more{k}" for k in range(width - len(table[0])))] if table else []
    body = [[*row, *[None] * (width - len(row))] for row in table[1:]]
    made = pd.DataFrame(body, columns=header)
    return made.convert_dtypes() if rng.random() < 0.3 else made


@contextmanager
def fetched(module: object, path: Path) -> Iterator[None]:
    """`fetch` of a module gives this file, whatever it is asked for and without its sha256."""
    with patch.object(module, "fetch", lambda name: path):
        yield


ASSAYS = [["smiles", "id", *(f"t{k}" for k in range(6))]] + [
    [s, str(k), "0.5", "1", "", "2", "3", "4.5"] for k, s in enumerate(SMILES)
]
CLASSES = [["smiles", "a", "b"]] + [[s, str(k % 2), "" if k == 3 else "1"] for k, s in enumerate(SMILES)]
PERTURBED = [["perturbagen", "g1", "g2"], ["D1", "0.5", "-1"], ["D2", "2", "0"]]


def assays(times: int, rng: random.Random) -> dict[str, Found]:
    """The molecule sets, the cellular tables, and the published layout for pretraining."""
    names = ("`chmr.benchmarks.load`", "`cellular.expression`, `morphology`", "`cellular.published`")
    found = {what: Found() for what in names}
    wells = [["Smiles", "Toxic", "Median_a", "Median_b"]] + [[s, "False", "0.5", "1"] for s in SMILES]
    with tempfile.TemporaryDirectory(prefix="faults-") as name, messages():
        path, folder = Path(name) / "table.csv", Path(name) / "cells"
        folder.mkdir()
        for k in range(times):
            path.write_bytes(mutate.text_file(rng, ASSAYS if k % 2 else CLASSES))
            with fetched(benchmarks, path):
                ask(found[names[0]], benchmarks.load, "biogen" if k % 2 else "clintox", path.read_bytes())
            path.write_bytes(mutate.text_file(rng, wells if k % 2 else PERTURBED, "\t"))
            with fetched(cellular, path):
                read = cellular.morphology if k % 2 else cellular.expression
                ask(found[names[1]], lambda _, read=read: read(), None, path.read_bytes())
            (folder / "GE.csv.gz").write_bytes(_packed(rng, mutate.text_file(rng, CLASSES)))
            (folder / "GE_feature.npz").write_bytes(_features(rng, len(SMILES)))
            ask(found[names[2]], cellular.published, folder, [p.read_bytes() for p in sorted(folder.glob("*"))])
    return found


def _packed(rng: random.Random, data: bytes) -> bytes:
    packed = gzip.compress(data)
    return mutate.damaged(rng, packed) if rng.random() < 0.2 else packed


def _features(rng: random.Random, rows: int) -> bytes:
    """An archive of features: right, of another shape or type, under another name, or damaged."""
    shape = rng.choice(((rows, 3), (rows, 3), (rows, 3), (rows + 1, 3), (rows,), (rows, 0), (0, 3), (rows, 2, 2), ()))
    kind = rng.choice((np.float32, np.float64, np.int16, bool, "U5", complex, "datetime64[s]"))
    file = io.BytesIO()
    np.savez(file, **{rng.choice(("data", "data", "data", "values")): np.zeros(shape, dtype=kind)})
    return mutate.damaged(rng, file.getvalue()) if rng.random() < 0.3 else file.getvalue()


def sequences(times: int, rng: random.Random) -> dict[str, Found]:
    """`composition/readers.py`: alleles, ligands, TransPHLA's own set, the paper's pairs, BIOSNAP."""
    alleles = [["HLA", "HLA_sequence"], ["HLA-A*01:01", "YFAMYQENM"], ["HLA-B*07:02", "YYSEYRNIY"]]
    ligands = [["HLA-A*01:01"], ["Length: 9"], ["AAAKLMNPQ"], ["HLA-B*07:02"], ["ACDEFGHIK"]]
    own_set = [["", "peptide", "length", "HLA", "label"], ["0", "ACDEFGHIK", "9", "HLA-A*01:01", "1"]]
    paper = [
        ["peptide", "mhc_sequence", "mhc_class", "binder"],
        ["ACDEFGHIK", "GSHSMRYF", "1", "1"],
        ["AC", "GS", "2", "0"],
    ]
    drugs = [["DrugBank ID", "Gene", "SMILES", "Target Sequence", "Label"], ["DB1", "P1", "CCO", "MKV", "1"]]
    readers = {
        "`alleles`": (alleles, ",", pairs.alleles, False),
        "`transphla`": (ligands, ",", pairs.transphla, True),
        "`trap`": (own_set, ",", pairs.trap, False),
        "`paper_pairs`": (paper, "\t", pairs.paper_pairs, False),
        "`biosnap_pairs`": (drugs, ",", lambda: pairs.biosnap_pairs("val"), False),
    }
    found = {what: Found() for what in readers}
    with tempfile.TemporaryDirectory(prefix="faults-") as name:
        listed = Path(name) / "alleles.csv"
        listed.write_text("\n".join(map(",".join, alleles)) + "\n")
        for _ in range(times):
            for what, (table, separator, read, packed) in readers.items():
                data = mutate.text_file(rng, table, separator)
                path = Path(name) / {"`trap`": "set.zip"}.get(what, "table.csv")
                path.write_bytes(_zipped(rng, data) if what == "`trap`" else _packed(rng, data) if packed else data)
                pairs.alleles.cache_clear()
                pairs.transphla.cache_clear()
                given = lambda n, what=what, path=path: listed if what == "`transphla`" and "hla_seq" in n else path  # noqa: E731
                with patch.object(pairs, "fetch", given):
                    ask(found[what], lambda _, read=read: read(), None, path.read_bytes())
    pairs.alleles.cache_clear()
    pairs.transphla.cache_clear()
    return found


def _zipped(rng: random.Random, data: bytes) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as packed:
        packed.writestr(rng.choice(("independent_set.csv",) * 9 + ("other.csv",)), data)
    return mutate.damaged(rng, file.getvalue()) if rng.random() < 0.2 else file.getvalue()


def sheets(times: int, rng: random.Random) -> dict[str, Found]:
    """Published spreadsheets: any sheet, the observations, the drug studies; and CellBox's tables."""
    names = ("`real.sheets.read_sheet`", "`literature.read`", "`drugstudies.measured`", "`cellbox.load`")
    found = {what: Found() for what in names}
    network = load_network("fibroblast-core")
    observed = [
        list(literature.COLUMNS),
        ["1", "TGFB", "smad3", "Increase", "in"],
        ["2", "AngII", "ERK", "Decrease", "in"],
    ]
    study = drugstudies.STUDIES[0]
    burke = [["", *study.columns], *([row, *(0.5 for _ in study.columns)] for row in study.rows)]
    numbers = [["0", "1.5", "2"], ["1", "0", "3"], ["1", "1", "1"]]
    with tempfile.TemporaryDirectory(prefix="faults-") as name:
        path = Path(name) / "sheet.xlsx"
        for k in range(times):
            path.write_bytes(workbook(rng, [sheet(rng, "first", SPECIES)]))
            ask(found[names[0]], lambda p: read_sheet(p, sheet_name="first", index_col=0), path)
            path.write_bytes(workbook(rng, [sheet(rng, "first", observed)]))
            ask(found[names[1]], lambda p: literature.read(p, network), path)
            path.write_bytes(workbook(rng, [(study.sheet, mutate.rows(rng, burke))]))
            with fetched(drugstudies, path):
                ask(found[names[2]], drugstudies.measured, study)
            table = Path(name) / f"table{k % 2}.csv"
            table.write_bytes(mutate.text_file(rng, numbers))
            with fetched(cellbox, table):
                ask(found[names[3]], lambda _: cellbox.load(), None, table.read_bytes())
    return found


def readers(
    scale: float, seed: int, report: Callable[[str], None] = lambda line: print(line, file=sys.stderr)
) -> list[Outcome]:
    """Rows of the table; scale: fraction of 10,000 rules and of 1,000 of everything else."""
    rng = random.Random(seed)
    many, some = max(1, round(10_000 * scale)), max(1, round(1000 * scale))
    by_rule = rules(many, rng)
    by_smiles, said = molecules(some, rng)
    by_smiles.note = f"; RDKit wrote {said} bytes"
    found = {"malformed rules, `parse_rule` and `SignalingNetwork.from_rules`": by_rule}
    found["malformed SMILES, `read_molecules`"] = by_smiles
    groups = (
        ("malformed networks, `read_network`, ", networks), ("malformed blots, ", blots),
        ("malformed tables, ", assays),
        ("malformed tables, `composition.readers` ", sequences), ("malformed sheets, ", sheets),
    )  # fmt: skip
    for what, part in groups:
        found |= {f"{what}{name}": one for name, one in part(some, rng).items()}
    for name, one in found.items():
        for at, (given, problem) in one.example.items():
            report(f"{name}: {at}: {problem[:200]!r}\n    given {str(given)[:600]!r}")
    return [
        one.outcome(name, one.read + sum(one.ours.values()) + sum(one.foreign.values())) for name, one in found.items()
    ]
