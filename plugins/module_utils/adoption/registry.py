# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Every format that is read in a file of its own, by its name. A static table: each file is imported when its format is first read."""

from __future__ import annotations

from typing import Any, Callable, Iterator, Mapping, NamedTuple

from ansible_collections.nebula.credential.plugins.module_utils.adoption.found import Found
from ansible_collections.nebula.credential.plugins.module_utils.argument_specs.adopt import FORMATS
from ansible_collections.nebula.credential.plugins.module_utils.errors import InvalidInput, suggest

Read = Callable[[str, Mapping[str, Any]], Iterator[Found]]


class Format(NamedTuple):
    """One format.

    Attributes:
        read: yields what the file or directory of a path holds, as the options say.
        options: what it takes besides the path, as an argument spec.
    """

    read: Read
    options: Mapping[str, Mapping[str, Any]]


def _aws_credentials() -> Format:
    from ansible_collections.nebula.credential.plugins.module_utils.adoption.formats import aws_credentials

    return Format(aws_credentials.read, aws_credentials.OPTIONS)


def _bitwarden() -> Format:
    from ansible_collections.nebula.credential.plugins.module_utils.adoption.formats import bitwarden

    return Format(bitwarden.read, bitwarden.OPTIONS)


def _docker_config() -> Format:
    from ansible_collections.nebula.credential.plugins.module_utils.adoption.formats import docker_config

    return Format(docker_config.read, docker_config.OPTIONS)


def _keepass() -> Format:
    from ansible_collections.nebula.credential.plugins.module_utils.adoption.formats import keepass

    return Format(keepass.read, keepass.OPTIONS)


def _kubernetes() -> Format:
    from ansible_collections.nebula.credential.plugins.module_utils.adoption.formats import kubernetes

    return Format(kubernetes.read, kubernetes.OPTIONS)


def _lastpass() -> Format:
    from ansible_collections.nebula.credential.plugins.module_utils.adoption.formats import lastpass

    return Format(lastpass.read, lastpass.OPTIONS)


def _netrc() -> Format:
    from ansible_collections.nebula.credential.plugins.module_utils.adoption.formats import netrc_file

    return Format(netrc_file.read, netrc_file.OPTIONS)


def _onepassword() -> Format:
    from ansible_collections.nebula.credential.plugins.module_utils.adoption.formats import onepassword

    return Format(onepassword.read, onepassword.OPTIONS)


def _pass_store() -> Format:
    from ansible_collections.nebula.credential.plugins.module_utils.adoption.formats import pass_store

    return Format(pass_store.read, pass_store.OPTIONS)


def _pgpass() -> Format:
    from ansible_collections.nebula.credential.plugins.module_utils.adoption.formats import pgpass

    return Format(pgpass.read, pgpass.OPTIONS)


def _sops() -> Format:
    from ansible_collections.nebula.credential.plugins.module_utils.adoption.formats import sops

    return Format(sops.read, sops.OPTIONS)


def _terraform_state() -> Format:
    from ansible_collections.nebula.credential.plugins.module_utils.adoption.formats import terraform_state

    return Format(terraform_state.read, terraform_state.OPTIONS)


def _dotenv() -> Format:
    from ansible_collections.nebula.credential.plugins.module_utils.adoption.formats import dotenv

    return Format(dotenv.read, dotenv.OPTIONS)


def _environment() -> Format:
    from ansible_collections.nebula.credential.plugins.module_utils.adoption.formats import environment

    return Format(environment.read, environment.OPTIONS)


def _ini() -> Format:
    from ansible_collections.nebula.credential.plugins.module_utils.adoption.formats import ini

    return Format(ini.read, ini.OPTIONS)


def _json() -> Format:
    from ansible_collections.nebula.credential.plugins.module_utils.adoption.formats import json_file

    return Format(json_file.read, json_file.OPTIONS)


_FORMATS: Mapping[str, Callable[[], Format]] = {
    "aws_credentials": _aws_credentials,
    "bitwarden": _bitwarden,
    "docker_config": _docker_config,
    "dotenv": _dotenv,
    "environment": _environment,
    "gopass": _pass_store,
    "ini": _ini,
    "json": _json,
    "keepass": _keepass,
    "kubernetes": _kubernetes,
    "lastpass": _lastpass,
    "netrc": _netrc,
    "onepassword": _onepassword,
    "pass": _pass_store,
    "pgpass": _pgpass,
    "sops": _sops,
    "terraform_state": _terraform_state,
}


def find_format(name: str) -> Format:
    """Return the format of a name.

    Raises:
        InvalidInput: there is none.
    """
    if name not in _FORMATS:
        remedy = "{0}Use one of: {1}.".format(suggest(name, FORMATS), ", ".join(FORMATS))
        raise InvalidInput("there is no format {0}".format(ascii(name)), option="from", remedy=remedy)
    return _FORMATS[name]()
