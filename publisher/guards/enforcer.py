"""Runs guards, and lets pass what a person overruled."""

from __future__ import annotations

from collections.abc import Callable
from typing import ParamSpec

from publisher.errors import PublisherError
from publisher.guards.names import OVERRULABLE

_Arguments = ParamSpec("_Arguments")


class Enforcer:
    """Runs guards, and lets pass those that a person overruled for this one run.

    Attributes:
        overruled: Names of the guards that refused and were overruled, in the order in which they did.
    """

    def __init__(self, overrule: frozenset[str]) -> None:
        """Prepares.

        Args:
            overrule: Names of guards.
        """
        self.overruled: list[str] = []
        self._overrule = overrule

    def __call__(
        self, guard: Callable[_Arguments, None], *arguments: _Arguments.args, **named: _Arguments.kwargs
    ) -> None:
        """Runs a guard.

        Raises:
            PublisherError: It refused, and was not overruled.
        """
        try:
            guard(*arguments, **named)
        except PublisherError as refusal:
            if refusal.guard not in self._overrule:
                if refusal.guard in OVERRULABLE:
                    refusal.hint += f" To let it through this once: --overrule {refusal.guard}."
                raise
            if refusal.guard not in self.overruled:
                self.overruled.append(refusal.guard)
