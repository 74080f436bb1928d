"""Tries stores, prints what was found, and ends with 1 where it is not what docs/stores.md says.

`python -m tests.stores` tries all that can be had here; names try those that begin so; `--write` renews docs/stores.md.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

from tests.conftest import PROJECT
from tests.stores.builds import Unavailable
from tests.stores.products import PRODUCTS, Product, Verdict
from tests.stores.trial import Result, tried

DOCUMENT = PROJECT / "docs" / "stores.md"
_HEADER = (
    "| store | version | from | promoted by | contract | publish, rollback, pull | eight at once |",
    "|---|---|---|---|---|---|---|",
)


def main() -> None:
    """Tries the stores that are named, or all."""
    parser = argparse.ArgumentParser(prog="python -m tests.stores", description=__doc__.partition("\n")[0])
    parser.add_argument("names", nargs="*", help="the beginnings of the names of stores, whatever their case")
    parser.add_argument("--write", action="store_true", help="write the matrix into docs/stores.md")
    arguments = parser.parse_args()
    begins = tuple(name.lower() for name in arguments.names)
    products = [product for product in PRODUCTS if not begins or product.name.lower().startswith(begins)]
    found: dict[Product, Result] = {}
    skipped: dict[Product, str] = {}
    for product in products:
        print(f"trying {product.name}", flush=True)
        with tempfile.TemporaryDirectory(prefix="store-") as folder:
            try:
                with product.running(Path(folder) / "store") as store:
                    found[product] = tried(product, store, Path(folder))
            except Unavailable as error:
                skipped[product] = str(error)
    matrix = [*_HEADER, *(row(product, result) for product, result in found.items())]
    print("\n".join(["", *matrix, ""]))
    for product, result in found.items():
        for refusal in result.refusals:
            print(f"{product.name}: doctor refuses {refusal}")
        for problem in result.problems:
            print(f"{product.name}: NOT AS EXPECTED: {problem}")
    for product, reason in skipped.items():
        print(f"{product.name}: skipped, {reason}")
    if arguments.write and len(found) == len(PRODUCTS):
        write(matrix)
    sys.exit(1 if any(result.problems for result in found.values()) else 0)


def row(product: Product, result: Result) -> str:
    """Returns a store's row of the matrix."""
    package = product.package
    cells = [
        product.name,
        package.version,
        {"go": "Go modules", "cargo": "crates.io", "npm": "npm", "pip": "PyPI"}[package.tool],
        result.verdict.value,
        f"{result.held} of {result.held + len(result.broken)}",
        "–" if result.verdict is Verdict.REFUSED else "WRONG" if result.problems else "right",
        result.race,
    ]
    return f"| {' | '.join(cells)} |"


def write(matrix: list[str]) -> None:
    """Puts the matrix into the document, in the place of the one that is there."""
    before, _, rest = DOCUMENT.read_text().partition(_HEADER[0])
    after = rest[rest.index("\n\n") :]
    DOCUMENT.write_text(before + "\n".join(matrix) + after)


if __name__ == "__main__":
    main()
