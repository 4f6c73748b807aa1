import matplotlib.pyplot as plt
import pandas as pd
import pytest

from hmlm_lib.errors import HmlmError
from hmlm_lib.figures import MODULE_COLOURS, save_figure, use_style
from hmlm_lib.network import load_network

DATA = pd.DataFrame({"x": [0.0, 1.0], "y": [0.123456789, 2.0]})


@pytest.fixture
def fig():
    use_style()
    figure, ax = plt.subplots()
    ax.plot(DATA.x, DATA.y)
    yield figure
    plt.close(figure)


def test_three_files_with_the_numbers_and_the_caption(fig, output_dir):
    path = save_figure(fig, "02_toy_figure", DATA, "What is shown, quick profile.")
    assert path == output_dir / "figures" / "02_toy_figure.png"
    assert sorted(p.suffix for p in path.parent.iterdir()) == [".csv", ".png", ".svg"]
    assert path.with_suffix(".csv").read_text() == "x,y\n0,0.123457\n1,2\n"
    assert "What is shown" in path.with_suffix(".svg").read_text()
    assert b"What is shown" in path.read_bytes()
    assert len(fig.texts) == 0  # the caption is on paper only


def test_saving_twice_gives_the_same_bytes(fig, output_dir):
    saved = []
    for _ in range(2):
        path = save_figure(fig, "02_toy_figure", DATA, "caption")
        saved.append([path.with_suffix(suffix).read_bytes() for suffix in (".png", ".svg", ".csv")])
    assert saved[0] == saved[1]


@pytest.mark.parametrize(
    ("name", "data", "caption", "message"),
    [
        ("toy", DATA, "c", "figure name 'toy'"),
        ("02_Toy", DATA, "c", "figure name '02_Toy'"),
        ("02_toy", DATA.iloc[:0], "c", "at least one row"),
        ("02_toy", [1, 2], "c", "must be a DataFrame"),
        ("02_toy", DATA, " ", "caption is empty"),
    ],
)
def test_bad_figures_are_one_clear_error(fig, output_dir, name, data, caption, message):
    with pytest.raises(HmlmError, match=message):
        save_figure(fig, name, data, caption)
    assert not (output_dir / "figures").exists()


def test_a_folder_that_cannot_be_written(fig, output_dir):
    (output_dir / "figures").write_text("a file where a folder belongs")
    with pytest.raises(HmlmError, match="cannot write to"):
        save_figure(fig, "02_toy", DATA, "caption")
    assert [p.name for p in output_dir.iterdir()] == ["figures"]


def test_every_module_of_the_bundled_network_has_its_own_colour():
    assert set(load_network().modules) == set(MODULE_COLOURS)
    assert len(set(MODULE_COLOURS.values())) == 11
