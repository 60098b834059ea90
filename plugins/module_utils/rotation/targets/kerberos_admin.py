# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""MIT Kerberos' `kadmin`, run on the controller: it shows and changes the keys of a principal.

Commands and passwords reach it by standard input, keytabs by files without a name: nothing secret is in an argument or stays on a disk.
"""

from __future__ import annotations

import base64
import json
import shutil
from tempfile import TemporaryDirectory
from typing import Any, List, NamedTuple, Optional, Sequence, Tuple

from ansible_collections.nebula.credential.plugins.module_utils.context import deadline
from ansible_collections.nebula.credential.plugins.module_utils.context.process import TooSlow, find_environment, run_python
from ansible_collections.nebula.credential.plugins.module_utils.errors import CredentialError, LoginFailed, MissingLibrary, Unavailable
from ansible_collections.nebula.credential.plugins.module_utils.model.secret import Secret
from ansible_collections.nebula.credential.plugins.module_utils.types.kerberos.keytab import HEADER, Entry, read_keytab
from ansible_collections.nebula.credential.plugins.module_utils.types.kerberos.tickets import Realm, build_environment, find_memory

LIMIT = 25.0
"""Seconds that one run of kadmin may take."""
KEYTAB = "{keytab}"
"""In a command: the file that kadmin writes keys into."""
_PROGRAM = r"""
import base64, json, subprocess, sys, tempfile
given = json.load(sys.stdin)

def open_file(content):
    # It has no name, so it does not stay if these processes are killed.
    file = tempfile.TemporaryFile("w+b", buffering=0, dir=given["directory"])
    file.write(content)
    return file, "FILE:/dev/fd/{}".format(file.fileno())

keys, keys_place = open_file(base64.b64decode(given["header"]))
own, own_place = open_file(base64.b64decode(given["keytab"]))
argv = given["argv"] + (["-k", "-t", own_place] if given["keytab"] else [])
lines = ([given["password"]] if given["password"] else []) + given["commands"] + ["quit", ""]
text = "\n".join(lines).replace("{keytab}", keys_place).encode()
try:
    done = subprocess.run(argv, input=text, capture_output=True, timeout=given["seconds"], pass_fds=(keys.fileno(), own.fileno()))
except subprocess.TimeoutExpired:
    sys.exit(1)
keys.seek(0)
shown = {"output": done.stdout.decode("utf-8", "replace"), "errors": done.stderr.decode("utf-8", "replace")}
json.dump({"status": done.returncode, "keytab": base64.b64encode(keys.read()).decode(), **shown}, sys.stdout)
"""
_REFUSED = (
    "Incorrect password",
    "Keytab contains no suitable keys",
    "Preauthentication failed",
    "not found in Kerberos database",
    "Key table",
)
"""What kadmin says of a login that is refused."""


class Admin(NamedTuple):
    """Who changes keys, and where: the kadmind (`host` or `host:port`), or None for the one of the realm's configuration."""

    principal: str
    key: Secret
    is_keytab: bool
    server: Optional[str]


class Session(NamedTuple):
    """What a run of kadmin showed.

    Attributes:
        output, errors: its texts, which are shown to no one.
        entries: the keys that it wrote into the keytab.
    """

    output: str
    errors: str
    entries: List[Entry]


class Principal(NamedTuple):
    """A principal as the KDC has it: when its key was last changed (seconds since 1970), and the versions of its keys."""

    changed: int
    versions: Tuple[int, ...]


def check_programs() -> None:
    """Check that the controller has kadmin.

    Raises:
        MissingLibrary: it has not.
    """
    if _find_program() is None:
        what = "the controller has no program 'kadmin', which changes keys"
        raise MissingLibrary(what, remedy="Nothing was changed. Install MIT Kerberos' client there (krb5-user, krb5-workstation).")


def run_kadmin(realm: Realm, admin: Admin, commands: Sequence[str], seconds: float) -> Session:
    """Log in as the administrator, and carry out commands.

    Raises:
        LoginFailed: the administrator's key is refused. No command was carried out.
        Unavailable: the server cannot be reached, or there is no response. With `outcome_unknown`, commands may have been carried out.
    """
    with TemporaryDirectory(dir=find_memory()) as directory:
        environment = {**find_environment(()), **build_environment(directory, realm), "LC_ALL": "C"}
        given = {
            "argv": [str(_find_program()), "-r", realm.name, "-p", admin.principal, *(("-s", admin.server) if admin.server else ())],
            "directory": directory,
            "commands": list(commands),
            "header": base64.b64encode(HEADER).decode("ascii"),
            "keytab": base64.b64encode(admin.key.expose()).decode("ascii") if admin.is_keytab else "",
            "password": "" if admin.is_keytab else admin.key.expose().decode("utf-8"),
            "seconds": max(seconds, deadline.LEAST),
        }
        return _read_answer(given, environment, seconds + 2, realm)


def _read_answer(given: Any, environment: Any, seconds: float, realm: Realm) -> Session:
    try:
        answer = json.loads(run_python(_PROGRAM, given, environment, seconds).output)
    except (TooSlow, ValueError):
        raise _silence_error(realm) from None
    if answer["status"] != 0:
        raise _login_error(str(answer["errors"]), realm)
    return Session(answer["output"], answer["errors"], read_keytab(base64.b64decode(answer["keytab"])) or [])


def _silence_error(realm: Realm) -> CredentialError:
    error = Unavailable("the administration server of {0} did not respond in time".format(realm.name))
    return error.annotate(outcome_unknown=True)


def _login_error(errors: str, realm: Realm) -> CredentialError:
    if any(text in errors for text in _REFUSED):
        return LoginFailed("the administrator's key is refused by {0}".format(realm.name))
    return Unavailable("the administration server of {0} cannot be reached".format(realm.name))


def _find_program() -> Optional[str]:
    return shutil.which("kadmin") or shutil.which("kadmin", path="/usr/sbin:/usr/local/sbin")


def read_principal(session: Session, name: str) -> Optional[Principal]:
    """Return what `getprinc -terse` showed of a principal; None if it showed nothing."""
    line = next((line for line in session.output.splitlines() if line.startswith('"{0}"\t'.format(name))), None)
    if line is None:
        return None
    parts = line.split("\t")
    try:
        # Behind 15 fields there are the number of keys, and of each key four numbers, the second of which is its version.
        versions = {int(parts[17 + 4 * number]) for number in range(int(parts[15]))}
        return Principal(int(parts[2]), tuple(sorted(versions)))
    except (IndexError, ValueError):
        return None
