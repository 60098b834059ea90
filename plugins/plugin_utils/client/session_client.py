# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The run's side of a session: it sends operations to the session, which performs them."""

from __future__ import annotations

import base64
import os
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import asdict
from secrets import token_hex
from typing import Any

from ansible.utils.display import Display

from ansible_collections.nebula.credential.plugins.module_utils.errors import Unavailable
from ansible_collections.nebula.credential.plugins.module_utils.model.scope import AccessContext
from ansible_collections.nebula.credential.plugins.module_utils.model.store_reference import StoreReference
from ansible_collections.nebula.credential.plugins.module_utils.operations.catalog import traits_of
from ansible_collections.nebula.credential.plugins.module_utils.operations.outcome import Outcome
from ansible_collections.nebula.credential.plugins.plugin_utils.client.progress_display import showing_progress
from ansible_collections.nebula.credential.plugins.plugin_utils.config.vault_password import vault_password
from ansible_collections.nebula.credential.plugins.plugin_utils.session.abandoned import abandon_session, read_abandoned
from ansible_collections.nebula.credential.plugins.plugin_utils.session.endpoint import ResponseLost, controller, directory_of, exchange
from ansible_collections.nebula.credential.plugins.plugin_utils.session.launcher import NoSession, ensure_session
from ansible_collections.nebula.credential.plugins.plugin_utils.session.messages import outcome_of
from ansible_collections.nebula.credential.plugins.plugin_utils.session.protocol import Place

VAULT_IDS = 8
"""The greatest number of vault ids of a store, so that requests with more and more passwords end."""


class NotForSession(Exception):
    """The request cannot be sent to a session; the caller performs it in its own process."""


class SessionClient:
    """Perform operations in the run's session, and start the session if there is none yet."""

    def __init__(self, options: Mapping[str, Any]) -> None:
        """Take the run's `session` options."""
        self._options = options
        self._run = controller()
        self._place = Place(directory_of(*self._run))

    def perform(
        self,
        store: StoreReference,
        operation: str,
        parameters: Mapping[str, Any],
        context: AccessContext,
        check_mode: bool = False,
        question: str | None = None,
        progress: str | None = None,
    ) -> Outcome:
        """Perform an operation like `Client.perform`.

        Raises:
            NoSession: there is no session; nothing was done, or only what may be repeated.
            NotForSession: nothing was done.
            CredentialError: what the operation raises.
        """
        repeatable = check_mode or traits_of(operation).read_only
        message = {
            "store": store.name,
            "config": store.config,
            "beside": {role: {"store": other.name, "config": other.config} for role, other in store.beside.items()},
            "operation": operation,
            "parameters": parameters,
            "context": asdict(context),
            "check_mode": check_mode,
            "question": question,
            "progress": None if repeatable and progress is None else token_hex(8),
        }
        with showing_progress(progress, lambda: self._read_progress(message["progress"])):
            try:
                reply = self._call_with_password(message, repeatable)
            except Exception:
                raise
            except BaseException:  # the time limit of the task
                if not repeatable:
                    self._await_end(message["progress"])
                raise
        for warning in reply.get("warnings") or ():
            Display().warning(warning)
        return outcome_of(reply)

    def forget(self, names: Iterable[str] | None) -> None:
        """Drop the session's cached values of these names, or all for None, if there is a session that was not given up."""
        if read_abandoned(self._place.directory) is not None:
            return
        with suppress(OSError):
            exchange(self._place.directory, {"forget": None if names is None else list(names)})

    def _read_progress(self, operation: Any) -> Mapping[str, Any] | None:
        """Return how far the session is with an operation, by the name that the request gave it; None if it does not respond."""
        try:
            progress = exchange(self._place.directory, {"progress_of": operation})["result"]["progress"]
        except (OSError, KeyError):
            return None
        return None if progress is None else dict(progress)

    def _await_end(self, operation: Any) -> None:
        """Wait until the session does nothing more for an operation that was broken off, and show its warnings."""
        with suppress(OSError):
            for warning in exchange(self._place.directory, {"ending_of": operation}).get("warnings") or ():
                Display().warning(warning)

    def _call_with_password(self, message: Mapping[str, Any], repeatable: bool) -> dict[str, Any]:
        """Return the response. If the session needs a vault password, which only the run has, send the request again with it."""
        passwords: dict[str, str] = {}
        for _vault_id in range(VAULT_IDS):
            reply = self._call({**message, "vault_passwords": passwords}, repeatable)
            if "needs_vault_password" not in reply:
                return reply
            vault_id = reply["needs_vault_password"]
            password = vault_password(vault_id)
            passwords[vault_id or ""] = "" if password is None else base64.b64encode(password.expose()).decode("ascii")
        raise NotForSession

    def _call(self, message: Mapping[str, Any], repeatable: bool) -> dict[str, Any]:
        for is_last in (False, True):
            ensure_session(self._place, self._run, self._options)
            try:
                return exchange(self._place.directory, message)
            except ResponseLost as lost:
                raise self._loss_error(lost, message, repeatable) from None
            except (FileNotFoundError, ConnectionRefusedError):
                # An idle session may have ended just now; then another one is started.
                if is_last:
                    raise self._without("it ended, or was killed") from None
            except OSError as error:
                raise self._without(str(error) if error.errno is None else os.strerror(error.errno)) from None
            except (TypeError, ValueError):
                raise NotForSession from None
        raise AssertionError("the last round returns or raises")

    def _loss_error(self, lost: ResponseLost, message: Mapping[str, Any], repeatable: bool) -> Exception:
        """Return the error to raise. A read is repeated without a session; a write is not, because it may have been carried out."""
        why = self._without(str(lost))
        if repeatable:
            return why
        what = "the run's session did not respond: {0}. The write may have been carried out, or may still be".format(why)
        remedy = "Check what is stored, and run the play again."
        return Unavailable(what, remedy=remedy, store=str(message["store"]), name=_name(message)).annotate(outcome_unknown=True)

    def _without(self, why: str) -> NoSession:
        return NoSession(abandon_session(self._place.directory, why))


def _name(message: Mapping[str, Any]) -> str | None:
    name = message["parameters"].get("name")
    return name if isinstance(name, str) else None
