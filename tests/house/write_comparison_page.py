# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Writes the page that compares the backends: `python -m tests.house.write_comparison_page`. Needs the collection on PYTHONPATH.

It is written from what each backend declares (its capabilities and limits, and the choices of its harness) and from what
`python -m tests.bench.figures` has measured. It names no backend itself. A test compares the page with what this writes, another one
counts the requests again.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Callable, Dict, Iterable, Iterator, List, Mapping, Optional, Sequence, Tuple

import yaml

from ansible_collections.nebula.credential.plugins.module_utils.backends.base import BackendContext, Capabilities
from ansible_collections.nebula.credential.plugins.module_utils.backends.registry import backend_class, read_traits
from ansible_collections.nebula.credential.plugins.module_utils.store.open import COMMON_OPTIONS, _validate
from tests.backends.discovery import HARNESSES
from tests.backends.harness import Choice, Place, StoreKind
from tests.bench.figures import GOAL_OF_CLOUDS, index_kinds
from tests.bench.kept import read_figures, read_plays

CHECKOUT = Path(__file__).resolve().parents[2]
PAGE = CHECKOUT / "docs" / "integrations" / "backends" / "comparison.md"
HEAD = """\
<!--
Copyright (c) 2026, the nebula.credential authors
GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
SPDX-License-Identifier: GPL-3.0-or-later
-->

<!-- Written by a script from the declarations of the backends and from measurements: do not edit. -->

# Backends compared

Plays are the same on all of them ([one playbook](../../examples/every-backend.md)), so a choice is no commitment: `default` in \
`nebula.yml` is the line that switches.
"""
NONE = "–"
YES = "yes"
UNDER_A_LOCK = "with a [lock](../../how-to/locks.md)"


@dataclass(frozen=True)
class Compared:
    """A choice with what its backend declares about it."""

    choice: Choice
    backend: str
    able: Capabilities

    @property
    def link(self) -> str:
        """Its name, as a link to its page."""
        return "[{0}]({1})".format(self.choice.name, self.choice.page or self.backend + ".md")


Test = Callable[[Compared], bool]


def is_kept(one: Compared) -> bool:
    """Return whether values outlive the process, and can be read again."""
    return one.able.persistent and not one.able.leased and not one.able.write_only


GUIDE: Sequence[Tuple[str, Test]] = (
    (
        "**One machine, and no server**: a laptop, a controller, a repository.",
        lambda one: is_kept(one) and one.choice.place == Place.MACHINE,
    ),
    (
        (
            "**Several hosts or controllers, and other tools or applications read the values too.** They see them as they expect to. "
            "Write `encrypt: true` as well if none of them has to."
        ),
        lambda one: is_kept(one) and one.choice.place == Place.SERVER and one.able.native,
    ),
    (
        "**Several hosts or controllers, and only Ansible reads the values.** They are encrypted before they leave the controller.",
        lambda one: is_kept(one) and one.choice.place == Place.SERVER and not one.able.native,
    ),
    ("**A cloud account.** [What it costs](#what-it-costs).", lambda one: is_kept(one) and one.choice.place == Place.CLOUD),
    ("**Another tool, or a place of your own.** A program reads and writes it.", lambda one: one.choice.place == Place.PROGRAM),
    ("**Nothing must be kept at all.** A login is leased for the run, and ends with it.", lambda one: one.able.leased),
    (
        "**Jobs of a CI service need a value.** They get a [copy](../../how-to/mirror.md), and nothing reads it back.",
        lambda one: one.able.write_only,
    ),
    ("**A test, or a program that uses the library.**", lambda one: not one.able.persistent),
)
CHECKS: Sequence[Tuple[str, Test]] = (
    (
        (
            "**Several writers, or a rotation of passwords**, with no more than the store: no writer overwrites another one. The others "
            "need a [lock](../../how-to/locks.md)."
        ),
        lambda one: one.able.native_cas,
    ),
    (
        "**Who read what, in one place for all controllers**: the audit trail is on the server, and elsewhere a file on each controller.",
        lambda one: one.able.audit_log,
    ),
    ("**A delete that can be taken back.**", lambda one: one.able.soft_delete),
    ("**Older versions of a value.**", lambda one: one.able.versions),
    ("**Many credentials read at once**, in fewer requests than one by one.", lambda one: one.able.batch_get),
)
FEATURES: Mapping[str, Callable[[Compared], str]] = {
    "several writers, rotation": lambda one: YES if one.able.native_cas else UNDER_A_LOCK if one.able.stages else NONE,
    "older versions": lambda one: YES if one.able.versions else NONE,
    "a delete can be taken back": lambda one: YES if one.able.soft_delete else NONE,
    "several values at once": lambda one: YES if one.able.batch_get else NONE,
    "other tools read it": lambda one: YES if one.able.native and not one.able.write_only else NONE,
    "encrypted by the collection": lambda one: NONE if not one.able.envelopes else "with `encrypt: true`" if one.able.native else YES,
    "encrypted by the server": lambda one: YES if one.able.server_side_encryption else NONE,
    "one audit trail": lambda one: YES if one.able.audit_log else NONE,
}
LIMITS: Mapping[str, Callable[[Compared], str]] = {
    "the largest value": lambda one: describe_size(one.able.max_bytes),
    "tags": lambda one: NONE if one.able.max_tags is None else "{0}".format(one.able.max_tags),
    "operations at once": lambda one: str(min(8, one.able.parallel)),
    "kept on": lambda one: one.choice.place.value if is_kept(one) else NONE,
    "least rights": lambda one: one.choice.rights,
    "tried on": lambda one: one.choice.tried,
}


def read_compared() -> List[Compared]:
    """Return every choice of every backend. Raises InvalidConfiguration if the configuration of one is wrong."""
    return [Compared(choice, name, read_capabilities(choice.config)) for name, harness in HARNESSES.items() for choice in harness.choices]


def read_capabilities(config: str) -> Capabilities:
    """Return what a store with this configuration can do. Nothing is opened."""
    written = yaml.safe_load(config)
    traits = read_traits(written["backend"])
    options = _validate(written, {**COMMON_OPTIONS, **traits.spec}, traits)
    return backend_class(written["backend"])(options, BackendContext("compared")).capabilities


def build_page() -> str:
    """Return the text of the page."""
    compared, figures = read_compared(), read_figures()
    parts = [HEAD, *_describe_guide(compared)]
    parts += ["## What they can do\n\n" + build_table(compared, FEATURES), "## Limits and rights\n\n" + build_table(compared, LIMITS)]
    parts += ["A size is that of the value as it is stored, and is checked before the call. – means that none is stated.\n"]
    parts += [*_describe_requests(compared, figures), *_describe_times(compared, figures), build_prices(compared, figures)]
    return "\n".join([*parts, *_describe_plays(read_plays())])


def build_table(compared: Sequence[Compared], cells: Mapping[str, Callable[[Compared], str]]) -> str:
    """Return a table with a row for each choice."""
    return _build_rows(cells, ((one.link, *(cell(one) for cell in cells.values())) for one in compared))


def _build_rows(columns: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    """Return a table whose first column has no title."""
    lines = [["", *columns], *([*row] for row in rows)]
    shown = ["| {0} |".format(" | ".join(line)).replace("|  |", "| |") for line in lines]
    return "\n".join([shown[0], "|" + "---|" * len(lines[0]), *shown[1:], ""])


def describe_size(size: Any) -> str:
    """Return a number of bytes as people read it."""
    if size is None:
        return NONE
    for unit, factor in (("MiB", 2**20), ("KiB", 2**10)):
        if size % factor == 0:
            return "{0} {1}".format(size // factor, unit)
    return "{0:,} bytes".format(size)


def _describe_guide(compared: Sequence[Compared]) -> Iterator[str]:
    yield "## Which one\n\n1. What is there, or may be used?\n"
    for question, test in GUIDE:
        found = [one for one in compared if test(one)]
        if found:
            yield "   - {0}\n".format(question)
            yield "".join("     - {0}: `{1}`{2}\n".format(one.link, one.choice.config, _note(one)) for one in found)
    yield "2. Of those, which can do what is needed?\n"
    for need, test in CHECKS:
        yield "   - {0} {1}\n".format(need, ", ".join(one.link for one in compared if test(one)))
    yield "3. If there is still a choice: take the one whose server is watched and backed up already.\n"


def _note(one: Compared) -> str:
    return " ({0})".format(one.choice.note) if one.choice.note else ""


def _list_measured(compared: Sequence[Compared], figures: Mapping[str, Any]) -> Iterator[Tuple[str, StoreKind, Dict[str, Any]]]:
    """Yield each kind of store that was measured, with its name on the page and its figures."""
    kinds = index_kinds()
    for one in compared:
        for label in one.choice.kinds:
            if label in figures:
                option = ", `encrypt: {0}`".format(str(kinds[label].encrypted).lower()) if len(one.choice.kinds) > 1 else ""
                yield one.choice.name + option, kinds[label], figures[label]


def _describe_requests(compared: Sequence[Compared], figures: Mapping[str, Any]) -> Iterator[str]:
    counted = [(name, kind, one["requests"]) for name, kind, one in _list_measured(compared, figures) if one["requests"]]
    steps = list(dict.fromkeys(step for _name, _kind, requests in counted for step in requests))
    yield (
        "## Requests\n\n"
        "What one operation on an open store takes, counted by the server (a database counts statements). A run has one login more, and "
        "reads each credential once, whatever the number of hosts and tasks. What a write takes more than one request is for its "
        "guarantees: no writer overwrites another unnoticed, and the previous value is kept. A rotation is one with `target: none`.\n"
    )
    rows = (
        (name, *(_describe_count(made.get(step, "refused")) for step in steps), str(kind.most.get("envelope", NONE)))
        for name, kind, made in counted
    )
    yield _build_rows([*steps, "a new master key, for each envelope"], rows)


def _describe_count(counted: Any) -> str:
    return "1 a page of all" if counted is None else str(counted)


def _describe_times(compared: Sequence[Compared], figures: Mapping[str, Any]) -> Iterator[str]:
    measured = [(name, one) for name, _kind, one in _list_measured(compared, figures)]
    yield (
        "## Times\n\n"
        "`make bench` prints them for your machine. The server is on the same machine, so the network is not in them: on another machine "
        "each request takes a round trip more. Milliseconds that half, 95 and 99 of 100 calls did not exceed, and calls a second, one "
        "after the other, in a process that has the store open. The bare client is the service's own library. A cloud is measured on a "
        "server that speaks its interface, so these figures show what the collection adds, and not how fast the cloud is.\n"
    )
    columns = ("read, p50 / p95 / p99", "reads a second", "bare client, p50", "write over a value", "writes a second", "server")
    yield _build_rows(columns, (_describe_row(name, one) for name, one in measured))
    machines = sorted({"{day} on {machine}".format(**one) for _name, one in measured})
    loads = sorted(one["load"] for _name, one in measured)
    if measured:
        yield "Measured {0}; the load of the machine was {1} to {2}.\n".format(" and ".join(machines), loads[0], loads[-1])
    yield "The goal of a cloud is a p95 below {0} ms, with its network.\n".format(GOAL_OF_CLOUDS)


def _describe_row(name: str, one: Mapping[str, Any]) -> Iterable[str]:
    read, write, bare = (one["times"].get(what) for what in ("read", "write", "bare read"))
    cells = [form.format(**times) for times in (read, write) for form in ("{p50} / {p95} / {p99}", "{a second:,}")]
    return (name, *cells[:2], str(bare["p50"]) if bare else NONE, *cells[2:], one["server"] or NONE)


def build_prices(compared: Sequence[Compared], figures: Mapping[str, Any]) -> str:
    """Return the section about what calls cost, by the requests that were counted."""
    free = [one.choice.name for one in compared if one.choice.price is None]
    priced = [one for one in compared if one.choice.price is not None]
    lines = ["## What it costs\n", *(["No price for a call: {0}.\n".format("; ".join(free))] if free else [])]
    if priced:
        lines.append("US dollars, beyond what is free for everyone. A write is priced as if each of its requests returned a value.\n")
        columns = ("10,000 calls", "10,000 reads", "10,000 writes over a value", "stored, a month", "looked up")
        lines.append(_build_rows(columns, (_describe_price(one, figures) for one in priced)))
    return "\n".join(lines)


def _describe_price(one: Compared, figures: Mapping[str, Any]) -> Iterable[str]:
    price = one.choice.price
    assert price is not None
    made = next((figures[label]["requests"] for label in one.choice.kinds if label in figures), {})
    read, write = made.get("read one"), made.get("write over a value")
    others = "" if price.other_calls is None else "; {0:g} if they return no value".format(price.other_calls)
    return (
        one.link,
        "{0:g}{1}".format(price.calls, others),
        NONE if read is None else "{0:.2f}".format(read * price.calls),
        NONE if write is None else "{0:.2f} at most".format(write * price.of_a_write()),
        "{0:g} for each {1}".format(price.stored, price.unit) if price.stored else NONE,
        "[{0}]({1})".format(price.as_of, price.source),
    )


def _describe_plays(plays: Mapping[str, Any]) -> Iterator[str]:
    ways = list(dict.fromkeys(way for play in plays.values() for way in play))
    yield (
        "## In plays\n\n"
        "What a whole run takes, as the server counts it: reads, and logins where there are any. The lookups of other collections are on "
        "the same server, or on one of the bench that answers them; one that reads a single secret is called ten times by each host. "
        "[Performance](../../advanced/performance.md#in-plays) has the time that these plays take.\n"
    )
    yield _build_rows(plays, ([way, *(_describe_way(play.get(way)) for play in plays.values())] for way in ways))


def _describe_way(counted: Optional[Mapping[str, Any]]) -> str:
    if counted is None:
        return NONE
    found = [(counted[what + "s"], what) for what in ("login", "read") if counted[what + "s"] is not None]
    return ", ".join("{0} {1}{2}".format(number, what, "" if number == 1 else "s") for number, what in found)


if __name__ == "__main__":
    PAGE.write_text(build_page(), encoding="utf-8")
