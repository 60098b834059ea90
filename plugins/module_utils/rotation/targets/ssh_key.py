# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""An SSH key that an account of several hosts accepts: the lines of `authorized_keys`, changed by ansible.posix.

Both keys log in until the old one is removed. A host that is down gets the new key in a later run, and the old one stays until then.
"""

from __future__ import annotations

import base64
import re
from dataclasses import replace
from typing import Any, Dict, Mapping, Optional, Tuple

from ansible_collections.nebula.credential.plugins.module_utils.errors import CredentialError, InvalidInput, Unavailable
from ansible_collections.nebula.credential.plugins.module_utils.model.record import find_values
from ansible_collections.nebula.credential.plugins.module_utils.model.secret import Secret
from ansible_collections.nebula.credential.plugins.module_utils.rotation.targets import steps
from ansible_collections.nebula.credential.plugins.module_utils.rotation.targets.base import (
    MULTI,
    NATIVE,
    Modules,
    Requirement,
    Target,
    TargetTraits,
    Value,
)
from ansible_collections.nebula.credential.plugins.module_utils.rotation.targets.options import Option
from ansible_collections.nebula.credential.plugins.module_utils.rotation.targets.ssh_key_login import Key, check_programs, try_key

KEYS_MODULE, READ_MODULE, STAT_MODULE = "ansible.posix.authorized_key", "ansible.builtin.slurp", "ansible.builtin.stat"
COLLECTION = Requirement("collection", "ansible.posix", "ansible-galaxy collection install ansible.posix", parts=(KEYS_MODULE,))
TRAITS = TargetTraits(
    overlap=MULTI,
    rollback=NATIVE,
    probe="OpenSSH on the controller logs in with the key, and is refused with a random wrong one",
    # A module that lost its connection ends within seconds; the rest allows for a slow host.
    max_request_life=120,
    apply_limit=30,
    ask_limit=5,
    slots=2,
)
_IS_LINK = "the file with the keys is a symbolic link, and would be replaced"
_TYPE = "ssh_key"
_PRIMARY = "private_key"
_BROKEN = ("module_stdout", "module_stderr")
"""Parts of a result that a module did not write itself: it was ended, or could not begin."""


class SshKey(Target):
    """A key of one account on all hosts."""

    kind = "ssh_key"
    summary = "V(ssh_key) changes the key that an account of one host or many accepts (C(authorized_keys))."
    about = (
        (
            "The account and the hosts that accept the key. C(ansible.posix.authorized_key) writes on each host as the task's C(become)"
            " and the host's variables say; OpenSSH on the controller tries the key there."
        ),
        "Both keys are accepted until the grace period is over. Hosts that are down are named, and get the key in a later run.",
    )
    options = {
        "user": Option("str", ("The account whose C(authorized_keys) changes, and that the key logs in to.",), required=True),
        "hosts": Option(
            "list",
            (
                "Inventory patterns, as in C(hosts:) of a play: the hosts that accept the key. Defaults to the hosts of the play.",
                "C(--limit) does not change it, because a host that is left out would keep the old key.",
            ),
            elements="str",
            hosts=True,
        ),
        "path": Option(
            "str",
            (
                "The file with the keys, as seen from the host. Defaults to C(.ssh/authorized_keys) in the home of O(ssh_key.user).",
                "Its directory must exist.",
            ),
            no_log=False,
        ),
        "key_options": Option(
            "str",
            (
                'The options in front of the key, for example C(from="192.0.2.0/24",no-pty).',
                "They have to be those that the current key has: a new key never has other rights than the old one by accident.",
            ),
            no_log=False,
        ),
        "probe_arguments": Option(
            "list",
            (
                "Further arguments of the OpenSSH client for the login that tries a key, in front of those of the host's variables.",
                'For hosts that Ansible reaches by another connection than C(ssh), for example C([-p, "2222"]) or a jump host.',
            ),
            elements="str",
        ),
    }
    requires = (COLLECTION,)

    def __init__(self, options: Mapping[str, Any], current: Value) -> None:
        self._options = options
        self._current = current

    @property
    def traits(self) -> TargetTraits:
        return TRAITS

    def check(self) -> None:
        if self._current.primary != _PRIMARY:
            remedy = "Rotate a credential of type '{}'.".format(_TYPE)
            raise InvalidInput("the credential is of another type", option="target", remedy=remedy)
        if "\n" in (self._options.get("key_options") or ""):
            raise InvalidInput("it has more than one line", option="ssh_key.key_options", remedy="Write the options on one line.")

    def describe(self) -> Dict[str, Any]:
        return {name: self._options[name] for name in ("user", "path") if self._options.get(name) is not None}

    def places(self) -> Tuple[str, ...]:
        return tuple(self._options["hosts"])

    def precheck(self, modules: Modules) -> None:
        """Check that the key can be tried, that a host can be reached, and that the current key has the options that the task names.

        Raises:
            MissingLibrary: the controller has no OpenSSH client.
            Unavailable: no host can be reached.
            InvalidInput: the current key has other options, or the file is a link.
        """
        check_programs()
        for place in self.places():
            modules.read_connection(place)  # a host whose variables make no connection is found before anything is begun
        for place in self.places():
            found = self._read_keys(modules, place)
            if found is not None:
                self._check_options(found, place)
                if self._find_link(modules, place):
                    remedy = "Nothing was changed. Name the file that it leads to."
                    raise InvalidInput("{}: {}".format(place, _IS_LINK), option="ssh_key.path", remedy=remedy)
                return
        remedy = "Nothing was changed. Check the connection to them."
        raise Unavailable("none of the hosts can be reached", option="ssh_key.hosts", remedy=remedy)

    def apply(self, modules: Modules, value: Value, place: str = "") -> str:
        keys = self._read_keys(modules, place)
        if keys is None:
            return steps.UNAVAILABLE
        try:
            self._check_options(keys, place)
        except InvalidInput as error:
            modules.note(error.what)
            return steps.REFUSED
        return self._write(modules, value, place, state="present", key_options=self._options.get("key_options"))

    def probe(self, modules: Modules, value: Value, place: str = "") -> str:
        try:
            key = _build_key(value)
        except CredentialError:
            return steps.REFUSED
        found = modules.read_connection(place)
        arguments = [*(self._options.get("probe_arguments") or ()), *found.get("arguments", ())]
        outcome, why = try_key({**found, "arguments": arguments}, self._options["user"], key, modules.time_left())
        if why:
            modules.note("{}: {}".format(place, why))
        return outcome

    def find_obstacle(self, modules: Modules, value: Value, place: str = "") -> str:
        if value.fields != self._current.fields:
            return ""
        line = _find_line(self._read_keys(modules, place) or "", _build_line(value))
        return "" if line is None else "{}: the key is in its file, and is refused all the same (sshd's log says why)".format(place)

    def is_same(self, value: Value, other: Value) -> bool:
        # A key is the same with another comment, or with a passphrase.
        return _build_line(value).split()[:2] == _build_line(other).split()[:2]

    def wrong_value(self, value: Value) -> Optional[Value]:
        from ansible_collections.nebula.credential.plugins.module_utils.types import openssh, private_keys

        wrong = openssh.write_private_key(private_keys.make_key(private_keys.KeyKind(private_keys.ED25519)), None)
        return replace(value, fields={_PRIMARY: Secret(wrong)})

    def retire(self, modules: Modules, value: Value, place: str = "") -> str:
        return self._write(modules, value, place, state="absent")

    def _write(self, modules: Modules, value: Value, place: str, **what: Any) -> str:
        link = self._find_link(modules, place)
        if link or link is None:
            modules.note("{}: {}".format(place, _IS_LINK) if link else "")
            return steps.REFUSED if link else steps.UNAVAILABLE
        path = self._options.get("path")
        where = {} if path is None else {"path": path, "manage_dir": False}
        arguments = {"user": self._options["user"], "key": _build_line(value), **where, **what}
        result = modules.run(KEYS_MODULE, {name: each for name, each in arguments.items() if each is not None}, place)
        if result.get("unreachable") or any(part in result for part in _BROKEN):
            modules.note("{}: there was no response".format(place))
            return steps.UNKNOWN
        if result.get("failed"):
            modules.note("{}: {} failed; check that the account is there, and that its file can be written".format(place, KEYS_MODULE))
            return steps.REFUSED
        return steps.APPLIED

    def _read_keys(self, modules: Modules, place: str) -> Optional[str]:
        """Return the text of the file with the keys, empty if there is none; None without a response."""
        result = modules.run(READ_MODULE, {"src": self._path()}, place)
        if result.get("unreachable") or any(part in result for part in _BROKEN):
            return None
        return base64.b64decode(result.get("content") or "").decode("utf-8", "replace")

    def _find_link(self, modules: Modules, place: str) -> Optional[bool]:
        """Return whether the file with the keys is a link; None without a response.

        The module would put a file in the place of a link, and what the link leads to would keep the old key. It is not made to
        follow links: as root it would write to whatever file the account's own link leads to, and give that file to the account.
        """
        asked = {"path": self._path(), "follow": False, "get_checksum": False, "get_mime": False, "get_attributes": False}
        result = modules.run(STAT_MODULE, asked, place)
        if result.get("unreachable") or any(part in result for part in _BROKEN):
            return None
        return bool((result.get("stat") or {}).get("islnk"))

    def _path(self) -> str:
        return str(self._options.get("path") or "~{}/.ssh/authorized_keys".format(self._options["user"]))

    def _check_options(self, keys: str, place: str) -> None:
        """Check that the current key, if it is in the file, has the options that the task names.

        Raises:
            InvalidInput: it has others.
        """
        line = _find_line(keys, _build_line(self._current))
        if line is not None and line != (self._options.get("key_options") or ""):
            what = "{}: the current key has other options in its file than the task names".format(place)
            raise InvalidInput(what, option="ssh_key.key_options", remedy="Nothing was changed. Name the options of the current key.")


def _build_key(value: Value) -> Key:
    """Return a key as an agent takes it.

    Raises:
        CredentialError: the value is none, or a package is missing.
    """
    from ansible_collections.nebula.credential.plugins.module_utils.types import openssh

    key = _read_key(value)
    return Key(openssh.write_private_key(key, None), openssh.fingerprint(key.public_key()))


def _build_line(value: Value) -> str:
    from ansible_collections.nebula.credential.plugins.module_utils.types import openssh

    fields = find_values(value.fields)
    comment = fields["comment"].expose().decode("utf-8") if "comment" in fields else ""
    return openssh.write_public_key(_read_key(value).public_key(), comment)


def _read_key(value: Value) -> Any:
    from ansible_collections.nebula.credential.plugins.module_utils.types import private_keys

    fields = find_values(value.fields)
    passphrase = fields["passphrase"].expose() if "passphrase" in fields else None
    return private_keys.read_private_key(fields[_PRIMARY].expose(), passphrase, _TYPE)


def _find_line(keys: str, line: str) -> Optional[str]:
    """Return the options in front of a key in `authorized_keys`; None if the key is not there."""
    key = re.compile(r"(?:^|\s){}\s+{}(?:\s|$)".format(*map(re.escape, line.split()[:2])))
    for each in keys.splitlines():
        found = key.search(each)
        if found and not each.lstrip().startswith("#"):
            return each[: found.start()].strip()
    return None
