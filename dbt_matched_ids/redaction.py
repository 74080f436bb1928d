"""What may be told of an engine's error. The engine's own text is not passed on: it quotes the data it stumbled over.

Taking values out of such a text is a race against the next form of it. So nothing of it is kept, and only this is
looked for in it: words that are written down here or were written by us, the names of files that are known to be
files, and the names of columns that a statement of ours has. What is told is put together from those.
"""

from __future__ import annotations

import errno
import os
import re
import threading
from collections import deque
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TypeVar

_T = TypeVar("_T")

NOT_SHOWN = "The engine's own text may quote the data and is not shown."

# Seven digits and more, in one piece or with the signs of a mask or a date between them.
_LONG_NUMBER = re.compile(r"\d(?:[.\-/ ]?\d){6,}")
_DOCUMENT = re.compile(r"\d(?:[.\-]?\d){10,}")
_LITERAL = re.compile(r"'((?:[^']|'')*)'")
_NAME = re.compile(r'"([^"\n]+)"|`([^`\n]+)`|\b([^\W\d]\w*)')
# Where an engine may name a file: in quotes, or as a word. Whether it is one is asked elsewhere.
_QUOTED = re.compile(r"\"([^\"\n]+)\"|'([^'\n]+)'|(\S*/\S+)")
_LONGEST_PATH = 4096

_said: deque[str] = deque(maxlen=200)


class OwnWords(Exception):
    """An error of our own that an engine passes on inside its text. It holds no data, and is told as it is."""

    def __init__(self, text: str) -> None:
        """Remembers the text, by which it is recognised inside another one.

        Args:
            text: What happened, and what to do.
        """
        super().__init__(remembered(text))


def remembered(text: str) -> str:
    """Returns a text of ours as one line, and recognises it from now on in an error that passes it on."""
    line = " ".join(text.split())
    _said.append(line)
    return line


def own_words(text: str) -> str | None:
    """Returns the longest of our own texts that an engine's text holds, or None."""
    line = " ".join(text.split())
    return max((said for said in tuple(_said) if said in line), key=len, default=None)


def masked(text: str) -> str:
    """Returns a text without its long numbers, for errors that are about names and syntax."""
    return _LONG_NUMBER.sub("(a number)", text)


def phrases(text: str, known: Iterable[str]) -> list[str]:
    """Returns which of these words are in a text, those of the operating system too, each once."""
    system = (os.strerror(number) for number in errno.errorcode)
    lowered = text.lower()
    return [phrase for phrase in dict.fromkeys([*known, *system]) if phrase.lower() in lowered]


class Statements:
    """The columns and files that statements name. A later statement fails over what an earlier one, a view, named."""

    def __init__(self) -> None:
        """Knows none yet."""
        self._columns: set[str] = set()
        self._paths: set[str] = set()
        self._lock = threading.Lock()

    def remember(self, statement: str) -> None:
        """Takes the names in a statement that is about to run."""
        paths = {found[1] for found in _LITERAL.finditer(statement) if "/" in found[1]}
        names = {next(filter(None, found.groups())) for found in _NAME.finditer(_LITERAL.sub("''", statement))}
        with self._lock:
            self._paths |= paths
            self._columns |= {name for name in names if not _LONG_NUMBER.search(name)}

    def column_in(self, text: str) -> str | None:
        """Returns the column that a text speaks of, if it is called like something in a statement."""
        with self._lock:
            names = [name for name in self._columns if name in text]
        spoken_of = [
            name for name in names if re.search(rf"\bcolumn:?\s+[\"'`\[]?{re.escape(name)}(?!\w)", text, re.IGNORECASE)
        ]
        return max(spoken_of, key=len, default=None)

    def file_in(self, text: str, known: Callable[[str], bool]) -> str | None:
        """Returns the file that a text names.

        A value may look like a path. So a file counts if a statement named it, or if it is known to be one.

        Args:
            text: An engine's text.
            known: Whether a path that is not of this machine is that of a file.
        """
        for found in _QUOTED.finditer(text):
            path = next(filter(None, found.groups()))
            with self._lock:
                named = path in self._paths
            if named or known(path) or is_local_file(path):
                return path
        return None


def is_local_file(path: str) -> bool:
    """Whether a path is that of a file of this machine, and does not look as if a document were in it."""
    if not path.startswith("/") or len(path) > _LONGEST_PATH or _DOCUMENT.search(path):
        return False
    try:
        return Path(path).is_file()
    except (OSError, ValueError):  # too long a name, or a sign that no name has
        return False


def without_documents(path: str) -> str:
    """Returns a path in which nothing looks like a document; the name of a day's partition stays as it is."""
    return _DOCUMENT.sub("(a number)", path)


def with_redacted_errors(call: Callable[[], _T], translate: Callable[[Exception], Exception]) -> _T:
    """Calls something, and raises in place of its error what may be told of it.

    The error is raised outside of the place that caught the other one, so that it is not chained to it: dbt logs whole
    tracebacks, and a traceback shows what an error came from.

    Args:
        call: What may fail.
        translate: Returns the error to raise.
    """
    try:
        return call()
    except Exception as error:  # noqa: BLE001 -- whatever it is, its text is not passed on
        failure = translate(error)
    raise failure
