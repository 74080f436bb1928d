"""What OpenLineage is told: held to the classes of its own client, which would have written the same."""

from __future__ import annotations

from typing import Any

import pytest
from openlineage.client import event_v2 as client
from openlineage.client.facet_v2 import (
    DatasetFacet,
    dataset_version_dataset,
    input_statistics_input_dataset,
    job_type_job,
    lifecycle_state_change_dataset,
    output_statistics_output_dataset,
    processing_engine_run,
    schema_dataset,
    set_producer,
    symlinks_dataset,
)
from openlineage.client.naming.dataset import AWSGlue
from openlineage.client.serde import Serde

from publisher.source import Source
from publisher.table.table import Table
from publisher.telemetry import lineage
from publisher.values import TableRef
from tests.publisher.telemetry.conftest import Publisher
from tests.publisher.telemetry.receiver import receiving

# Of OpenLineage's facets, what the client reads each as; of one of ours, the kind that it is of.
FACETS: dict[str, Any] = {
    "schema": schema_dataset.SchemaDatasetFacet,
    "version": dataset_version_dataset.DatasetVersionDatasetFacet,
    "lifecycleStateChange": lifecycle_state_change_dataset.LifecycleStateChangeDatasetFacet,
    "symlinks": symlinks_dataset.SymlinksDatasetFacet,
    "inputStatistics": input_statistics_input_dataset.InputStatisticsInputDatasetFacet,
    "outputStatistics": output_statistics_output_dataset.OutputStatisticsOutputDatasetFacet,
    "jobType": job_type_job.JobTypeJobFacet,
    "processing_engine": processing_engine_run.ProcessingEngineRunFacet,
}
PARTS: dict[str, Any] = {
    "fields": schema_dataset.SchemaDatasetFacetFields,
    "identifiers": symlinks_dataset.Identifier,
}


def facets(told: dict[str, Any]) -> dict[str, Any]:
    made = {}
    for name, facet in told.items():
        given = {key: value for key, value in facet.items() if not key.startswith("_")}
        if name not in FACETS:
            made[name] = DatasetFacet().with_additional_properties(**given)
            continue
        for key, value in given.items():
            if key in PARTS:
                given[key] = [PARTS[key](**part) for part in value]
            if key == "lifecycleStateChange":
                given[key] = lifecycle_state_change_dataset.LifecycleStateChange(value)
        made[name] = FACETS[name](**given)
    return made


def as_the_client_writes_it(told: dict[str, Any]) -> dict[str, Any]:
    """Returns an event as the client makes it of the same values: with its schemas, and refusing what it lacks."""
    set_producer(lineage.PRODUCER)
    event = client.RunEvent(
        eventType=client.RunState(told["eventType"]),
        eventTime=told["eventTime"],
        run=client.Run(told["run"]["runId"], facets(told["run"]["facets"])),
        job=client.Job(told["job"]["namespace"], told["job"]["name"], facets(told["job"]["facets"])),
        inputs=[
            client.InputDataset(
                one["namespace"], one["name"], facets=facets(one["facets"]), inputFacets=facets(one["inputFacets"])
            )
            for one in told["inputs"]
        ],
        outputs=[
            client.OutputDataset(
                one["namespace"], one["name"], facets=facets(one["facets"]), outputFacets=facets(one["outputFacets"])
            )
            for one in told["outputs"]
        ],
        producer=told["producer"],
    )
    return without_empty_lists(Serde.to_dict(event))


def without_empty_lists(value: Any) -> Any:
    """A field of the schema that has no fields of its own is written as an empty list, which may be left out."""
    if isinstance(value, dict):
        return {name: without_empty_lists(one) for name, one in value.items() if not (name == "fields" and one == [])}
    return [without_empty_lists(one) for one in value] if isinstance(value, list) else value


def test_a_file_is_told_as_what_became_of_a_table(publisher: Publisher, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENLINEAGE_API_KEY", "k3y")
    with receiving() as endpoint:
        monkeypatch.setenv("OPENLINEAGE_URL", endpoint.url)
        assert publisher.publish(["a", "b"]).code == 0
        assert publisher.publish(["b", "a"]).code == 3  # no file, no event
        table = publisher.write_table(["b"], ["c", "d"])
        published = publisher.run(
            "publish", "--table", f"parquet:{table}", "--source-partition", "20251023", "--max-percent-removed", "60"
        )
        assert published.code == 0, published.err
        monkeypatch.setenv("OPENLINEAGE_DISABLED", "true")
        assert publisher.publish(["b", "c", "d"], "--overrule", "older_partition").code == 0
    (path, headers, _), (_, _, told) = endpoint.requests
    assert (path, headers["authorization"]) == ("/api/v1/lineage", "Bearer k3y")
    assert told == as_the_client_writes_it(told)
    (source,), (file,) = told["inputs"], told["outputs"]
    assert (source["namespace"], source["name"]) == ("file", str(table))
    assert source["inputFacets"]["inputStatistics"].items() >= {"rowCount": 3, "fileCount": 2}.items()
    assert (file["namespace"], file["name"]) == (f"s3://{publisher.bucket.name}", "ids/active/latest.txt.gz")
    texts = publisher.bucket.client.get_object(
        Bucket=publisher.bucket.name, Key=file["facets"]["matchedIds_file"]["stagedKey"]
    )["Metadata"]  # fmt: skip
    of_file = file["facets"]["matchedIds_file"]
    assert (of_file["sha256"], of_file["md5Checksum"]) == (texts["sha256"], texts["md5_checksum"])
    assert (of_file["idsAdded"], of_file["idsRemoved"], of_file["sourcePartition"]) == (2, 1, "20251023")
    assert file["outputFacets"]["outputStatistics"]["rowCount"] == of_file["totalIds"] == 3
    assert not [value for value in of_file.values() if value in ("a", "b", "c", "d")]


def test_a_table_of_the_catalog_is_named_as_openlineage_names_it() -> None:
    ref = TableRef("glue", "matched_ids.int_matched_ids")
    reader: Any = None  # nothing is read
    table = Table(
        ref, (), frozenset(), reader, 17, location="s3://lake/tables/matched_ids/int_matched_ids",
        catalog="arn:aws:glue:eu-west-1:123456789012",
    )  # fmt: skip
    told = lineage._input(Source(table, None, None, None))
    named = AWSGlue("eu-west-1", "123456789012", "matched_ids", "int_matched_ids")
    assert (told["namespace"], told["name"]) == (named.get_namespace(), named.get_name())
    location, of_dbt = told["facets"]["symlinks"]["identifiers"]
    assert location == {"namespace": "s3://lake", "name": "tables/matched_ids/int_matched_ids", "type": "LOCATION"}
    assert (of_dbt["namespace"], of_dbt["name"]) == (named.get_namespace(), "matched_ids.int_matched_ids")
    assert told["facets"]["version"]["datasetVersion"] == "17"
    assert facets(told["facets"])


@pytest.mark.parametrize("url", ["lineage", "ftp://lineage/s3cret", "https://"])
def test_an_endpoint_that_is_none_is_refused(url: str, publisher: Publisher) -> None:
    ended = publisher.publish(["a"], "--openlineage-url", url)
    assert (ended.code, "--openlineage-url" in ended.err, "s3cret" in ended.err) == (2, True, False)
