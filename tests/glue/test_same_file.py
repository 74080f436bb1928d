"""The same raw data gives the same file, byte for byte, in Glue's sessions, in a Glue job and on `duckdb`.

And so as on `local`, with which tests/e2e/test_build_and_publish.py compares `duckdb`.
"""

from __future__ import annotations

import random
import re
from collections.abc import Sequence
from pathlib import Path

from publisher.lake.access import LakeAccess as Tables
from publisher.lake.glue import GlueCatalog
from publisher.lake.s3_files import S3Files
from publisher.publish import publish
from publisher.settings import PublishSettings
from tests.conftest import Bucket
from tests.e2e.test_duckdb import on_duckdb
from tests.glue import jobs
from tests.glue.conftest import GlueLake

# A third of the records match, some of them twice; the ids are of several lengths, so that text and numbers sort
# differently, and not all are ASCII.
_random = random.Random(20251022)
DOCUMENTS = [f"{number:011}" for number in _random.sample(range(10**11), 3_000)]
LETTERS = ["", "A", "z", "é", "ção", "日"]
RECORDS = [
    (f"{_random.choice(LETTERS)}{_random.randrange(10 ** _random.randrange(1, 8))}", document)
    for document in _random.choices(DOCUMENTS, k=6_000)
]


def test_glue_and_duckdb_publish_the_same_bytes(
    empty_glue_lake: GlueLake, tmp_path: Path, bucket: Bucket, packages: dict[str, Path], jars: list[Path]
) -> None:
    searched = DOCUMENTS[:1_000]
    days: dict[str, Sequence[tuple[str, str]]] = {"20251021": RECORDS[:100], "20251022": RECORDS}

    duck = on_duckdb(tmp_path / "duckdb", tmp_path / "duckdb")
    duck.write_cpfs(searched)
    for day, rows in days.items():
        duck.write_records(f"ano_mes_dia={day}", [(name, f"000{document}") for name, document in rows])
    built = duck.build()
    assert built.success, built.output
    here = publish(PublishSettings(bucket.destination, target_path=duck.target_path), bucket.store)
    bytes_here = bucket.get("active/latest.txt.gz")[0]
    assert duck.leaked_documents() == 0

    empty_glue_lake.register_cpfs(searched)
    empty_glue_lake.register_records(days)
    ended = empty_glue_lake.build()
    assert ended.success, ended.output
    tables = Tables(s3=S3Files(empty_glue_lake.bucket.client), glue=GlueCatalog(client=empty_glue_lake.glue))
    settings = PublishSettings(bucket.destination, target_path=empty_glue_lake.target_path)
    glue = publish(settings, bucket.store, lake=tables)

    assert here.encoded.total_ids > 1_000
    assert bucket.get("active/latest.txt.gz")[0] == bytes_here
    assert glue.encoded == here.encoded
    assert (glue.metadata.snapshot_id is None, here.metadata.snapshot_id is None) == (False, True)
    assert (glue.metadata.ids_added, glue.metadata.ids_removed) == (0, 0)

    # A job takes over from sessions: their tables are replaced. Glue 5.0 has older modules than the job's own tests.
    published = Bucket(empty_glue_lake.store.role, "same-file")
    published.client.create_bucket(Bucket=published.name)
    python = jobs.make_environment("5.0", packages["5.0"], tmp_path / "python")
    surroundings = jobs.surroundings_of(empty_glue_lake, jars, tmp_path)
    given = jobs.arguments_of(empty_glue_lake, published.name, "")
    (job,) = jobs.submit(python, packages["5.0"], empty_glue_lake, surroundings, given, [{}], tmp_path / "job")
    assert job.error is None, job.log + job.text
    assert published.get("active/latest.txt.gz")[0] == bytes_here
    assert not [sql for sql in job.statements if re.search(r"\bdrop table\b", sql, re.I)]
