# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Access keys of AWS, and the temporary keys of a role that is assumed with one (C7)."""

from __future__ import annotations

import json
import re
from datetime import datetime
from typing import Callable, Dict, Mapping, Optional

from ansible_collections.nebula.credential.plugins.module_utils.errors import NoToken, check_packages
from ansible_collections.nebula.credential.plugins.module_utils.model.record import Fields, find_values
from ansible_collections.nebula.credential.plugins.module_utils.model.secret import Secret
from ansible_collections.nebula.credential.plugins.module_utils.types import aws_login
from ansible_collections.nebula.credential.plugins.module_utils.types.base import (
    DUE_AT_ONCE,
    CredentialType,
    Field,
    RefreshAnswer,
    TypeCapabilities,
    read_texts,
    refresh_unsupported_error,
)

KEYS = ("access_key_id", "secret_access_key", "session_token")
EXPIRATION = "expiration"
_PROFILE = re.compile(r"[\w.@/+-]{1,64}\Z", re.ASCII)


class Aws(CredentialType):
    """An access key; with `role_arn` the key that assumes a role, whose temporary keys are what is read.

    `environment`, `profile` and `credential_process` can be read as fields: the whole key at once, so no part of it is of an older one.
    """

    name = "aws"
    description = "an access key of AWS, or the temporary keys of a role"
    primary = "secret_access_key"
    capabilities = TypeCapabilities(refresh=True, generation=False)
    packages = (aws_login.BOTOCORE,)
    refresh_is_single_use = False
    fields = (
        *aws_login.LOGIN_FIELDS,
        Field("lifetime", description="How long the keys of the role are valid, C(15m) to C(12h)."),
        Field("profile_name", description="The name of the section in RV(profile); C(default) if it is not given."),
    )

    def can_refresh(self, fields: Fields) -> bool:
        """Return True if there is a role to assume."""
        return "role_arn" in find_values(fields)

    def validate(self, fields: Fields) -> Dict[str, Secret]:
        """Check the fields.

        Raises:
            InvalidInput: as `CredentialType.validate`; or a part of the key or the role is missing, or does not fit.
            MissingLibrary: there is a role, and botocore is not installed.
        """
        complete = super().validate(fields)
        texts = read_texts(complete)
        aws_login.check_login(self, texts)
        if "profile_name" in texts and not _PROFILE.match(texts["profile_name"]):
            self.refuse("profile_name", "is no name of a profile", "Use letters, digits and _.@/+-, 64 at most.")
        if "role_arn" in texts:
            check_packages(self.packages)
        return complete

    def expires_at(self, fields: Fields) -> Optional[datetime]:
        """Return a time in the past if a role has to be assumed first; else None: a key of AWS does not say when it ends."""
        return DUE_AT_ONCE if self.can_refresh(fields) else None

    def read(self, fields: Fields, state: Fields, field: str) -> Secret:
        """Return a field. With a role, the parts of the key are those of the role's temporary key.

        Raises:
            NoToken: there is no such value, or no temporary key yet.
        """
        if field not in (*KEYS, *_FORMS):
            return super().read(fields, state, field)
        if self.can_refresh(fields) and not state:
            raise NoToken("the role was not assumed yet", remedy="Leave out 'ttl' and 'expires_at': the field 'lifetime' sets the expiry.")
        if field in KEYS:
            return super().read(fields, state, field)
        texts = {**read_texts(fields), **read_texts(state)}
        return Secret(_FORMS[field](texts))

    def explain_no_refresh(self, fields: Fields) -> str:
        """Return what a key without a role lacks."""
        return "Set 'role_arn' to get temporary keys of a role, or rotate the key."

    def refresh(self, fields: Fields, state: Fields) -> RefreshAnswer:
        """Assume the role. One request.

        Raises:
            RefreshUnsupported: there is no role.
            LoginFailed: AWS does not accept the key, or does not let it assume the role.
            Unavailable, Timeout: there was no response.
            MissingLibrary: botocore is not installed.
        """
        if not self.can_refresh(fields):
            raise refresh_unsupported_error(self, fields)
        from ansible_collections.nebula.credential.plugins.module_utils.logins import aws_session

        texts = read_texts(fields)
        login, read_secret = aws_login.build_login(self, texts), aws_login.build_reader(texts)
        with aws_session.open_session(login, read_secret) as session:
            keys = aws_session.assume_role(session, login, read_secret)
        ends = keys.ends_at.strftime("%Y-%m-%dT%H:%M:%SZ")
        values = (keys.access_key, keys.secret_key, keys.token)
        return RefreshAnswer({**dict(zip(KEYS, map(Secret, values))), EXPIRATION: Secret(ends)}, keys.ends_at)


def _write_environment(texts: Mapping[str, str]) -> str:
    variables = {"AWS_" + name.upper(): texts[name] for name in KEYS if name in texts}
    if "region" in texts:
        # Older tools read the second one.
        variables.update(AWS_REGION=texts["region"], AWS_DEFAULT_REGION=texts["region"])
    return json.dumps(variables)


def _write_profile(texts: Mapping[str, str]) -> str:
    lines = ["aws_{0} = {1}".format(name, texts[name]) for name in KEYS if name in texts]
    if "region" in texts:
        lines.append("region = {0}".format(texts["region"]))
    return "\n".join(["[{0}]".format(texts.get("profile_name", "default")), *lines, ""])


def _write_process_output(texts: Mapping[str, str]) -> str:
    """Return what the program of a profile's `credential_process` writes, version 1."""
    names = {"access_key_id": "AccessKeyId", "secret_access_key": "SecretAccessKey", "session_token": "SessionToken"}
    named = {**names, EXPIRATION: "Expiration"}
    return json.dumps({"Version": 1, **{called: texts[name] for name, called in named.items() if name in texts}})


_FORMS: Mapping[str, Callable[[Mapping[str, str]], str]] = {
    "environment": _write_environment,
    "profile": _write_profile,
    "credential_process": _write_process_output,
}
"""The fields that are computed from all parts of a key."""
