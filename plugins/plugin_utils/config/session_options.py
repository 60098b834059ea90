# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether this run has a session, and its options: `session` in each place that may set it."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

from ansible.module_utils.common.arg_spec import ArgumentSpecValidator

from ansible_collections.nebula.credential.plugins.module_utils.errors import InvalidConfiguration, InvalidInput

SPECIFICATION: Mapping[str, Mapping[str, Any]] = {
    "enabled": {"type": "bool", "default": True},
    "ttl": {"type": "float", "default": 300.0},
    "ttl_missing": {"type": "float", "default": 5.0},
    "max_entries": {"type": "int", "default": 10000},
    "max_bytes": {"type": "int", "default": 32 * 1024 * 1024},
    "refresh_ahead": {"type": "float", "default": 0.8},
    "serve_stale": {"type": "float", "default": 0.0},
    "idle": {"type": "float", "default": 3600.0},
    "linger": {"type": "str", "default": "0"},
}
LONGEST_LINGER = 24 * 3600.0
PROC = "/proc/self/exe"
_LEAST: Mapping[str, float] = {
    "ttl": 0,
    "ttl_missing": 0,
    "max_entries": 1,
    "max_bytes": 0,
    "refresh_ahead": 0,
    "serve_stale": 0,
    "idle": 1,
}


def session_options(said: list[tuple[str, Any]]) -> dict[str, Any]:
    """Return the options of all places, merged.

    Args:
        said: the name of each place and its value, the strongest first: None, true or false (also as text), or a mapping of
            `SPECIFICATION`.

    Returns:
        The options of `SPECIFICATION`; all times are in seconds.

    Raises:
        InvalidConfiguration: a value is wrong; the message names its place.
    """
    merged: dict[str, Any] = {}
    for where, value in said:
        for name, part in _mapping(where, value).items():
            merged.setdefault(name, part)
    validated = dict(ArgumentSpecValidator(dict(SPECIFICATION)).validate(merged).validated_parameters)
    return {**validated, "linger": _read_linger(validated["linger"], "linger")}


def _mapping(where: str, value: Any) -> Mapping[str, Any]:
    if value is None or value == "":
        return {}
    given = value if isinstance(value, Mapping) else {"enabled": value}
    unknown = sorted(set(map(str, given)) - set(SPECIFICATION))
    if unknown:
        raise InvalidConfiguration(
            "there is no session option {0}".format(ascii(unknown[0])),
            option=where,
            remedy="Allowed: {0}.".format(", ".join(SPECIFICATION)),
        )
    for name, part in given.items():
        _check(where, name, part)
    return given


def _check(where: str, name: str, value: Any) -> None:
    alone = ArgumentSpecValidator({name: {"type": SPECIFICATION[name]["type"]}}).validate({name: value})
    wanted = SPECIFICATION[name]["type"]
    # ansible-core reads true as 1.
    if alone.error_messages or (name != "enabled" and isinstance(value, bool)):
        raise InvalidConfiguration(
            "it cannot be read as {0}".format(wanted), option="{0}.{1}".format(where, name), remedy="Write a {0}.".format(wanted)
        )
    if name in _LEAST and alone.validated_parameters[name] < _LEAST[name]:
        remedy = "Give {0:g} or more.".format(_LEAST[name])
        raise InvalidConfiguration("it is too small", option="{0}.{1}".format(where, name), remedy=remedy)
    if name == "linger":
        _check_linger("{0}.{1}".format(where, name), value)


def _read_linger(value: str, option: str) -> float:
    if value == "0":
        return 0.0
    # Imported here: most runs do not set it.
    from ansible_collections.nebula.credential.plugins.module_utils.model.rotation_policy import duration

    return duration(value, option).total_seconds()


def _check_linger(option: str, value: Any) -> None:
    try:
        seconds = _read_linger(str(value), option)
    except InvalidInput as error:
        raise InvalidConfiguration("it cannot be read as a duration", option=option, remedy=error.remedy) from None
    if seconds > LONGEST_LINGER:
        raise InvalidConfiguration("it is too long", option=option, remedy="Give 24h or less.")
    if seconds and not os.path.exists(PROC):
        what = "this system does not show which program a process runs, so no later run can be checked"
        raise InvalidConfiguration(what, option=option, remedy="Leave it out.")
