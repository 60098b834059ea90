# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""`.netrc`, read by the standard library: each machine is an entry with a password and a user name.

Machines that occur with several users are told apart by the user: `example.com/alice`. Machines without a password, and macros, are left
out.
"""

from __future__ import annotations

import netrc
import os
from typing import Any, Dict, Iterator, List, Mapping, Tuple

from ansible_collections.nebula.credential.plugins.module_utils.adoption.contents import NAMING, make_distinct, make_found, refuse
from ansible_collections.nebula.credential.plugins.module_utils.adoption.found import Found
from ansible_collections.nebula.credential.plugins.module_utils.filesystem.os_errors import translated
from ansible_collections.nebula.credential.plugins.module_utils.filesystem.reading import MIB, check_size, open_regular

OPTIONS: Mapping[str, Mapping[str, Any]] = NAMING
_MOST = MIB
_REMEDY = "Write 'machine NAME login USER password PASSWORD', and put a password with '#' or blanks in quotes."
_Login = Tuple[str, str, str]


class _Machines(Dict[str, _Login]):
    """The machines as the library finds them. It keeps the last of a name; `found` keeps all."""

    def __init__(self) -> None:
        super().__init__()
        self.found: List[Tuple[str, _Login]] = []

    def __setitem__(self, name: str, login: Any) -> None:
        super().__setitem__(name, login)
        if isinstance(login, tuple):  # the library sets something else first, before it has read the login
            self.found.append((name, login))


class _Reader(netrc.netrc):
    """Reads a file into `_Machines`, in whose place the library sets an empty mapping."""

    @property  # type: ignore[override]  # an attribute there
    def hosts(self) -> _Machines:
        return self._machines

    @hosts.setter
    def hosts(self, _empty: Any) -> None:
        self._machines = _Machines()


def read(path: str, options: Mapping[str, Any]) -> Iterator[Found]:
    """Yield the machines of a netrc file.

    Args:
        path: the file.
        options: `characters` (`NAMING`).

    Raises:
        InvalidInput: it is not such a file. The message names the line.
        CredentialError: it cannot be read.
    """
    entries = []
    for number, (machine, login) in enumerate(_read_machines(path), 1):
        username, account, password = (part or "" for part in login)
        if password:
            fields = {"username": username, "account": account, "password": password}
            entries.append((make_found(path, "machine {0}".format(number), machine, fields), username))
    return make_distinct(path, entries, options)


def _read_machines(path: str) -> List[Tuple[str, _Login]]:
    with translated("the file", path, writing=False):
        descriptor = open_regular(path)
        try:
            check_size(descriptor, path, _MOST)
            return _Reader("/dev/fd/{0}".format(descriptor)).hosts.found
        except netrc.NetrcParseError as error:
            line = "line {0}".format(error.lineno) if error.lineno else ""
            return refuse(path, line, "it is not what a netrc file has there", _REMEDY)
        except UnicodeError:
            return refuse(path, "", "it is not text in UTF-8", "Save the file as UTF-8, or name another file.")
        finally:
            os.close(descriptor)
