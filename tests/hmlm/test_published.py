"""The published protocol: its figures come out, its faults can be switched off, its attention does nothing."""

import networkx as nx
import numpy as np
import pandas as pd
import pytest
from sklearn.ensemble import RandomForestRegressor

from hmlm_lib.errors import ExperimentError, ModelError
from hmlm_lib.hmlm.forest import Forest
from hmlm_lib.published import MARKERS, REFERENCE, protocol, published_data, published_network
from hmlm_lib.published.data import TIMES_H
from hmlm_lib.published.hmlm import ROOM, OneCourse, signalling
from hmlm_lib.published.models import average, curve, cut


@pytest.fixture(scope="module")
def five():
    return protocol.summary(protocol.run_protocol(range(5)))


def test_the_network_is_the_notebooks():
    network = published_network()
    graph = nx.DiGraph(np.argwhere(network.edges.T > 0).tolist())
    graph.add_nodes_from(range(len(network.species)))
    assert len(network.species) == 102
    assert network.edges.sum() == 126
    assert len(set(network.module)) == 11
    assert len(list(nx.isolates(graph))) == 11
    assert nx.is_directed_acyclic_graph(graph)


@pytest.mark.data
def test_the_network_equals_the_derived_tables(real_data):
    network, folder = published_network(), real_data / "networks" / "derived"
    species = pd.read_csv(folder / "hmlm_notebook_species_modules.csv")
    edges = pd.read_csv(folder / "hmlm_notebook_edges_vs_snm_1_1.csv")
    assert dict(zip(network.species, network.module, strict=True)) == dict(species.itertuples(index=False))
    ours = {(network.species[s], network.species[t]) for t, s in np.argwhere(network.edges > 0)}
    assert ours == set(edges[["source", "target"]].itertuples(index=False, name=None))


@pytest.mark.parametrize("model", REFERENCE)
@pytest.mark.parametrize("k", [4, 8, 16])
def test_five_data_seeds_land_within_the_published_spread(five, model, k):
    """Means of five seeds within twice the spread over data seeds (ours and the reference's together)."""
    mean, spread = REFERENCE[model][k]
    found, own = (1e3 * five.loc[model, (k, stat)] for stat in ("mean", "sd"))
    assert abs(found - mean) <= 2 * np.hypot(spread, own)


def test_as_published_error_grows_with_points_and_a_ruler_wins(five):
    mean = five.xs("mean", axis=1, level=1)
    assert mean.loc["hmlm_forest", 4] < mean.loc["hmlm_forest", 8] < mean.loc["hmlm_forest", 16]
    assert (mean.drop(["linear", "spline", "curves", "curves_cut"]).min() > mean.loc["linear"]).all()


@pytest.mark.parametrize("model", ["hmlm_forest", "gnn", "bayesian"])
def test_without_the_faults_error_falls_with_points(model):
    fixed = protocol.summary(protocol.run_protocol(range(2), models=[model], faults="both")).xs("mean", axis=1, level=1)
    assert fixed.loc[model, 4] > fixed.loc[model, 8] > fixed.loc[model, 16]


def test_switching_the_faults_off_one_by_one():
    """Frozen species alone or the wrong step alone keep ridge bad; it is good once both are gone."""
    mse = {
        faults: protocol.run_protocol([0], points=[16], models=["bayesian"], faults=faults)["mse"].iloc[0]
        for faults in protocol.FAULTS
    }
    assert len(set(mse.values())) == 4
    assert mse["both"] < 0.001 < 0.01 < min(mse[name] for name in ("as published", "all species", "true step"))


def test_randomised_attention_changes_nothing():
    change, effect = protocol.attention_control()
    assert change > 0.5
    assert effect == 0.0


def test_teacher_forcing_flatters_and_copying_flatters_more():
    r = protocol.correlations()
    assert (r["teacher-forced"] > r["free-running"] + 0.3).all()
    assert (r["copy the last value"] > r["teacher-forced"]).all()


def test_data_are_reproducible_bounded_and_differ_by_seed():
    one, two, other = published_data(0), published_data(0), published_data(1)
    assert one.equals(two)
    assert not one.equals(other)
    assert float(one.min()) >= 0
    assert float(one.max()) <= 1
    assert one.shape == (4, 50, 102)


def test_bad_questions_are_refused():
    with pytest.raises(ExperimentError, match="k is 5; allowed in the published protocol: 4, 8, 16"):
        protocol.run_protocol([0], points=[5])
    with pytest.raises(ExperimentError, match=r"no model 'gnnn' \(did you mean 'gnn'\?\)"):
        protocol.run_protocol([0], models=["gnnn"])
    with pytest.raises(ExperimentError, match="faults is 'none'"):
        protocol.run_protocol([0], faults="none")
    with pytest.raises(ExperimentError, match="seed is -1"):
        published_data(-1)


def test_hmlm_itself_beats_single_curves_through_noisy_points():
    """Data seed 50 is neither tuned on nor reported; noise .05, eight points."""
    models = ["hmlm", "linear", "spline", "mean"]
    found = protocol.run_protocol([50], points=[8], models=models, noise_sd=0.05).set_index("model")["mse"]
    assert found["hmlm"] < 0.7 * found.drop("hmlm").min()


def test_an_average_is_the_mean_of_its_members():
    points, network = published_data(50).sel(condition="combined").values[:16:5], published_network()
    question = (points, np.arange(0, 16, 5), network, 0, False, False)
    lines, level = (curve(kind)(*question) for kind in ("linear", "mean"))
    assert np.allclose(average(curve("linear"), curve("mean"))(*question), (lines + level) / 2, atol=1e-15)
    assert np.abs(lines - level).max() > 0.01


def test_the_mean_of_two_curves_stands_in_the_protocol():
    models = ["quadratic", "gp_shared", "curves"]
    found = protocol.run_protocol([50], points=[16], models=models, noise_sd=0.05).set_index("model")["mse"]
    assert found["curves"] < found[["quadratic", "gp_shared"]].mean()  # squares are convex


def test_what_is_cut_lies_between_0_and_1_and_is_nearer_to_what_does():
    points = np.clip(published_data(50).sel(condition="combined").values[:16:5] + 0.4, 0, 1)
    question = (points, np.arange(0, 16, 5), published_network(), 0, False, False)
    free, held = curve("linear")(*question), cut(curve("linear"))(*question)
    assert free.max() > 1.0 >= held.max()
    assert np.array_equal(held[free <= 1], free[free <= 1])
    models = ["curves", "curves_cut"]
    found = protocol.run_protocol([50], points=[16], models=models, noise_sd=0.05).set_index("model")["mse"]
    assert found["curves_cut"] < found["curves"]


def test_the_fast_forest_says_what_the_forest_of_the_library_says():
    draw = np.random.default_rng(3)
    x, y = draw.normal(size=(12, 9)), draw.normal(size=(12, 4))
    fast = Forest(20, max_depth=5, random_state=0).fit(x, y)
    slow = RandomForestRegressor(20, max_depth=5, random_state=0).fit(x, y)
    asked = draw.normal(size=(30, 9))
    assert np.array_equal(fast.predict(asked), slow.predict(asked))
    with pytest.raises(ModelError, match=r"features of shape \(30, 3\); allowed: 9 columns, as in training"):
        fast.predict(asked[:, :3])


def test_the_signalling_network_keeps_the_published_edges():
    network = published_network()
    graph = signalling(network)
    edges = {(network.species[s], network.species[t]) for t, s in np.argwhere(network.edges > 0)}
    assert set(graph.edges[["source", "target"]].itertuples(index=False, name=None)) == edges
    assert set(MARKERS) <= set(graph.species_names)


def test_drives_have_room_above_one_and_the_course_is_cut_there():
    network = published_network()
    plain, roomy = signalling(network), signalling(network, ROOM)
    assert (roomy.arrays.ymax == ROOM).all()
    assert roomy.arrays.tau / roomy.arrays.ymax == pytest.approx(plain.arrays.tau / plain.arrays.ymax)
    course = OneCourse(roomy, np.full(len(roomy.species_names), 0.9), seed=0)
    course.model.weight.data.fill_(9.0)
    assert course(TIMES_H).max().item() == 1.0
