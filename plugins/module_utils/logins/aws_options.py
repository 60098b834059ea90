# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The options of a login to AWS, as data, for everything that talks to it. Imports nothing of AWS."""

from __future__ import annotations

from typing import Any, Mapping, Tuple

from ansible_collections.nebula.credential.plugins.module_utils.errors import Package

BOTOCORE = Package("botocore >= 1.34", "botocore")
"""The client. Its batch reads of Secrets Manager came with 1.34."""
DEFAULT, STATIC, PROFILE, INSTANCE, WEB_IDENTITY = "default", "static", "profile", "instance_profile", "web_identity"
METHODS = (DEFAULT, STATIC, PROFILE, INSTANCE, WEB_IDENTITY)
"""The values of `login_method`."""

SPEC: Mapping[str, Mapping[str, Any]] = {
    "region": {"description": "The region, for example `eu-central-1`.", "type": "str"},
    "endpoint_url": {"description": "The address of the service, if it is not AWS's own for the region.", "type": "str"},
    "login_method": {
        "description": (
            "Where the first keys come from: AWS's `default` chain, `static` keys, a `profile`, the role of the machine or container "
            "(`instance_profile`), or a token (`web_identity`). Without it the given options decide."
        ),
        "type": "str",
        "choices": list(METHODS),
    },
    # An access key id is a name, not a secret.
    "access_key": {"description": "The id of a static access key.", "type": "str", "no_log": False},
    "secret_key": {"description": "The secret of that key.", "type": "str", "no_log": True},
    "session_token": {"description": "The session token of temporary keys.", "type": "str", "no_log": True},
    "profile": {"description": "The profile of the shared configuration files.", "type": "str"},
    "role_arn": {"description": "The role to assume with these keys, or with the token.", "type": "str"},
    "role_session_name": {"description": "The name of the session of that role, as CloudTrail shows it.", "type": "str"},
    "role_duration": {"description": "Seconds for which the role is assumed.", "type": "int"},
    "external_id": {"description": "The external id that the role's trust policy requires.", "type": "str"},
    "mfa_serial": {"description": "The ARN or serial number of the MFA device that the role requires.", "type": "str"},
    "mfa_code": {"description": "The current code of that device. It works once.", "type": "str", "no_log": True},
    "mfa_credential": {
        "description": "Instead of `mfa_code`: a credential of the type `totp` in another store, `{store: NAME, name: NAME}`. Each login "
        "reads its code, so such a login is renewed.",
        "type": "dict",
    },
    "web_identity_token_file": {"description": "`web_identity`: the file with the token.", "type": "path", "no_log": False},
    "ca_cert": {"description": "A file with the authorities that sign the certificate of `endpoint_url`.", "type": "path"},
    "allow_insecure_transport": {"description": "Allow `http://` to another machine.", "type": "bool", "default": False},
}
"""The options of every connection to AWS, as an argument spec."""
LOGIN: Tuple[str, ...] = ("access_key", "secret_key", "session_token", "mfa_code")
"""Those that can also be given as `<option>_file` or `<option>_env`."""
CREDENTIALS: Mapping[str, str] = {"mfa_code": "mfa_credential"}
"""The options that name a credential of another store, by those whose value it is."""
ENVIRONMENT: Mapping[str, Tuple[str, ...]] = {
    "region": ("AWS_REGION", "AWS_DEFAULT_REGION"),
    "ca_cert": ("AWS_CA_BUNDLE",),
}
"""The variables that stand for options. AWS's default chain reads its own variables by itself."""
ALIASES: Mapping[str, str] = {
    "aws_region": "region",
    "aws_endpoint_url": "endpoint_url",
    "aws_profile": "profile",
    "aws_ca_bundle": "ca_cert",
    "assume_role_arn": "role_arn",
    **{
        alias + ending: option + ending
        for alias, option in (
            ("aws_access_key", "access_key"),
            ("aws_access_key_id", "access_key"),
            ("aws_secret_key", "secret_key"),
            ("aws_secret_access_key", "secret_key"),
            ("aws_session_token", "session_token"),
        )
        for ending in ("", "_file", "_env")
    },
}
"""The names that amazon.aws and AWS's own tools give these options."""
