# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The requests of Secrets Manager that a store makes, each with the action that IAM calls it by."""

from __future__ import annotations

from typing import Any, Dict, Iterator, List, Mapping, Optional, Sequence

from ansible_collections.nebula.credential.plugins.module_utils.errors import Conflict, CredentialError, Unavailable
from ansible_collections.nebula.credential.plugins.module_utils.logins.aws import AwsConnection
from ansible_collections.nebula.credential.plugins.module_utils.logins.aws_errors import Call, Refused

CURRENT_LABEL, PREVIOUS_LABEL, NEXT_LABEL = "AWSCURRENT", "AWSPREVIOUS", "nebula-next"
"""The labels of the value that everybody reads, of the one that was it before, and ours of a value that may become it."""
MOST_IN_A_BATCH = 20
PAGE = 100
NOT_FOUND, EXISTS, INVALID_REQUEST, INVALID_PARAMETER = (
    "ResourceNotFoundException",
    "ResourceExistsException",
    "InvalidRequestException",
    "InvalidParameterException",
)
Answer = Dict[str, Any]


class SecretRequests:
    """The requests, on one connection."""

    def __init__(self, connection: AwsConnection) -> None:
        """Take the connection."""
        self._connection = connection

    def get(self, name: str, version_id: Optional[str] = None) -> Optional[Answer]:
        """Return the current value of a secret, or a version of it; None if there is none, or it is to be deleted."""
        which: Mapping[str, Any] = {"VersionStage": CURRENT_LABEL} if version_id is None else {"VersionId": version_id}
        try:
            answer = self._connection.call("get_secret_value", "GetSecretValue", name, SecretId=name, **which)
        except Refused as refused:
            if refused.refusal in (NOT_FOUND, INVALID_REQUEST) or (version_id and refused.refusal == INVALID_PARAMETER):
                return None
            raise
        return check_value(answer, name)

    def get_batch(self, names: Sequence[str]) -> Iterator[Answer]:
        """Yield the current values of at most 20 secrets, and the errors of those that have none, in no order."""
        token: Mapping[str, Any] = {}
        while True:
            answer = self._connection.call(
                "batch_get_secret_value", "BatchGetSecretValue", ", ".join(names), SecretIdList=list(names), **token
            )
            if "SecretValues" not in answer:
                raise _build_incomplete("BatchGetSecretValue", "", writing=False)
            yield from answer["SecretValues"]
            yield from answer.get("Errors") or ()
            if not answer.get("NextToken"):
                return
            token = {"NextToken": answer["NextToken"]}

    def describe(self, name: str) -> Optional[Answer]:
        """Return what is known of a secret without its value, even if it is to be deleted; None if there is none."""
        try:
            return self._connection.call("describe_secret", "DescribeSecret", name, SecretId=name)
        except Refused as refused:
            if refused.refusal == NOT_FOUND:
                return None
            raise

    def create(self, name: str, value: Mapping[str, Any], version_id: str, **more: Any) -> str:
        """Create a secret with its value. Return the id of its version.

        Raises:
            Refused: `EXISTS` or `INVALID_REQUEST` if there is one, or one that is to be deleted.
        """
        return self._write("create_secret", "CreateSecret", name, Name=name, ClientRequestToken=version_id, **value, **more)

    def put(self, name: str, value: Mapping[str, Any], version_id: str) -> str:
        """Add a value (`SecretString` or `SecretBinary`) that is not the current one yet. Return the id of its version."""
        named = {"SecretId": name, **value, "ClientRequestToken": version_id, "VersionStages": [NEXT_LABEL]}
        return self._write("put_secret_value", "PutSecretValue", name, **named)

    def _write(self, method: str, action: str, name: str, **named: Any) -> str:
        answer = self._connection.call(method, action, name, writing=True, **named)
        if not answer.get("VersionId"):
            raise _build_incomplete(action, name, writing=True)
        return str(answer["VersionId"])

    def move(self, name: str, label: str, origin: Optional[str], target: Optional[str]) -> None:
        """Move a label from one version to another, if it is on that one: the compare-and-swap of AWS."""
        named = {key: value for key, value in (("RemoveFromVersionId", origin), ("MoveToVersionId", target)) if value}
        self._change("update_secret_version_stage", "UpdateSecretVersionStage", name, VersionStage=label, **named)

    def tag(self, name: str, tags: Mapping[str, str]) -> None:
        """Add tags, or replace their values."""
        self._change("tag_resource", "TagResource", name, Tags=write_tags(tags))

    def untag(self, name: str, keys: Sequence[str]) -> None:
        """Remove tags."""
        self._change("untag_resource", "UntagResource", name, TagKeys=list(keys))

    def delete(self, name: str, days: Optional[int]) -> None:
        """Delete a secret after so many days, or with None at once."""
        named: Mapping[str, Any] = {"ForceDeleteWithoutRecovery": True} if days is None else {"RecoveryWindowInDays": days}
        self._change("delete_secret", "DeleteSecret", name, **named)

    def restore(self, name: str) -> None:
        """Take back a delete. A secret that is not to be deleted stays as it is.

        Raises:
            Unavailable: it is being deleted for good just now.
        """
        try:
            self._change("restore_secret", "RestoreSecret", name)
        except Refused as refused:
            info = self.describe(name)
            if info is not None and info.get("DeletedDate") is None:
                return
            if refused.refusal in (NOT_FOUND, INVALID_REQUEST):
                raise build_going(name) from None
            raise

    def remove_replicas(self, name: str, regions: Sequence[str]) -> None:
        """Remove the replicas in these regions."""
        self._change("remove_regions_from_replication", "RemoveRegionsFromReplication", name, RemoveReplicaRegions=list(regions))

    def rotate(self, name: str, **rotation: Any) -> None:
        """Configure AWS's own rotation."""
        self._change("rotate_secret", "RotateSecret", name, **rotation)

    def _change(self, method: str, action: str, name: str, **named: Any) -> None:
        self._connection.call(method, action, name, writing=True, SecretId=name, **named)

    def list(self, beginnings: Sequence[str]) -> Iterator[Answer]:
        """Yield what is known of the secrets whose names begin with one of these texts, page by page. No value is read."""
        wanted = [text for text in beginnings if text]
        named: Dict[str, Any] = {"Filters": [{"Key": "name", "Values": wanted}]} if wanted else {}
        while True:
            answer = self._connection.call("list_secrets", "ListSecrets", "*", MaxResults=PAGE, **named)
            if "SecretList" not in answer:
                raise _build_incomplete("ListSecrets", "", writing=False)
            # Other servers than AWS look for the text anywhere in the name.
            yield from (entry for entry in answer["SecretList"] if str(entry.get("Name")).startswith(tuple(beginnings)))
            if not answer.get("NextToken"):
                return
            named["NextToken"] = answer["NextToken"]


def check_value(answer: Answer, name: str) -> Answer:
    """Return a response that holds a value.

    Raises:
        Unavailable: it was cut: the client hands that over as a response without a value.
    """
    if not answer.get("VersionId") or not any(key in answer for key in ("SecretString", "SecretBinary")):
        raise _build_incomplete("GetSecretValue", name, writing=False)
    return answer


def _build_incomplete(action: str, name: str, *, writing: bool) -> CredentialError:
    from ansible_collections.nebula.credential.plugins.module_utils.logins.aws_session import build_incomplete

    return build_incomplete(Call("secretsmanager:" + action, name, writing))


def build_going(name: str) -> Unavailable:
    """Return the error for a name that AWS is still deleting: for a moment it can be neither read nor used again."""
    return Unavailable("AWS is still deleting the secret {0}".format(name), remedy="Repeat it in a minute.")


def find_version(info: Mapping[str, Any], label: str = CURRENT_LABEL) -> Optional[str]:
    """Return the id of the version with a label from a description or a row of a listing; None if there is none."""
    stages = info.get("VersionIdsToStages") or info.get("SecretVersionsToStages") or {}
    return next((str(version) for version, labels in stages.items() if label in labels), None)


def write_tags(tags: Mapping[str, str]) -> List[Dict[str, str]]:
    """Return tags as AWS takes them."""
    return [{"Key": key, "Value": value} for key, value in tags.items()]


def read_tags(info: Mapping[str, Any]) -> Dict[str, str]:
    """Return the tags of a description or a row of a listing."""
    return {str(each.get("Key")): str(each.get("Value") or "") for each in info.get("Tags") or ()}


def build_lost_race(name: str) -> Conflict:
    """Return the error for a secret whose current version is another one."""
    return Conflict("another writer came first", name=name, remedy="Read it again and repeat.")
