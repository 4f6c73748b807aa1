"""What CHMR refuses, and what it must not let pass in silence: columns, losses, checkpoints, predictions."""

import json
from dataclasses import replace

import numpy as np
import pytest
import torch

from hmlm_lib.chmr import checkpoint, halved
from hmlm_lib.chmr import pretrain as whole
from hmlm_lib.chmr.benchmarks import Assays, by_task, published_split
from hmlm_lib.chmr.finetune import Tuned
from hmlm_lib.chmr.material import IMPUTATIONS, Material, impute, similar
from hmlm_lib.chmr.model import CHMR, CHMRConfig
from hmlm_lib.chmr.molecules import skeleton
from hmlm_lib.chmr.planted import planted
from hmlm_lib.chmr.pretrain import embed, pretrain
from hmlm_lib.chmr.propagation import Graph, propagate
from hmlm_lib.chmr.structure import Structure
from hmlm_lib.errors import ModelError, MoleculeError
from hmlm_lib.training import Training

CONFIG = CHMRConfig(width=16, layers=1, depth=2)
SHORT = Training(steps=4, seed=1)
N = np.nan


@pytest.fixture(scope="module")
def made():
    p = planted(60, seed=2)
    molecules = Structure.from_smiles(p.smiles, np.random.default_rng(0).standard_normal((60, 5)))
    return p, molecules, Material.complete(molecules, p.modalities)


def other_columns(molecules, columns):
    shape = None if columns is None else np.random.default_rng(1).standard_normal((60, columns))
    return Structure.from_smiles(molecules.smiles, shape)


@pytest.mark.parametrize(
    ("true", "predicted"),
    [
        ([[0], [1], [N]], [[0.1], [np.inf], [0.4]]),
        ([[0], [1], [1]], [[0.1], [N], [0.4]]),
        ([[0, 1], [1, 0]], [[0.1], [0.4]]),
        ([[0, 1], [1, 0]], [0.1, 0.4]),
    ],
)
@pytest.mark.parametrize("score", ["auroc", "mae"])
def test_predictions_that_cannot_be_scored(true, predicted, score):
    with pytest.raises(MoleculeError, match=r"predictions of shape \(.*\); allowed: finite numbers of shape"):
        by_task(np.array(true, float), np.array(predicted), score)


def test_what_is_predicted_of_unknown_labels_counts_for_nothing():
    assert by_task(np.array([[0], [1], [N]]), np.array([[0.1], [0.4], [N]]), "auroc").tolist() == [1.0]


def test_molecules_that_inchi_cannot_write_are_not_one_molecule():
    assert skeleton("*CC") != skeleton("*c1ccccc1")
    assert skeleton("*[C@H](N)C") == skeleton("*[C@@H](N)C")
    assert len(skeleton("CCO")) == 14


def test_a_set_without_a_published_split_is_named():
    mine = Assays("mine", ("CCO",), ("CCO",), np.zeros((1, 1)), ("t",), "auroc", 0)
    with pytest.raises(MoleculeError, match="no set with a published split 'mine'; allowed: chembl2k"):
        published_split(mine)


@pytest.mark.parametrize(
    ("columns", "said"), [(1, "1 columns of shape"), (8, "8 columns of shape"), (None, "no columns of shape")]
)
def test_molecules_of_other_columns_are_refused(made, columns, said):
    _, molecules, material = made
    model = CHMR.from_features(material.features, replace(CONFIG, structure=("bits", "shape")))
    other = other_columns(molecules, columns)
    for ask in (lambda: embed(model, other), lambda: Tuned("auroc", model, other)):
        with pytest.raises(MoleculeError, match=f"{said}; allowed: 5, as the model has it"):
            ask()


def test_names_of_structure_and_cells_are_kept_apart(made):
    p, molecules, _ = made
    with pytest.raises(MoleculeError, match="structure names 'shape'; the molecules have bits"):
        CHMR.from_features({"bits": 8}, replace(CONFIG, structure=("bits", "shape")))
    with pytest.raises(MoleculeError, match="a modality of cells is called 'graph'; allowed: other names"):
        Material.complete(molecules, {"graph": p.modalities["expression"]})


def test_an_untrained_model_says_the_same_twice_and_goes_on_training(made):
    _, molecules, material = made
    model = CHMR.from_features(material.features, replace(CONFIG, structure=("graph",), dropout=0.5)).train()
    np.testing.assert_array_equal(embed(model, molecules), embed(model, molecules))
    assert model.training


@pytest.mark.parametrize(
    "nothing",
    [
        {"contrast": 0.0, "variance": 0.0, "depth": 0, "reconstruct": 0.0},
        {"align": 0.0, "tree": 0.0, "reconstruct": 0.0},
        {"align": 0.0, "depth": 0, "reconstruct": 0.0},
    ],
)
def test_a_loss_of_nothing_is_not_trained(made, nothing):
    with pytest.raises(MoleculeError, match="every part of the loss has weight 0; allowed: at least one part"):
        pretrain(made[2], replace(CONFIG, **nothing), SHORT)


def test_a_batch_in_which_nothing_was_measured_stops_with_a_message(made):
    p, molecules, _ = made
    hidden = {name: replace(m, known=np.arange(60) == 0) for name, m in p.modalities.items()}
    config = replace(CONFIG, measured_only=True, variance=0.0, depth=0, reconstruct=0.0)
    with pytest.raises(MoleculeError, match="has weight 0 or lacks its data"):
        pretrain(Material.complete(molecules, hidden), config, SHORT)


@pytest.mark.parametrize("measured", [-1.0, 1.5, N])
def test_a_share_is_one(made, measured):
    with pytest.raises(MoleculeError, match="allowed: 0 to 1"):
        pretrain(made[2], CONFIG, SHORT, measured=measured)


def test_a_checkpoint_of_another_version_is_one_clear_error(made, tmp_path):
    path = tmp_path / "chmr.safetensors"
    model = CHMR.from_features(made[2].features, CONFIG)
    about = {"config": json.dumps(vars(CONFIG) | {"newer": 1}), "features": json.dumps(model.features)}
    checkpoint.write_model(path, model, about)
    with pytest.raises(ModelError, match=r"chmr.safetensors: of another version.*newer"):
        checkpoint.load(path)


def test_smaller_batches_have_checkpoints_of_their_own(made, tmp_path, monkeypatch):
    """Memory runs out after the first checkpoint, and once more after a kill: both times the same numbers."""
    training = replace(SHORT, checkpoint=tmp_path / "chmr.part", checkpoint_every=1)
    alone = whole.pretrain(made[2], CONFIG, SHORT, 8)
    steps, real = [], CHMR.loss

    def loss(self, x, generator):
        steps.append(len(x.bits))
        if len(x.bits) > 8 and steps.count(16) > 1:
            raise MemoryError
        if steps.count(8) == 3:
            raise KeyboardInterrupt
        return real(self, x, generator)

    monkeypatch.setattr(CHMR, "loss", loss)
    with pytest.raises(KeyboardInterrupt):
        halved.pretrain(made[2], CONFIG, training, 16)
    found = halved.pretrain(made[2], CONFIG, training, 16)
    assert steps.count(8) == 3 + 2  # two steps were finished and kept
    for name, value in alone.state_dict().items():
        assert torch.equal(value, found.state_dict()[name]), name


def test_what_cannot_be_propagated():
    graph = Graph.from_neighbours(torch.tensor([[1], [0]]), torch.ones(2, 1))
    known = torch.tensor([True, False])
    for x, flags in ((torch.ones(2), known), (torch.ones(2, 1).long(), known), (torch.ones(2, 1), known.long())):
        with pytest.raises(MoleculeError, match=r"allowed: floats \[molecule, feature\], flags"):
            propagate(graph, x, flags)


def test_nobody_to_predict(made):
    with pytest.raises(MoleculeError, match="no molecule to predict; allowed: one or more"):
        halved.predict(None, np.zeros((0, 3)))


@pytest.mark.parametrize("how", IMPUTATIONS)
def test_no_imputation_spreads_what_is_no_number(made, how):
    _, molecules, _ = made
    values = torch.rand(60, 3)
    values[4, 1] = N
    known = torch.arange(60) < 30
    graph = similar(molecules.bits).graph
    with pytest.raises(MoleculeError, match="row 4 is known but not finite; allowed: finite numbers"):
        impute(values, known, molecules.bits, graph, how)
    with pytest.raises(MoleculeError, match=r"60 rows, 59 flags; allowed: 60, one a molecule"):
        impute(torch.rand(60, 3), known[1:], molecules.bits, graph, how)


@pytest.mark.parametrize(
    ("config", "said"),
    [
        ({"structure": ("bits", "bits")}, "allowed: one or more of bits, graph, shape, each once"),
        ({"depth": 40}, "depth = 40 with branch = 2 is too many codes"),
        ({"depth": 1, "branch": 2**21}, "too many codes; allowed: branch .* depth at most 1,048,576"),
    ],
)
def test_configurations_that_no_machine_holds(config, said):
    with pytest.raises(MoleculeError, match=said):
        CHMRConfig(**config)
    assert CHMRConfig(depth=20).depth == 20


@pytest.mark.parametrize("name", ["", "L1000.v2", "keys", "train"])
def test_modalities_have_names_that_torch_can_keep(name):
    with pytest.raises(MoleculeError, match=f"a modality is called '{name}'; allowed: no dot, and no word of torch"):
        CHMR.from_features({"bits": 8, name: 3}, replace(CONFIG, structure=("bits",)))
