"""Malformed inputs, drawn by a generator: bytes, cells, lines, rules and SMILES that are almost right or not at all."""

import random
from collections.abc import Callable, Sequence

CELLS = (
    "", " ", "nan", "NaN", "inf", "-inf", "-1", "0", "1", "1e999", "1e-400", "1_000", "0x1F", "abc", "1,2",
    "1.2.3", "TRUE", "None", "#REF!", '"', '""', "'", "=1+1", "é", "µ", "\u202e", "\ufeff", "\x00", "\x1b", "\r", "\t",
    "😀", "2020-01-01", "9" * 40, "a" * 3000, "=>", "=> A", "A =>", "!", "&", "+", "DA:ALL", "DV:", "TR:", "TR:x:y",
    "species", "0.5", "-0.0", "1e308",
)  # fmt: skip
LETTERS = "ABCabc123 &!+=>-()[]{}<>,.;:'\"\\/|%$#@^~`_\t\n\r\x00\x7f\x85\u2028éßµΩ中😀\u202e\ufeff"
NAMES = ("A", "B", "TGFB", "smad3", "Ca2+", "PI(4,5)P2", "IL-1 beta", "p38", "中", "é", "a" * 300)


def junk(rng: random.Random, longest: int = 30) -> str:
    """Random characters, some from all of Unicode, lone surrogates among them."""
    size = rng.randrange(longest)
    return "".join(chr(rng.randrange(0x110000)) if rng.random() < 0.1 else rng.choice(LETTERS) for _ in range(size))


def damaged(rng: random.Random, data: bytes) -> bytes:
    """One change: a bit flipped, a piece cut out, repeated, put elsewhere or replaced by noise, or the end cut off."""
    if not data:
        return rng.randbytes(rng.randrange(1, 20))
    at, size = rng.randrange(len(data)), rng.randrange(1, 1 + min(64, len(data)))
    piece = data[at : at + size]
    match rng.randrange(6):
        case 0:
            return data[:at] + bytes([data[at] ^ (1 << rng.randrange(8))]) + data[at + 1 :]
        case 1:
            return data[:at] + data[at + size :]
        case 2:
            return data[:at] + piece * rng.randrange(2, 5) + data[at + size :]
        case 3:
            to = rng.randrange(len(data))
            return data[:to] + piece + data[to:]
        case 4:
            return data[:at] + rng.randbytes(size) + data[at + size :]
    return data[:at]


def rule(rng: random.Random) -> object:
    """A rule from the grammar, then broken in up to three places; sometimes no text at all."""
    if rng.random() < 0.03:
        return rng.choice((None, 1, 2.5, float("nan"), b"A => B", ["A => B"], True))
    if rng.random() < 0.15:
        return junk(rng)
    left = rng.choice((" & ", " + ", "&", "+", " AND ")).join(
        rng.choice(("", "!", "! ", "!!")) + rng.choice(NAMES) for _ in range(rng.randrange(4))
    )
    text = (
        f"{left}{rng.choice((' => ', '=>', ' -> ', '= >', '=>=>', ' => => '))}{rng.choice((*NAMES, '', '!A', 'A & B'))}"
    )
    for _ in range(rng.randrange(4)):
        text = _edited(rng, text)
    return text


def smiles(rng: random.Random, good: Sequence[str]) -> object:
    """A SMILES that was right until it was edited; sometimes noise, or no text."""
    if rng.random() < 0.03:
        return rng.choice((None, 1, float("nan"), b"CCO", ""))
    if rng.random() < 0.15:
        return junk(rng)
    text = rng.choice(good)
    for _ in range(rng.randrange(1, 5)):
        text = _edited(rng, text, "CNOPSFclBrI[]()=#@+-/\\.%0123456789H*$:~")
    return text


def _edited(rng: random.Random, text: str, letters: str = LETTERS) -> str:
    at = rng.randrange(len(text) + 1)
    match rng.randrange(4):
        case 0:
            return text[:at] + rng.choice(letters) + text[at:]
        case 1:
            return text[:at] + text[at + 1 :]
        case 2:
            return text[:at] + text[at:][:9] * 2 + text[at + 9 :]
    return text[:at]


Rows = list[list[object]]


def rows(rng: random.Random, given: Rows) -> Rows:
    """A table (header first) with up to four changes to cells, columns and lines."""
    table = [list(row) for row in given]
    for _ in range(rng.randrange(1, 5)):
        table = rng.choice(CHANGES)(rng, table)
    return table


def _place(rng: random.Random, table: Rows) -> tuple[int, int]:
    r = rng.randrange(len(table)) if table else 0
    return r, rng.randrange(len(table[r])) if table and table[r] else 0


def _cell(rng: random.Random, table: Rows) -> Rows:
    r, c = _place(rng, table)
    if table and table[r]:
        table[r][c] = rng.choice((*CELLS, junk(rng, 12)))
    return table


def _header(rng: random.Random, table: Rows) -> Rows:
    if table and table[0]:
        table[0][rng.randrange(len(table[0]))] = rng.choice((*CELLS, *map(str, table[0])))
    return table


def _column(rng: random.Random, table: Rows) -> Rows:
    _, c = _place(rng, table)
    kind = rng.randrange(3)
    if kind == 0:
        return [row[:c] + row[c + 1 :] for row in table]
    if kind == 1:
        return [row[: c + 1] + row[c:] for row in table]
    return table[:1] + [[*row[:c], rng.choice(CELLS), *row[c + 1 :]] for row in table[1:]]


def _line(rng: random.Random, table: Rows) -> Rows:
    r, _ = _place(rng, table)
    kind = rng.randrange(5)
    if kind == 0:
        return table[:r] + table[r + 1 :]
    if kind == 1:
        return table[: r + 1] + table[r:]
    if kind == 2:
        return table[:r]
    if kind == 3:
        return [*table[:r], [], *table[r:]]
    return table[:r] + [[*row, rng.choice(CELLS)] for row in table[r : r + 1]] + table[r + 1 :]


CHANGES: tuple[Callable[[random.Random, Rows], Rows], ...] = (_cell, _cell, _cell, _header, _column, _line)


def text_file(rng: random.Random, given: Rows, separator: str = ",") -> bytes:
    """The table as bytes: cells changed, or bytes, or both; sometimes in another encoding."""
    table = rows(rng, given) if rng.random() < 0.8 else given
    text = "\n".join(separator.join(map(str, row)) for row in table) + "\n"
    encoding = rng.choice(("utf-8",) * 12 + ("utf-16", "latin-1", "utf-8-sig"))
    data = text.encode(encoding, errors="replace" if encoding == "latin-1" else "surrogatepass")
    for _ in range(rng.randrange(4) if rng.random() < 0.4 else 0):
        data = damaged(rng, data)
    return data
