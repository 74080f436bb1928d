from __future__ import annotations

import random

import pyarrow as pa
import pytest

from publisher.file.blocks import blocks
from publisher.file.lookalikes import LookalikeCounter
from publisher.values import Lookalikes


def cpf(base: int) -> str:
    """A CPF of nine digits, as the tax office describes it: a remainder of 0 or 1 gives 0, else 11 minus it."""
    digits = [int(digit) for digit in f"{base:09}"]
    for _ in range(2):
        remainder = sum(weight * digit for weight, digit in enumerate(reversed(digits), 2)) % 11
        digits.append(0 if remainder < 2 else 11 - remainder)
    return "".join(map(str, digits))


def masked(document: str) -> str:
    return f"{document[:3]}.{document[3:6]}.{document[6:9]}-{document[9:]}"


def counted(ids: list[str], prefix: str = "000") -> dict[str, tuple[int, int]]:
    """How many ids of each shape were looked at, and how many look like documents; shapes without any left out."""
    counter = LookalikeCounter(prefix)
    for block in blocks([pa.array(sorted(set(ids)))]):
        counter.feed(block)
    return {found.shape: (found.ids, found.documents) for found in counter.finish() if found.ids}


DOCUMENTS = [cpf(base) for base in random.Random(1).sample(range(10**9), 50)]


@pytest.mark.parametrize(
    ("ids", "prefix", "found"),
    [
        (DOCUMENTS, "000", {"11 digits": (50, 50)}),
        (DOCUMENTS, "", {"11 digits": (50, 50)}),
        (["000" + text for text in DOCUMENTS], "000", {"the prefix and 11 digits": (50, 50)}),
        (["BRé" + text for text in DOCUMENTS], "BRé", {"the prefix and 11 digits": (50, 50)}),
        (["000" + text for text in DOCUMENTS], "001", {}),
        ([masked(text) for text in DOCUMENTS], "000", {"11 digits with dots and a dash": (50, 50)}),
        (
            ["000" + masked(text) for text in DOCUMENTS],
            "000",
            {"the prefix and 11 digits with dots and a dash": (50, 50)},
        ),
        (["11111111111", "22222222222"], "000", {"11 digits": (2, 0)}),  # valid check digits, and never issued
        ([f"{text[:10]}{(int(text[10]) + 1) % 10}" for text in DOCUMENTS], "000", {"11 digits": (50, 0)}),
        ([f"{text[:9]}{(int(text[9]) + 1) % 10}{text[10]}" for text in DOCUMENTS], "000", {"11 digits": (50, 0)}),
        ([f"x{text[1:]}" for text in DOCUMENTS], "000", {}),
        ([text[:10] for text in DOCUMENTS], "000", {}),
    ],
)
def test_documents_are_counted_by_their_shape(ids: list[str], prefix: str, found: dict[str, tuple[int, int]]) -> None:
    assert counted(ids, prefix) == found


@pytest.mark.parametrize("form", ["{:09}", "a{:010}", "{:014}"])
def test_few_documents_among_many_other_ids_are_found(form: str) -> None:
    found = counted([*map(form.format, range(100_000)), *DOCUMENTS])
    assert found["11 digits"] == (50, 50)


def test_of_many_ids_a_thousand_are_looked_at_from_first_to_last() -> None:
    ids = [f"{number:014}" for number in range(100_000)]
    late = ["000" + cpf(base) for base in range(10**8, 10**8 + 900_000, 9)]
    (looked_at, documents), *rest = counted([*ids, *late]).values()
    assert rest == []
    assert 900 < looked_at <= 1000
    assert 0.4 < documents / looked_at < 0.6


def test_of_a_hundred_endings_one_is_a_document() -> None:
    for base in random.Random(2).sample(range(10**9), 30):
        assert counted([f"{base:09}{ending:02}" for ending in range(100)], "x") == {"11 digits": (100, 1)}


def test_what_is_found_is_numbers_and_no_ids() -> None:
    counter = LookalikeCounter("000")
    for block in blocks([pa.array(sorted(DOCUMENTS))]):
        counter.feed(block)
    assert sum(document in repr(counter.finish()) for document in DOCUMENTS) == 0
    assert all(isinstance(found, Lookalikes) for found in counter.finish())
