# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The section of `ansible.cfg` that names a store and sets the session."""

from __future__ import annotations

import configparser

from ansible_collections.nebula.credential.plugins.module_utils.errors import InvalidConfiguration

INI_SECTION, INI_KEY = "nebula_credential", "store"
SESSION_KEY = "session"
_LONGEST = 300


def read_ansible_cfg(path: str | None, key: str) -> str | None:
    """Return the value of a key of our section; None if it is not set. Raises InvalidConfiguration if the section has an unknown key."""
    if path is None:
        return None
    parser = configparser.ConfigParser(inline_comment_prefixes=(";",), interpolation=None)
    try:
        parser.read(path, encoding="utf-8")
    except (configparser.Error, UnicodeDecodeError):
        return None  # Ansible itself has read the file, and reports its errors.
    _check_ini_keys(path, parser)
    return parser.get(INI_SECTION, key, fallback=None) or None


def _check_ini_keys(path: str, parser: configparser.ConfigParser) -> None:
    written = set(parser[INI_SECTION]) - set(parser.defaults()) if parser.has_section(INI_SECTION) else set()
    unknown = sorted(written - {INI_KEY, SESSION_KEY})
    if unknown:
        what = "section [{0}] of {1} has no key {2}".format(INI_SECTION, path, ", ".join(map(ascii, unknown)))
        raise InvalidConfiguration(what[:_LONGEST], option="ansible.cfg", remedy="It takes: {0}, {1}.".format(INI_KEY, SESSION_KEY))
