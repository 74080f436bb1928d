"""The documents in Brazilian Portuguese say what the English ones say, which lead."""

from __future__ import annotations

import posixpath
from collections import Counter
from collections.abc import Callable
from difflib import SequenceMatcher

import pytest

from publisher import guards
from publisher.cli import cli
from tests import documents
from tests.conftest import PROJECT
from tests.documents import Block, text_of

PORTUGUESE = {  # by the English one that leads
    ("README.md" if path.name == "README.md" else f"docs/{path.name}"): f"docs/pt-BR/{path.name}"
    for path in sorted((PROJECT / "docs/pt-BR").glob("*.md"))
}
ENGLISH = {portuguese: english for english, portuguese in PORTUGUESE.items()}
NAMES = {*guards.ALL, *guards.OF_READERS, *cli.commands}


def says_what_it_is(english: str) -> str:
    portuguese = PORTUGUESE[english]
    back = posixpath.relpath(english, posixpath.dirname(portuguese))
    return f"> Tradução. Em caso de divergência, vale o original em inglês: [{english}]({back}).\n\n"


def names_the_translation(english: str) -> str:
    link = posixpath.relpath(PORTUGUESE[english], posixpath.dirname(english) or ".")
    return f"Em português: [{link}]({link})\n\n"


def english_target(portuguese: str, link: str) -> str:
    """Returns where the English document's link leads to that stands for this one; a heading is known by its place."""
    target, _, anchor = documents.resolved(portuguese, link).partition("#")
    if target in PORTUGUESE:
        return f"{target}, of which there is {PORTUGUESE[target]}"
    if target not in ENGLISH or not anchor:
        return documents.resolved(portuguese, link) if anchor else ENGLISH.get(target, target)
    known = dict(zip(documents.slugs(text_of(target)), documents.slugs(text_of(ENGLISH[target])), strict=False))
    return f"{ENGLISH[target]}#{known.get(anchor, f'? for #{anchor}')}"


def read(text: str, target: Callable[[str], str], numbers: Callable[[str], str]) -> list[tuple[Block, Counter[str]]]:
    """Returns the blocks of a text with what is the same in both languages; see `documents.facts`."""
    found = [(block, documents.facts(block, target, numbers)) for block in documents.blocks(text)]
    for block, facts in found:
        name = block.text.lstrip("# ")
        if block.kind.startswith("heading") and name in NAMES:
            facts[f"the name {name}"] += 1
    return found


def differences(english: str, of_english: str, of_portuguese: str) -> list[str]:
    """Returns a line for each place where two texts differ in what no translation changes: what, and where it is.

    Args:
        english: The leading document.
        of_english: Its text.
        of_portuguese: That of its translation.
    """
    portuguese = PORTUGUESE[english]
    ours = read(of_english, lambda link: documents.resolved(english, link), documents.english_numbers)
    theirs = read(of_portuguese, lambda link: english_target(portuguese, link), documents.portuguese_numbers)
    keys, other_keys = ([(block.kind, *sorted(facts.elements())) for block, facts in one] for one in (ours, theirs))
    matcher = SequenceMatcher(None, keys, other_keys, autojunk=False)
    found = []
    for same, begin, end, other_begin, other_end in matcher.get_opcodes():
        left, right = ours[begin:end], theirs[other_begin:other_end]
        if same == "equal":
            continue
        if [block.kind for block, _ in left] == [block.kind for block, _ in right]:
            for (block, facts), (other, other_facts) in zip(left, right, strict=True):
                if facts != other_facts:
                    found.append(
                        f"{english}:{block.line} and {portuguese}:{other.line} ({block.kind}):"
                        f" only in English {listed(facts - other_facts, other_facts)};"
                        f" only in Portuguese {listed(other_facts - facts, facts)}"
                    )
        else:
            found += [f"{english}:{block.line} is not in Portuguese: {quoted(block)}" for block, _ in left]
            found += [f"{portuguese}:{block.line} is not in English: {quoted(block)}" for block, _ in right]
    return found


def listed(facts: Counter[str], others: Counter[str]) -> str:
    """Returns facts in words; of a block of code, the lines that the others lack."""
    known = {line for fact in others for line in fact.splitlines()}
    told = []
    for fact in sorted(facts.elements()):
        lines = fact.splitlines()
        new = [line for line in lines if line not in known]
        told.append(fact if len(lines) == 1 else " / ".join(new) or "only lines that the other has, too")
    return ", ".join(told) or "nothing"


def quoted(block: Block) -> str:
    return f"{block.kind}, {' '.join(block.text.split())[:80]!r}"


@pytest.mark.parametrize("english", PORTUGUESE)
def test_each_document_leads_to_the_other(english: str) -> None:
    assert text_of(PORTUGUESE[english]).startswith(says_what_it_is(english))
    assert text_of(english).split("\n\n", 1)[1].startswith(names_the_translation(english))


@pytest.mark.parametrize("english", PORTUGUESE)
def test_both_languages_say_the_same(english: str) -> None:
    of_english = text_of(english).replace(names_the_translation(english), "\n\n", 1)
    of_portuguese = text_of(PORTUGUESE[english]).replace(says_what_it_is(english), "\n\n", 1)
    found = differences(english, of_english, of_portuguese)
    assert not found, "\n".join(["change both languages:", *found])


@pytest.mark.parametrize("english", PORTUGUESE)
def test_nothing_was_left_in_english(english: str) -> None:
    said = {block.prose for block in documents.blocks(text_of(english)) if not block.is_verbatim}
    for block in documents.blocks(text_of(PORTUGUESE[english])):
        if not block.is_verbatim and len(block.prose.split()) > 4:
            assert block.prose not in said, f"{PORTUGUESE[english]}:{block.line}"


CHANGES = {  # in the Portuguese runbook: what is changed there, and what is told of it
    "a command in a block": ("$ publisher release", "$ publisher hold", "$ publisher release"),
    "an option": ("`--to-staged KEY`", "`--to-last`", "`--to-staged KEY`"),
    "an exit code of a sentence": ("termina com 2 e", "termina com 3 e", "the number 2"),
    "an exit code of a heading": ("Código de saída 141", "Código de saída 142", "the number 141"),
    "a guard's section": ("### too_few_ids", "### too_many_ids", "the name too_few_ids"),
    "a guard without an underscore": ("### stale", "### Parado", "the name stale"),
    "a variable": ("`AWS_REGION`", "`AWS_DEFAULT_REGION`", "`AWS_REGION`"),
    "a message": ('"could not be tried"', '"não pôde ser testado"', '"could not be tried"'),
    "the way to a section": ("(#travas)", "(#onde-olhar)", "docs/runbook.md#guards"),
    "the way to the English page": ("(deploy.md)", "(../deploy.md)", "docs/deploy.md, of which there is"),
    "a number of thousands": ("1.024 bytes", "1.042 bytes", "the number 1024"),
    "the name of a table": ("de int_matched_ids e", "de int_matched e", "int_matched_ids"),
    "a row": ("| `refused` | uma trava recusou |", "| `refused` |", "not in Portuguese: cell 2 of 3"),
    "a section": ("### Código de saída 8\n", "", "not in Portuguese: heading 3"),
    "an item": ("- Um redirecionamento", "Um redirecionamento", "not in Portuguese: item -"),
}


@pytest.mark.parametrize("change", CHANGES)
def test_what_changes_in_one_language_alone_is_told(change: str) -> None:
    old, new, told = CHANGES[change]
    english, portuguese = text_of("docs/runbook.md"), text_of("docs/pt-BR/runbook.md")
    assert old in portuguese
    found = differences("docs/runbook.md", english, portuguese.replace(old, new, 1))
    assert any(told in line for line in found), found


def test_numbers_are_compared_by_what_they_are_worth() -> None:
    assert documents.english_numbers("51,200 bytes, $1.10, Python 3.10") == "51200 bytes, $1.10, Python 3.10"
    assert documents.portuguese_numbers("51.200 bytes, US$ 1,10, Python 3.10") == "51200 bytes, US$ 1.10, Python 3.10"
    assert documents.portuguese_numbers("Lei 13.709/2018") == documents.english_numbers("Lei 13.709/2018")


def test_every_translation_has_its_original() -> None:
    assert set(PORTUGUESE) == {"README.md", "docs/deploy.md", "docs/privacy.md", "docs/runbook.md"}
