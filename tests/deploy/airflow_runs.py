"""Lets a real Airflow run the DAG to its end, once for each exit code of the publisher, in an environment of its own.

`python airflow_runs.py FOLDER CODE…`, with nothing of the project's: FOLDER is where the DAG lies, the commands are
what MATCHED_IDS_PROJECT has, and the states are printed as the last line, as JSON.
"""

from __future__ import annotations

import importlib
import json
import os
import sys
from datetime import timedelta


def main() -> None:
    from airflow.dag_processing.dagbag import DagBag

    folder, *codes = sys.argv[1:]
    bag = DagBag(folder)
    assert not bag.import_errors, bag.import_errors
    sys.path.insert(0, folder)
    dag = importlib.import_module("matched_ids").matched_ids()
    (task,) = dag.tasks
    told = {"dags": sorted(bag.dags), "retries": task.retries, "minutes": task.retry_delay / timedelta(minutes=1)}
    task.retry_delay = timedelta(0)
    for code in codes:
        os.environ["CODE"] = code
        run = dag.test()
        (instance,) = run.get_task_instances()
        told[code] = {
            "run": str(run.state),
            "task": str(instance.state),
            "tries": instance.try_number,
            "id": run.run_id,
        }
    sys.stdout.write(f"\n{json.dumps(told)}\n")


main()
