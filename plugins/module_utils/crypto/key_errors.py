# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Why no key source opens a store: the problem of each source, in one error."""

from __future__ import annotations

from typing import Iterable, Optional, Sequence, Tuple

from ansible_collections.nebula.credential.plugins.module_utils.crypto.key_slots import Slot, describe_source
from ansible_collections.nebula.credential.plugins.module_utils.crypto.key_sources.options import OPTION
from ansible_collections.nebula.credential.plugins.module_utils.errors import (
    AccessDenied,
    CredentialError,
    Damaged,
    InvalidConfiguration,
    KeySourceUnavailable,
    MissingKey,
    StorageError,
    Tampered,
    WrongPassphrase,
)

Problem = Tuple[str, Optional[CredentialError]]
"""A source by kind and label, and its problem; None if the store has no slot for it."""

_RESTORE = "Restore the store's document (metadata.json) from a backup."

_MOST_TELLING_FIRST = (
    Tampered,
    Damaged,
    InvalidConfiguration,
    AccessDenied,
    StorageError,
    WrongPassphrase,
    KeySourceUnavailable,
    MissingKey,
)


def none_opens(problems: Sequence[Problem], slots: Sequence[Slot], broken: bool) -> CredentialError:
    """Return one error for the problems of all sources.

    Args:
        problems: in the order of `key_sources`; several for a source that was tried on several slots.
        slots: the readable slots of the active key.
        broken: the store has other slots, which cannot be read: their sources are unknown.
    """
    if not any(problem for _source, problem in problems):
        return _without_slot("no configured key source has a slot in this store", slots, broken)
    without = _without_slot("it has no slot in this store", slots, broken)
    return combine_errors([(source, problem or without) for source, problem in problems])


def _without_slot(what: str, slots: Iterable[Slot], broken: bool) -> CredentialError:
    if broken:
        return Damaged("a key slot of the store is damaged", option=OPTION, remedy=_RESTORE)
    there = ", ".join(describe_source(slot.terms) for slot in slots) or "none"
    return MissingKey(what, option=OPTION, remedy="It can be opened with: {0}.".format(there))


def combine_errors(problems: Sequence[Tuple[str, CredentialError]]) -> CredentialError:
    """Return one error for one or more problems. A source with the same problem on several slots is listed once.

    Its class is the one that all problems share, else the most specific: unexpected errors, Tampered, Damaged (someone or something
    changed what was written); InvalidConfiguration, AccessDenied, StorageError (the source exists but cannot be used);
    WrongPassphrase (it was used, and is another one); KeySourceUnavailable (this run has no value for it); MissingKey (it is
    gone, or has no slot). Among equals the first source's class counts.
    """
    told = list({(source, problem.what): (source, problem) for source, problem in problems}.values())
    if len(told) == 1:
        return told[0][1]
    kind = type(min((problem for _source, problem in told), key=_weight))
    what = "; ".join(_of(source, problem) for source, problem in told)
    remedies = " ".join("'{0}': {1}".format(source, problem.remedy) for source, problem in told if problem.remedy)
    return kind(
        "none of the key sources opens the store: {0}".format(what),
        option=OPTION,
        remedy="One of them is enough. {0}".format(remedies).rstrip(),
    )


def _weight(problem: CredentialError) -> int:
    return next((place for place, kind in enumerate(_MOST_TELLING_FIRST) if isinstance(problem, kind)), -1)


def _of(source: str, problem: CredentialError) -> str:
    """Return the text of a problem, with its source unless the text names it already."""
    kind = source.partition(":")[0]
    return problem.what if "'" + kind in problem.what else "'{0}': {1}".format(source, problem.what)
