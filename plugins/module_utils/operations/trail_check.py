# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The result of a check of an audit trail's chain, for people and for programs."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any, Dict, List, Optional

from ansible_collections.nebula.credential.plugins.module_utils.audit.trail import Trail
from ansible_collections.nebula.credential.plugins.module_utils.audit.usage_totals import let_others_run
from ansible_collections.nebula.credential.plugins.module_utils.audit.verification import (
    MARK_UNREADABLE,
    OTHER_KEY,
    UNFINISHED,
    ChainCheck,
    Finding,
    check_chain,
)
from ansible_collections.nebula.credential.plugins.module_utils.errors import CredentialError, NotFound

VERIFIED, BROKEN, UNVERIFIABLE = "verified", "broken", "unverifiable"
SHOWN = 100
"""The greatest number of faults that a result lists."""

_NO_KEY = "no_key"
_NO_CHAIN = "no_chain"
_UNCERTAIN = {
    OTHER_KEY: "entries are chained with a key that the store does not have",
    MARK_UNREADABLE: "there is no mark of the end of the chain that this key confirms: entries that are missing at the end are not found",
}
"""Faults that keep a chain from being checked. The others, except a line whose writer died, show that it is broken."""


@dataclass(frozen=True)
class Verification:
    """What a check has found.

    Attributes:
        status: `verified`, `broken` or `unverifiable`.
        keyed: whether only a holder of the store's key could have made the chain; without a key anyone could.
        code: why it is unverifiable, in one stable word.
        reason: the same for a person.
        entries: how many lines were checked.
        findings: the first faults, as `Finding`.
        total: how many faults there are.
        kinds: how many there are of each kind.
    """

    status: str
    keyed: bool = False
    code: Optional[str] = None
    reason: Optional[str] = None
    entries: int = 0
    findings: List[Dict[str, Any]] = field(default_factory=list)
    total: int = 0
    kinds: Dict[str, int] = field(default_factory=dict)


def verify_trail(trail: Trail) -> Verification:
    """Check the chain of a trail over all of its files. A reader who cannot read the chain's key gets `unverifiable`.

    Raises:
        NotFound: there is no trail, or it cannot be read.
    """
    try:
        keys, key = trail.keys(), trail.key
    except NotFound:
        raise
    except CredentialError as error:
        return Verification(UNVERIFIABLE, code=error.code, reason="the key of the chain cannot be read: {0}".format(error))
    if key is None:
        return Verification(UNVERIFIABLE, code=_NO_KEY, reason="the store has no key, so nothing was ever stored in it")
    return _judge(check_chain(trail.path, keys, key.mark_path, SHOWN, let_others_run), bool(keys))


def verify_table() -> Verification:
    """Return the result for the rows of a database, which are not chained."""
    reason = "the rows of the table are not chained; the trail of each controller ('source: file') is"
    return Verification(UNVERIFIABLE, code=_NO_CHAIN, reason=reason)


def _judge(check: ChainCheck, keyed: bool) -> Verification:
    uncertain = [kind for kind in _UNCERTAIN if kind in check.kinds]
    is_broken = bool(set(check.kinds) - set(_UNCERTAIN) - {UNFINISHED})
    status = BROKEN if is_broken else UNVERIFIABLE if uncertain else VERIFIED
    return Verification(
        status,
        keyed,
        uncertain[0] if status == UNVERIFIABLE else None,
        _UNCERTAIN[uncertain[0]] if status == UNVERIFIABLE else None,
        check.lines,
        [asdict(finding) for finding in check.findings],
        sum(check.kinds.values()),
        check.kinds,
    )


def describe_check(verification: Optional[Verification]) -> str:
    """Return the result as a sentence."""
    if verification is None:
        return "not checked"
    if verification.status == UNVERIFIABLE:
        return "unverifiable: {0}".format(verification.reason)
    if verification.status == VERIFIED:
        keyed = "with the store's key" if verification.keyed else "a chain without a key, which shows accidents and careless edits"
        return "verified, {0:,} entries, {1}".format(verification.entries, keyed)
    first = [_describe_finding(Finding(**each)) for each in verification.findings[:3]]
    return "broken: {0}{1}".format("; ".join(first), ", …" if verification.total > len(first) else "")


def _describe_finding(finding: Finding) -> str:
    place = " at entry {0}".format(finding.sequence) if finding.sequence is not None else " in line {0}".format(finding.line)
    return finding.kind + place
