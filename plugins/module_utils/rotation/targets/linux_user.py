# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The password of a local account of one host, set by `chpasswd` as root, and tried by the helper of pam_unix.

chpasswd gets a hash on standard input. `unix_chkpwd` is the program by which PAM itself compares a password with /etc/shadow: it
answers root for every account, starts no shell, and locks nothing. `su` as root accepts everything.
"""

from __future__ import annotations

from typing import Any, Dict, Mapping, Optional

from ansible_collections.nebula.credential.plugins.module_utils.errors import AccessDenied, InvalidInput, NotFound, Unavailable, Unusable
from ansible_collections.nebula.credential.plugins.module_utils.model.record import find_values
from ansible_collections.nebula.credential.plugins.module_utils.rotation.targets import steps
from ansible_collections.nebula.credential.plugins.module_utils.rotation.targets.base import (
    OVERLAP_NONE,
    REAPPLY,
    Modules,
    Target,
    TargetTraits,
    Value,
)
from ansible_collections.nebula.credential.plugins.module_utils.rotation.targets.linux_user_password import build_hash, find_flaw
from ansible_collections.nebula.credential.plugins.module_utils.rotation.targets.options import Option

TRAITS = TargetTraits(
    overlap=OVERLAP_NONE,
    rollback=REAPPLY,
    probe="PAM's own helper compares the new password with /etc/shadow, and refuses a random wrong one",
    # chpasswd ends within seconds, or cannot lock the file; the rest allows for a slow host.
    max_request_life=120,
    apply_limit=60,
    ask_limit=10,
)
_LOCKED, _ABSENT, _NOT_ROOT, _NO_SETTER, _NO_HELPER = range(21, 26)
_PATHS = "PATH=$PATH:/usr/sbin:/sbin; export PATH\n"
_LOOK = (
    _PATHS
    + """
[ "$(id -u)" = 0 ] || exit {not_root}
command -v chpasswd >/dev/null || exit {no_setter}
command -v unix_chkpwd >/dev/null || exit {no_helper}
while IFS=: read -r name hash rest; do
  if [ "$name" = "$1" ]; then
    case $hash in '!'*|'*'*) exit {locked} ;; esac
    exit 0
  fi
done </etc/shadow
exit {absent}
""".format(not_root=_NOT_ROOT, no_setter=_NO_SETTER, no_helper=_NO_HELPER, locked=_LOCKED, absent=_ABSENT)
)
_SET = _PATHS + "exec chpasswd -e"
_TRY = _PATHS + 'exec unix_chkpwd "$1" nonull'
_PROBE_OUTCOMES: Mapping[Optional[int], str] = {0: steps.ACCEPTED, 7: steps.REFUSED}
"""The helper ends with PAM's own numbers: PAM_SUCCESS, PAM_AUTH_ERR."""


class LinuxUser(Target):
    """The password of one account of one host."""

    kind = "linux_user"
    summary = "V(linux_user) changes the password of a local account of a Linux host."
    about = (
        (
            "The account, and its host. The task runs C(chpasswd) and PAM's helper there as root (C(become))."
            " The host gets a hash of the password, and the password itself to try it: on standard input, in no argument and no file."
        ),
        "An account has one password at a time, so there is no grace period. Each host has a credential of its own.",
    )
    options = {
        "user": Option("str", ("The account. Defaults to the credential's field C(username).",)),
        "host": Option("str", ("A host of the inventory. Defaults to the task's host.",), hosts=True),
    }

    def __init__(self, options: Mapping[str, Any], current: Value) -> None:
        self._options = options
        self._current = current

    @property
    def traits(self) -> TargetTraits:
        return TRAITS

    def check(self) -> None:
        user = self._user()
        if not user or any(each in user for each in ":\n\0") or user.startswith("-"):
            remedy = "Name the account, or store the credential with a username."
            raise InvalidInput("it is missing, or no name of an account", option="linux_user.user", remedy=remedy)

    def describe(self) -> Dict[str, Any]:
        return {"host": self._options["host"], "user": self._user()}

    def find_flaw(self, value: Value) -> str:
        return find_flaw(value.fields[value.primary].expose() if value.primary in value.fields else b"")

    def precheck(self, modules: Modules) -> None:
        """Check that the host can be reached as root, and that it has the account and the programs.

        Raises:
            Unavailable: it cannot be reached.
            AccessDenied: the task is not root there.
            NotFound: it has no such account, or a program is missing.
            Unusable: the account is locked; a new password would unlock it.
            InvalidInput: Ansible reaches the host by the password of the account.
        """
        user, host = self._user(), self._options["host"]
        if user in modules.read_connection(host).get("password_users", ()):
            # Once it is changed, nothing could be tried or taken back by this connection, and no later run would get in.
            what = "Ansible logs in to the host '{}', or becomes root there, by the password of the account '{}'".format(host, user)
            remedy = "Nothing was changed. Have it use a key and another account, or no password for sudo, while this one is rotated."
            raise InvalidInput(what, option="linux_user.user", remedy=remedy)
        seen, where = self._look(modules), "on the host '{}'".format(host)
        if seen is None:
            remedy = "Nothing was changed. Check the connection to it."
            raise Unavailable("the host '{}' cannot be reached".format(host), option="linux_user.host", remedy=remedy)
        if seen == _NOT_ROOT:
            remedy = "Nothing was changed. Write 'become: true'."
            raise AccessDenied("only root may change a password {}".format(where), option="linux_user", remedy=remedy)
        if seen in (_NO_SETTER, _NO_HELPER):
            program = "chpasswd" if seen == _NO_SETTER else "unix_chkpwd"
            remedy = "Nothing was changed. Install it (packages passwd and libpam-modules-bin, or shadow-utils and pam)."
            raise NotFound("there is no program '{}' {}".format(program, where), option="linux_user.host", remedy=remedy)
        if seen == _LOCKED:
            remedy = "Nothing was changed. Unlock it first (passwd -u): a new password would unlock it."
            raise Unusable("the account '{}' is locked {}".format(user, where), remedy=remedy)
        if seen:
            remedy = "Nothing was changed. Create the account first; accounts of a directory are no local ones."
            raise NotFound("there is no local account '{}' {}".format(user, where), option="linux_user.user", remedy=remedy)

    def find_obstacle(self, modules: Modules, value: Value, place: str = "") -> str:
        return "the account '{}' is locked".format(self._user()) if self._look(modules) == _LOCKED else ""

    def apply(self, modules: Modules, value: Value, place: str = "") -> str:
        if self.find_flaw(value):
            return steps.REFUSED
        line = "{}:{}\n".format(self._user(), build_hash(value.fields[value.primary].expose()))
        status = self._run(modules, _SET, line.encode("utf-8"))
        if status != 0:
            modules.note("chpasswd did not end well" if status is not None else "there was no response from the host")
        return steps.APPLIED if status == 0 else steps.UNKNOWN

    def probe(self, modules: Modules, value: Value, place: str = "") -> str:
        if self.find_flaw(value):
            return steps.REFUSED
        status = self._run(modules, _TRY, value.fields[value.primary].expose() + b"\0")
        return _PROBE_OUTCOMES.get(status, steps.UNAVAILABLE)

    def _look(self, modules: Modules) -> Optional[int]:
        return self._run(modules, _LOOK, b"")

    def _run(self, modules: Modules, script: str, given: bytes) -> Optional[int]:
        return modules.run_program(["/bin/sh", "-c", script, "sh", self._user()], given, self._options["host"])

    def _user(self) -> str:
        own = find_values(self._current.fields).get("username")
        return str(self._options.get("user") or (own.expose().decode("utf-8", "replace") if own is not None else ""))
