"""Public pairs on disk, fetched and checked by `data.fetch`.

TransPHLA (a96123155/TransPHLA-AOMP): ligands by length and allele, 34 residues of each allele that touch the peptide.
The composition paper's own validation pairs (Motmaen et al., PNAS 2023). BIOSNAP drug-target pairs (MolTrans).
"""

import gzip
import zipfile
import zlib
from collections import defaultdict
from functools import cache
from io import BytesIO

import numpy as np
import pandas as pd

from hmlm_lib.composition.pairs import Ligands, Pairs
from hmlm_lib.composition.residues import AMINO_ACIDS
from hmlm_lib.data import available, fetch
from hmlm_lib.errors import SequenceError, TableError, did_you_mean
from hmlm_lib.tables import read_csv

LENGTHS = range(8, 12)
NEEDS = ("transphla_training_ligands", "transphla_common_hla_sequence")


def have(names: tuple[str, ...] = NEEDS) -> bool:
    """Whether these data sets are here, without a download."""
    return all(available(name) for name in names)


@cache
def alleles() -> dict[str, str]:
    """HLA allele -> its 34 residues that touch the peptide."""
    table = read_csv(fetch("transphla_common_hla_sequence"), ("HLA", "HLA_sequence"))
    return dict(zip(table["HLA"], table["HLA_sequence"], strict=True))


def sequence_of(allele: str) -> str:
    """The 34 residues of an allele; SequenceError, with the nearest name, for one without a sequence."""
    if allele not in alleles():
        raise SequenceError(
            f"allele {allele!r} has no sequence{did_you_mean(allele, alleles())}; allowed: the {len(alleles())} "
            "alleles of transphla_common_hla_sequence"
        )
    return alleles()[allele]


@cache
def transphla() -> Ligands:
    """Peptides of 8 to 11 residues and the alleles they are listed for; alleles of one sequence are one.

    Ligands of an allele without a sequence (there is one, HLA-B*07:01) are left out.
    """
    name: dict[str, str] = {}
    for allele, sequence in sorted(alleles().items()):
        name.setdefault(sequence, allele)
    listed: dict[str, set[str]] = defaultdict(set)
    allele = None
    path = fetch("transphla_training_ligands")
    try:
        lines = gzip.decompress(path.read_bytes()).decode().splitlines()
    except (OSError, EOFError, ValueError, zlib.error) as problem:
        raise TableError(f"{path}: not packed text that can be read ({problem})") from None
    for number, line in enumerate(map(str.strip, lines), start=1):
        if line.startswith("HLA-"):  # `HLAAQGMAY` is a peptide
            allele = line
        elif line and not line.startswith("Length:"):
            if allele is None or not set(line) <= set(AMINO_ACIDS):
                raise TableError(f"transphla_training_ligands, line {number}: {line!r} is no peptide of an allele")
            if len(line) in LENGTHS and allele in alleles():
                listed[line].add(name[alleles()[allele]])
    return Ligands(
        {allele: sequence for sequence, allele in name.items()}, {p: frozenset(a) for p, a in listed.items()}
    )


def trap() -> pd.DataFrame:
    """TransPHLA's own independent set, with its own decoys; columns peptide, HLA, label (lengths 8 to 11)."""
    path = fetch("transphla_independent_set")
    try:
        with zipfile.ZipFile(path) as packed:
            content = packed.read("independent_set.csv")
    except Exception as problem:  # of zip and deflate: a dozen kinds
        raise TableError(f"{path}: no independent_set.csv that can be unpacked ({problem})") from None
    needs = ("peptide", "HLA", "label")
    table = read_csv(BytesIO(content), needs, called=f"{path}, independent_set.csv", dtype={"peptide": str})
    return table.loc[table["peptide"].str.len().isin(LENGTHS), ["peptide", "HLA", "label"]].reset_index(drop=True)


def paper_pairs() -> Pairs:
    """The paper's own class I pairs, 2,004 of them: whole MHC domains (174 to 181 residues) with 9-mers."""
    needs = ("peptide", "mhc_sequence", "mhc_class", "binder")
    table = read_csv(fetch("pmhc_valid_compact"), needs, sep="\t")
    one = table[table["mhc_class"] == 1]
    return Pairs.of(one["peptide"].tolist(), one["mhc_sequence"].tolist(), one["binder"].tolist())


def biosnap(part: str) -> pd.DataFrame:
    """Drug-target pairs of a part, `val` or `test`; columns drug, gene (UniProt), smiles, sequence, label."""
    if part not in ("val", "test"):
        raise SequenceError(f"BIOSNAP part {part!r}; allowed: 'val', 'test'")
    names = {"DrugBank ID": "drug", "Gene": "gene", "SMILES": "smiles", "Target Sequence": "sequence", "Label": "label"}
    path = fetch(f"biosnap_{part}")
    table = read_csv(path, list(names))[list(names)].rename(columns=names)
    if table.isna().any(axis=None) or not table["label"].isin((0, 1)).all():
        raise TableError(f"{path}: a cell is empty, or a label neither 0 nor 1")
    return table.astype({"label": int})


def biosnap_pairs(part: str) -> Pairs:
    """The same as pairs of SMILES and protein sequence, for models of the hub."""
    table = biosnap(part)
    return Pairs.of(table["smiles"].tolist(), table["sequence"].tolist(), np.asarray(table["label"]))
