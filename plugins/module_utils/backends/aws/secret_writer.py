# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The writes of a secret that are more than one request: replace by compare-and-swap, take over."""

from __future__ import annotations

from typing import Any, Callable, Mapping, NamedTuple, Optional, Sequence

from ansible_collections.nebula.credential.plugins.module_utils.backends.aws.claims import FOR_GOOD, build_claimed, is_live, read_claim
from ansible_collections.nebula.credential.plugins.module_utils.backends.aws.creation import Creation
from ansible_collections.nebula.credential.plugins.module_utils.backends.aws.secret_requests import (
    CURRENT_LABEL,
    NEXT_LABEL,
    SecretRequests,
    build_going,
    build_lost_race,
    find_version,
    read_tags,
    write_tags,
)
from ansible_collections.nebula.credential.plugins.module_utils.backends.aws.secret_text import read_time
from ansible_collections.nebula.credential.plugins.module_utils.backends.aws.version_ids import OURS
from ansible_collections.nebula.credential.plugins.module_utils.errors import CredentialError, ReadOnly
from ansible_collections.nebula.credential.plugins.module_utils.logins.aws_errors import Refused


class Write(NamedTuple):
    """A value that is to become current, as AWS takes it, the id of its version, and the tags that it adds and makes superfluous."""

    value: Mapping[str, Any]
    version_id: str
    tags: Mapping[str, str] = {}
    unused: Sequence[str] = ()


class SecretWriter:
    """Writes secrets through the requests of one store."""

    def __init__(self, requests: SecretRequests, creation: Creation, warn: Callable[[str], object]) -> None:
        """Take the requests, what new secrets get, and the function for warnings."""
        self._requests = requests
        self._creation = creation
        self._warn = warn

    def create(self, name: str, write: Write, *, is_credential: bool = False) -> str:
        """Create a secret with its value. Return the id of its version.

        Raises:
            Refused: there is one, or one that is to be deleted, or AWS refuses it for another reason.
        """
        named = {**self._creation.parameters, **(self._creation.of_credentials if is_credential else {})}
        tags = {**self._creation.tags, **write.tags}
        version_id = self._requests.create(name, write.value, write.version_id, Tags=write_tags(tags), **named)
        if is_credential and self._creation.rotation is not None:
            self._requests.rotate(name, **self._creation.rotation)
        return version_id

    def take_over(self, name: str, write: Write) -> str:
        """Write the value to a secret that is there already: one without a value (Terraform's), or one that is to be deleted.

        Raises:
            Conflict: it has a value, or another run is deleting it for good.
        """
        info = self._requests.describe(name)
        if info is None:
            raise build_going(name)
        current = find_version(info)
        if info.get("DeletedDate") is not None:
            check_restorable(name, info)
            self._requests.restore(name)
            what = "The secret {0} was to be deleted. Its name is taken over by a new value, and its old one stays as a version of AWS."
            self._warn(what.format(name))
        elif current is not None:
            raise build_lost_race(name)
        stale = [key for key in read_tags(info) if key.startswith(OURS) and key not in write.tags]
        return self.swap(name, write._replace(unused=stale), current)

    def swap(self, name: str, write: Write, current: Optional[str]) -> str:
        """Make a value current if `current` still is. Return the id of its version.

        Raises:
            Conflict: another version is, or the secret is gone.
        """
        try:
            version_id = self._requests.put(name, write.value, write.version_id)
            if write.tags:
                self._requests.tag(name, write.tags)
            self._requests.move(name, CURRENT_LABEL, current, version_id)
        except Refused as refused:
            self._judge(name, write, current, refused)
        if write.unused:
            self._untag(name, write.unused)
        return write.version_id

    def _judge(self, name: str, write: Write, expected: Optional[str], refused: Refused) -> None:
        """Return if a refused value is the current one all the same: an earlier request, whose response was lost, has made it that.

        Raises:
            Conflict: another one is. Ours has no label any more, and no tags.
            Refused: the expected one still is. So it was refused for another reason.
        """
        info = self._requests.describe(name)
        now = None if info is None else find_version(info)
        if now == write.version_id:
            return
        if info is not None and now == expected and info.get("DeletedDate") is None:
            refuse_replica(name, info)
            raise refused
        if info is not None and info.get("DeletedDate") is None:
            self._clean_up(name, write)
        raise build_lost_race(name)

    def _clean_up(self, name: str, write: Write) -> None:
        """Remove the label and the tags of a value that lost its race. What cannot be removed does no harm."""
        try:
            self._requests.move(name, NEXT_LABEL, write.version_id, None)
        except CredentialError:
            pass
        ours = [key for key in write.tags if key.startswith(OURS)]
        if ours:
            self._untag(name, ours)

    def _untag(self, name: str, keys: Sequence[str]) -> None:
        try:
            self._requests.untag(name, keys)
        except CredentialError:
            pass  # Nothing reads them: they belong to no current version.


def check_restorable(name: str, info: Mapping[str, Any]) -> None:
    """Raise Conflict if another run is deleting a secret for good just now: it would delete what was restored, too."""
    current = find_version(info)
    if read_claim(current) == FOR_GOOD and is_live(current, read_time(info.get("LastChangedDate"))):
        raise build_claimed(name)


def refuse_replica(name: str, info: Mapping[str, Any]) -> None:
    """Raise ReadOnly if a description is that of a replica: AWS changes the primary secret alone."""
    primary, own = str(info.get("PrimaryRegion") or ""), str(info.get("ARN")).split(":")[3:4]
    if primary and [primary] != own:
        what = "the secret {0} is a replica, and AWS changes only the primary secret, which is in the region {1}".format(name, primary)
        raise ReadOnly(what, remedy="Write to a store of that region; AWS then changes its replicas.")
