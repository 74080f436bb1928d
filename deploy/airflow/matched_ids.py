"""The day's file by Airflow 3: `dbt build`, then `publisher publish`, in one task.

One task, because the publisher reads what dbt left in its target folder, and two tasks may run on two machines. Put
this file among the DAGs. The commands come from an environment of their own, `.venv` in the checkout that
MATCHED_IDS_PROJECT names, so nothing of ours has to go with Airflow's own packages; their settings are the worker's
environment variables.
"""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
from collections.abc import Mapping
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

from airflow.sdk import dag, task
from airflow.sdk.exceptions import AirflowException, AirflowFailException, AirflowSkipException

PROJECT = Path(os.environ.get("MATCHED_IDS_PROJECT", "/opt/matched-ids"))
# What may be over in some minutes: somebody else promoted, the store failed. All else stays what it is until a person,
# or the next load, changes it.
RETRIED = (6, 7)
NOTHING_NEW = 8


def ended(code: int, answer: Mapping[str, Any]) -> Mapping[str, Any]:
    """Returns the publisher's answer when it published, and ends the task as the exit code demands when it did not.

    Raises:
        AirflowSkipException: Nothing is new.
        AirflowException: It failed in a way that is worth another try.
        AirflowFailException: It refused, or failed for good.
    """
    if code == 0:
        return answer
    words = " ".join(str(answer[name]) for name in ("guard", "message", "hint") if answer.get(name))
    told = f"publisher publish ended with {code}: {words or 'see the log'}"
    if code == NOTHING_NEW:
        raise AirflowSkipException(told)
    if code in RETRIED:
        raise AirflowException(told)
    raise AirflowFailException(told)


@dag(
    schedule="23 6 * * *",
    start_date=datetime(2025, 1, 1, tzinfo=timezone.utc),
    catchup=False,  # a run takes the newest partition, whatever day it was meant for
    max_active_runs=1,
)
def matched_ids() -> None:
    """The ids of the newest partition, as one file."""

    @task(retries=2, retry_delay=timedelta(minutes=5), execution_timeout=timedelta(hours=2))
    def build_and_publish() -> Mapping[str, Any]:
        with tempfile.TemporaryDirectory() as folder:  # of this try's own: nothing of an earlier one is taken for its
            environment = {
                **os.environ,
                "PATH": f"{PROJECT / '.venv/bin'}{os.pathsep}{os.environ['PATH']}",
                "DBT_TARGET_PATH": folder,
                "DBT_EXCLUDE_RESOURCE_TYPES": "unit_test",  # they try the SQL, on rows of their own: CI runs them
            }
            environment.pop("PYTHONPATH", None)  # Airflow's
            built = subprocess.run(["dbt", "build"], cwd=PROJECT, env=environment, check=False)
            if built.returncode != 0:
                raise AirflowFailException(f"dbt build ended with {built.returncode}; nothing was published.")
            published = subprocess.run(
                ["publisher", "publish", "--json"], cwd=PROJECT, env=environment, stdout=subprocess.PIPE, check=False
            )
        try:
            answer = json.loads(published.stdout)
        except ValueError:
            answer = {}
        return ended(published.returncode, answer)

    build_and_publish()


matched_ids()
