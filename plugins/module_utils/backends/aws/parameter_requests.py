# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The requests of SSM Parameter Store that a store makes, each with the action that IAM calls it by."""

from __future__ import annotations

from typing import Any, Dict, Iterator, List, Mapping, NamedTuple, Optional, Sequence, Tuple

from ansible_collections.nebula.credential.plugins.module_utils.errors import (
    Conflict,
    CredentialError,
    InvalidInput,
    StorageError,
    Unavailable,
)
from ansible_collections.nebula.credential.plugins.module_utils.logins.aws import AwsConnection
from ansible_collections.nebula.credential.plugins.module_utils.logins.aws_errors import Call, Refused

SECURE = "SecureString"
MOST_IN_A_BATCH, MOST_IN_A_PAGE, MOST_ROWS = 10, 10, 50
"""The names that one request may have, the values in a page of a listing, and the rows in one without values."""
KEPT_BY_AWS = 100
"""How many versions of a parameter AWS keeps, the current one included."""
_MISSING = ("ParameterNotFound", "ParameterVersionNotFound")
_BUSY = ("TooManyUpdates", "TooManyUpdatesException")
_LABELLED = "ParameterMaxVersionLimitExceeded"
_OTHER_TYPE = ("HierarchyTypeMismatch", "HierarchyTypeMismatchException")
Answer = Dict[str, Any]


class ParameterKind(NamedTuple):
    """How parameters are written: the tier, the KMS key (None: the account's own), and the tags of each new one."""

    tier: str
    key: Optional[str]
    tags: Mapping[str, str]


class ParameterRequests:
    """The requests, on one connection."""

    def __init__(self, connection: AwsConnection, kind: ParameterKind) -> None:
        """Take the connection, and how parameters are written."""
        self._connection = connection
        self._kind = kind

    def get(self, name: str, which: str = "") -> Optional[Answer]:
        """Return a parameter with its value, or the version or label `which` of it; None if there is none."""
        selector = "{0}:{1}".format(name, which) if which else name
        try:
            answer = self._connection.call("get_parameter", "GetParameter", name, Name=selector, WithDecryption=True)
        except Refused as refused:
            if refused.refusal in _MISSING:
                return None
            raise
        return _check_value(answer.get("Parameter"), "GetParameter", name)

    def get_batch(self, names: Sequence[str]) -> List[Answer]:
        """Return the parameters of at most 10 names, in no order, without those that do not exist."""
        shown = ", ".join(names)
        answer = self._connection.call("get_parameters", "GetParameters", shown, Names=list(names), WithDecryption=True)
        if "Parameters" not in answer:
            raise _build_incomplete("GetParameters", shown, writing=False)
        return [_check_value(each, "GetParameters", shown) for each in answer["Parameters"]]

    def create(self, name: str, text: str, tags: Mapping[str, str]) -> None:
        """Create a parameter. Its version is 1.

        Raises:
            Conflict: there is one.
            Unavailable: AWS is still deleting one.
        """
        named = [{"Key": key, "Value": value} for key, value in {**self._kind.tags, **tags}.items()]
        try:
            self._put(name, text, Overwrite=False, **({"Tags": named} if named else {}))
            return
        except Refused as refused:
            if refused.refusal != "ParameterAlreadyExists":
                raise
        if self.get(name) is not None:
            raise build_race_error(name)
        raise Unavailable("AWS is still deleting the parameter {0}".format(name), remedy="Repeat it in half a minute.")

    def replace(self, name: str, text: str) -> int:
        """Write another version of a parameter, and return its number."""
        return self._put(name, text, Overwrite=True)

    def _put(self, name: str, text: str, **more: Any) -> int:
        key = {"KeyId": self._kind.key} if self._kind.key else {}
        named = {"Name": name, "Value": text, "Type": SECURE, "Tier": self._kind.tier, **key, **more}
        try:
            answer = self._connection.call("put_parameter", "PutParameter", name, writing=True, **named)
        except Refused as refused:
            raise self._explain(refused, name) from None
        if not isinstance(answer.get("Version"), int):
            raise _build_incomplete("PutParameter", name, writing=True)
        return int(answer["Version"])

    def _explain(self, refused: Refused, name: str) -> CredentialError:
        if refused.refusal in _BUSY:
            problem = Unavailable("AWS is changing the parameter {0} just now".format(name), remedy="Repeat it.")
            return problem.annotate(throttled=True)
        if refused.refusal == _LABELLED:
            return self._build_label_error(name)
        if refused.refusal in _OTHER_TYPE:
            return build_type_error(name, "another type")
        if refused.refusal == "ValidationException":
            what = "AWS does not accept the value of the parameter {0}".format(name)
            return InvalidInput(what, remedy="If it is of the advanced tier already, write 'tier: advanced': AWS takes no tier back.")
        return refused

    def _build_label_error(self, name: str) -> StorageError:
        version, labels = self._find_oldest(name)
        return StorageError(
            "AWS keeps {0} versions of a parameter, and the oldest one of {1} (version {2}) has a label, so it is not removed".format(
                KEPT_BY_AWS, name, version
            ),
            remedy="Move the label to a newer version, or remove it: aws ssm unlabel-parameter-version --name {0} --parameter-version {1} "
            "--labels {2}".format(name, version, " ".join(labels) or "…"),
        )

    def _find_oldest(self, name: str) -> Tuple[int, List[str]]:
        """Return the oldest version of a parameter, and its labels. Its history begins with that."""
        answer = self._connection.call("get_parameter_history", "GetParameterHistory", name, Name=name, MaxResults=1)
        for found in answer.get("Parameters") or ():
            return int(found.get("Version") or 0), [str(label) for label in found.get("Labels") or ()]
        return 0, []

    def delete(self, name: str) -> None:
        """Delete a parameter with all its versions. Do nothing if there is none."""
        try:
            self._connection.call("delete_parameter", "DeleteParameter", name, writing=True, Name=name)
        except Refused as refused:
            if refused.refusal not in _MISSING:
                raise self._explain(refused, name) from None

    def change_tags(self, name: str, old: Mapping[str, str], new: Mapping[str, str]) -> None:
        """Make the tags `new` of those that were `old`. Tags of others stay. No request if they are the same."""
        named = {"ResourceType": "Parameter", "ResourceId": name}
        added = [{"Key": key, "Value": value} for key, value in new.items() if old.get(key) != value]
        gone = [key for key in old if key not in new and key not in self._kind.tags]
        if added:
            self._connection.call("add_tags_to_resource", "AddTagsToResource", name, writing=True, Tags=added, **named)
        if gone:
            self._connection.call("remove_tags_from_resource", "RemoveTagsFromResource", name, writing=True, TagKeys=gone, **named)

    def list_values(self, folder: str) -> Iterator[Answer]:
        """Yield the parameters below a folder with their values, ten with each request."""
        path = folder.rstrip("/") or "/"
        named = {"Path": path, "Recursive": True, "WithDecryption": True, "MaxResults": MOST_IN_A_PAGE}
        return self._list("get_parameters_by_path", "GetParametersByPath", path, **named)

    def list_names(self, beginning: str) -> Iterator[Answer]:
        """Yield the parameters whose names begin with a text, without their values."""
        chosen = {"Key": "Name", "Option": "BeginsWith", "Values": [beginning]}
        if beginning == "/":
            chosen = {"Key": "Path", "Option": "Recursive", "Values": [beginning]}
        return self._list("describe_parameters", "DescribeParameters", "*", ParameterFilters=[chosen], MaxResults=MOST_ROWS)

    def _list(self, method: str, action: str, resource: str, **named: Any) -> Iterator[Answer]:
        while True:
            answer = self._connection.call(method, action, resource, **named)
            if "Parameters" not in answer:
                raise _build_incomplete(action, resource, writing=False)
            yield from answer["Parameters"]
            if not answer.get("NextToken"):
                return
            named["NextToken"] = answer["NextToken"]


def build_race_error(name: str) -> Conflict:
    """Return the error for a parameter that is not what it was when it was read."""
    return Conflict("another writer came first", name=name, remedy="Read it again and repeat.")


def build_type_error(name: str, kind: str) -> InvalidInput:
    """Return the error for a parameter that is no SecureString."""
    what = "the parameter {0} is of the type {1}, and AWS changes no type".format(name, kind)
    return InvalidInput(what, remedy="Delete it, then write it again as a SecureString. Or leave it to the tool that wrote it.")


def _check_value(found: Any, action: str, name: str) -> Answer:
    """Return a parameter that has a value.

    Raises:
        Unavailable: the response was cut: the client hands that over as one without a value.
    """
    if not isinstance(found, dict) or not isinstance(found.get("Version"), int) or not isinstance(found.get("Value"), str):
        raise _build_incomplete(action, name, writing=False)
    return found


def _build_incomplete(action: str, name: str, *, writing: bool) -> CredentialError:
    from ansible_collections.nebula.credential.plugins.module_utils.logins.aws_session import build_incomplete

    return build_incomplete(Call("ssm:" + action, name, writing))
