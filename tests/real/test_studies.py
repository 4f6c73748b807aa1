"""Drug studies, CellBox beside ridge, trained models asked about the literature."""

import numpy as np
import pandas as pd
import pytest

from hmlm_lib.data import available
from hmlm_lib.errors import ModelError, TableError
from hmlm_lib.evaluation import observations
from hmlm_lib.evaluation.tasks import Size, benchmark
from hmlm_lib.network import load_network
from hmlm_lib.real import cellbox, drugstudies, literature
from hmlm_lib.real.sheets import read_sheet


def needs(*names):
    """Skips where these data are not at hand."""
    reason = f"{', '.join(names)}: not at hand (see `python -m hmlm_lib fetch`)"
    return pytest.mark.skipif(not all(map(available, names)), reason=reason)


@pytest.fixture(scope="module")
def network():
    return load_network("fibroblast-core")


def test_the_world_moves_as_a_stimulus_says(network):
    b = benchmark(0, 2, network=network, size=Size(1, 1, 0, 1, 1, 1))
    change = observations.change_of(
        lambda e: b.world.simulate(e.stimulus, e.factor, e.y0, e.times_h), b, ["PDGF", "tension"]
    )
    assert change.loc["PDGF", "PDGF"] == pytest.approx(literature.STIMULUS - literature.BASELINE, abs=1e-3)
    assert change.loc["tension", "tension"] > 0.2
    assert change.loc["PDGF", "NP"] == pytest.approx(0, abs=1e-6)


def test_unknown_models_of_observations_are_named():
    with pytest.raises(ModelError, match=r"no model of literature observations 'hmml' \(did you mean 'hmlm'\?\)"):
        observations.entry("hmml")


def test_valsartan_lowers_and_sacubitril_raises_what_it_should(network):
    response = drugstudies.simulated(network)
    said = response([drugstudies.BURKE[name] for name in ("T/A/A", "T/A/A+VAL", "T/A/A+SAC")])
    assert said["proCI"].iloc[1] < said["proCI"].iloc[0]
    assert said["PKG"].iloc[2] > said["PKG"].iloc[0]


def test_rank_correlation_by_hand():
    rows = [("s", "1", "X", c, m, p) for c, m, p in (("a", 1, 0.1), ("b", 2, 0.3), ("c", 3, 0.2))]
    rows += [("s", "1", "Y", c, m, 0.5) for c, m in (("a", 1), ("b", 2))]
    columns = ["study", "sheet", "species", "condition", "measured", "simulated"]
    table = drugstudies.rank_correlations(pd.DataFrame(rows, columns=columns))
    assert table["rho"].tolist() == [pytest.approx(0.5), 0.0]
    assert table["conditions"].tolist() == [3, 2]


def test_a_file_that_is_no_spreadsheet_is_named(tmp_path):
    wrong = tmp_path / "sheet.xlsx"
    wrong.write_text("no")
    with pytest.raises(TableError, match=r"sheet\.xlsx: .*allowed: a spreadsheet with that sheet"):
        read_sheet(wrong)


def test_ridge_by_partitions_finds_a_straight_line():
    rng = np.random.default_rng(0)
    drugs = (rng.random((60, 5)) < 0.4).astype(float)
    nodes = drugs @ rng.normal(0, 1, (5, 7)) + rng.normal(0, 0.05, (60, 7))
    said = cellbox.ridge(drugs, nodes, partitions=20)
    assert np.isfinite(said).all()
    assert cellbox.correlation(said, nodes) > 0.98
    shuffled = nodes[rng.permutation(60)]
    about = nodes - nodes.mean(0)
    assert cellbox.correlation(said - nodes.mean(0), about) > 0.97
    lost = cellbox.ridge(drugs, shuffled, partitions=20) - shuffled.mean(0)
    assert cellbox.correlation(lost, shuffled - shuffled.mean(0)) < 0.2


@needs("cellbox_pert", "cellbox_expr", "cellbox_random_partition_average_testhat")
def test_the_straight_line_is_ahead_of_the_published_network():
    drugs, nodes, published = cellbox.load()
    assert drugs.shape == nodes.shape == published.shape == (89, 99)
    ours, theirs = cellbox.correlation(cellbox.ridge(drugs, nodes), nodes), cellbox.correlation(published, nodes)
    assert theirs == pytest.approx(0.926, abs=0.003)
    assert ours > theirs + 0.01


@needs("experimentaldata_Burke_outputs", "experimentaldata_vonLeuder_outputs", "experimentaldata_Ramirez_outputs")
def test_the_published_network_ranks_the_drug_studies(network):
    table = drugstudies.compare(drugstudies.simulated(network))
    assert table.groupby("study").size().to_dict() == {"Burke 2019": 23, "Ramirez 2014": 54, "von Lueder 2015": 23}
    mean = drugstudies.rank_correlations(table).groupby("study")["rho"].mean()
    assert (mean > 0.7).all()
