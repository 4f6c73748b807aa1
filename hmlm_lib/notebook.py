"""What a notebook says about itself: its title, its question, its own cells."""

QUESTION = "**Question.**"


def title(notebook: dict) -> str:
    """The text of the first heading; "" where there is none."""
    return next((line.lstrip("# ") for line in _lines(notebook) if line.startswith("# ")), "")


def question(notebook: dict) -> str:
    """The line that starts with **Question.**, without these words; "" where there is none."""
    found = next((line for line in _lines(notebook) if line.startswith(QUESTION)), "")
    return found.removeprefix(QUESTION).strip()


def own_cells(executed: dict) -> list[dict]:
    """The cells without the one that papermill puts in for the parameters of a run."""
    return [cell for cell in executed["cells"] if "injected-parameters" not in cell["metadata"].get("tags", [])]


def same_cells(executed: dict, notebook: dict) -> bool:
    """Whether a notebook was executed from these cells, as they are today."""
    return [cell["source"] for cell in own_cells(executed)] == [cell["source"] for cell in notebook["cells"]]


def _lines(notebook: dict) -> list[str]:
    marked = ("".join(cell["source"]) for cell in notebook["cells"] if cell["cell_type"] == "markdown")
    return "\n".join(marked).splitlines()
