"""Who runs: the user, the machine, and the run of the CI system or scheduler."""

from __future__ import annotations

import getpass
import os
import socket
from collections.abc import Mapping
from dataclasses import dataclass

# What each calls the run itself, so that somebody finds its log. The first that is set wins.
_CI_RUNS = (
    "PUBLISHER_CI_RUN",
    "CI_JOB_URL",  # GitLab
    "BUILD_URL",  # Jenkins
    "BUILDKITE_BUILD_URL",
    "CIRCLE_BUILD_URL",
    "CODEBUILD_BUILD_ID",
    "AWS_BATCH_JOB_ID",
    "AIRFLOW_CTX_DAG_RUN_ID",
    "BUILD_BUILDURI",  # Azure Pipelines
    "BITBUCKET_BUILD_NUMBER",
)


@dataclass(frozen=True)
class Actor:
    """Who runs a command.

    Attributes:
        user: By the operating system; None for a container's user without a name.
        host: The machine's name.
        ci_run: The run of the CI system or scheduler; None outside of one that is known.
    """

    user: str | None = None
    host: str | None = None
    ci_run: str | None = None

    @classmethod
    def current(cls, environment: Mapping[str, str] = os.environ) -> Actor:
        """Returns who runs this process."""
        return cls(current_user(), socket.gethostname() or None, _ci_run(environment))


def current_user() -> str | None:
    """Returns who is at the keyboard; None for a container's user without a name."""
    try:
        return getpass.getuser()
    except (OSError, KeyError):
        return None


def _ci_run(environment: Mapping[str, str]) -> str | None:
    names = ("GITHUB_SERVER_URL", "GITHUB_REPOSITORY", "GITHUB_RUN_ID")
    server, repository, run = (environment.get(name) for name in names)
    if not environment.get("PUBLISHER_CI_RUN") and server and repository and run:
        return f"{server}/{repository}/actions/runs/{run}"
    return next((value for name in _CI_RUNS if (value := environment.get(name))), None)
