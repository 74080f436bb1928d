"""What OpenLineage is told: that a table became a file, with its counts and digests.

One event by hand: the client takes half a second to import and two HTTP libraries, waits for half a minute, and follows
redirects. A test holds what is sent to the client's own classes. https://openlineage.io/docs/spec/object-model
"""

from __future__ import annotations

import uuid
from typing import Any

from publisher import __version__
from publisher.lake.files import normal_location
from publisher.moments import iso
from publisher.source import Source
from publisher.store.keys import Destination
from publisher.telemetry.run import Run

PRODUCER = f"urn:matched-ids:publisher:{__version__}"
_SPEC = "https://openlineage.io/spec"


def of_run(run: Run, destination: Destination, job_namespace: str) -> dict[str, Any] | None:
    """Returns the event of a run; None where no file was published.

    Args:
        run: The run.
        destination: Where the file is.
        job_namespace: What the job's name is unique in.
    """
    done, source = run.published, run.source
    if done is None or source is None:
        return None
    said = done.metadata
    file = {
        "totalIds": done.encoded.total_ids,
        "idsAdded": said.ids_added,
        "idsRemoved": said.ids_removed,
        "md5Checksum": done.encoded.md5,
        "sha256": done.encoded.sha256,
        "contentBytes": done.encoded.content_bytes,
        "sourcePartition": said.source_partition,
        "stagedKey": said.staged_key,
        "overruled": said.overruled,
        "dbtInvocationId": run.dbt_invocation_id,
        "publisherRunId": run.run_id,
    }
    output = {
        "namespace": f"s3://{destination.bucket}",
        "name": destination.active_key,
        "facets": {
            "schema": _facet("SchemaDatasetFacet", "1-2-0", fields=[{"name": "id", "type": "string"}]),
            "version": _facet("DatasetVersionDatasetFacet", "1-0-1", datasetVersion=done.encoded.sha256),
            "lifecycleStateChange": _facet(
                "LifecycleStateChangeDatasetFacet", "1-0-1", lifecycleStateChange="OVERWRITE"
            ),
            # One of ours, as the spec allows: of the kind that all facets of datasets are.
            "matchedIds_file": _based_on("DatasetFacet", **file),
        },
        "outputFacets": {
            "outputStatistics": _facet(
                "OutputStatisticsOutputDatasetFacet",
                "1-0-2",
                rowCount=done.encoded.total_ids,
                size=done.encoded.bytes,
                fileCount=1,
            )
        },
    }
    engine = _facet("ProcessingEngineRunFacet", "1-1-1", version=__version__, name="matched-ids publisher")
    kind = _facet("JobTypeJobFacet", "2-0-4", processingType="BATCH", integration="MATCHED_IDS", jobType="JOB")
    return {
        "eventType": "COMPLETE",
        "eventTime": iso(run.ended_at),
        "producer": PRODUCER,
        "schemaURL": f"{_SPEC}/2-0-2/OpenLineage.json#/$defs/RunEvent",
        "run": {
            "runId": str(uuid.uuid5(uuid.NAMESPACE_URL, f"{run.destination}/runs/{run.run_id}")),
            "facets": {"processing_engine": engine},
        },
        "job": {"namespace": job_namespace, "name": f"publish {run.destination}", "facets": {"jobType": kind}},
        "inputs": [_input(source)],
        "outputs": [output],
    }


def _input(source: Source) -> dict[str, Any]:
    """Returns the table that was read, named as OpenLineage names such tables.

    A Glue table is the catalog's; that it is also a folder, and the name that dbt's integration gives it, are symlinks.
    """
    table = source.table
    folder = _place(table.location)
    named, facets = folder, {}
    if table.catalog is not None:
        database, _, name = table.ref.location.partition(".")
        named = {"namespace": table.catalog, "name": f"table/{database}/{name}"}
        of_dbt = {"namespace": table.catalog, "name": table.ref.location}
        identifiers = [{**folder, "type": "LOCATION"}, {**of_dbt, "type": "TABLE"}]
        facets["symlinks"] = _facet("SymlinksDatasetFacet", "1-0-1", identifiers=identifiers)
    if table.snapshot_id is not None:
        facets["version"] = _facet("DatasetVersionDatasetFacet", "1-0-1", datasetVersion=str(table.snapshot_id))
    statistics = _facet("InputStatisticsInputDatasetFacet", "1-0-0", rowCount=table.rows, fileCount=len(table.files))
    return {**named, "facets": facets, "inputFacets": {"inputStatistics": statistics}}


def _place(location: str) -> dict[str, str]:
    location = normal_location(location)
    if location.startswith("s3://"):
        bucket, _, key = location.removeprefix("s3://").partition("/")
        return {"namespace": f"s3://{bucket}", "name": key or "/"}
    return {"namespace": "file", "name": location}


def _facet(kind: str, of_spec: str, /, **values: Any) -> dict[str, Any]:
    return {"_producer": PRODUCER, "_schemaURL": f"{_SPEC}/facets/{of_spec}/{kind}.json#/$defs/{kind}", **values}


def _based_on(kind: str, /, **values: Any) -> dict[str, Any]:
    known = {name: value for name, value in values.items() if value is not None}
    return {"_producer": PRODUCER, "_schemaURL": f"{_SPEC}/2-0-2/OpenLineage.json#/$defs/{kind}", **known}
