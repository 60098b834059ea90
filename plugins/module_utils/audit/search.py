# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Search an audit trail: by credential, action, caller, host, time and result (B7). Nothing is verified here."""

from __future__ import annotations

import fnmatch
import re
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from typing import Any, Callable, Dict, Iterator, List, Mapping, Optional, Pattern, Tuple

from ansible_collections.nebula.credential.plugins.module_utils.audit.verification import is_within, read_parsed

Texts = Tuple[str, ...]

_MEMBERS: Mapping[str, Texts] = {
    "names": ("name",),
    "actions": ("action",),
    "operations": ("operation",),
    "results": ("result",),
    "users": ("user", "username", "uid"),
    "hosts": ("host",),
}
"""The members of an entry that each filter looks at. One that matches is enough."""


@dataclass(frozen=True)
class Search:
    """The entries that are wanted. Each filter has texts with `*`, `?` and `[…]`, of which one must match; an empty one is none.

    Attributes:
        names: names of credentials.
        actions: actions, for example `read`.
        operations: names of lookups and modules.
        results: results, for example `ok`.
        users: the asserted user, the login name or the user id.
        hosts: hosts of plays.
        violations: whether an entry has to be a violation, or must not be one.
        since: the first time.
        until: the time before which an entry must be.
        store: the store's name, for a trail that several stores share.
    """

    names: Texts = ()
    actions: Texts = ()
    operations: Texts = ()
    results: Texts = ()
    users: Texts = ()
    hosts: Texts = ()
    violations: Optional[bool] = None
    since: Optional[datetime] = None
    until: Optional[datetime] = None
    store: Optional[str] = None

    def build_filter(self) -> Callable[[Mapping[str, Any]], bool]:
        """Return a predicate for entries."""
        patterns = [(members, _compile(getattr(self, name))) for name, members in _MEMBERS.items() if getattr(self, name)]
        timed = self.since is not None or self.until is not None

        def matches(entry: Mapping[str, Any]) -> bool:
            return (
                (self.store is None or entry.get("store") == self.store)
                and (self.violations is None or entry.get("violation", False) is self.violations)
                and all(_has_match(entry, members, pattern) for members, pattern in patterns)
                and (not timed or is_within(entry, self.since, self.until))
            )

        return matches

    def describe(self) -> Dict[str, str]:
        """Return the filters that are set, as text."""
        texts: Dict[str, str] = {name: ", ".join(getattr(self, name)) for name in _MEMBERS if getattr(self, name)}
        if self.violations is not None:
            texts["violations"] = "only" if self.violations else "none"
        for name in ("since", "until"):
            time: Optional[datetime] = getattr(self, name)
            if time is not None:
                texts[name] = time.strftime("%Y-%m-%dT%H:%M:%SZ")
        return texts


def last_days(days: float, at: Optional[datetime] = None) -> datetime:
    """Return the time so many days before `at`, by default now: `Search(since=last_days(30))`."""
    return (at or datetime.now(timezone.utc)) - timedelta(days=days)


def read_entries(path: str, pause: Callable[[], object] = lambda: None) -> Iterator[Dict[str, Any]]:
    """Yield the entries of a trail with their `chain`, oldest first, over all of its files. A line that is no entry is left out.

    Args:
        path: the file that is written to. The turned files are next to it.
        pause: called after every few lines, so that other threads can run.

    Raises:
        NotFound: there is no such file.
    """
    for line in read_parsed(path, pause):
        yield dict(line.entry, chain=line.chain.decode("ascii"))


def _compile(texts: Texts) -> Pattern[str]:
    return re.compile("|".join(map(fnmatch.translate, texts)))


def _has_match(entry: Mapping[str, Any], members: Texts, pattern: Pattern[str]) -> bool:
    values: List[Any] = [entry[member] for member in members if member in entry]
    return any(pattern.match(str(value)) for value in values)
