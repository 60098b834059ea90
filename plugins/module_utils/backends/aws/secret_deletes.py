# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Deletes of secrets that take no value of another writer away, wherever they are broken off.

`DeleteSecret` has no precondition. So a copy of the value becomes current first, by the compare-and-swap of every write: the claim. AWS
then refuses a writer that has read the version before, and this collection one that reads the claim, as long as it counts. A claim of a
process that was killed holds the value, so it is read as before, and after `claims.LIFETIME` it is a version like any other.
"""

from __future__ import annotations

import time
from functools import partial
from typing import Any, Mapping, NamedTuple, Optional

from ansible_collections.nebula.credential.plugins.module_utils.backends.aws.claims import read_claim
from ansible_collections.nebula.credential.plugins.module_utils.backends.aws.secret_requests import (
    CURRENT_LABEL,
    NOT_FOUND,
    PREVIOUS_LABEL,
    SecretRequests,
    build_lost_race,
    find_version,
)
from ansible_collections.nebula.credential.plugins.module_utils.backends.aws.secret_writer import (
    SecretWriter,
    Write,
    check_restorable,
    refuse_replica,
)
from ansible_collections.nebula.credential.plugins.module_utils.errors import Conflict, CredentialError, Timeout, Unavailable
from ansible_collections.nebula.credential.plugins.module_utils.logins.aws_errors import Refused

PATIENCE = 60.0
"""Seconds after which the process that made a claim no longer deletes by it."""
SHORTEST_WINDOW = 7
_ATTEMPTS = 5


class Claim(NamedTuple):
    """The current version of a secret that is to be deleted: its id, that of the version before, and when its making began."""

    version_id: str
    token: Optional[str]
    began: float


class SecretDeletes:
    """Deletes secrets through the requests of one store."""

    def __init__(self, requests: SecretRequests, writer: SecretWriter) -> None:
        """Take the requests, and what makes a version current."""
        self._requests = requests
        self._writer = writer

    def hide(self, name: str, copy: Write, token: Optional[str], days: int) -> None:
        """Delete a secret after so many days, if `token` is its current version. `copy` is the claim.

        Raises:
            Conflict: another version is current.
            CredentialError: it is not known whether it was deleted. It is taken back if that is possible.
        """
        claim = self._claim(name, copy, token)
        if claim is not None:
            self._schedule(name, claim, days)

    def remove(self, name: str, copy: Write, token: Optional[str], *, others_write: bool) -> None:
        """Delete a secret for good, as `hide` does.

        If other tools may write to it, it is scheduled first: from then on AWS accepts no write, and what is current can be compared.
        """
        claim = self._claim(name, copy, token)
        if claim is None or (others_write and not self._schedule(name, claim, SHORTEST_WINDOW)):
            return
        self._finish(name, claim, others_write=others_write, is_claimed=True)

    def _finish(self, name: str, claim: Claim, *, others_write: bool, is_claimed: bool = False) -> None:
        """Delete a secret for good that was claimed, and scheduled if others write to it. Look first, unless that is known.

        Raises:
            Unavailable, Timeout: the request failed. The error brings the rest along.
        """
        try:
            _check_in_time(name, claim)
            if is_claimed or self._is_claimed(name, claim, others_write=others_write):
                self.remove_any(name)
        except (Unavailable, Timeout) as problem:
            problem.outcome_unknown, problem.rest = True, partial(self._finish, name, claim, others_write=others_write)
            raise
        except CredentialError:
            self._take_back(name, claim, restore=others_write)
            raise

    def _is_claimed(self, name: str, claim: Claim, *, others_write: bool) -> bool:
        """Return False if the secret is gone, or another tool has taken its delete back."""
        info = self._requests.describe(name)
        if info is None or find_version(info) != claim.version_id:
            return False
        return not others_write or info.get("DeletedDate") is not None

    def remove_any(self, name: str) -> None:
        """Delete a secret for good, whatever is in it."""
        try:
            self._requests.delete(name, None)
        except Refused as refused:
            if refused.refusal != NOT_FOUND:
                raise

    def _claim(self, name: str, copy: Write, token: Optional[str]) -> Optional[Claim]:
        """Make a copy of the current version current. Returns None if the secret is gone already."""
        claim = Claim(copy.version_id, token, time.monotonic())
        try:
            self._writer.swap(name, copy, token)
        except Conflict:
            if self._requests.describe(name) is None:
                return None
            raise
        except CredentialError:
            # The response may be lost, and the claim be there.
            self._take_back(name, claim, restore=False)
            raise
        return claim

    def _take_back(self, name: str, claim: Claim, *, restore: bool) -> None:
        """Make the version before the claim current again, if that is possible. AWS may limit the rate of these requests, too."""
        for _attempt in range(_ATTEMPTS):
            try:
                if restore:
                    self._requests.restore(name)
                self._requests.move(name, CURRENT_LABEL, claim.version_id, claim.token)
            except Unavailable:
                continue
            except CredentialError:
                pass
            return

    def restore(self, name: str, info: Mapping[str, Any]) -> None:
        """Take back the delete of a secret with this description. The version that was current before the claim is it again.

        Raises:
            Conflict: another run is deleting it for good.
        """
        check_restorable(name, info)
        self._requests.restore(name)
        current, before = find_version(info), find_version(info, PREVIOUS_LABEL)
        if read_claim(current) and before is not None:
            self._requests.move(name, CURRENT_LABEL, current, before)

    def _schedule(self, name: str, claim: Claim, days: int) -> bool:
        """Delete a secret after so many days if the claim is its current version. Until then AWS accepts no write to it.

        Returns:
            False if it is gone already.
        """
        lost: Optional[CredentialError] = None
        try:
            _check_in_time(name, claim)
            self._delete(name, claim, days)
        except CredentialError as problem:
            if not problem.outcome_unknown:
                self._take_back(name, claim, restore=False)
                raise
            lost = problem
        info = self._describe_deleted(name, claim)
        if info is not None and find_version(info) != claim.version_id:
            self._requests.restore(name)
            raise build_lost_race(name)
        if lost is not None and info is not None and info.get("DeletedDate") is None:
            self._take_back(name, claim, restore=False)
            raise lost
        return info is not None

    def _delete(self, name: str, claim: Claim, days: int) -> None:
        """Schedule the delete. Removes the replicas first if AWS refuses it because of them."""
        try:
            self._requests.delete(name, days)
        except Refused as refused:
            if refused.refusal == NOT_FOUND:
                return
            self._remove_replicas(name, claim, refused)
            self._requests.delete(name, days)

    def _describe_deleted(self, name: str, claim: Claim) -> Optional[Mapping[str, Any]]:
        """Return the description of a secret that was deleted just now.

        Raises:
            CredentialError: there is no response, so nothing shows whether another tool's value was deleted. It was taken back, or
                `outcome_unknown` is set.
        """
        try:
            return self._requests.describe(name)
        except CredentialError as problem:
            try:
                self._requests.restore(name)
            except CredentialError:
                problem.outcome_unknown = True
            else:
                self._take_back(name, claim, restore=False)
            raise

    def _remove_replicas(self, name: str, claim: Claim, refused: Refused) -> None:
        info = self._requests.describe(name)
        if info is None or info.get("DeletedDate") is not None or find_version(info) != claim.version_id:
            raise build_lost_race(name)
        refuse_replica(name, info)
        regions = [str(each["Region"]) for each in info.get("ReplicationStatus") or ()]
        if not regions:
            raise refused
        self._requests.remove_replicas(name, regions)


def _check_in_time(name: str, claim: Claim) -> None:
    if time.monotonic() - claim.began > PATIENCE:
        raise Unavailable("the requests to delete the secret {0} took too long".format(name), remedy="Repeat it.")
