# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""From a store's `lock`, or its `single_writer`, to the place that keeps its locks. Uses no network."""

from __future__ import annotations

import os
import re
from typing import Any, Callable, Dict, Mapping, NamedTuple, Optional

from ansible_collections.nebula.credential.plugins.module_utils.backends.option_sources import (
    fill_from_environment,
    name_part,
    name_variable,
)
from ansible_collections.nebula.credential.plugins.module_utils.backends.traits import BackendTraits, Spec
from ansible_collections.nebula.credential.plugins.module_utils.errors import InvalidConfiguration
from ansible_collections.nebula.credential.plugins.module_utils.locks.base import LockService
from ansible_collections.nebula.credential.plugins.module_utils.locks.options import COMMON, OPTION, SINGLE_WRITER
from ansible_collections.nebula.credential.plugins.module_utils.locks.registry import FILE, find_row

Validate = Callable[[Mapping[str, Any], Spec, BackendTraits], Dict[str, Any]]
"""Checks a configuration by its specification, and returns it with defaults and converted types."""
_PREFIX = re.compile(r"[a-z0-9]([a-z0-9-]{0,28}[a-z0-9])?\Z")
_LONGEST = 3600.0


class StoreLock(NamedTuple):
    """The lock of a store.

    Attributes:
        service: what keeps the locks.
        prefix: separates the stores that share the service.
        wait: how long a write waits for other holders, in seconds.
        excludes_all: every writer respects it. Of a `single_writer` only the processes of this user on this machine do.
    """

    service: LockService
    prefix: str
    wait: float
    excludes_all: bool


def build_lock(options: Mapping[str, Any], store: str, warn: Callable[[str], object], validate: Validate) -> Optional[StoreLock]:
    """Return the lock of a store; None if neither option is given.

    Args:
        options: the options of the store, validated.
        store: the user's name for the store.
        warn: called with each warning.
        validate: checks the options of the lock's kind.

    Raises:
        InvalidConfiguration: an option is wrong, or both are given.
    """
    written, is_single = options.get(OPTION), bool(options.get(SINGLE_WRITER))
    if written is None:
        return _build({"kind": FILE}, store, warn, validate, excludes_all=False) if is_single else None
    if is_single:
        what = "'{0}' is given too, which is the lock of one machine".format(SINGLE_WRITER)
        raise InvalidConfiguration(what, option=OPTION, remedy="Give one of them.")
    # A login of Kubernetes has a file of its own, in which a strict store allows less.
    strictness = {"security": options.get("security")}
    lock = _build(written, store, warn, lambda *given: {**validate(*given), **strictness}, excludes_all=True)
    longest_write = float(options.get("write_timeout") or 0)
    if lock.service.lease <= longest_write and "lease" in lock.service.settings:
        what = "it is not longer than 'write_timeout' ({0:g} s), so a lock could end before its write".format(longest_write)
        raise InvalidConfiguration(what, option=OPTION + ".lease", remedy="Write more seconds, or a shorter 'write_timeout'.")
    return lock


def _build(written: Mapping[str, Any], store: str, warn: Callable[[str], object], validate: Validate, *, excludes_all: bool) -> StoreLock:
    variables: Mapping[str, str] = {}
    try:
        traits, load = find_row(written.get("kind"))
        filled = fill_from_environment(traits, written, os.environ)
        variables = filled.variables
        settings = validate(filled.config, {**COMMON, **traits.spec}, traits)
        _check(settings)
        service = load()(settings, store, warn)
    except InvalidConfiguration as problem:
        name_variable(problem, variables)
        problem.option = name_part(OPTION, problem.option) if problem.option else OPTION
        raise problem from None
    return StoreLock(service, settings["prefix"], settings["wait"], excludes_all)


def _check(settings: Mapping[str, Any]) -> None:
    if not _PREFIX.match(settings["prefix"]):
        remedy = "Use at most 30 lower-case letters, digits and '-', which is neither first nor last."
        raise InvalidConfiguration("it is not the beginning of a lock's name", option="prefix", remedy=remedy)
    for option, least in (("wait", 0.0), ("lease", 1.0)):
        value = settings.get(option)
        if value is not None and not least <= value <= _LONGEST:
            raise InvalidConfiguration("the value is out of range", option=option, remedy="Use {0:g} to {1:g}.".format(least, _LONGEST))
