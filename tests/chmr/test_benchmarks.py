"""Nine data sets: what is in them, how they are split, how they are scored."""

from dataclasses import replace

import numpy as np
import pytest

from hmlm_lib.chmr import benchmarks
from hmlm_lib.chmr.benchmarks import SETS, Assays, Split, clean, leak, load, published_split, random_split, score
from hmlm_lib.chmr.molecules import fingerprints
from hmlm_lib.errors import MoleculeError

SMILES = ("C[C@H](N)c1ccccc1", "C[C@@H](N)c1ccccc1", "c1ccncc1", "Cc1ccncc1", "CCO", "CCCO", "C1CCCCC1O", "Oc1ccccc1")


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("HMLM_CACHE_DIR", str(tmp_path))


def small(score_by="auroc", name="chembl2k"):
    labels = np.array([[0, 1], [1, np.nan], [0, 0], [1, 1], [0, 0], [1, 1], [0, np.nan], [1, 0]], dtype=float)
    return Assays(name, SMILES, SMILES, labels, ("one", "two"), score_by, 0)


def test_728_tasks_in_nine_sets():
    assert len(SETS) == 9
    assert sum(source.tasks for source in SETS.values()) == 728


@pytest.mark.parametrize("name", ["chembl2k", "bbbp"])
def test_a_split_takes_everyone_once_and_keeps_scaffolds_whole_but_at_the_cuts(name):
    assays = small(name=name)
    split = published_split(assays)
    assert sorted(np.concatenate([split.train, split.valid, split.test])) == list(range(8))


def test_stereoisomers_stay_together_in_a_random_split_and_seeds_differ():
    assays = small()
    found = [random_split(assays, seed) for seed in range(6)]
    assert len({tuple(split.test) for split in found}) > 1
    assert (len(found[0].train), len(found[0].valid), len(found[0].test)) == (4, 1, 3)


def test_leaks_by_hand():
    split = Split(np.array([0, 2]), np.array([4]), np.array([1, 3, 5]))
    found = leak(small(), split, fingerprints(SMILES))
    assert found.skeleton.tolist() == [True, False, False]
    assert found.similarity[0] == 1.0  # Morgan bits without chirality: the enantiomer is identical
    assert 0 < found.similarity[1] < 1
    assert clean(split, found).test.tolist() == [3, 5]


def test_auroc_and_mae_by_hand():
    rows = np.arange(8)
    perfect = np.nan_to_num(small().labels, nan=0.5)
    assert score(small(), rows, perfect)[0] == 1.0
    mean, each = score(small(), rows, np.stack([perfect[:, 0], np.zeros(8)], 1))
    assert each.tolist() == [1.0, 0.5]
    assert mean == 0.75
    assert score(small("mae"), rows, perfect + 0.25)[0] == pytest.approx(0.25)
    _, one = score(small(), np.array([2, 4, 5]), perfect[[2, 4, 5]])
    assert np.isfinite(one).all()
    _, none = score(small(), np.array([1, 6, 0]), perfect[[1, 6, 0]])
    assert np.isnan(none[1])  # a single labelled molecule: no AUROC for that task


def test_bad_input_is_named(tmp_path, monkeypatch):
    with pytest.raises(MoleculeError, match=r"no data set 'chembl' \(did you mean 'chembl2k'\?\)"):
        load("chembl")
    with pytest.raises(
        MoleculeError, match=r"predictions of shape \(8, 1\); allowed: finite numbers of shape \(8, 2\)"
    ):
        score(small(), np.arange(8), np.zeros((8, 1)))
    with pytest.raises(MoleculeError, match="no task with labels"):
        score(replace(small(), labels=np.full((8, 2), np.nan)), np.arange(8), np.zeros((8, 2)))
    path = tmp_path / "bbbp.csv"
    path.write_text("smiles,p_np\nCCO,1\nCCN,2\n")
    monkeypatch.setattr(benchmarks, "fetch", lambda name: path)
    with pytest.raises(MoleculeError, match=r"bbbp.csv: labels other than 0, 1 and empty"):
        load("bbbp")
    path.write_text("compound,p_np\nCCO,1\n")
    with pytest.raises(MoleculeError, match="needs a column 'smiles'"):
        load("bbbp")


SIZES = {"chembl2k": (1413, 353, 589), "broad6k": (3940, 985, 1642), "biogen": (2112, 528, 881)}


@pytest.mark.data
@pytest.mark.filterwarnings("ignore:.* rows are salts or mixtures; of each")
@pytest.mark.parametrize("name", SIZES)
def test_published_sizes(real_data, name):
    assays = load(name)
    split = published_split(assays)
    assert (len(split.train), len(split.valid), len(split.test)) == SIZES[name]
    assert assays.labels.shape == (sum(SIZES[name]), SETS[name].tasks)


@pytest.mark.data
@pytest.mark.filterwarnings("ignore:.* rows are salts or mixtures; of each")
def test_two_in_five_of_broad6ks_test_molecules_have_their_skeleton_in_train(real_data):
    assays = load("broad6k")
    split = published_split(assays)
    found = leak(assays, split, fingerprints(assays.smiles))
    assert found.skeleton.mean() == pytest.approx(0.392, abs=0.001)
    honest = published_split(assays, stereo=False)
    assert leak(assays, honest, fingerprints(assays.smiles)).skeleton.mean() < 0.02


def test_labels_and_scores_that_mean_nothing_are_refused():
    labels, said = [[-1.0], [1.0]], [[0.2], [0.4]]
    with pytest.raises(MoleculeError, match="a label is -1; allowed for AUROC: 0, 1, NaN"):
        benchmarks.by_task(labels, said, "auroc")
    with pytest.raises(MoleculeError, match="score is 'rmse'; allowed: auroc, mae"):
        benchmarks.by_task(labels, said, "rmse")
    assert benchmarks.by_task([[0], [1]], said, "auroc").tolist() == [1.0]
