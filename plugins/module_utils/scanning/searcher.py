# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""All values in all forms as one Aho-Corasick automaton, which reads each byte once, however many values there are."""

from __future__ import annotations

from typing import Any, Dict, Iterable, Iterator, List, NamedTuple, Tuple

from ansible_collections.nebula.credential.plugins.module_utils.errors import Package, check_packages
from ansible_collections.nebula.credential.plugins.module_utils.model.secret import Secret
from ansible_collections.nebula.credential.plugins.module_utils.scanning.forms import Pattern, list_patterns
from ansible_collections.nebula.credential.plugins.module_utils.scanning.stored_values import Origin

PACKAGE = Package("pyahocorasick>=2.1", "ahocorasick", "the module `scan`")
COVER = "*****"


class Hit(NamedTuple):
    """A value that was found.

    Attributes:
        offset: of the value's first byte, from 0.
        line: the line of that byte, from 1.
        form: how the value is written there.
        origins: the credentials that have it.
    """

    offset: int
    line: int
    form: str
    origins: Tuple[Origin, ...]


class Searcher:
    """Searches bytes for values. It holds them, and nothing shows them."""

    def __init__(self, values: Iterable[Tuple[Origin, Secret]]) -> None:
        """Build the automaton.

        Raises:
            MissingLibrary: pyahocorasick is not installed.
        """
        check_packages([PACKAGE])
        import ahocorasick

        # Its usual build reads text, the other one (AHOCORASICK_BYTES) bytes. Latin-1 gives each byte a character of its own.
        self._reads_text = bool(ahocorasick.unicode)
        self._found: List[Tuple[Pattern, List[Origin]]] = []
        self._automaton = ahocorasick.Automaton()
        numbers: Dict[bytes, int] = {}
        for origin, value in values:
            for pattern in list_patterns(value.expose()):
                self._add(pattern, origin, numbers)
        self._automaton.make_automaton()

    def __repr__(self) -> str:
        return "Searcher({0} texts)".format(len(self._found))

    def _add(self, pattern: Pattern, origin: Origin, numbers: Dict[bytes, int]) -> None:
        number = numbers.setdefault(pattern.text, len(self._found))
        if number == len(self._found):
            self._found.append((pattern, []))
            self._automaton.add_word(self._encode(pattern.text), number)
        origins = self._found[number][1]
        if (origin.name, origin.field) not in [(known.name, known.field) for known in origins]:
            origins.append(origin)

    def _encode(self, content: bytes) -> Any:
        return content.decode("latin-1") if self._reads_text else content

    def search(self, chunks: Iterable[bytes]) -> Iterator[Hit]:
        """Yield what is in the bytes that the chunks are together, in the order of the ends. The automaton goes on from chunk to chunk."""
        if not self._found:
            for _chunk in chunks:
                pass
            return
        matches = self._automaton.iter(self._encode(b""))
        begin, lines = 0, 1
        for chunk in chunks:
            matches.set(self._encode(chunk))
            counted = 0
            for last, number in matches:
                end = last + 1 - begin
                lines += chunk.count(b"\n", counted, end)
                counted = end
                pattern, origins = self._found[number]
                offset = max(0, last + 1 - len(pattern.text) - pattern.before)
                yield Hit(offset, max(1, lines - pattern.lines), pattern.form, tuple(origins))
            lines += chunk.count(b"\n", counted)
            begin += len(chunk)

    def cover(self, text: str) -> str:
        """Return a text, for example the name of a file, with each value in it replaced."""
        content = text.encode("utf-8")
        spans = self._find_spans(content)
        for start, end in reversed(spans):
            content = content[:start] + COVER.encode("ascii") + content[end:]
        return content.decode("utf-8", "replace") if spans else text

    def _find_spans(self, content: bytes) -> List[Tuple[int, int]]:
        """Return where values are, as ranges that do not overlap, in order."""
        if not self._found:
            return []
        found = sorted(
            (last + 1 - len(self._found[number][0].text), last + 1) for last, number in self._automaton.iter(self._encode(content))
        )
        spans: List[Tuple[int, int]] = []
        for start, end in found:
            if spans and start <= spans[-1][1]:
                spans[-1] = (spans[-1][0], max(end, spans[-1][1]))
            else:
                spans.append((start, end))
        return spans

    def wipe(self) -> None:
        """Forget the values, as far as Python allows."""
        self._automaton.clear()
        self._found.clear()
