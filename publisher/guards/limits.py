"""How far the guards on size and change let a file go."""

from __future__ import annotations

from dataclasses import dataclass

from publisher.errors import UsageError
from publisher.values import LONGEST_ID_BYTES


@dataclass(frozen=True)
class Limits:
    """How far a new file may be from the active one, and how large it may be.

    Attributes:
        max_ids: More ids are refused; None for no limit.
        min_percent_of_active: Fewer ids than this percentage of active's are refused.
        max_percent_removed: When more than this percentage of active's ids are missing, the file is refused.
        max_id_bytes: An id of more bytes is refused.
        max_deviation: More or fewer ids than the median of the last promotions by more than this percentage are
            refused; None for no limit.
    """

    max_ids: int | None = 10_000_000
    min_percent_of_active: float = 50
    max_percent_removed: float = 30
    max_deviation: float | None = None
    max_id_bytes: int = 1024

    def __post_init__(self) -> None:
        """Checks the numbers.

        Raises:
            UsageError: One cannot be meant.
        """
        if self.max_ids is not None and self.max_ids < 1:
            raise UsageError(f"--max-ids is {self.max_ids}.", "Give a number of at least 1.")
        if not 1 <= self.max_id_bytes <= LONGEST_ID_BYTES:
            raise UsageError(
                f"--max-id-bytes is {self.max_id_bytes}.", f"Give a number from 1 to {LONGEST_ID_BYTES:,}."
            )
        for name in ("min_percent_of_active", "max_percent_removed"):
            if not 0 <= getattr(self, name) <= 100:
                option = f"--{name.replace('_', '-')}"
                raise UsageError(f"{option} is {getattr(self, name):g}.", "Give a percentage from 0 to 100.")
        if self.max_deviation is not None and not self.max_deviation > 0:
            raise UsageError(f"--max-deviation is {self.max_deviation:g}.", "Give a percentage above 0.")


NO_LIMITS = Limits(None, 0, 100, None, LONGEST_ID_BYTES)
