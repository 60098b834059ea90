# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Credentials behind a command of the user's own (A8): any place that a program can read and write.

`protocol: nebula` stores objects, on which `objects.backend` builds the whole contract. The protocols of Docker's and Git's credential
helpers are only read.
"""

from __future__ import annotations

import os
from dataclasses import replace
from functools import partial
from typing import Any, Dict, Iterable, Mapping

from ansible_collections.nebula.credential.plugins.module_utils.backends.base import Backend, BackendContext, Capabilities
from ansible_collections.nebula.credential.plugins.module_utils.backends.custom.docker import DockerHelper
from ansible_collections.nebula.credential.plugins.module_utils.backends.custom.git import GitHelper
from ansible_collections.nebula.credential.plugins.module_utils.backends.custom.object_store import CommandObjects
from ansible_collections.nebula.credential.plugins.module_utils.backends.custom.options import (
    ADDRESS,
    DOCKER,
    GIT,
    KEEP_VERSIONS,
    OPTIONS,
    SECRET,
    TRAITS,
)
from ansible_collections.nebula.credential.plugins.module_utils.backends.custom.protocol import Commands, read_only_error
from ansible_collections.nebula.credential.plugins.module_utils.backends.objects.backend import ObjectBackend
from ansible_collections.nebula.credential.plugins.module_utils.backends.objects.object_format import find_path
from ansible_collections.nebula.credential.plugins.module_utils.backends.objects.options import OPTIONS as OF_OBJECTS
from ansible_collections.nebula.credential.plugins.module_utils.backends.objects.source import answer
from ansible_collections.nebula.credential.plugins.module_utils.backends.objects.store import ObjectKey, ObjectStore
from ansible_collections.nebula.credential.plugins.module_utils.backends.option_sources import read_login
from ansible_collections.nebula.credential.plugins.module_utils.backends.protocols import Located, WriteGate
from ansible_collections.nebula.credential.plugins.module_utils.context.program import Program
from ansible_collections.nebula.credential.plugins.module_utils.errors import CredentialError, InvalidConfiguration
from ansible_collections.nebula.credential.plugins.module_utils.model.names import check_name
from ansible_collections.nebula.credential.plugins.module_utils.model.record import Record
from ansible_collections.nebula.credential.plugins.module_utils.model.scope import DEFAULT_TENANT

_HELPERS = {DOCKER: DockerHelper, GIT: GitHelper}


class Custom(ObjectBackend, Located, WriteGate):
    """A store behind a command. For a credential helper, the constructor returns the backend of that protocol."""

    capabilities = Capabilities(
        versions=True,
        native_cas=True,
        stages=True,
        batch_get=True,
        envelopes=True,
        native=True,
        remote=True,
        parallel=8,
    )
    options = TRAITS.spec
    default_retries = 1
    plaintext_warning = (
        "what the command stores is as safe as the place where it stores it. Write 'encrypt: true' to have this collection encrypt it, "
        "or 'encrypt: false' if that place encrypts it."
    )

    def __new__(cls, options: Mapping[str, Any], context: BackendContext) -> Backend:  # type: ignore[misc]  # another class, on purpose
        """Return the backend of the configured protocol. Runs nothing.

        Raises:
            InvalidConfiguration: an option is wrong.
        """
        helper = _HELPERS.get(str(options.get("protocol")))
        return super().__new__(cls) if helper is None else helper(options, context)

    def __init__(self, options: Mapping[str, Any], context: BackendContext) -> None:
        """Take the store's options. Runs nothing.

        Raises:
            InvalidConfiguration: an option is wrong, or is one of another protocol.
        """
        if options.get(ADDRESS) is not None:
            remedy = "Leave it out, or write 'protocol: docker' or 'protocol: git'."
            raise InvalidConfiguration("only credential helpers take it", option=ADDRESS, remedy=remedy)
        keep = options.get(KEEP_VERSIONS)
        super().__init__({**options, KEEP_VERSIONS: OF_OBJECTS[KEEP_VERSIONS]["default"] if keep is None else keep}, context)

    def make_places(self) -> ObjectStore:
        """Return the primitives. Runs nothing.

        Raises:
            InvalidConfiguration: `command` names no program.
        """
        read_secret = partial(read_login, self.settings, SECRET, self.context.warn)
        self._commands = Commands(Program(self.settings, self.context.warn), self.settings.get(OPTIONS) or {}, read_secret)
        tenant = self.settings.get("tenant") or DEFAULT_TENANT
        self._objects = CommandObjects(self._commands, encrypted=bool(self.settings.get("encrypt")), tenant=tenant)
        return self._objects

    def connect(self) -> None:
        """Find the program. The first operation runs it."""
        self._commands.program.prepare()

    def get_many(self, names: Iterable[str]) -> Dict[str, Record]:
        """Return current values by name, by one process. Raises what a value that cannot be read is refused with."""
        places = [ObjectKey(check_name(name)) for name in names]
        found = self._objects.read_many(places) if places else {}
        for place, each in found.items():
            if each.problem is not None:
                raise each.problem.within(name=place.name, store=self.context.store)
        return {place.name: replace(answer(each), source=each) for place, each in found.items()}

    def check_takes_writes(self) -> None:
        try:
            is_writing = self._commands.find_abilities().writes
        except CredentialError as problem:
            raise problem.within(store=self.context.store) from None
        if not is_writing:
            raise read_only_error().within(store=self.context.store)

    def location(self) -> str:
        """Return the place that the command names, else the command itself with its options."""
        named = self._commands.find_abilities().location
        return "command {0} {1}".format(self._commands.program.argv, named or sorted((self.settings.get(OPTIONS) or {}).items()))

    def locate(self, name: str) -> Dict[str, str]:
        return {"command": os.path.basename(self._commands.program.argv[0]), "path": find_path(ObjectKey(check_name(name)))}
