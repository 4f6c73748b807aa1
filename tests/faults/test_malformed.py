"""A smaller, seeded number of what `benchmarks/faults.py readers` does; and the faults it found, one by one."""

import bz2
import gzip
import lzma
import random
import re
from io import BytesIO
from zipfile import ZipFile

import openpyxl
import pytest
from breaking import mutate, readers

from hmlm_lib.errors import TableError
from hmlm_lib.midas import read_midas
from hmlm_lib.network import read_tables
from hmlm_lib.real import cellbox, drugstudies, own
from hmlm_lib.tables import read_csv


def test_rules_give_rules_or_errors_of_ours():
    found = readers.rules(600, random.Random(4))
    assert not found.foreign
    assert found.read > 10
    assert found.ours["RuleError"] > 100


def test_smiles_give_molecules_or_errors_of_ours_and_no_messages():
    found, said = readers.molecules(100, random.Random(5))
    assert not found.foreign
    assert found.read > 5
    assert found.ours["MoleculeError"] > 20
    assert said == 0


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # NumPy leaves damaged archives open
@pytest.mark.parametrize("part", [readers.networks, readers.blots, readers.assays, readers.sequences, readers.sheets])
def test_tables_give_tables_or_errors_of_ours(part):
    for what, found in part(40, random.Random(6)).items():
        assert not found.foreign, (what, found.example)
        assert found.read + sum(found.ours.values()) == 40
        assert sum(found.ours.values())


def test_mutations_repeat_with_their_seed():
    made = [[mutate.text_file(random.Random(k), readers.MIDAS) for k in range(20)] for _ in range(2)]
    assert made[0] == made[1]
    assert len(set(made[0])) > 15


def zipped(content: bytes) -> bytes:
    packed = BytesIO()
    with ZipFile(packed, "w") as file:
        file.writestr("mine.csv", content)
    return packed.getvalue()


PACKERS = {
    "": bytes,
    ".gz": gzip.compress,
    ".GZ": gzip.compress,
    ".bz2": bz2.compress,
    ".xz": lzma.compress,
    ".zip": zipped,
}


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "the file is empty; allowed: a header with a, b"),
        (b"\xff\xfea\x00,", "not a table that can be read"),
        (b"a,b\n1,2\n1,2,3\n", "line 3 has 3 fields; allowed: 2, as in the header"),
        (b"a,c\n1,2\n", "no column 'b'; it has: a, c"),
        (b"a,b,a\n1,2,3\n", "column 'a' stands there twice; allowed: every name once"),
        (b"a;b\n1;2,5\n", "separated by ';'; allowed: ','"),
        (b"a\tb\n1\t2\n", r"separated by '\\t'; allowed: ','"),
        (b"sep=;\na;b\n1;2\n", "line 1 is 'sep=;'; allowed: the names of the columns"),
        (b"sep=,\na,b\n1,2\n", "line 1 is 'sep=,'; allowed: the names of the columns"),
    ],
)
def test_a_table_that_cannot_be_read_is_named(tmp_path, content, message):
    path = tmp_path / "mine.csv"
    with pytest.raises(TableError, match=r"mine\.csv: no such file"):
        read_csv(path)
    path.write_bytes(content)
    with pytest.raises(TableError, match=rf"mine\.csv(: |, ){message}"):
        read_csv(path, needs=("a", "b"))


@pytest.mark.parametrize(
    ("content", "line", "fields"),
    [
        (b"a,b\n1,2,3\n4,5,6\n", 2, 3),
        (b"a,b\n1,2,3\n4,5,6,7\n", 2, 3),
        (b"a,b\n0,1,2\n1,4,5\n", 2, 3),
        (b"a,b\n1,2,\n4,5,\n", 2, 3),
        (b"a,b\n\n  \n1,2,3,4\n5,6\n", 4, 4),
        (b'a,b\n"x\ny","u,v"\n1,2,3\n', 4, 3),
        (b'"a\nb",b\n1,2,3\n', 3, 3),
        (b"\xef\xbb\xbfa,b\n1,2\n" + 9 * b"3,4\n" + b"5,6,\n", 12, 3),
    ],
)
@pytest.mark.parametrize("packed", PACKERS)
def test_a_row_longer_than_the_header_is_named_by_line(tmp_path, content, line, fields, packed):
    """Read by pandas, its first field names the row and all others stand one column to the left."""
    path = tmp_path / f"mine.csv{packed}"
    path.write_bytes(PACKERS[packed](content))
    message = re.escape(f"{path}, line {line} has {fields} fields; allowed: 2, as in the header")
    with pytest.raises(TableError, match=f"^{message}$"):
        read_csv(path)
    with pytest.raises(TableError, match=f"line {line} has {fields} fields; allowed: 2"):
        read_csv(BytesIO(content))
    with pytest.raises(TableError, match=f"^my table, line {line} has {fields} fields; allowed: 2"):
        read_csv(BytesIO(content), called="my table")


def test_rows_as_long_as_the_header_are_read_whatever_they_hold(tmp_path):
    path = tmp_path / "mine.csv"
    path.write_text('a, b,\n"x,1", 2,\n"y\nz"\n\n"""q""",,3\n')
    found = read_csv(path, skipinitialspace=True, keep_default_na=False, dtype=str)
    assert found.index.tolist() == [0, 1, 2]
    assert found[["a", "b"]].values.tolist() == [["x,1", "2"], ["y\nz", ""], ['"q"', ""]]
    path.write_text("a\tb\n1,1\t2\n1\t2\t3\n")
    with pytest.raises(TableError, match=r"mine\.csv, line 3 has 3 fields"):
        read_csv(path, sep="\t")
    path.write_text("name,x\nr1,2\nr2,3\n")
    assert read_csv(path, index_col=0).index.tolist() == ["r1", "r2"]
    path.write_text("1,2\n3,4\n")
    assert read_csv(path, header=None).values.tolist() == [[1, 2], [3, 4]]


@pytest.mark.parametrize(
    "read",
    [
        lambda path: own.read(path),
        lambda path: read_midas(path),
        lambda path: read_tables(path.parent),
    ],
)
def test_readers_name_a_longer_row(tmp_path, read):
    path = tmp_path / "species.csv"
    path.write_text("species,tau\nA,1,0.5\nB,2,0.5\n")
    (tmp_path / "reactions.csv").write_text("reaction,rule\nr1,=> A\n")
    with pytest.raises(TableError, match=r"species\.csv, line 2 has 3 fields; allowed: 2, as in the header$"):
        read(path)


@pytest.mark.parametrize("suffix", [".gz", ".bz2", ".xz", ".zip", ".zst", ".tar", ".tar.gz"])
@pytest.mark.parametrize("content", [b"\x1f\x8b\x08\x00junk", b"not packed at all", b""])
def test_a_packed_table_that_is_damaged_is_named(tmp_path, content, suffix):
    path = tmp_path / f"mine.csv{suffix}"
    path.write_bytes(content)
    with pytest.raises(TableError, match=rf"mine\.csv{re.escape(suffix)}: (not a table that can be|the file is empty)"):
        read_csv(path)


@pytest.mark.parametrize("suffix", [name for name in PACKERS if name])
def test_a_packed_table_with_one_bit_turned_is_named(tmp_path, suffix):
    path = tmp_path / f"mine.csv{suffix}"
    content = bytearray(PACKERS[suffix](b"a,b\n" + 400 * b"1,2\n"))
    content[len(content) // 2] ^= 8
    path.write_bytes(bytes(content))
    with pytest.raises(TableError, match=rf"mine\.csv{re.escape(suffix)}"):
        read_csv(path)


@pytest.mark.parametrize("header", [",".join(own.TIDY), "TR:EGF:Stimuli,DA:ALL,DV:ERK"])
def test_blots_without_a_row_are_named(tmp_path, header):
    path = tmp_path / "blots.csv"
    path.write_text(header + "\n")
    with pytest.raises(TableError, match=r"blots\.csv: no row"):
        own.read(path)


def test_a_blot_without_logarithm_is_said_with_its_table(tmp_path):
    path = tmp_path / "blots.csv"
    path.write_text(own.template().replace("none,none,0,ERK,1000", "none,none,0,ERK,-5"))
    with pytest.raises(TableError, match=r"blots\.csv, row 2, value is '-5'; allowed: intensities above 0"):
        own.read(path)


def test_numbers_of_cellbox_are_numbers(tmp_path, monkeypatch):
    path = tmp_path / "numbers.csv"
    monkeypatch.setattr(cellbox, "fetch", lambda name: path)
    path.write_text("1,2\n3,some\n")
    with pytest.raises(TableError, match=r"numbers\.csv: a cell is no finite number"):
        cellbox.load()
    path.write_text("1,2\n3,4\n")
    assert cellbox.load()[0].tolist() == [[1, 2], [3, 4]]


def test_cells_of_a_drug_study_are_numbers_or_empty(tmp_path, monkeypatch):
    study = drugstudies.STUDIES[0]
    book = openpyxl.Workbook()
    book.active.title = study.sheet
    book.active.append(["", *study.columns])
    for name in study.rows:
        book.active.append([name, *(0.5 for _ in study.columns)])
    path = tmp_path / "sheet.xlsx"
    monkeypatch.setattr(drugstudies, "fetch", lambda name: path)
    book.active["B2"] = None
    book.save(path)
    assert drugstudies.measured(study).isna().sum().sum() == 1
    book.active["B2"] = "1,2"
    book.save(path)
    with pytest.raises(TableError, match="a cell is neither number nor empty"):
        drugstudies.measured(study)
