"""Reads Markdown as far as tests compare it: blocks, links, anchors, and what must be the same in every language."""

from __future__ import annotations

import posixpath
import re
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from benchmarks import report
from tests.conftest import PROJECT

_LINK = re.compile(r"\[([^]]*)\]\(([^)\s]+)\)")
_CODE = re.compile(r"`([^`]+)`")
_BEGINS = re.compile(r" *(?:#+ |- |\d+\. |\||```)")
_NUMBER = re.compile(r"(?<![\w.])\d+(?:\.\d+)*")
_NAME = re.compile(r"\b(?:\w+_\w+|\w*[a-z][A-Z]\w*)\b")  # int_matched_ids, CopyObject: no words of any language


def text_of(document: str) -> str:
    return (PROJECT / document).read_text()


def slugs(text: str) -> list[str]:
    """Returns what a link can name in a document, as the usual renderers make it from headings, in their order."""
    headings = re.findall(r"^#+ (.+)$", re.sub(r"```.*?```", "", text, flags=re.DOTALL), re.MULTILINE)
    return [re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings]


@dataclass(frozen=True)
class Block:
    """A heading, paragraph, item of a list, cell of a table, block of code, or what a program wrote into the document.

    Attributes:
        kind: What it is, and where in its row or how deep it is.
        line: Where it begins in its document, counted from 1.
        text: As it stands there.
    """

    kind: str
    line: int
    text: str

    @property
    def is_verbatim(self) -> bool:
        return self.kind in ("code", "generated")

    @property
    def prose(self) -> str:
        """The words of a person: without code, links and signs."""
        return " ".join(re.findall(r"[^\W\d_]+", _CODE.sub(" ", _LINK.sub(r"\1", self.text))))


def blocks(text: str) -> Iterator[Block]:
    """Yields what a document consists of, each cell of a table by itself."""
    lines = text.splitlines()
    at = 0
    while at < len(lines):
        begin, line = at, lines[at]
        at += 1
        if fence := re.match(r" *```", line):
            while lines[at] != fence[0]:
                at += 1
            at += 1
            yield Block("code", begin + 1, "\n".join(lines[begin:at]))
        elif line == report.BEGIN:
            at = lines.index(report.END, at) + 1
            yield Block("generated", begin + 1, "\n".join(lines[begin:at]))
        elif line.startswith("|"):
            if not re.fullmatch(r"[|-]+", line):
                cells = line.strip("|").split("|")
                for number, cell in enumerate(cells, 1):
                    yield Block(f"cell {number} of {len(cells)}", begin + 1, cell.strip())
        elif heading := re.match(r"#+ ", line):
            yield Block(f"heading {len(heading[0]) - 1}", begin + 1, line)
        elif line.strip():
            while at < len(lines) and lines[at].strip() and not _BEGINS.match(lines[at]):
                at += 1
            item = re.match(r" *(-|\d+\.|>) ", line)
            yield Block(f"item {item[1]}" if item else "paragraph", begin + 1, "\n".join(lines[begin:at]))


def english_numbers(text: str) -> str:
    """Returns a text with its numbers as a program writes them: 51,200 is 51200."""
    return re.sub(r"(?<=\d),(?=\d{3}\b)", "", text)


def portuguese_numbers(text: str) -> str:
    """Returns a text with its numbers as a program writes them: 51.200 is 51200, 0,50 is 0.50; not Lei 13.709/2018."""
    return re.sub(r"(?<=\d),(?=\d)", ".", re.sub(r"(?<=\d)\.(?=\d{3}\b(?!/))", "", text))


def resolved(document: str, link: str) -> str:
    """Returns a link of a document as one from the project's folder; one to another site as it is."""
    if link.startswith(("http://", "https://")):
        return link
    path, sign, anchor = link.partition("#")
    target = posixpath.normpath(posixpath.join(posixpath.dirname(document), path)) if path else document
    return target + sign + anchor


def facts(block: Block, target: Callable[[str], str], numbers: Callable[[str], str]) -> Counter[str]:
    """Returns what no translation changes in a block, and how often it is there.

    Args:
        block: Of a document in any language.
        target: Makes of a link the one that the leading document has.
        numbers: Writes numbers as a program does.
    """
    if block.is_verbatim:
        return Counter([block.text])
    found: Counter[str] = Counter(f"link to {target(link)}" for _, link in _LINK.findall(block.text))
    found.update(f"`{' '.join(span.split())}`" for span in _CODE.findall(block.text))
    plain = _CODE.sub("", _LINK.sub(r"\1", block.text))
    without_links = _CODE.sub("", _LINK.sub("", block.text))
    found.update(f'"{message}"' for message in re.findall(r'"([^"]*)"', without_links) if message)
    found.update(f"the number {number}" for number in _NUMBER.findall(numbers(plain)))
    found.update(set(_NAME.findall(plain)))  # once: how often a sentence repeats a name is its language's
    return found
