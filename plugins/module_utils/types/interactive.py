# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The contract of a type with a login by a person (B4). `store/login_flow.py` takes its steps."""

from __future__ import annotations

from abc import abstractmethod
from typing import Any, Dict, Mapping, NamedTuple, Optional, Tuple

from ansible_collections.nebula.credential.plugins.module_utils.model.record import Fields
from ansible_collections.nebula.credential.plugins.module_utils.model.secret import Secret
from ansible_collections.nebula.credential.plugins.module_utils.types.base import CredentialType, RefreshAnswer

FLOW = "flow"
"""The part of a state that holds a login that was started."""
Callback = Mapping[str, Optional[str]]
"""What came back from a login, by the options of `credential_flow`."""


class OpenLogin(NamedTuple):
    """A login of a person that was started, and the credential that it is of.

    Attributes:
        fields: the fields of the credential.
        state: its state, with what the last login has left there.
        kept: what `start_login` wants to have kept.
    """

    fields: Fields
    state: Fields
    kept: Secret


class SlowDown(Exception):
    """A login is not complete yet, and the service wants more time between two requests."""


class InteractiveType(CredentialType):
    """A type whose value a login by a person brings. Its `internal` parts of the state include `FLOW`."""

    callback: Tuple[str, ...] = ()
    """The options of `credential_flow` that bring back what came of a login."""

    @abstractmethod
    def start_login(self, fields: Fields, lifetime: float) -> Tuple[Secret, Dict[str, Any]]:
        """Start a login.

        Args:
            fields: the fields of the credential.
            lifetime: seconds within which it has to be completed, unless the service decides that.

        Returns:
            What has to be kept until it is complete, and what a person needs: `flow`, `expires_at` (seconds since the epoch), and what
            the kind of login has.

        Raises:
            InvalidInput: the fields have no login.
            CredentialError: the service fails.
        """

    @abstractmethod
    def check_login(self, login: OpenLogin, callback: Callback) -> bool:
        """Check that a login can be completed with what came back from it. Send nothing.

        Returns:
            Whether completing it uses it up, so that it must not be tried twice.

        Raises:
            FlowExpired: it was not completed in time.
            InvalidCallback: what came back is not this login's.
            InteractionRequired: the person or the service refused.
        """

    @abstractmethod
    def complete_login(self, login: OpenLogin, callback: Callback) -> Optional[RefreshAnswer]:
        """Complete a login; return None if the person has not finished it yet.

        Raises:
            SlowDown: the service wants more time between two requests.
            CredentialError: as `check_login`; or the service refuses or does not respond.
        """

    @abstractmethod
    def keep_login(self, fields: Fields, state: Fields) -> Dict[str, Secret]:
        """Return the fields after a login that has brought `state`: with what is an input of later requests."""

    @abstractmethod
    def read_interval(self, kept: Secret) -> Optional[int]:
        """Return the seconds between two attempts to complete a login; None for one that is not waited for."""
