# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The steps of a person's login: each is one compare-and-swap of the credential, so that any controller can take the next one (B4)."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Dict, Optional, Tuple

from ansible_collections.nebula.credential.plugins.module_utils.backends.protocols import check_takes_writes
from ansible_collections.nebula.credential.plugins.module_utils.errors import FlowExpired, InvalidCallback, InvalidInput
from ansible_collections.nebula.credential.plugins.module_utils.model import lifecycle
from ansible_collections.nebula.credential.plugins.module_utils.model.record import Record
from ansible_collections.nebula.credential.plugins.module_utils.model.secret import Secret
from ansible_collections.nebula.credential.plugins.module_utils.store.credential import Credential
from ansible_collections.nebula.credential.plugins.module_utils.store.desired import DesiredCredential
from ansible_collections.nebula.credential.plugins.module_utils.store.manager import CredentialManager
from ansible_collections.nebula.credential.plugins.module_utils.store.reader import Reader
from ansible_collections.nebula.credential.plugins.module_utils.store.refusals import refuse_revoked, refuse_while_rotating
from ansible_collections.nebula.credential.plugins.module_utils.store.writer import Writer, retry_conflicts
from ansible_collections.nebula.credential.plugins.module_utils.types.base import RefreshAnswer
from ansible_collections.nebula.credential.plugins.module_utils.types.interactive import FLOW, Callback, InteractiveType, OpenLogin
from ansible_collections.nebula.credential.plugins.module_utils.types.registry import INTERACTIVE

HOLDER = "login_by"
"""The attribute that names the run which has written an open login last."""


class LoginFlow:
    """The login of one credential. Use it within `CredentialManager.acting`."""

    def __init__(self, manager: CredentialManager, name: str, holder: str) -> None:
        """Take the store's manager, and the credential. `holder` identifies the run and its way into the store."""
        self._backend = manager.backend
        self._clock = manager.clock
        self._reader = Reader(manager.backend, manager.clock)
        self._writer = Writer(manager.backend, manager.tenant, manager.clock)
        self._name = name
        self._holder = holder
        self.interval: Optional[int] = None
        """Seconds between two attempts to complete a login on a device, once it was read."""

    def start(self, lifetime: float, check: bool) -> Tuple[Credential, Dict[str, Any]]:
        """Start a login, in place of one that was started before. The value that is there stays usable.

        Args:
            lifetime: seconds within which it has to be completed.
            check: send and write nothing.

        Returns:
            The credential, and what a person needs (`CredentialType.start_login`).

        Raises:
            InvalidInput: the type, or the grant of the credential, has no login.
            Revoked, RotationInProgress: its state accepts no new value.
            Conflict: other writers keep changing it.
            CredentialError: the store takes no writes. Nothing was sent.
        """
        found = self._inspect()
        if check:
            return found, {}
        check_takes_writes(self._backend, self._name)
        kept, shown = _find_type(found).start_login(found.fields, lifetime)
        return retry_conflicts(lambda: self._keep(kept)), shown

    def complete(self, callback: Callback, check: bool) -> Optional[Credential]:
        """Complete the login, and store its tokens; None if a person has to confirm it on the device first.

        What works once is marked as used before it is sent. If its response is lost, another login has to be started. Tokens are
        requested only after this run has written the login to the store: those that it could not store would be lost.

        Raises:
            InvalidCallback: no login is open, or what came back is another one's. An open one stays open.
            FlowExpired: it was not completed in time.
            SlowDown: the server wants more time between two requests.
            CredentialError: the service refuses or does not respond.
        """
        found, kept = self._find_open()
        kind = _find_type(found)
        _refuse_unused(kind, callback)
        login = OpenLogin(found.fields, found.record.state, kept)
        self.interval = kind.read_interval(kept)
        try:
            is_used_up = kind.check_login(login, callback)
        except FlowExpired:
            if not check:
                retry_conflicts(lambda: self._drop(kept, "flow_timeout"))
            raise
        if check:
            return found
        if is_used_up:
            found = self._drop(kept)
        elif found.metadata.attributes.get(HOLDER) != self._holder:
            found = retry_conflicts(lambda: self._take_over(kept))
        answer = kind.complete_login(login._replace(fields=found.fields), callback)
        return None if answer is None else retry_conflicts(lambda: self._store(kept, is_used_up, answer))

    def _inspect(self) -> Credential:
        found = self._reader.inspect(self._name)
        refuse_revoked(found)
        refuse_while_rotating(found)
        _find_type(found)
        return found

    def _find_open(self) -> Tuple[Credential, Secret]:
        found = self._inspect()
        if FLOW not in found.record.state:
            raise InvalidCallback("no login is open", name=self._name, remedy="Start one with phase 'start'.")
        return found, found.record.state[FLOW]

    def _keep(self, kept: Secret) -> Credential:
        found = self._inspect()
        known, now = found.metadata, self._clock()
        if known.lifecycle == lifecycle.FAILED:
            known = lifecycle.advance(known, "begin_interactive", now)
        record = found.record.with_metadata(lifecycle=known.lifecycle, history=known.history, updated_at=now)
        return self._put_open(replace(record, state={**found.record.state, FLOW: kept}), found)

    def _take_over(self, kept: Secret) -> Credential:
        """Write the open login as this run's own."""
        found = self._find_same(kept)
        return self._put_open(found.record, found)

    def _find_same(self, kept: Secret) -> Credential:
        found, open_now = self._find_open()
        if open_now != kept:
            raise InvalidCallback("another login was started meanwhile", name=self._name, remedy="Complete that one.")
        return found

    def _drop(self, kept: Secret, event: str = "") -> Credential:
        found = self._find_same(kept)
        known, now = found.metadata, self._clock()
        if event and known.lifecycle == lifecycle.PENDING_INTERACTION:
            known = lifecycle.advance(known, event, now)
        record = found.record.with_metadata(lifecycle=known.lifecycle, history=known.history, updated_at=now)
        return self._put(_without_login(record), found)

    def _store(self, kept: Secret, is_used_up: bool, answer: RefreshAnswer) -> Credential:
        found = self._inspect()
        if dict(found.record.state) == dict(answer.state):
            return found  # it was stored, and the response to that was lost
        if not is_used_up and found.record.state.get(FLOW) != kept:
            raise InvalidCallback("another login was started or completed meanwhile", name=self._name, remedy="Read the credential.")
        fields = _find_type(found).keep_login(found.fields, answer.state)
        wanted = DesiredCredential(self._name)
        # A new login has nothing to do with the tokens of the one before, with what was refused to them, or with a refresh of them.
        bare = {name: value for name, value in fields.items() if name not in answer.state}
        before = replace(found, record=replace(_without_login(found.record), fields=bare, state={}))
        record = self._writer.next_record(before, found.kind.validate(fields), wanted).with_metadata(expires_at=answer.expires_at)
        record = replace(record, state=dict(answer.state))
        return self._put(record, found) if fields == dict(found.fields) else self._writer.put(record, found, wanted)

    def _put_open(self, record: Record, found: Credential) -> Credential:
        attributes = {**record.full_metadata.attributes, HOLDER: self._holder}
        return self._put(record.with_metadata(attributes=attributes), found)

    def _put(self, record: Record, found: Credential) -> Credential:
        # Only versions of the input are kept: a login that was started must not displace them.
        changed = replace(record, serial=None, record_id=None, keep_replaced=False)
        return Credential(self._backend.put(changed, found.record.etag), self._clock())


def _without_login(record: Record) -> Record:
    attributes = {name: value for name, value in record.full_metadata.attributes.items() if name != HOLDER}
    state = {name: value for name, value in record.state.items() if name != FLOW}
    return replace(record, state=state).with_metadata(attributes=attributes)


def _find_type(found: Credential) -> InteractiveType:
    kind = found.kind
    if not isinstance(kind, InteractiveType):
        what = "type '{0}' has no login by a person".format(kind.name)
        remedy = "Use a credential of one of the types that have: {0}.".format(", ".join(INTERACTIVE))
        raise InvalidInput(what, option="name", name=found.name, remedy=remedy)
    return kind


def _refuse_unused(kind: InteractiveType, callback: Callback) -> None:
    for option in sorted(name for name, value in callback.items() if value is not None and name not in kind.callback):
        what = "a login of type '{0}' does not use it".format(kind.name)
        raise InvalidInput(what, option=option, remedy="Give what came back from it: {0}.".format(", ".join(kind.callback)))
