import csv

import openpyxl
import pandas as pd
import pytest

from hmlm_lib.errors import HmlmError, NetworkError, RuleError, TableError
from hmlm_lib.network import (
    SignalingNetwork,
    edges_to_network,
    load_network,
    read_netflux,
    read_netflux_archive,
    read_network,
    read_sif,
    read_tables,
    write_sif,
    write_tables,
)

SPECIES = [("module", "ID", "name", "Yinit", "Ymax", "tau", "type"), ("m", "A ", "a", 0, 1, 1, "protein"), ("m", "B", "b", None, 1, 0.1, None)]  # fmt: skip # noqa: E501
REACTIONS = [("module", "ID", "Rule", "Weight", "n", "EC50", "PMID"), ("input", "i1", "=> A", 0.1, 1.4, 0.5, 12345678), ("m", "r1", "A => B", None, None, None, None)]  # fmt: skip # noqa: E501


def workbook(path, species=SPECIES, reactions=REACTIONS, names=("species", "reactions"), formulas=False):
    book = openpyxl.Workbook()
    book.remove(book.active)
    for name, rows in zip(names, (species, reactions), strict=True):
        sheet = book.create_sheet(name)
        for row in [("a title",), *rows]:
            sheet.append(row)
            for cell in sheet[sheet.max_row]:
                if cell.data_type == "f" and not formulas:  # a rule that begins with `=>` is text, not a formula
                    cell.data_type = "s"
    book.save(path)
    return path


def test_netflux_workbook(tmp_path):
    network = read_netflux(workbook(tmp_path / "toy.xlsx"))
    assert network.species_names == ("A", "B")
    assert network.species.loc["B", ["tau", "y0"]].tolist() == [0.1, 0.0]
    assert network.reactions.loc["i1", ["w", "evidence"]].tolist() == [0.1, "12345678"]
    assert network.reactions.loc["r1", ["w", "n", "ec50"]].tolist() == [1.0, 1.4, 0.5]


def changed(rows, row, column, value):
    copy = [list(r) for r in rows]
    copy[row][column] = value
    return copy


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda p: workbook(p, names=("species", "reaction")), r"no sheet 'reactions' \(did you mean 'reaction'\?\)"),
        (
            lambda p: workbook(p, species=changed(SPECIES, 0, 1, "key")),
            "sheet species: no header row with a column 'ID'",
        ),
        (lambda p: workbook(p, reactions=changed(REACTIONS, 0, 2, "text")), "sheet reactions, row 2: no column 'rule'"),
        (
            lambda p: workbook(p, species=changed(SPECIES, 1, 5, "fast")),
            "sheet species, row 3, column tau: 'fast' is not",
        ),
        (lambda p: workbook(p, species=[*SPECIES, SPECIES[1]]), "sheet species, row 5: ID 'A' is given twice .*row 3"),
        (
            lambda p: workbook(p, reactions=changed(REACTIONS, 2, 2, "A = B")),
            "bad.xlsx, sheet reactions, row 4, column rule, reaction r1: rule 'A = B' has no `=>`",
        ),
        (
            lambda p: workbook(p, reactions=changed([REACTIONS[0], (), *REACTIONS[1:]], 3, 2, "A => Bb")),
            "bad.xlsx, sheet reactions, row 5, column rule, reaction r1, rule 'A => Bb': unknown species 'Bb'",
        ),
        (lambda p: workbook(p, reactions=changed(REACTIONS, 2, 2, 5)), "row 4, column rule: 5 is not a rule"),
        (lambda p: workbook(p, formulas=True), "reactions, row 3, column rule: a formula without a stored value"),
        (
            lambda p: workbook(p, species=changed(SPECIES, 2, 5, "=2*0.5"), formulas=True),
            "species, row 4, column tau: a formula without a stored value",
        ),
        (
            lambda p: workbook(p, reactions=changed(REACTIONS, 1, 3, 3)),
            r"bad.xlsx, sheet reactions, row 3, column weight, reaction i1: w is 3; allowed: \[0, 1\]",
        ),
        (
            lambda p: workbook(p, species=changed(SPECIES, 2, 5, 0)),
            "bad.xlsx, sheet species, row 4, column tau, species B: tau is 0; allowed",
        ),
        (
            lambda p: workbook(p, species=changed(SPECIES, 1, 4, -1)),
            "bad.xlsx, sheet species, row 3, column ymax, species A: ymax is -1; allowed",
        ),
        (lambda p: (p.write_bytes(b""), p)[1], "the file is empty"),
        (lambda p: (p.write_bytes(b"not a workbook"), p)[1], "not a readable .xlsx or .xls workbook"),
        (lambda p: (p.write_bytes(b"PK\x03\x04 cut off"), p)[1], "not a readable .xlsx or .xls workbook"),
        (lambda p: p, "No such file"),
    ],
)
def test_bad_workbooks_are_one_clear_error(tmp_path, build, message):
    path = build(tmp_path / "bad.xlsx")
    with pytest.raises((TableError, NetworkError, RuleError), match=message) as caught:
        read_netflux(path)
    assert "bad.xlsx" in str(caught.value)


def test_tables_round_trip(tmp_path):
    core = load_network("fibroblast-core")
    again = read_tables(write_tables(core, tmp_path / "core"), name=core.name)
    pd.testing.assert_frame_equal(again.species, core.species, check_dtype=False)
    pd.testing.assert_frame_equal(again.reactions, core.reactions, check_dtype=False)
    assert sorted(p.name for p in (tmp_path / "core").iterdir()) == ["reactions.csv", "species.csv"]


def test_rules_that_count_twice_survive_the_tables(tmp_path):
    rules = pd.DataFrame({"rule": ["=> A", "=> A", "A => B", "A => B", "A & !B => A", "!B & A => A"]}, list("abcdef"))
    network = SignalingNetwork("twice", pd.DataFrame(index=["A", "B"]), rules)
    folder = write_tables(network, tmp_path / "twice")
    assert pd.read_csv(folder / "reactions.csv")["again"].tolist() == [0, 0, 0, 1, 0, 1]
    pd.testing.assert_frame_equal(read_tables(folder).reactions, network.reactions)
    text = (folder / "reactions.csv").read_text()
    (folder / "reactions.csv").write_text(text.replace(",1\n", ",0\n", 1))
    with pytest.raises(NetworkError, match=r"row 5, column rule, reaction d: rule 'A => B' stands in .* row 4"):
        read_tables(folder)
    (folder / "reactions.csv").write_text(text.replace(",1\n", ",2\n", 1))
    with pytest.raises(TableError, match="row 5, column again, reaction d: again is '2'; allowed: 1 or 0"):
        read_tables(folder)
    own = SignalingNetwork("own", network.species.drop(columns="is_input"), network.reactions.assign(again="x"))
    with pytest.raises(TableError, match="a column of reactions is called 'again', which marks repeated rules; rename"):
        write_tables(own, tmp_path / "own")
    assert not (tmp_path / "own").exists()


@pytest.mark.parametrize(
    ("species", "reactions", "message"),
    [
        ("species\nA\nB\n", None, r"reactions.csv: no such file"),
        ("species\nA\nB\n", "", "reactions.csv: the file is empty"),
        ("name\nA\n", "reaction,rule\nr1,=> A\n", "species.csv: no column 'species'; it has: name"),
        ("species\nA\n", "reaction,text\nr1,=> A\n", "reactions.csv: no column 'rule'"),
        (
            "species,tau\nA,slow\n",
            "reaction,rule\nr1,=> A\n",
            "species.csv, row 2, column tau, species A: tau is 'slow'; allowed: a finite number",
        ),
        (
            "species,tau\n\nA,1\n\nB,0\n",
            "reaction,rule\nr1,=> A\n",
            "species.csv, row 5, column tau, species B: tau is 0; allowed",
        ),
        (
            "species\nA\n\nB\nA\n",
            "reaction,rule\nr1,=> A\n",
            r"species.csv, row 5, species 'A' stands in .*species.csv, row 2 too; allowed: every name once",
        ),
        (
            "species\nA\n",
            "reaction,rule,w\n\nr1,=> A,1\nr2,A => A,1.5\n",
            "reactions.csv, row 4, column w, reaction r2: w is 1.5; allowed",
        ),
        (
            "species\nA\n",
            "reaction,rule\nr1,=> A\n\nr2,A -> A\n",
            "reactions.csv, row 4, column rule, reaction r2: rule 'A -> A' has no `=>`",
        ),
        (
            "species\nsmad3\n",
            "reaction,rule\nr1,=> smad3\nr2,smad3 => smad2\n",
            r"reactions.csv, row 3, column rule, reaction r2, rule 'smad3 => smad2': unknown species 'smad2' \(did you",
        ),
        ("species,Tau\nA,1\n", "reaction,rule\nr1,=> A\n", r"species table: column 'Tau' \(did you mean 'tau'\?\)"),
        (
            "species;tau\nA;1\n",
            "reaction,rule\nr1,=> A\n",
            "species.csv: separated by ';'; allowed: ','",
        ),
        (
            "sep=,\nspecies,tau\nA,1\n",
            "reaction,rule\nr1,=> A\n",
            "species.csv, line 1 is 'sep=,'; allowed: the names of the columns",
        ),
        (
            "species\nA\n",
            "reaction,rule\nr1,  \n",
            "reactions.csv, row 2: rule is blank",
        ),
        (
            "species,core\nA,maybe\n",
            "reaction,rule\nr1,=> A\n",
            "species.csv, row 2, column core, species A: core is 'maybe'",
        ),
        (
            "species,core\nA,1\n\n,1\n",
            "reaction,rule\nr1,=> A\n",
            "species.csv, row 4: species is blank; allowed: a name",
        ),
        (
            "species\nA\n",
            "reaction,rule\nr0,=> A\n\nr1,\n",
            "reactions.csv, row 4: rule is blank; allowed: `A & !B => C`, or `=> C` for an input",
        ),
        (
            "species,is_output\nA,1\nB,\n",
            "reaction,rule\nr1,=> A\n",
            "species.csv, row 3, column is_output, species B: is_output is blank; allowed: 1 or 0",
        ),
        (
            "species,tau\nA,nan\n",
            "reaction,rule\nr1,=> A\n",
            "species.csv, row 2, column tau, species A: tau is 'nan'; allowed: a finite number",
        ),
        (
            "species\nA\nB\n",
            "reaction,rule,w\nr1,A => B,1\n\nr2,A=>B,0.5\n",
            r"reactions.csv, row 4, column rule, reaction r2: rule 'A => B' stands in .*reactions.csv, row 2, "
            r"column rule, reaction r1 too; allowed: every rule once, its reactants in any order \(inputs `=> C` may",
        ),
        (
            "species\nA\nB\nC\n",
            "reaction,rule\nr1,A & !B => C\nr2,!B & A => C\n",
            "row 3, column rule, reaction r2: rule '!B & A => C' stands in .* row 2, column rule, reaction r1 too; all",
        ),
    ],
)
def test_bad_tables_are_one_clear_error(tmp_path, species, reactions, message):
    (tmp_path / "species.csv").write_text(species)
    if reactions is not None:
        (tmp_path / "reactions.csv").write_text(reactions)
    with pytest.raises(HmlmError, match=message):
        read_tables(tmp_path)


def test_blank_cells_of_tables_are_columns_that_are_not_there(tmp_path):
    reactions = "r1,=> A{}\nr2,A => B{}\nr3,!A => B{}\nr4,A & !B => B{}\nr5,=> A{}\n"
    (tmp_path / "species.csv").write_text("species,full_name,module,tau,ymax,y0\nA,,,,,\nB,b,m,2,,0.5\n")
    (tmp_path / "reactions.csv").write_text("reaction,rule,w,n,ec50,evidence\n" + reactions.format(*5 * [",,,,"]))
    found = read_tables(tmp_path)
    assert found.species.loc["A", ["full_name", "module", "tau", "ymax", "y0"]].tolist() == ["", "unassigned", 1, 1, 0]
    assert found.species.loc["B", ["tau", "ymax", "y0"]].tolist() == [2.0, 1.0, 0.5]
    assert found.reactions[["w", "n", "ec50", "evidence"]].values.tolist() == 5 * [[1.0, 1.4, 0.5, ""]]
    (tmp_path / "species.csv").write_text("species,full_name,module,tau,ymax,y0\nA, , , ,  ,\nB, b,m ,2 ,, 0.5\n")
    pd.testing.assert_frame_equal(read_tables(tmp_path).species, found.species)
    (tmp_path / "reactions.csv").write_text("reaction,rule\n" + reactions.format(*5 * [""]))
    pd.testing.assert_frame_equal(read_tables(tmp_path).reactions, found.reactions)


def test_sif_round_trip_keeps_the_signed_edges(tmp_path):
    core = load_network("fibroblast-core")
    again = read_sif(write_sif(core, tmp_path / "core.sif"))
    as_set = lambda network: set(network.signed_edges.itertuples(index=False, name=None))  # noqa: E731
    assert as_set(again) == as_set(core)


def test_sif_reading_rule(tmp_path):
    path = tmp_path / "toy.sif"
    path.write_text("A 1 C\nB\tactivates\tC\nD -1 C\nD inhibits E F\n\n# a remark\n")
    rules = [str(rule) for rule in read_sif(path).rules]
    assert rules == ["A & !D => C", "B & !D => C", "!D => E", "!D => F"]


def test_sif_with_a_byte_order_mark(tmp_path):
    path = tmp_path / "toy.sif"
    path.write_text("EGF 1 EGFR\n", encoding="utf-8-sig")
    assert read_sif(path).species_names == ("EGF", "EGFR")


def test_a_source_of_both_signs_needs_another_activator(tmp_path):
    path = tmp_path / "toy.sif"
    path.write_text("A 1 C\nA -1 C\nB 1 C\n")
    assert [str(rule) for rule in read_sif(path).rules] == ["A => C", "B & !A => C"]
    path.write_text("A 1 B\n# a remark\nA -1 B\n")
    with pytest.raises(NetworkError, match=r"line 1 and line 3: 'A' both activates and inhibits 'B'.*; allowed"):
        read_sif(path)


@pytest.mark.parametrize("name", ["A&B", "A=>B", "!A", "A + B", "#B"])
def test_names_that_are_rule_syntax_are_refused(tmp_path, name):
    path = tmp_path / "toy.sif"
    path.write_text(f"A\t1\tB\nA\t1\t{name}\n")
    with pytest.raises(NetworkError, match=r"line 2: .* is not a name of a species; allowed"):
        read_sif(path)
    with pytest.raises(NetworkError, match=r"network 'x', edge 1: .* is not a name of a species"):
        edges_to_network([(name, 1, "B")], "x")


def test_a_name_that_sif_takes_for_a_remark_is_not_written(tmp_path):
    with pytest.raises(NetworkError, match="network 'x': '#1' is not a name"):
        write_sif(SignalingNetwork.from_rules("x", ["#1 => B"]), tmp_path / "x.sif")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("A 1\n", "line 1: 'A 1' has 2 of the 3 fields"),
        ("A 1 B\nA maybe B\n", "line 2: interaction 'maybe'"),
        ("", "no edge"),
    ],
)
def test_bad_sif_is_one_clear_error(tmp_path, text, message):
    (tmp_path / "bad.sif").write_text(text)
    with pytest.raises(TableError, match=message):
        read_sif(tmp_path / "bad.sif")


def test_unwritable_folder_leaves_nothing(tmp_path):
    blocked = tmp_path / "file"
    blocked.write_text("not a folder")
    with pytest.raises(TableError, match="cannot be written"):
        write_sif(load_network("fibroblast-core"), blocked / "core.sif")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["file"]


def test_unknown_format(tmp_path):
    with pytest.raises(TableError, match=r"net.txt: unknown format; allowed: .xlsx"):
        read_network(tmp_path / "net.txt")


PUBLISHED = {
    "networks/netflux2/Kraeutler2010_betaAdrenergic.xlsx": (25, 36),
    "networks/netflux2/Ryall2012_cardiomyocyte_hypertrophy.xlsx": (106, 193),
    "networks/netflux2/Zeigler2016_cardiac_fibroblast.xlsx": (91, 142),
    "networks/netflux2/exampleNet.xlsx": (5, 6),
    "networks/netflux/tan_mechanosignaling_ploscb2017.xlsx": (94, 135),
    "networks/fibroblast/fib617_references.xls": (107, 162),
    "networks/fibroblast/snm_1_1_rev4.xlsx": (109, 172),
}


@pytest.mark.data
@pytest.mark.parametrize("file", PUBLISHED)
def test_published_networks_parse(real_data, file):
    counts = read_network(real_data / file).summary()
    assert (counts["species"], counts["reactions"]) == PUBLISHED[file]


@pytest.mark.data
def test_prior_network_of_the_dream_challenge(real_data):
    counts = read_network(real_data / "timecourse/hpn_dream/caspots/merge_hpn_cmpr_CS.sif").summary()
    assert (counts["species"], counts["signed_edges"]) == (65, 179)


@pytest.mark.data
def test_all_341_autogenerated_pathways_parse_with_the_known_counts(real_data):
    with (real_data / "networks/derived/netflux_autogenerated_summary.csv").open(encoding="utf-8") as file:
        expected = sorted(
            tuple(int(row[c]) for c in ("species", "reactions", "unique_signed_edges", "inhibitory", "and_gates"))
            for row in csv.DictReader(file)
        )
    columns = ("species", "reactions", "signed_edges", "inhibiting", "and_gates")
    archive = read_netflux_archive(real_data / "networks/netflux/netflux_autogenerated_xls.tar.gz")
    got = sorted(tuple(counts[c] for c in columns) for counts in (network.summary() for network in archive))
    assert len(got) == 341
    assert got == expected
