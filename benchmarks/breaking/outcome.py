"""What a fault did, as a row of the table."""

from dataclasses import asdict, dataclass


@dataclass(frozen=True)
class Outcome:
    """fault: what was done; times: how often; happened: what came of it, counted; lost: what was lost or wrong.

    wrong: how many of what `lost` names.
    """

    fault: str
    times: int
    happened: str
    lost: str
    wrong: int

    def as_dict(self) -> dict[str, str | int]:
        return asdict(self)


def counted(counts: dict[str, int]) -> str:
    """`3 a, 2 b`, most frequent first; `nothing` for none."""
    found = sorted(((n, what) for what, n in counts.items() if n), key=lambda pair: (-pair[0], pair[1]))
    return ", ".join(f"{n} {what}" for n, what in found) or "nothing"
