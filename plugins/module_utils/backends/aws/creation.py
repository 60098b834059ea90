# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a store's options say of the secrets that it creates."""

from __future__ import annotations

import re
from typing import Any, Dict, List, Mapping, NamedTuple, NoReturn, Optional

from ansible_collections.nebula.credential.plugins.module_utils.backends.aws.version_ids import is_native
from ansible_collections.nebula.credential.plugins.module_utils.backends.option_sources import refuse_unknown
from ansible_collections.nebula.credential.plugins.module_utils.errors import InvalidConfiguration

_REPLICA = ("region", "kms_key_id")
_ROTATION = ("lambda_arn", "schedule", "after_days", "duration", "immediately")
_LAMBDA = re.compile(r"arn:aws[a-z-]*:lambda:[a-z0-9-]+:\d{12}:function:[\w:$.-]+\Z", re.ASCII)
_MOST_TAGS = 20


class Creation(NamedTuple):
    """What a new secret gets.

    Attributes:
        parameters: those of `CreateSecret` for every secret.
        of_credentials: further ones for a credential.
        tags: the tags of every secret.
        rotation: the parameters of `RotateSecret` for a credential, or None.
    """

    parameters: Mapping[str, Any]
    of_credentials: Mapping[str, Any]
    tags: Mapping[str, str]
    rotation: Optional[Mapping[str, Any]]


def read_creation(settings: Mapping[str, Any]) -> Creation:
    """Return what the options say.

    Raises:
        InvalidConfiguration: the error names the option, what is wrong and what is allowed.
    """
    key, replicas = settings.get("kms_key_id"), _read_replicas(settings.get("replicas") or [])
    return Creation(
        parameters={"KmsKeyId": key} if key else {},
        of_credentials={"AddReplicaRegions": replicas} if replicas else {},
        tags=check_tags(settings.get("tags") or {}),
        rotation=_read_rotation(settings.get("rotation")),
    )


def _wrong(option: str, what: str, remedy: str) -> NoReturn:
    raise InvalidConfiguration(what, option=option, remedy=remedy)


def check_tags(tags: Mapping[Any, Any]) -> Dict[str, str]:
    """Return the option `tags`.

    Raises:
        InvalidConfiguration: AWS does not accept one, or there are too many.
    """
    found = {str(key): str(value) for key, value in tags.items()}
    if len(found) > _MOST_TAGS:
        _wrong("tags", "there are {0} of them".format(len(found)), "Give {0} at most.".format(_MOST_TAGS))
    for key, value in found.items():
        if not is_native(key, value):
            what = "{0} is not a tag that AWS accepts".format(ascii(key)[:80])
            _wrong("tags", what, "Letters, digits, spaces and '_.:/=+-@' are allowed, 128 in the key and 256 in the value.")
    return found


def _read_replicas(replicas: List[Mapping[str, Any]]) -> List[Dict[str, str]]:
    found = []
    for replica in replicas:
        refuse_unknown(replica, _REPLICA, "replicas")
        if not replica.get("region"):
            _wrong("replicas", "one has no region", "Write them as '- {region: eu-west-1}'.")
        key = replica.get("kms_key_id")
        found.append({"Region": str(replica["region"]), **({"KmsKeyId": str(key)} if key else {})})
    return found


def _read_rotation(rotation: Optional[Mapping[str, Any]]) -> Optional[Dict[str, Any]]:
    if rotation is None:
        return None
    refuse_unknown(rotation, _ROTATION, "rotation")
    function, schedule, days = rotation.get("lambda_arn"), rotation.get("schedule"), rotation.get("after_days")
    if not isinstance(function, str) or not _LAMBDA.match(function):
        _wrong(
            "rotation.lambda_arn",
            "it is not the ARN of a function",
            "Write it as 'arn:aws:lambda:eu-central-1:123456789012:function:rotate'.",
        )
    if (schedule is None) == (days is None):
        _wrong("rotation", "it needs either 'schedule' or 'after_days'", "Give one of them.")
    if days is not None and (not str(days).isdigit() or not 1 <= int(days) <= 1000):
        _wrong("rotation.after_days", "{0} is not allowed".format(ascii(days)[:80]), "Give 1 to 1000 days.")
    rules: Dict[str, Any] = {"ScheduleExpression": str(schedule)} if days is None else {"AutomaticallyAfterDays": int(days)}
    if rotation.get("duration"):
        rules["Duration"] = str(rotation["duration"])
    return {"RotationLambdaARN": function, "RotationRules": rules, "RotateImmediately": bool(rotation.get("immediately", False))}
