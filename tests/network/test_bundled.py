import csv

import numpy as np
import pytest

from hmlm_lib.network import MARKERS, load_network, read_netflux


def test_core_has_the_published_counts():
    assert load_network("fibroblast-core").summary() == {
        "species": 109, "reactions": 172, "inputs": 10, "signed_edges": 212, "activating": 181, "inhibiting": 31,
        "and_gates": 46, "modules": 11, "largest_scc": 76,
    }  # fmt: skip


def test_full_network_has_132_species_in_11_modules_and_marks_the_core():
    full, core = load_network(), load_network("fibroblast-core")
    assert (len(full.species), len(full.modules), len(full.input_species)) == (132, 11, 11)
    assert tuple(full.species.index[full.species["core"]]) == core.species_names
    assert set(MARKERS) <= set(full.species_names)
    assert set(MARKERS) - set(core.species_names) == {"LOX"}


def test_nearly_every_published_reaction_has_evidence():
    evidence = load_network("fibroblast-core").reactions["evidence"]
    assert (evidence.str.fullmatch(r"\d+(;\d+)*")).mean() > 0.95
    assert "eLife" in load_network().citation


@pytest.mark.data
def test_core_equals_the_published_spreadsheet(real_data):
    core = load_network("fibroblast-core")
    published = read_netflux(real_data / "networks/fibroblast/snm_1_1_rev4.xlsx")
    assert core.species_names == published.species_names
    assert [str(rule) for rule in core.rules] == [str(rule) for rule in published.rules]
    for column in ("tau", "ymax", "y0"):
        np.testing.assert_array_equal(core.species[column], published.species[column])
    for column in ("w", "n", "ec50"):
        np.testing.assert_array_equal(core.reactions[column], published.reactions[column])


@pytest.mark.data
def test_modules_and_names_equal_the_derived_tables(real_data):
    derived = real_data / "networks/derived"
    with (derived / "snm_1_1_species_modules.csv").open() as file:
        modules = {row["species"]: row["hmlm_module"] for row in csv.DictReader(file)}
    assert load_network("fibroblast-core").species["module"].to_dict() == modules
    with (derived / "ecmsim_132_species.csv").open() as file:
        names = {row["species"] for row in csv.DictReader(file)}
    assert set(load_network().species_names) == names


@pytest.mark.data
def test_signed_edges_equal_the_derived_table(real_data):
    edges = load_network("fibroblast-core").signed_edges
    with (real_data / "networks/derived/snm_1_1_signed_edges.csv").open() as file:
        expected = {(row["source"], row["target"], int(row["sign"])) for row in csv.DictReader(file)}
    assert set(edges.itertuples(index=False, name=None)) == expected
