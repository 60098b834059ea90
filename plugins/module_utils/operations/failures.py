# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The message about several credentials of which some failed."""

from __future__ import annotations

from typing import Mapping, Sequence

NAMED = 10
"""The greatest number of credentials that a message names."""


def describe_failures(failed: Sequence[Mapping[str, str]], total: int) -> str:
    """Return one message for all failures.

    Args:
        failed: for each failed credential, at least one, its `name`, `code` and `msg`.
        total: the number of credentials, with those that did not fail.
    """
    names = ", ".join("'{0}' ({1})".format(one["name"], one["code"]) for one in failed[:NAMED])
    others = " and {0} more".format(len(failed) - NAMED) if len(failed) > NAMED else ""
    return "{0} of {1} failed: {2}{3}. The first: {4}".format(len(failed), total, names, others, failed[0]["msg"])
