import networkx as nx
import numpy as np
import pandas as pd
import pytest
import torch

from hmlm_lib.errors import NetworkError, RuleError
from hmlm_lib.network import SignalingNetwork, load_network
from hmlm_lib.network.generate import random_arrays


def network(rules=("=> A", "A & !B => C", "C => D"), species=None, **columns):
    frame = pd.DataFrame({"rule": list(rules)} | columns, index=[f"r{i}" for i in range(len(rules))])
    return SignalingNetwork("test", pd.DataFrame(index=list("ABCD")) if species is None else species, frame)


def test_edges_of_a_small_network_by_hand():
    edges = network().edges
    assert edges.values.tolist() == [
        ["A", "C", 1, "r1", True],
        ["B", "C", -1, "r1", True],
        ["C", "D", 1, "r2", False],
    ]


def test_arrays_of_a_small_network_by_hand():
    arrays = network(w=[0.3, 1.0, 0.5]).arrays
    assert arrays.input_level.tolist() == pytest.approx([0.3, 0, 0, 0])
    assert arrays.has_input.tolist() == [True, False, False, False]
    assert arrays.source.tolist() == [0, 1, 2]
    assert arrays.reaction.tolist() == [0, 0, 1]
    assert arrays.inhibits.tolist() == [False, True, False]
    assert arrays.product.tolist() == [2, 3]
    assert arrays.reaction_ids == ("r1", "r2")
    assert arrays.w.tolist() == [1.0, 0.5]


def test_two_inputs_of_one_species_combine_by_or():
    arrays = network(("=> A", "=> A"), w=[0.5, 0.5]).arrays
    assert arrays.input_level[0] == pytest.approx(0.75)
    assert len(arrays.product) == 0


def test_from_rules_in_order_of_appearance():
    made = SignalingNetwork.from_rules("mine", ["=> A", "A & !B => C"], tau={"C": 10}, input_level=0.2, n=2, ec50=0.4)
    assert made.species["tau"].to_dict() == {"A": 1.0, "B": 1.0, "C": 10.0}
    assert made.reactions[["w", "n", "ec50"]].values.tolist() == [[0.2, 2, 0.4], [1.0, 2, 0.4]]
    assert len(SignalingNetwork.from_rules("mine", (rule for rule in ["=> A", "A => B"])).rules) == 2
    assert SignalingNetwork.from_rules("mine", ["A => B"], tau=3).species["tau"].tolist() == [3, 3]
    with pytest.raises(NetworkError, match=r"tau: unknown species 'gen' \(did you mean 'gene'"):
        SignalingNetwork.from_rules("mine", ["A => gene"], tau={"gen": 2})
    with pytest.raises(RuleError, match=r"network 'mine', rule 2: rule 'B => '"):
        SignalingNetwork.from_rules("mine", ["A => B", "B => "])


def test_a_rule_given_twice_by_hand_is_named():
    with pytest.raises(
        NetworkError, match=r"'mine', rule 4: rule 'B & A => C' stands in network 'mine', rule 2 too; all"
    ):
        SignalingNetwork.from_rules("mine", ["=> A", "A & B => C", "A & !B => C", "B & A => C"])
    twice = SignalingNetwork.from_rules("mine", ["=> A", "=> A", "A => B", "!A => B"], input_level=0.5)
    assert twice.arrays.input_level.tolist() == [0.75, 0.0]


@pytest.mark.parametrize("kind", ["str", "string", "object", "Float64", "category"])
def test_blank_numbers_are_the_default_whatever_holds_them(kind):
    cells = [0.5, None, 0.25] if kind == "Float64" else ["0.5", None, "0.25"]
    numbers = pd.Series(cells, ["r0", "r1", "r2"], dtype=kind)
    assert network(w=numbers).reactions["w"].tolist() == [0.5, 1.0, 0.25]


def test_summary_counts():
    assert network().summary() == {
        "species": 4, "reactions": 3, "inputs": 1, "signed_edges": 3, "activating": 2, "inhibiting": 1,
        "and_gates": 1, "modules": 1, "largest_scc": 1,
    }  # fmt: skip


def test_networkx_keeps_signs_and_gates():
    graph = network().to_networkx()
    assert isinstance(graph, nx.MultiDiGraph)
    assert graph.edges["B", "C", 0] == {"sign": -1, "reaction": "r1", "in_and_group": True}
    assert graph.nodes["A"]["tau"] == 1.0


def test_hetero_graph_rebuilds_the_and_gates():
    core = load_network("fibroblast-core")
    data, arrays = core.to_hetero(), core.arrays
    data.validate()
    assert (data["species"].num_nodes, data["pathway"].num_nodes, data["cell"].num_nodes) == (109, 11, 1)
    stores = [data["species", sign, "species"] for sign in ("activates", "inhibits")]
    got = torch.cat([torch.stack([s.edge_index[0], s.reaction, s.edge_index[1]]) for s in stores], 1).T.tolist()
    expected = np.stack([arrays.source, arrays.reaction, arrays.product[arrays.reaction]], 1).tolist()
    assert sorted(got) == sorted(expected)
    assert data["species", "inhibits", "species"].num_edges == arrays.inhibits.sum()
    assert data["species", "belongs_to", "pathway"].edge_index[1].tolist() == arrays.module.tolist()


def test_random_arrays_are_reproducible_and_well_formed():
    one, two = random_arrays(200, 3), random_arrays(200, 3)
    assert np.array_equal(one.source, two.source)
    assert (np.diff(one.reaction) >= 0).all()
    assert not one.has_input[one.product].any()
    pairs = set(zip(one.reaction.tolist(), one.source.tolist(), strict=True))
    assert len(pairs) == len(one.source)


def flagged(is_output):
    return pd.DataFrame({"is_output": is_output}, index=list("ABCD"))


def test_outputs_may_be_given_as_0_and_1():
    assert network(species=flagged([0, 1, 0, 1])).output_species == ("B", "D")


def test_unrelated_columns_are_kept():
    assert network(remark="mine").reactions["remark"].tolist() == ["mine"] * 3


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: network(("A => smad",)), r"reaction r0, rule 'A => smad': unknown species 'smad'"),
        (lambda: network(species=pd.DataFrame(index=list("ABCDA"))), r"species 'A' is given twice \(entries 1 and 5\)"),
        (lambda: network(species=pd.DataFrame(index=[])), "no species"),
        (lambda: network(w=[1.2, 1, 1]), r"reaction r0: w is 1.2; allowed: \[0, 1\]"),
        (lambda: network(n=[1, 0, 1]), r"reaction r1: n is 0; allowed: \(0, inf\)"),
        (lambda: network(ec50=[0.5, 0.5, 1.0]), r"reaction r2: ec50 is 1; allowed: \(0, 1\)"),
        (lambda: network(ec50=[0.5, float("nan"), 0.4]), r"reaction r1: ec50 is nan; allowed: a finite number"),
        (lambda: network(w=["a lot", 1, 1]), r"reaction r0: w is 'a lot'; allowed: a finite number"),
        (
            lambda: network(species=pd.DataFrame({"tau": [1, 1, -2, 1]}, index=list("ABCD"))),
            r"species C: tau is -2; allowed: \(0, inf\)",
        ),
        (
            lambda: network(species=pd.DataFrame({"ymax": [1, np.inf, 1, 1]}, index=list("ABCD"))),
            r"species B: ymax is inf; allowed: \[0, inf\)",
        ),
        (
            lambda: network(species=flagged(["yes", False, False, False])),
            r"species A: is_output is 'yes'; allowed: True",
        ),
        (
            lambda: network(species=flagged([0, 1, None, 0])),
            r"species C: is_output is nan; allowed: True, False, 1 or 0",
        ),
        (lambda: network(species=flagged([0, 1, 2, 0])), r"species C: is_output is 2; allowed"),
        (lambda: network(weight=1.0), r"reaction table: column 'weight' \(did you mean 'w'\?\); allowed: w, n"),
        (lambda: network(EC50=0.5), r"column 'EC50' \(did you mean 'ec50'\?\)"),
        (lambda: network(**{"n ": 2.0}), r"column 'n ' \(did you mean 'n'\?\)"),
        (
            lambda: network(species=pd.DataFrame({"Tau": 1.0}, index=list("ABCD"))),
            r"species table: column 'Tau' \(did you mean 'tau'\?\)",
        ),
        (
            lambda: network(species=pd.DataFrame([[1, 2]] * 4, list("ABCD"), ["tau", "tau"])),
            r"species table: column 'tau' is given twice",
        ),
    ],
)
def test_contradictions_are_named(make, message):
    with pytest.raises(NetworkError, match=message):
        make()


def test_a_typo_gets_the_nearest_name():
    core = load_network("fibroblast-core")
    with pytest.raises(NetworkError, match=r"no species 'SMAD3' \(did you mean 'smad3'\?\)"):
        core.position("SMAD3")
    with pytest.raises(NetworkError, match=r"'fibroblast-cor' \(did you mean 'fibroblast-core'"):
        load_network("fibroblast-cor")


def test_a_malformed_rule_names_its_reaction():
    with pytest.raises(RuleError, match="reaction r1"):
        network(("=> A", "A & => C"))
