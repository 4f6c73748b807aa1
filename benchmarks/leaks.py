"""`python benchmarks/leaks.py`: reports/leaks.csv anew, from the files of the nine sets (a minute or two on one core).

`python -m hmlm_lib results` then brings reports/results.md up to date.
"""

from hmlm_lib.chmr import leaks


def main() -> None:
    """Count and write, then show the table."""
    leaks.write()
    print("\n".join(leaks.markdown()))


if __name__ == "__main__":
    main()
