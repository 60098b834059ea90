# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Key sources that load what their options name (the library of an HSM): who may write such an entry."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ansible_collections.nebula.credential.plugins.module_utils.crypto.key_sources.options import OPTION, SOURCES
from ansible_collections.nebula.credential.plugins.module_utils.store.aliases import list_source_kinds
from ansible_collections.nebula.credential.plugins.plugin_utils.config.third_party import check_allowed


def admit_key_sources(config: Mapping[str, Any], is_of_file: bool, read_allowed: Callable[[], tuple[str, ...]]) -> None:
    """Check that a store may use its key sources. What is no source is left to the store.

    Args:
        config: the store's configuration.
        is_of_file: whether the configuration file defines the store. Its author is trusted to run code; a variable or a task is not.
        read_allowed: returns the full names that the configuration file allows to others.

    Raises:
        InvalidConfiguration: the file neither defines the store nor allows the source.
    """
    for kind in list_source_kinds(config):
        if kind in SOURCES and SOURCES[kind].runs_programs:
            check_allowed(kind, "key source", OPTION, is_of_file, read_allowed)
