"""The run: what is looked at before Spark costs anything, dbt's build, the publication, and how it ends."""

from __future__ import annotations

import contextlib
import importlib
import io
import json
import os
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from publisher.cli.main import Ended, run, tell_of
from publisher.cli.project_dir import find_project
from publisher.errors import PublisherError, SourceNotReady, UsageError
from publisher.glue_job.arguments import known_settings, parse, variables

TARGET = "glue_job"
_NOTHING_NEW = 8
_CATALOG = "spark.sql.catalog.spark_catalog"
# What the models need of the job's own Spark, and what they do not bear. Beyond these a setting is the team's affair.
_WANTED = {
    _CATALOG: "org.apache.iceberg.spark.SparkSessionCatalog",
    f"{_CATALOG}.catalog-impl": "org.apache.iceberg.aws.glue.GlueCatalog",
}
_UNBEARABLE = "org.apache.iceberg.spark.extensions.IcebergSparkSessionExtensions"
_NEEDED = ("dbt.adapters.spark.session", "dbt.cli.main", "pyarrow.parquet", "pyiceberg.table", "publisher.publish")


class JobFailed(Exception):
    """The run did not publish; the text is all that is said of it: what happened, and what to do."""


def main(arguments: list[str] | None = None) -> None:
    """Runs the job, and returns when the file is published, or nothing is new.

    Args:
        arguments: The job's, as Glue gives them; others than ours are left to Glue.

    Raises:
        JobFailed: It did not.
    """
    given = sys.argv[1:] if arguments is None else arguments
    # dbt keeps the command line in what it builds, and this one is Glue's.
    sys.argv = sys.argv[:1]
    try:
        with contextlib.redirect_stderr(sys.stdout):  # one log, and not two that nobody can put in order
            _run(given)
    except JobFailed:
        raise
    except SystemExit as error:
        raise JobFailed(f"The run was ended from within, with code {error.code}.") from None
    except Exception as error:  # noqa: BLE001 -- Glue would show its text, and Spark's errors may hold data
        raise JobFailed(f"Unexpected {type(error).__name__}: this is a bug.") from None


def _run(given: list[str]) -> None:
    """Runs the day, and tells others what kept a publish from beginning; what it does itself, it tells itself.

    Raises:
        JobFailed: The day did not end well.
    """
    publishing = ["publish"]
    try:
        known = known_settings()
        # Before anything of them can be wrong, so that it is known who is to be told.
        os.environ.update(variables(given, known))
        arguments = parse(given, known)
        os.environ.update(arguments.settings)
        publishing += [*_format(), *arguments.publish]
        _prepare()
        if not _choose_partition(arguments.only_when_new):
            return
        # dbt and the models would write beside the project, which is in the installation.
        with tempfile.TemporaryDirectory(prefix="matched-ids-") as folder:
            target_path = Path(folder) / "target"
            _build(find_project(), target_path, Path(folder) / "logs")
            ended = run([*publishing, "--target-path", str(target_path)])
    except PublisherError as error:
        tell_of(publishing, error)
        raise JobFailed(_text(Ended(error.exit_code, error))) from None
    if ended.exit_code:
        raise JobFailed(_text(ended))


def _prepare() -> None:
    _require_modules()
    _require_spark(_spark_settings())


def _format() -> list[str]:
    return ["--json"] if _logs_json() else []


def _logs_json() -> bool:
    return os.environ.get("PUBLISHER_LOG_FORMAT", "").lower() == "json"


def _require_modules() -> None:
    """Imports what is needed at the very end, too, before Spark costs anything.

    Raises:
        UsageError: A module is missing, or does not get on with another that Glue brings.
    """
    for module in _NEEDED:
        try:
            importlib.import_module(module)
        except Exception as error:  # noqa: BLE001, PERF203 -- whatever two worlds' modules raise
            raise UsageError(
                f"The job's module {module} cannot be imported: {type(error).__name__}.",
                "Use the package that `make glue-package` made for this version of Glue, with the arguments it names.",
            ) from None


def _spark_settings() -> dict[str, str]:
    """Returns what the job's Spark will be started with; this starts none."""
    from pyspark import SparkConf, SparkContext

    # The JVM that Glue started is asked; without it, SparkConf knows nothing, and says nothing of that.
    SparkContext._ensure_initialized()
    return dict(SparkConf().getAll())


def _require_spark(settings: Mapping[str, str]) -> None:
    hint = "Start the job with the arguments in deploy/glue/default_arguments.json."
    for name, wanted in _WANTED.items():
        if settings.get(name) != wanted:
            raise UsageError(f"The job's Spark has {name}={settings.get(name)}, and not {wanted}.", hint)
    if not settings.get(f"{_CATALOG}.warehouse"):
        raise UsageError(f"The job's Spark has no {_CATALOG}.warehouse.", hint)
    if _UNBEARABLE in settings.get("spark.sql.extensions", ""):
        raise UsageError("The job's Spark has Iceberg's extensions, with which no view can be replaced.", hint)


def _choose_partition(only_when_new: bool) -> bool:
    """Looks for the newest partition without Spark, where that was asked for, and returns whether to go on."""
    waits = [name for name in ("PUBLISHER_READY_FILE", "PUBLISHER_READY_AFTER") if os.environ.get(name)]
    if not (only_when_new or waits) or os.environ.get("MATCHED_IDS_PINNED_PARTITION"):
        return True
    if waits and os.environ.get("MATCHED_IDS_MIN_PERCENT_OF_PREVIOUS_ROWS"):
        raise UsageError(
            f"{waits[0]} chooses a partition, and MATCHED_IDS_MIN_PERCENT_OF_PREVIOUS_ROWS would not look at it.",
            "Leave one of them out.",
        )
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        ended = run(["latest-partition", "--json", *(["--newer-than-active"] if only_when_new else [])])
    if ended.exit_code == _NOTHING_NEW:
        return False
    if ended.error is not None:
        raise ended.error
    if waits:  # the newest may be another, which is not ready
        os.environ["MATCHED_IDS_PINNED_PARTITION"] = json.loads(printed.getvalue())["partition"]
    return True


def _build(project: Path, target_path: Path, log_path: Path) -> None:
    """Lets dbt build, and test, everything.

    Raises:
        SourceNotReady: It did not succeed.
    """
    from dbt.cli.main import dbtRunner

    places = {"project-dir": project, "profiles-dir": project, "target-path": target_path, "log-path": log_path}
    ended = dbtRunner().invoke(
        [
            "--no-use-colors", "--log-level-file", "none", "--log-format", "json" if _logs_json() else "text",
            "build", "--target", TARGET, "--exclude-resource-type", "unit_test",
            *(word for name, place in places.items() for word in (f"--{name}", str(place))),
        ]
    )  # fmt: skip
    if ended.success:
        return
    hint = "The log of the job shows what dbt says of it; active is as it was."
    failed = _failed_nodes(ended.result)
    if failed:
        raise SourceNotReady(f"dbt build did not succeed: {', '.join(failed)}.", hint)
    # Its text may be a Java stack trace, with data in it.
    raise SourceNotReady(f"dbt build ended with {type(ended.exception).__name__}.", hint)


def _failed_nodes(result: Any) -> list[str]:
    """Returns names and states of what failed."""
    results = getattr(result, "results", None) or []
    states = [(one.node.name, str(one.status)) for one in results]
    return [f"{name} ({state})" for name, state in states if state in ("error", "fail", "runtime error")]


def _text(ended: Ended) -> str:
    error = ended.error
    if error is None:
        return f"failed (exit code {ended.exit_code})"
    guard = f", guard {error.guard}" if error.guard else ""
    return f"{error.status} (exit code {ended.exit_code}{guard}): {error.message} {error.hint}"
