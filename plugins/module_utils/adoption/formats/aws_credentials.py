# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""`~/.aws/credentials`: each profile with keys is an entry, as `~/.aws/config` writes them too. Profiles without keys are left out."""

from __future__ import annotations

import configparser
from typing import Any, Iterator, Mapping, Optional

from ansible_collections.nebula.credential.plugins.module_utils.adoption.contents import (
    NAMING,
    make_distinct,
    make_found,
    read_text,
    refuse,
    show,
)
from ansible_collections.nebula.credential.plugins.module_utils.adoption.found import Found
from ansible_collections.nebula.credential.plugins.module_utils.filesystem.reading import MIB

OPTIONS: Mapping[str, Mapping[str, Any]] = NAMING
_FIELDS = {
    "access_key_id": ("aws_access_key_id",),
    "secret_access_key": ("aws_secret_access_key",),
    "session_token": ("aws_session_token", "aws_security_token"),
    "region": ("region",),
}
_REMEDY = "Write '[profile]' in a line of its own, and below it 'aws_access_key_id = …' and 'aws_secret_access_key = …'."


def read(path: str, options: Mapping[str, Any]) -> Iterator[Found]:
    """Yield the profiles of a file of AWS's programs.

    Args:
        path: the file.
        options: `characters` (`NAMING`).

    Raises:
        InvalidInput: it is not such a file, a profile or a key of one is there twice, or a profile has one half of a key pair.
        CredentialError: it cannot be read.
    """
    profiles = _read_profiles(path)
    entries = ((_read_profile(path, section, profiles[section]), "") for section in profiles.sections())
    return make_distinct(path, entries, options)


def _read_profiles(path: str) -> configparser.RawConfigParser:
    profiles = configparser.RawConfigParser(default_section="\0")
    try:
        profiles.read_string(read_text(path, MIB))
    except configparser.DuplicateSectionError as error:
        refuse(path, _name_line(error.lineno), "the profile '{0}' is there twice".format(show(error.section)), "Keep one of them.")
    except configparser.DuplicateOptionError as error:
        what = "'{0}' is in the profile '{1}' twice".format(show(error.option), show(error.section))
        refuse(path, _name_line(error.lineno), what, "Keep one of them.")
    except configparser.MissingSectionHeaderError as error:
        refuse(path, _name_line(error.lineno), "it is in no profile", _REMEDY)
    except configparser.ParsingError as error:
        refuse(path, _name_line(error.errors[0][0] if error.errors else None), "it is no setting", _REMEDY)
    return profiles


def _name_line(number: Optional[int]) -> str:
    return "line {0}".format(number) if number else ""


def _read_profile(path: str, section: str, settings: Mapping[str, str]) -> Optional[Found]:
    name = section[len("profile ") :].strip() if section.startswith("profile ") else section
    fields = {field: next((settings[key] for key in keys if settings.get(key)), "") for field, keys in _FIELDS.items()}
    if bool(fields["access_key_id"]) != bool(fields["secret_access_key"]):
        missing = "secret_access_key" if fields["access_key_id"] else "access_key_id"
        refuse(path, "[{0}]".format(show(section)), "the profile has no aws_{0}".format(missing), "Add it, or remove the other half.")
    return make_found(path, "[{0}]".format(show(section)), name, fields, type="aws") if fields["secret_access_key"] else None
