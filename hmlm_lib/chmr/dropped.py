"""What reading a table leaves out, said once: a warning with the number, the rule, and the first rows or columns."""

import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

SHOWN = 3  # rows or names in a message


def first(names: Sequence[object]) -> str:
    """The first three and how many follow: `0, 7, 9 and 4 more`."""
    shown = ", ".join(repr(name) for name in names[:SHOWN])
    return shown + (f" and {len(names) - SHOWN} more" if len(names) > SHOWN else "")


def warn_rows(source: str, total: int, failed: Sequence[int], mixed: Sequence[int]) -> None:
    """UserWarnings for rows of a table of `total` that did not parse, and for those of several fragments.

    failed, mixed: places in the table, from 0. To be called by the function that reads: its caller is named.
    """
    if failed:
        text = f"{source}: {len(failed)} of {total} rows are not SMILES that RDKit reads and are left out"
        warnings.warn(f"{text}: rows {first(failed)}, counted from 0", stacklevel=3)
    if mixed:
        text = f"{source}: {len(mixed)} of {total} rows are salts or mixtures"
        rule = "of each the fragment with most heavy atoms is kept"
        warnings.warn(f"{text}; {rule}: rows {first(mixed)}, counted from 0", stacklevel=3)


def warn_columns(source: str, total: int, gaps: Sequence[object], constant: Sequence[object]) -> None:
    """UserWarnings for columns of a table of `total` with a value that is no finite number, and for constant ones.

    gaps, constant: their names. To be called by the function that reads: its caller is named.
    """
    if gaps:
        text = f"{source}: {len(gaps)} of {total} columns are left out whole for a value that is no finite number"
        warnings.warn(f"{text}: {first(gaps)}", stacklevel=3)
    if constant:
        text = f"{source}: {len(constant)} of {total} columns are left out because they are constant"
        warnings.warn(f"{text}: {first(constant)}", stacklevel=3)


@contextmanager
def printed() -> Iterator[None]:
    """UserWarnings of the block as printed lines once it has ended, for notebooks; other warnings stay warnings."""
    noted: list[warnings.WarningMessage] = []
    try:
        with warnings.catch_warnings(record=True) as noted:
            warnings.simplefilter("always", UserWarning)
            yield
    finally:
        for one in noted:
            if issubclass(one.category, UserWarning):
                print(one.message)
            else:
                warnings.warn_explicit(one.message, one.category, one.filename, one.lineno)
