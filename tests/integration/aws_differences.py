# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Where the two servers of the tests differ from AWS as it is published, point by point, and which one models what a test needs.

A probe asks one question of Secrets Manager. `PUBLISHED` is AWS's answer; `DIFFERING` is the answer of a server that has another one.
`test_aws_differences.py` fails if a server has improved or changed: then the tests of that point can move to it.
"""

from __future__ import annotations

import json
import secrets
from typing import Any, Callable, Dict, Mapping

Probe = Callable[[Any, str], object]
STAGE = "AWSCURRENT"


def _code_of(work: Callable[[], object]) -> str:
    """The code of a refusal; `accepted` if there was none."""
    from botocore.exceptions import ClientError

    try:
        work()
    except ClientError as refused:
        return str(refused.response["Error"]["Code"])
    return "accepted"


def _token() -> str:
    return secrets.token_hex(20)


def _moved(client: Any, name: str) -> str:
    """Create a secret, add a value, and move AWSCURRENT to it. Return the id of the first version."""
    first = str(client.create_secret(Name=name, SecretString="one")["VersionId"])
    second = client.put_secret_value(SecretId=name, SecretString="two", ClientRequestToken=_token(), VersionStages=["next"])["VersionId"]
    client.update_secret_version_stage(SecretId=name, VersionStage=STAGE, RemoveFromVersionId=first, MoveToVersionId=second)
    return first


def _is_token_the_version(client: Any, name: str) -> bool:
    token = _token()
    return bool(client.create_secret(Name=name, SecretString="one", ClientRequestToken=token)["VersionId"] == token)


def _value_by_stage(client: Any, name: str) -> str:
    _moved(client, name)
    return str(client.get_secret_value(SecretId=name, VersionStage=STAGE)["SecretString"])


def _value_without_stage(client: Any, name: str) -> str:
    _moved(client, name)
    return str(client.get_secret_value(SecretId=name)["SecretString"])


def _value_in_batch(client: Any, name: str) -> str:
    _moved(client, name)
    return str(client.batch_get_secret_value(SecretIdList=[name])["SecretValues"][0]["SecretString"])


def _stale_move(client: Any, name: str) -> str:
    first = _moved(client, name)
    move = {"SecretId": name, "VersionStage": STAGE, "RemoveFromVersionId": first, "MoveToVersionId": first}
    return _code_of(lambda: client.update_secret_version_stage(**move))


def _is_previous_kept(client: Any, name: str) -> bool:
    first = _moved(client, name)
    return "AWSPREVIOUS" in client.describe_secret(SecretId=name)["VersionIdsToStages"][first]


def _get_of_empty(client: Any, name: str) -> str:
    client.create_secret(Name=name)
    found: Dict[str, Any] = {}
    code = _code_of(lambda: found.update(client.get_secret_value(SecretId=name, VersionStage=STAGE)))
    return "a response without a value" if found and "SecretString" not in found else code


def _scheduled(client: Any, name: str) -> None:
    client.create_secret(Name=name, SecretString="one")
    client.delete_secret(SecretId=name, RecoveryWindowInDays=7)


def _get_of_scheduled(client: Any, name: str) -> str:
    _scheduled(client, name)
    return _code_of(lambda: client.get_secret_value(SecretId=name, VersionStage=STAGE))


def _put_to_scheduled(client: Any, name: str) -> str:
    _scheduled(client, name)
    return _code_of(lambda: client.put_secret_value(SecretId=name, SecretString="two"))


def _force_delete_of_scheduled(client: Any, name: str) -> str:
    _scheduled(client, name)
    return _code_of(lambda: client.delete_secret(SecretId=name, ForceDeleteWithoutRecovery=True))


def _delete_with_replica(client: Any, name: str) -> str:
    client.create_secret(Name=name, SecretString="one", AddReplicaRegions=[{"Region": "eu-west-1"}])
    return "refused" if _code_of(lambda: client.delete_secret(SecretId=name, RecoveryWindowInDays=7)) != "accepted" else "accepted"


def _denied_by_policy(client: Any, name: str) -> str:
    client.create_secret(Name=name, SecretString="one")
    statement = {"Effect": "Deny", "Principal": "*", "Action": "secretsmanager:GetSecretValue", "Resource": "*"}
    client.put_resource_policy(SecretId=name, ResourcePolicy=json.dumps({"Version": "2012-10-17", "Statement": [statement]}))
    return _code_of(lambda: client.get_secret_value(SecretId=name, VersionStage=STAGE))


def _too_large(client: Any, name: str) -> str:
    return "accepted" if _code_of(lambda: client.create_secret(Name=name, SecretString="x" * 65537)) == "accepted" else "refused"


PROBES: Mapping[str, Probe] = {
    "the id of a version is the token of CreateSecret": _is_token_the_version,
    "the value by stage, after its label moved": _value_by_stage,
    "the value without a stage, after the label moved": _value_without_stage,
    "the value in a batch, after the label moved": _value_in_batch,
    "a move from a version that is not current": _stale_move,
    "AWSPREVIOUS follows a move": _is_previous_kept,
    "a read of an empty secret": _get_of_empty,
    "a read of a secret that is to be deleted": _get_of_scheduled,
    "a write to a secret that is to be deleted": _put_to_scheduled,
    "a delete at once of a secret that is to be deleted": _force_delete_of_scheduled,
    "a delete of a secret with replicas": _delete_with_replica,
    "a read that a resource policy denies": _denied_by_policy,
    "a value of 65,537 bytes": _too_large,
}
PUBLISHED: Mapping[str, object] = {
    "the id of a version is the token of CreateSecret": True,
    "the value by stage, after its label moved": "two",
    "the value without a stage, after the label moved": "two",
    "the value in a batch, after the label moved": "two",
    "a move from a version that is not current": "InvalidParameterException",
    "AWSPREVIOUS follows a move": True,
    "a read of an empty secret": "ResourceNotFoundException",
    "a read of a secret that is to be deleted": "InvalidRequestException",
    "a write to a secret that is to be deleted": "InvalidRequestException",
    "a delete at once of a secret that is to be deleted": "accepted",
    "a delete of a secret with replicas": "refused",
    "a read that a resource policy denies": "AccessDeniedException",
    "a value of 65,537 bytes": "refused",
}
DIFFERING: Mapping[str, Dict[str, object]] = {
    "moto": {
        "the value without a stage, after the label moved": "one",
        "the value in a batch, after the label moved": "one",
        "a write to a secret that is to be deleted": "accepted",
        "a read that a resource policy denies": "accepted",
        "a value of 65,537 bytes": "accepted",
    },
    "ministack": {
        "the id of a version is the token of CreateSecret": False,
        "a read of an empty secret": "a response without a value",
        "a delete of a secret with replicas": "accepted",
        "a value of 65,537 bytes": "accepted",
    },
}
