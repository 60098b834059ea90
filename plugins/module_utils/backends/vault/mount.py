# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The location of a store in a server: an engine's mount and a prefix in it. Paths never leave them."""

from __future__ import annotations

import re
import threading
from typing import Any, Iterator, Mapping, NamedTuple, Optional

from ansible_collections.nebula.credential.plugins.module_utils.backends.vault.connection import Connection, Reply
from ansible_collections.nebula.credential.plugins.module_utils.backends.vault.errors import NO_ROUTE
from ansible_collections.nebula.credential.plugins.module_utils.backends.vault.options import LOCATION
from ansible_collections.nebula.credential.plugins.module_utils.errors import AccessDenied, InvalidConfiguration
from ansible_collections.nebula.credential.plugins.module_utils.model.names import check_name
from ansible_collections.nebula.credential.plugins.module_utils.model.record import CURRENT

HIDDEN = ".nebula"
"""The folder of this collection's own data. No credential's name has a segment that begins with a dot."""
STORE = HIDDEN + "/store"
_PATH = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9_.-]*(?:/[A-Za-z0-9_-][A-Za-z0-9_.-]*)*\Z")
_WRONG_VERSION = "Invalid path for a versioned K/V secrets engine"


class Location(NamedTuple):
    """A mount and a prefix, without slashes at their ends; the prefix may be empty."""

    mount: str
    prefix: str

    @classmethod
    def of(cls, settings: Mapping[str, Any]) -> Location:
        """Read `mount` and `prefix`.

        Raises:
            InvalidConfiguration: one is not a path.
        """
        given = {option: settings.get(option) for option in ("mount", "prefix")}
        taken = {option: LOCATION[option]["default"] if text is None else str(text).strip("/") for option, text in given.items()}
        for option, text in taken.items():
            if not _PATH.match(text) and (option == "mount" or text):
                remedy = "Write segments of letters, digits, '.', '_' and '-', divided by '/', none of which begins with a '.'."
                raise InvalidConfiguration("{0} is not a path in a server".format(ascii(text)), option=option, remedy=remedy)
        return cls(**taken)

    def place(self, name: str, kind: str = CURRENT) -> str:
        """Return the path in the mount of a credential's value, or of its data of another kind (for example `pending`).

        Raises:
            InvalidInput: `name` is not a valid name.
        """
        return self.internal_path("{0}/{1}".format(kind, check_name(name))) if kind != CURRENT else self.within(check_name(name))

    def internal_path(self, rest: str) -> str:
        """Return the path of data that only this collection reads."""
        return self.within("{0}/{1}".format(HIDDEN, rest))

    def within(self, rest: str) -> str:
        """Return a path below the prefix."""
        return "{0}/{1}".format(self.prefix, rest) if self.prefix else rest

    def folder(self, kind: str = CURRENT) -> str:
        """Return the folder of all values of a kind, with a trailing slash; empty for the mount itself."""
        return self.within("") if kind == CURRENT else self.internal_path(kind + "/")


class Engine:
    """The mounted engine: checked once, and only when a response could also mean that another engine is mounted than configured.

    A mount of several segments could also be a folder in an engine that is mounted above it, where requests lead to stray values. So
    that is checked before the first request; a mount of one segment costs a read no request more.
    """

    def __init__(self, connection: Connection, mount: str, version: int) -> None:
        """Take the connection, the mount, and the configured version of its KV engine."""
        self._connection = connection
        self._mount = mount
        self._version = version
        self._known = False
        self._asking = threading.Lock()
        self._may_be_folder = "/" in mount

    def check_root(self) -> None:
        """Check, before a request, that the configured mount is no folder in a mount.

        Raises:
            InvalidConfiguration: it is one. The error names the mount.
        """
        if self._may_be_folder:
            self._ask()
            self._may_be_folder = False

    def confirm(self) -> None:
        """Record that a response had the form that only this version has."""
        self._known = True

    def check(self, reply: Optional[Reply] = None) -> None:
        """Check that the mount is as configured: after a 404, and before a first write.

        Raises:
            InvalidConfiguration: it is not. The error names `mount` or `kv_version`, and what is mounted.
        """
        said = list(_error_texts(reply)) if reply is not None and reply.status == 404 else []
        if any(NO_ROUTE in text for text in said):
            raise self._no_mount()
        if any(_WRONG_VERSION in text for text in said):
            raise self._other("version 2 of KV") if self._version == 1 else self._below_error()
        if not self._known:
            with self._asking:
                if not self._known:  # else another thread has checked it meanwhile
                    self._ask()
                    self._known = True

    def _ask(self) -> None:
        try:
            reply = self._connection.request("GET", "sys/internal/ui/mounts/" + self._mount, capability="read")
        except AccessDenied:
            return  # The token has no right in the mount: the requests themselves will report that.
        told = reply.body.get("data")
        if reply.status == 404 or not isinstance(told, dict):
            return
        real = str(told.get("path") or "").strip("/")
        if real and self._mount.startswith(real + "/"):
            raise self._folder_error(real)
        kind, version = told.get("type"), str((told.get("options") or {}).get("version") or 1)
        if kind not in ("kv", "generic"):
            what = "an engine of type {0} is mounted at '{1}'".format(ascii(kind), self._mount)
            raise InvalidConfiguration(what, option="mount", remedy="Name the mount of a KV engine.")
        if version != str(self._version):
            raise self._other("version {0} of KV".format(version))

    def _folder_error(self, real: str) -> InvalidConfiguration:
        folder = self._mount[len(real) + 1 :].split("/")
        # Version 2 has its values below 'data' and their metadata below 'metadata'; both are parts of its addresses, not of names.
        folder = folder[1:] if self._version != 1 and folder[0] in ("data", "metadata") else folder
        remedy = "Write 'mount: {0}'{1}.".format(real, ", and begin 'prefix' with '{0}'".format("/".join(folder)) if folder else "")
        return InvalidConfiguration(
            "the engine is mounted at '{0}', and '{1}' is a folder in it".format(real, self._mount), option="mount", remedy=remedy
        )

    def _other(self, there: str) -> InvalidConfiguration:
        return InvalidConfiguration(
            "{0} was expected and {1} is mounted at '{2}'".format(self._version, there, self._mount),
            option="kv_version",
            remedy="Write 'kv_version: {0}', or name another 'mount'.".format(3 - self._version),
        )

    def _below_error(self) -> InvalidConfiguration:
        return InvalidConfiguration(
            "version 2 of KV is mounted above '{0}'".format(self._mount),
            option="mount",
            remedy="Name the mount alone ('bao secrets list' shows it), and write the folder in it as 'prefix'.",
        )

    def _no_mount(self) -> InvalidConfiguration:
        return InvalidConfiguration(
            "nothing is mounted at '{0}' ({1})".format(self._mount, self._connection.place),
            option="mount",
            remedy="Name the mount of a KV engine ('bao secrets list' shows them), and the 'namespace' it is in, if any.",
        )


def _error_texts(reply: Reply) -> Iterator[str]:
    for key in ("errors", "warnings"):
        for text in reply.body.get(key) or ():
            yield str(text)
