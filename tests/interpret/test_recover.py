"""Classical inference, hidden and planted edges, and the in-silico set."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from hmlm_lib.baselines.wired import CellBox
from hmlm_lib.data import available
from hmlm_lib.errors import ExperimentError, ModelError
from hmlm_lib.evaluation import edges, faithfulness
from hmlm_lib.evaluation.tasks import Size, benchmark
from hmlm_lib.evaluation.worlds import incomplete
from hmlm_lib.experiments import Experiments
from hmlm_lib.hmlm.model import HMLM, HMLMConfig
from hmlm_lib.interpret import infer, insilico, recover
from hmlm_lib.midas import from_table
from hmlm_lib.network import SignalingNetwork, load_network


@pytest.fixture(scope="module")
def core():
    return load_network("fibroblast-core")


@pytest.fixture(scope="module")
def chain():
    """a -> b and nothing to c; a and c wander. The drive of b is half the mean of a over each interval."""
    rng = np.random.default_rng(0)
    network = SignalingNetwork.from_rules("chain", ["=> a", "=> c", "a => b"], tau=1.0)
    a, c, b = (network.index[name] for name in "acb")
    values, decay = np.zeros((30, 9, 3)), np.exp(-1.0)
    for t in range(9):
        for wandering in (a, c):
            values[:, t, wandering] = 0.7 * values[:, t - 1, wandering] + 0.3 * rng.uniform(size=30)
        if t:
            values[:, t, b] = decay * values[:, t - 1, b] + (1 - decay) * values[:, t - 1 : t + 1, a].mean(1) / 2
    flat = np.zeros((30, 3))
    return Experiments(
        network, tuple(map(str, range(30))), flat, flat + 1, values[:, 0], np.arange(1.0, 9.0), values[:, 1:]
    )


def test_the_drive_is_recovered_exactly(chain):
    s = infer.samples(chain, np.ones(3))
    a, b = chain.network.index["a"], chain.network.index["b"]
    np.testing.assert_allclose(s.drive[:, b], s.source[:, a] / 2, atol=1e-12)
    assert s.source.shape == (240, 3 + 2)  # species, then levels of the two inputs
    assert s.of([b]).drive.shape == (240, 1)
    assert s.of([b]).source.shape == (240, 1 + 2)


@pytest.mark.parametrize("name", list(infer.METHODS))
def test_every_method_finds_the_edge(chain, name):
    index = chain.network.index
    found = infer.METHODS[name](infer.samples(chain, np.ones(3)))
    assert found.shape == (3, 3)
    assert found[index["b"], index["a"]] > 1.5 * found[index["b"], index["c"]]


@pytest.mark.parametrize("name", ["Granger", "score test"])
def test_a_directed_method_finds_the_direction(chain, name):
    index = chain.network.index
    found = infer.METHODS[name](infer.samples(chain, np.ones(3)))
    assert found[index["b"], index["a"]] > 1.5 * found[index["a"], index["b"]]
    assert not np.diag(found).any()


@pytest.mark.parametrize("name", ["correlation", "partial correlation"])
def test_an_undirected_method_is_symmetric(chain, name):
    found = infer.METHODS[name](infer.samples(chain, np.ones(3)))
    np.testing.assert_allclose(found, found.T, atol=1e-12)


def test_knocked_out_targets_are_left_out(chain):
    factor = chain.factor.copy()
    factor[:10, chain.network.index["b"]] = 0.0
    weight = infer.samples(replace(chain, factor=factor), np.ones(3)).weight.reshape(30, 8, 3)
    assert (weight[:10, :, chain.network.index["b"]] == 0).all()
    assert (weight[10:] > 0).all()


@pytest.mark.parametrize("tau", [0.2, 1.0, 5.0])
def test_the_time_constant_that_foretells_best_is_found(tau):
    network = SignalingNetwork.from_rules("two", ["=> u", "=> v", "u => a", "v => b"])
    rng, times = np.random.default_rng(0), np.array([0.3, 1.0, 2.0, 4.0])
    stimulus = rng.uniform(size=(20, 4)) * network.arrays.has_input
    rise = 1 - np.exp(-times / tau)
    values = np.repeat(stimulus[:, None], 4, 1)
    for driver, target in ("ua", "vb"):
        course = 0.7 * stimulus[:, network.index[driver], None] * rise
        values[..., network.index[target]] = course + rng.normal(0, 0.01, course.shape)
    names = tuple(map(str, range(20)))
    data = Experiments(network, names, stimulus, np.ones((20, 4)), stimulus, times, values)
    assert infer.common_tau(data, (0.2, 1.0, 5.0)) == tau


@pytest.mark.parametrize("seed", range(2))
def test_planted_edges_are_new_and_as_many_as_asked(core, seed):
    given = recover.with_planted(core, 0.1, seed)
    question = recover.planted(given, core)
    true = recover.joined(core)
    assert question.yes.sum() == round(0.1 * true.sum())
    assert (question.asked == (true | question.yes)).all()
    assert not (question.yes & true).any()
    assert not question.yes[core.arrays.has_input].any()  # nobody regulates an input
    again = recover.with_planted(core, 0.1, seed)
    assert (again.reactions["rule"] == given.reactions["rule"]).all()
    with pytest.raises(ModelError, match=r"fraction is 2; allowed: a number in \[0, 1\]"):
        recover.with_planted(core, 2, seed)


def test_hidden_pairs_are_those_that_were_taken_away(core):
    given = incomplete(core, 0.1, 0)
    question = recover.hidden(given, core)
    assert (question.yes == (recover.joined(core) & ~recover.joined(given) & question.asked)).all()
    assert not (question.asked & recover.joined(given)).any()
    assert not np.diag(question.asked).any()


def test_scores_of_an_oracle_a_constant_and_no_question(core):
    question = recover.hidden(incomplete(core, 0.1, 0), core)
    assert recover.score(question.yes.astype(float), question) == {"auroc": 1.0, "auprc": 1.0}
    blind = recover.score(np.zeros_like(question.yes, float), question)
    assert blind["auroc"] == 0.5
    assert blind["auprc"] == pytest.approx(question.yes.sum() / question.asked.sum())
    with pytest.raises(ModelError, match="the two wirings do not differ"):
        recover.score(np.zeros_like(question.yes, float), recover.hidden(core, core))


RULES = [
    "=> TGFB",
    "=> tension",
    "=> IL6",
    "IL6 => g",
    "TGFB => r",
    "tension & !i => r",
    "TGFB => i",
    "r => g",
    "tension => h",
    "g => h",
]


@pytest.fixture(scope="module")
def taught():
    """Measurements that a model itself predicts, at many times."""
    network = SignalingNetwork.from_rules("small", RULES, input_level=0.1)
    data = benchmark(0, 12, size=Size(2, 1, 4, 1, 1, 1), network=network, noise_sd=0.0)
    model = HMLM.from_network(network, HMLMConfig(width=8, hierarchy=False, proposals=True, grid=80), 1)
    model.horizon_h = 60.0
    times = np.linspace(0.5, 60, 120)
    return model, replace(data.train, times_h=times, activity=model.predict(data.train, times))


def test_nothing_is_left_of_what_the_model_explains(taught):
    model, own = taught
    left = recover.residual(model, own)
    seen = left.weight > 0
    assert np.sqrt((left.weight * left.drive**2)[seen].mean()) < 0.01
    changed = replace(own, activity=np.clip(own.activity + 0.2 * (own.times_h > 5)[:, None], 0, 1))
    more = recover.residual(model, changed)
    assert np.sqrt((more.weight * more.drive**2).mean()) > 5 * np.sqrt((left.weight * left.drive**2).mean())


def test_the_data_ask_for_no_edge_where_the_model_is_right(taught):
    model, own = taught
    (v, j) = own.network.index["h"], own.network.index["i"]
    right = recover.wanted(model, own)
    assert right.max() < 1e-4
    activity = own.activity.copy()
    activity[..., v] = np.clip(activity[..., v] + 0.3 * activity[..., j], 0, 1)
    wrong = recover.wanted(model, replace(own, activity=activity))
    assert wrong[v].max() == wrong.max() > 100 * right.max()
    assert not recover.proposals(model).any()
    plain = HMLM.from_network(own.network, HMLMConfig(width=8, proposals=False), 0)
    for ask in (recover.proposals, lambda m: recover.wanted(m, own)):
        with pytest.raises(ModelError, match=r"the model has no proposals; allowed: HMLMConfig\(proposals=True\)"):
            ask(plain)


def test_weights_belong_to_their_edges(taught):
    model, own = taught
    found = recover.edge_weights(model)
    assert len(found) == len(model.edge_labels())
    both = [found[model.edge_labels().index(name)] for name in ("tension -> r", "i -| r")]
    assert both[0] == both[1]  # one AND group
    matrix = recover.by_pair(found, model)
    assert matrix[own.network.index["g"], own.network.index["r"]] == found[model.edge_labels().index("r -> g")]
    assert (matrix > 0).sum() == len(found)
    softmax = HMLM.from_network(own.network, HMLMConfig(width=4, attention="softmax"), 0)
    with pytest.raises(ModelError, match="reactions have weights with attention='logic'"):
        recover.edge_weights(softmax)


def test_edges_whose_cut_helps_are_below_all_others(taught):
    model, own = taught
    there = recover.joined(own.network)
    said = np.linspace(-2, 1, there.sum())
    matrix = recover.by_pair(said, model)
    assert np.array_equal(np.sort(matrix[there]), said)
    assert not matrix[~there].any()


def test_of_two_edges_from_one_species_to_another_the_larger_counts():
    network = SignalingNetwork.from_rules("two", ["=> a", "a => b", "!a => b", "b => c"], tau=1.0)
    model = HMLM.from_network(network, HMLMConfig(width=4, hierarchy=False), 0)
    assert model.edge_labels() == ["a -> b", "a -| b", "b -> c"]
    matrix, index = recover.by_pair(np.array([-3.0, -1.0, -2.0]), model), network.index
    assert [matrix[index["b"], index["a"]], matrix[index["c"], index["b"]]] == [-1, -2]
    assert (matrix != 0).sum() == 2


# The in-silico set


def table(replicates=2):
    rng = np.random.default_rng(0)
    rows = []
    for ligand in insilico.LEVELS:
        for inhibitor in (None, *insilico.INHIBITORS):
            for minutes in (0, 10, 60):
                for _ in range(replicates):
                    given = {f"TR:{name}:Stimuli": int(name == ligand) for name in insilico.LEVELS}
                    given |= {f"TR:{name}:Inhibitors": int(name == inhibitor) for name in insilico.INHIBITORS}
                    level = {"DV:A": 400 + 20 * minutes, "DV:B": 500, "DV:C": 300 + minutes}
                    noisy = {name: value + rng.normal(0, 5) for name, value in level.items()}
                    rows.append({"TR:x:CellLine": 1} | given | {"DA:ALL": minutes} | noisy)
    return pd.DataFrame(rows)


GRAPH = pd.DataFrame([[np.nan, 1, 0], [0, np.nan, 0], [0, 1, np.nan]])  # row regulates column


def test_a_table_of_the_challenge_is_read():
    found = insilico.read(from_table(table()), GRAPH)
    assert found.species == ("A", "B", "C")
    assert found.edge.tolist() == [[False, False, False], [True, False, True], [False, False, False]]  # target, source
    e = found.experiments
    assert len(e) == 16
    np.testing.assert_allclose(e.times_h, [10 / 60, 1.0])
    lig1 = e.stimulus[:, e.network.index["LIG1"]]
    assert sorted(set(lig1.tolist())) == [0.0, 0.5, 1.0]
    assert (e.stimulus[:, e.network.index["BASAL"]] == 1).all()
    assert (e.stimulus[:, e.network.index["INH2"]].sum()) == 4
    a, b = found.own()[:2]
    assert np.ptp(e.activity[..., a]) > 0.7
    assert np.ptp(e.activity[..., b]) < 0.7  # noise is not blown up to the whole range
    assert found.samples().drive.shape == (32, 3)
    again = found.resampled(3)
    assert set(again.experiments.names) < set(e.names)  # some twice, some not at all
    assert again.experiments.names == found.resampled(3).experiments.names
    assert again.samples(0.1).drive.shape == (32, 3)


def test_a_table_of_another_form_is_refused():
    with pytest.raises(ExperimentError, match=r"in-silico table: treatments .* and 3 species for a graph of 2"):
        insilico.read(from_table(table()), GRAPH.iloc[:2, :2])
    with pytest.raises(ExperimentError, match="allowed: INH1, INH2, INH3, hiLIG1, hiLIG2, loLIG1, loLIG2"):
        insilico.read(from_table(table().drop(columns="TR:INH1:Inhibitors")), GRAPH)


@pytest.mark.data
@pytest.mark.skipif(not available("MD_insilico"), reason="HPN-DREAM in-silico set: not in HMLM_DATA_DIR or cache")
def test_the_real_set_has_twenty_species_and_74_edges():
    data = insilico.load()
    assert data.edge.sum() == 74
    assert len(data.experiments) == 20
    assert len(data.experiments.times_h) == 10
    question = recover.Question(~np.eye(20, dtype=bool), data.edge)
    assert recover.score(infer.correlation(data.samples()), question)["auroc"] == pytest.approx(0.73, abs=0.01)


# The tables


def test_an_explanation_is_named_and_checked():
    with pytest.raises(ModelError, match=r"no explanation 'atention_hmlm' \(did you mean 'attention_hmlm'\?\)"):
        faithfulness.entry("atention_hmlm")
    with pytest.raises(ModelError, match=r"no method 'lassso' here \(did you mean 'lasso'\?\)"):
        edges.FAMILIES[0].entry("lassso")
    with pytest.raises(ModelError, match="attention explains an HMLM; CellBox has no attention: allowed: knockout"):
        faithfulness.explanation("attention", CellBox(), None)


def test_a_consensus_is_the_mean_rank():
    asked = ~np.eye(2, dtype=bool)
    task = edges.Task(None, recover.Question(asked, asked), None, 0)
    first, second = np.array([[0.0, 3.0], [1.0, 2.0]]), np.array([[0.0, 0.1], [9.0, 0.2]])
    said = edges._consensus([lambda *_: first, lambda *_: second])(task, 1.0)
    np.testing.assert_array_equal(said, [[1.0, 3.0], [3.0, 3.0]])


def test_an_untrained_model_may_be_asked_and_is_labelled(core):
    fresh = HMLM.from_network(core, faithfulness.FLAT, 0)
    assert faithfulness.label("gradient_input", fresh) == "gradient input (untrained model)"
    fresh.horizon_h = 60.0
    assert faithfulness.label("gradient_input", fresh) == "gradient input"
    assert faithfulness.label("lag_correlation") == "lag correlation"


def test_relabelling_moves_measurements_and_spares_inputs(core):
    data = benchmark(0, 2, size=Size(1, 1, 1, 1, 1, 1)).train
    moved = faithfulness.relabelled(data, 0)
    inputs = core.arrays.has_input
    np.testing.assert_array_equal(moved.activity[..., inputs], data.activity[..., inputs])
    assert not np.array_equal(moved.activity, data.activity)
    np.testing.assert_allclose(np.sort(moved.activity, -1), np.sort(data.activity, -1))
    rows = [np.flatnonzero(data.y0[0] == value) for value in moved.y0[0]]
    assert all(len(r) for r in rows)
