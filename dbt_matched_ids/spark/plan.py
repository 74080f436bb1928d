"""What Spark's plan of a query says about an accelerator: which operators it leaves to Spark."""

from __future__ import annotations

import re

# The operator of a line, behind the branches of the tree and the number of its generated code: `:  +- *(1) Filter …`.
_OPERATOR = re.compile(r"^[\s:|+\-]*(?:\*\(\d+\) *)?([A-Z]\w*(?: (?:parquet|orc|csv|json|text)\b)?)")
# What surrounds or reuses others, or turns columns into rows for what writes them.
_NOT_WORK = {
    "AQEShuffleRead",
    "AdaptiveSparkPlan",
    "ColumnarToRow",
    "InputAdapter",
    "ReusedExchange",
    "ReusedSubquery",
    "Subquery",
    "SubqueryBroadcast",
    "WholeStageCodegen",
}


def left_to_spark(plan: str) -> list[str]:
    """Returns Spark's own operators in a plan, each once, from the last to run to the first.

    Args:
        plan: What `explain` answers. Nothing of a line is kept but its first words, which are Spark's.
    """
    found = (_OPERATOR.match(line) for line in plan.splitlines() if not line.startswith("=="))
    names = (match[1] for match in found if match)
    return [name for name in dict.fromkeys(names) if not name.startswith("Comet") and name not in _NOT_WORK]
