from __future__ import annotations

from datetime import datetime, timedelta, timezone

import pytest

from publisher.errors import UsageError
from publisher.store.keys import Destination, timestamp


@pytest.mark.parametrize(
    ("url", "active_key"),
    [
        ("s3://bucket", "active/latest.txt.gz"),
        ("s3://bucket/", "active/latest.txt.gz"),
        ("s3://my.bucket-1/ids", "ids/active/latest.txt.gz"),
        ("s3://bucket/ids/daily/", "ids/daily/active/latest.txt.gz"),
    ],
)
def test_a_destination_is_a_bucket_and_a_prefix(url: str, active_key: str) -> None:
    destination = Destination.parse(url)
    assert destination.active_key == active_key
    assert destination.url(active_key) == f"s3://{url.split('/')[2]}/{active_key}"


@pytest.mark.parametrize(
    "url",
    ["", "bucket", "s3:/bucket", "s3://", "s3:///prefix", "https://bucket/x", "s3://B", "s3://Bucket", "s3://b..t/x",
     "s3://bucket/a//b", "s3://bucket/../x", "s3://bucket/a b", "s3://bucket/é", "s3://bucket/x?versionId=1",
     "s3://-bucket", "s3://bucket_1", "s3://" + "b" * 64],
)  # fmt: skip
def test_what_is_no_destination_is_a_usage_error(url: str) -> None:
    with pytest.raises(UsageError) as raised:
        Destination.parse(url)
    assert raised.value.exit_code == 2
    assert "s3://bucket" in raised.value.hint


def test_a_staged_key_is_the_second_in_utc() -> None:
    moment = datetime(2025, 10, 22, 21, 30, 15, 999_999, timezone(timedelta(hours=-3)))
    assert Destination("b", "p/").stage_key(timestamp(moment)) == "p/stage/stage_20251023_003015.txt.gz"
