"""Where a network was written down, row by row, so that a message can say which cell to mend."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Places:
    """source: a file, a folder, or what the network is called.

    rows: `species` or `reaction` -> the place of every row of that table, in order. columns: ours -> as the source has
    it. Without rows a message names source and row alone.
    """

    source: str
    rows: Mapping[str, Sequence[str]] = field(default_factory=dict)
    columns: Mapping[str, str] = field(default_factory=dict)

    def __str__(self) -> str:
        return self.source

    def of(self, what: str, row: int, name: str, column: str = "") -> str:
        """The place of a row of the table `what`, by position, or of one cell of it; name: what the row is called."""
        if what not in self.rows:
            return f"{self.source}, {what} {name}"
        cell = f", column {self.columns.get(column, column)}" if column else ""
        return f"{self.rows[what][row]}{cell}, {what} {name}"
