# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The fields by which a credential logs in to AWS: an access key, and maybe a role. For every type that needs something of AWS.

The checks and the requests are those of the stores in AWS (`logins`).
"""

from __future__ import annotations

import re
from datetime import timedelta
from typing import TYPE_CHECKING, Callable, Dict, Mapping, Optional, Tuple

from ansible_collections.nebula.credential.plugins.module_utils.errors import InvalidConfiguration, InvalidInput, Package
from ansible_collections.nebula.credential.plugins.module_utils.model.rotation_policy import duration
from ansible_collections.nebula.credential.plugins.module_utils.model.secret import Secret
from ansible_collections.nebula.credential.plugins.module_utils.types.base import CredentialType, Field

if TYPE_CHECKING:
    from ansible_collections.nebula.credential.plugins.module_utils.logins.aws_settings import Login

BOTOCORE = Package("botocore >= 1.34", "botocore")
DEFAULT_LIFETIME = "1h"
KEY_FIELDS: Tuple[Field, ...] = (
    Field("secret_access_key", secret=True, description="The secret of the access key."),
    Field("access_key_id", secret=True, identifies=True, description="The id of the access key."),
    Field("session_token", secret=True, description="The session token, if the key is a temporary one."),
)
LOGIN_FIELDS: Tuple[Field, ...] = (
    *KEY_FIELDS,
    Field("region", description="The region, for example C(eu-central-1)."),
    Field("role_arn", identifies=True, description="The role that is assumed with the key."),
    Field("external_id", secret=True, description="The external id that the role's trust policy requires."),
    Field("role_session_name", description="The name of the role's session, as CloudTrail shows it."),
    Field("endpoint_url", description="The address of the service, if it is not AWS's own for the region."),
)
_OF_ROLE = ("external_id", "role_session_name", "lifetime")
_OPTIONS: Mapping[str, str] = {"access_key_id": "access_key", "secret_access_key": "secret_key"}
"""The options of a store that have another name than the field."""
_SHORTEST, _LONGEST = timedelta(minutes=15), timedelta(hours=12)
_KEY = re.compile(r"[!-~]+\Z")
_ENDPOINT = "Write it as 'https://sts.eu-central-1.amazonaws.com'."


def check_login(kind: CredentialType, texts: Mapping[str, str]) -> None:
    """Check the fields of a login that are given.

    Raises:
        InvalidInput: a part of the key is missing or cannot be one, or the role does not fit. The message names the field.
    """
    for field in KEY_FIELDS:
        if field.name in texts and not _KEY.match(texts[field.name]):
            kind.refuse(field.name, "has blanks or characters that no key has", "Copy it again, without blanks and line breaks.")
    for name in ("access_key_id", "secret_access_key"):
        if name not in texts:
            kind.refuse(name, "is missing", "Give it under 'fields'.")
    idle = [name for name in _OF_ROLE if name in texts and "role_arn" not in texts]
    if idle:
        kind.refuse(idle[0], "has no effect without 'role_arn'", "Name the role, or set to null: {0}.".format(", ".join(idle)))
    if "role_arn" in texts and "region" not in texts:
        kind.refuse("region", "is missing", "Name the region whose STS issues the keys of the role.")
    build_login(kind, texts)


def build_login(kind: CredentialType, texts: Mapping[str, str]) -> Login:
    """Return the login as `logins` takes it.

    Raises:
        InvalidInput: a field does not fit. The message names it.
    """
    from ansible_collections.nebula.credential.plugins.module_utils.logins.aws_settings import read_login_settings

    try:
        return read_login_settings(build_settings(kind, texts))
    except InvalidConfiguration as problem:
        field = {option: name for name, option in _OPTIONS.items()}.get(str(problem.option), str(problem.option))
        remedy = _ENDPOINT if field == "endpoint_url" else problem.remedy
        what = "field '{0}' of type '{1}': {2}".format(field, kind.name, problem.what)
        raise InvalidInput(what, option="fields", remedy=remedy) from None


def build_settings(kind: CredentialType, texts: Mapping[str, str]) -> Dict[str, object]:
    """Return the options of a connection to AWS."""
    settings: Dict[str, object] = {_OPTIONS.get(name, name): value for name, value in texts.items() if name != "lifetime"}
    if "role_arn" in texts:
        settings["role_duration"] = _read_lifetime(kind, texts.get("lifetime", DEFAULT_LIFETIME))
    return settings


def build_reader(texts: Mapping[str, str]) -> Callable[[str], Optional[Secret]]:
    """Return the function by which a connection to AWS reads the secret options."""
    options = {_OPTIONS.get(name, name): value for name, value in texts.items()}
    return lambda option: Secret(options[option]) if option in options else None


def _read_lifetime(kind: CredentialType, text: str) -> int:
    found = duration(text, "fields.lifetime")
    if not _SHORTEST <= found <= _LONGEST:
        kind.refuse("lifetime", "is not between 15 minutes and 12 hours", "Write for example 1h.")
    return int(found.total_seconds())
