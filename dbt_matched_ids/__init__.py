"""What this project adds to dbt: answers to macros, a Spark that just works, errors without data in them.

Here lives what every target needs, in `spark` and `duckdb` what one engine needs, and in `plugin` where dbt finds it.
Nothing here knows how a file is published: of `publisher` it may import the reader of raw tables (`publisher.lake`),
and the errors that this raises. dbt imports every installed top-level module whose name starts with `dbt_`, in each of
its commands, and creates the `plugins` listed there (dbt/plugins/manager.py); so importing this must stay cheap, and
whatever takes pyarrow, boto3 or an engine is imported where it is used.
"""

from __future__ import annotations

from dbt_matched_ids.plugin import MatchedIds

plugins = [MatchedIds]
