"""What macros may ask about Spark's accelerator, beside `dbt_matched_ids.macro_functions`."""

from __future__ import annotations

from dbt.adapters.factory import FACTORY

from dbt_matched_ids.spark import comet, plan


def left_to_spark(explained: str) -> list[str]:
    """Returns which operators of a plan an accelerator leaves to Spark.

    Args:
        explained: What `explain` answers.
    """
    return plan.left_to_spark(explained)


def require_known_accelerator(jars: str) -> None:
    """Refuses a session of this process with a jar that Spark fetched, and whose SHA-256 nobody knows.

    Args:
        jars: The session's `spark.jars`.

    Raises:
        DbtRuntimeError: The jar is not there, or is another one.
    """
    adapter = FACTORY.adapters.get("spark")
    if adapter is not None and comet.is_fetched_by_spark(adapter.config.credentials.server_side_parameters):
        comet.require_known_fetched(jars)
