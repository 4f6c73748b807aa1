"""Three drug studies on cardiac fibroblasts: does the network rank the treatments as the cells did?

Valsartan blocks AT1R; sacubitril (its active form: LBQ657) spares natriuretic peptides. The authors of the network
chose levels and doses by hand, to fit these very studies; they are what is used here (Ramirez: see `FOUR_WEEKS`).
Scales cannot be compared, ranks can: Spearman's rho of simulated and measured values, species by species.

Source: Rogers and Richardson, eLife 2022;11:e62856 (levels, doses, sheets of the measurements by Burke et al. 2019, von
Lueder et al. 2015 and Ramirez et al. 2014).
"""

from collections.abc import Callable
from dataclasses import dataclass

import pandas as pd

from hmlm_lib.data import fetch
from hmlm_lib.device import one_thread
from hmlm_lib.dynamics import Condition, simulate
from hmlm_lib.errors import TableError
from hmlm_lib.interpret.faithful import spearman
from hmlm_lib.network.network import SignalingNetwork
from hmlm_lib.real.sheets import read_sheet

BASELINE, HOURS = 0.1, 240.0
AT1R, NP = "AT1R", "NP"  # what valsartan and sacubitril act on


@dataclass(frozen=True)
class Treatment:
    """levels: of inputs, others are at .1; valsartan: part of AT1R's ymax taken away; sacubitril: added to NP's."""

    levels: dict[str, float]
    valsartan: float = 0.0
    sacubitril: float = 0.0


@dataclass(frozen=True)
class Study:
    """One sheet. rows: its label of a condition -> treatment; columns: its label of a measurement -> species."""

    name: str
    table: str
    sheet: str
    rows: dict[str, Treatment]
    columns: dict[str, str]


CONTROL = Treatment({})
TAA = {"AngII": 0.4, "TGFB": 0.4, "NP": 0.6, "tension": 0.3}
BURKE = {
    "T/A/A": Treatment(TAA),
    "T/A/A+VAL": Treatment(TAA, 0.5),
    "T/A/A+SAC": Treatment(TAA, 0.0, 4.0),
    "T/A/A+VAL+SAC": Treatment(TAA, 0.5, 4.0),
    "T/A/A+SAC+VAL": Treatment(TAA, 0.5, 4.0),
    "Control": CONTROL,
}
ANGII = {"AngII": 0.5, "tension": 0.3}
VALSARTAN = {"0.03": 0.01, "0.1": 0.05, "0.3": 0.15, "1": 0.5}
SACUBITRIL = {"0.1": 0.05, "1": 0.5, "3": 1.5, "10": 4.0}
LUEDER = {
    "Control": CONTROL,
    "AngII": Treatment(ANGII),
    "AngII+LBQ": Treatment(ANGII, 0.0, 4.0),
    **{f"AngII+{dose}LBQ": Treatment(ANGII, 0.0, level) for dose, level in SACUBITRIL.items()},
    **{f"AngII+{dose}VAL": Treatment(ANGII, level) for dose, level in VALSARTAN.items()},
    **{f"AngII+{dose}VAL+LBQ": Treatment(ANGII, level, 4.0) for dose, level in VALSARTAN.items()},
}
# The authors read input levels four weeks after the infarct off curves of their own. Here, ours: the inputs that are
# high then at the authors' peak of .4, tension theirs, .1 away from the infarct and .6 in it.
FOUR_WEEKS = {"AngII": 0.4, "TGFB": 0.4}
GENES = {
    "Col1a1": "proCI", "Col3a1": "proCIII", "Ctgf": "CTGF", "Fn1": "fibronectin", "Postn": "periostin",
    "Spp1": "osteopontin", "Timp1": "TIMP1", "Timp2": "TIMP2", "Tnc": "TNC",
}  # fmt: skip


def _infarct(tension: float) -> dict[str, Treatment]:
    levels = FOUR_WEEKS | {"tension": tension}
    return {"Day0": CONTROL, "Saline": Treatment(levels), "Valsartan": Treatment(levels, 0.5)}


RAMIREZ = {"LVC": _infarct(0.1), "LVI": _infarct(0.6)}
STUDIES = (
    *(
        Study("Burke 2019", "experimentaldata_Burke_outputs", sheet, BURKE, columns)
        for sheet, columns in (
            ("5B_Mean", {"aSMA": "aSMA", "proCI": "proCI", "periostin": "periostin"}),
            ("6B_Mean", {"PKG": "PKG"}),
            ("7B_Mean", {"Rho": "Rho"}),
            ("7D_Mean", {"Rho": "Rho"}),
        )
    ),
    *(
        Study("von Lueder 2015", "experimentaldata_vonLeuder_outputs", sheet, LUEDER, {"proCI": "proCI"})
        for sheet in ("2A_Mean", "3A_Mean", "4A_Mean")
    ),
    *(Study("Ramirez 2014", "experimentaldata_Ramirez_outputs", sheet, rows, GENES) for sheet, rows in RAMIREZ.items()),
)

Response = Callable[
    [list[Treatment]], pd.DataFrame
]  # treatments -> activity, one row a treatment, one column a species


def measured(study: Study) -> pd.DataFrame:
    """Conditions that can be simulated x species, by `fetch`; TableError for a sheet without them."""
    sheet = read_sheet(fetch(study.table), sheet_name=study.sheet, index_col=0)
    missing = [name for name in study.columns if name not in sheet]
    known = [name for name in sheet.index if name in study.rows]
    if missing or len(known) < 2:
        raise TableError(
            f"{study.table}, sheet {study.sheet}: no {'column ' + missing[0] if missing else 'two known conditions'}; "
            f"allowed: columns {', '.join(study.columns)}, conditions {', '.join(study.rows)}"
        )
    given = sheet.loc[known, list(study.columns)]
    table = given.apply(pd.to_numeric, errors="coerce").astype(float)
    if (table.isna() & given.notna()).any(axis=None):
        raise TableError(f"{study.table}, sheet {study.sheet}: a cell is neither number nor empty")
    return table.rename(columns=study.columns)


def simulated(network: SignalingNetwork) -> Response:
    """Activities after 240 h, from rest under baseline inputs."""

    def response(treatments: list[Treatment]) -> pd.DataFrame:
        conditions = [
            Condition(
                str(k), t.levels, inhibit={AT1R: t.valsartan} if t.valsartan else {},
                overexpress={NP: 1 + t.sacubitril} if t.sacubitril else {}, perturb_at="stimulus",
            )
            for k, t in enumerate(treatments)
        ]  # fmt: skip
        inputs = dict.fromkeys(network.input_species, BASELINE)
        with one_thread():
            return simulate(network, conditions, [HOURS], inputs=inputs).isel(time=0).to_pandas()

    return response


def by_rule_of_thumb(network: SignalingNetwork) -> Response:
    """Stimuli raise every species, each drug lowers it: what needs no network at all."""

    def response(treatments: list[Treatment]) -> pd.DataFrame:
        value = [sum(t.levels.values()) - t.valsartan - t.sacubitril / 100 for t in treatments]
        return pd.DataFrame(dict.fromkeys(network.species_names, value))

    return response


def compare(response: Response) -> pd.DataFrame:
    """Every measured value beside the simulated one: study, sheet, species, condition, measured, simulated."""
    rows = []
    for study in STUDIES:
        table = measured(study)
        said = response([study.rows[name] for name in table.index])
        for k, (condition, values) in enumerate(table.iterrows()):
            for species, value in values.items():
                rows.append((study.name, study.sheet, species, condition, value, float(said[species].iloc[k])))
    return pd.DataFrame(rows, columns=["study", "sheet", "species", "condition", "measured", "simulated"])


def rank_correlations(table: pd.DataFrame) -> pd.DataFrame:
    """Spearman's rho of every sheet and species, and how many conditions it rests on.

    A simulation that gives all treatments the same value has no ranking: rho 0.
    """
    rows = []
    for (study, sheet, species), part in table.groupby(["study", "sheet", "species"], sort=False):
        rho = spearman(*(part[name].round(9) for name in ("simulated", "measured")))
        rows.append((study, sheet, species, len(part), rho))
    return pd.DataFrame(rows, columns=["study", "sheet", "species", "conditions", "rho"])
