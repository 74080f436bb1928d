"""dbt's artifacts as JSON: read whole, and told of in one line where they are not as dbt writes them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from publisher.errors import SourceNotReady


@contextmanager
def as_dbt_writes_it(target_path: Path) -> Iterator[None]:
    """Tells of whatever in dbt's JSON is not as dbt writes it. Only the kind: a key or a value may be anything."""
    try:
        yield
    except (KeyError, TypeError, ValueError, AttributeError, IndexError) as error:
        raise SourceNotReady(
            f"dbt's artifacts in {target_path} are damaged, or of an unknown version ({type(error).__name__}).",
            "Run `dbt build` again, and let nothing else write there.",
        ) from error


def load_artifact(path: Path) -> dict[str, Any]:
    """Reads manifest.json or run_results.json.

    Raises:
        SourceNotReady: It is missing, cannot be read, or is no artifact of dbt.
    """
    hint = "Run `dbt build` first, or point --target-path at the folder it wrote to."
    try:
        content = json.loads(path.read_bytes())
    except FileNotFoundError:
        raise SourceNotReady(f"dbt's artifact {path} does not exist.", hint) from None
    except OSError as error:
        raise SourceNotReady(f"dbt's artifact {path} cannot be read: {error.strerror}.", hint) from error
    except (ValueError, RecursionError):
        raise SourceNotReady(f"dbt's artifact {path} is not whole JSON; is dbt still writing it?", hint) from None
    wanted = {"manifest.json": ("metadata", "nodes"), "run_results.json": ("metadata", "results")}[path.name]
    if not isinstance(content, dict) or not all(key in content for key in wanted):
        raise SourceNotReady(f"{path} is not an artifact of dbt: it lacks {' or '.join(wanted)}.", hint)
    return content


def list_of(value: object) -> list[Any]:
    """Returns a list.

    Raises:
        TypeError: It is none.
    """
    if not isinstance(value, list):
        raise TypeError("a list is expected")
    return value


def text_of(value: object) -> str:
    """Returns a text that is not empty.

    Raises:
        TypeError: It is none.
    """
    if not isinstance(value, str) or not value:
        raise TypeError("a text is expected")
    return value
