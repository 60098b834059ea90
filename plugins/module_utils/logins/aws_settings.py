# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The options of a login to AWS, checked: what belongs together, and what is missing. Opens nothing."""

from __future__ import annotations

import re
from typing import Any, Mapping, NamedTuple, NoReturn, Optional, Sequence

from ansible_collections.nebula.credential.plugins.module_utils.errors import InvalidConfiguration
from ansible_collections.nebula.credential.plugins.module_utils.logins.aws_options import (
    DEFAULT,
    INSTANCE,
    METHODS,
    PROFILE,
    STATIC,
    WEB_IDENTITY,
)
from ansible_collections.nebula.credential.plugins.module_utils.network.urls import is_encoded, is_loopback, readable_path, split_url

_SOURCES = ("", "_file", "_env")
_OF_METHOD: Mapping[str, Sequence[str]] = {
    STATIC: ("access_key", "secret_key", "session_token"),
    PROFILE: ("profile",),
    WEB_IDENTITY: ("web_identity_token_file",),
    INSTANCE: (),
    DEFAULT: (),
}
"""The options that a method has to itself."""
_REQUIRED: Mapping[str, Sequence[str]] = {
    STATIC: ("access_key", "secret_key"),
    PROFILE: ("profile",),
    WEB_IDENTITY: ("web_identity_token_file", "role_arn"),
    INSTANCE: (),
    DEFAULT: (),
}
_CODES = ("mfa_code", "mfa_credential")
_OF_ROLE = ("role_session_name", "role_duration", "external_id", "mfa_serial", *_CODES)
_NOT_WITH_TOKEN = ("external_id", "mfa_serial", *_CODES)
_ROLE = re.compile(r"arn:aws[a-z-]*:iam::\d{12}:role/[\w+=,.@/-]{1,512}\Z", re.ASCII)
_SESSION_NAME = re.compile(r"[\w+=,.@-]{2,64}\Z", re.ASCII)
_REGION = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*\Z", re.ASCII)
SHORTEST, LONGEST, USUAL = 900, 43200, 3600
"""Seconds for which a role can be assumed, and for which it is."""
SESSION_NAME = "nebula-credential"


class Login(NamedTuple):
    """How to log in, and where. Values of secret options are read for each login. `makes_codes`: each has another code of a device."""

    method: str
    region: Optional[str]
    endpoint_url: Optional[str]
    ca_cert: Optional[str]
    profile: Optional[str]
    token_file: Optional[str]
    role_arn: Optional[str]
    session_name: str
    duration: int
    external_id: Optional[str]
    mfa_serial: Optional[str]
    makes_codes: bool = False

    @property
    def is_renewable(self) -> bool:
        """Whether another login may bring keys that work: not from static keys alone, and no code of a device works twice."""
        return (self.mfa_serial is None or self.makes_codes) and not (self.method == STATIC and self.role_arn is None)


def read_login_settings(settings: Mapping[str, Any]) -> Login:
    """Check the options of `aws_options.SPEC`.

    Raises:
        InvalidConfiguration: the error names the option, what is wrong and what is allowed.
    """
    method = settings.get("login_method") or _find_method(settings)
    for other in METHODS:
        for option in _OF_METHOD[other] if other != method else ():
            if _is_given(settings, option):
                _wrong(option, "it is not used with 'login_method: {0}'".format(method), "Remove it, or write 'login_method: {0}'.", other)
    for option in _REQUIRED[method]:
        if not _is_given(settings, option):
            _wrong(option, "it is missing", "'login_method: {0}' needs it.", method)
    _check_role(settings, method)
    ca_cert = settings.get("ca_cert")
    return Login(
        method=method,
        region=_read_region(settings),
        endpoint_url=_read_endpoint(settings),
        ca_cert=readable_path("ca_cert", ca_cert) if ca_cert else None,
        profile=settings.get("profile"),
        token_file=settings.get("web_identity_token_file"),
        role_arn=settings.get("role_arn"),
        session_name=settings.get("role_session_name") or SESSION_NAME,
        duration=settings.get("role_duration") or USUAL,
        external_id=settings.get("external_id"),
        mfa_serial=settings.get("mfa_serial"),
        makes_codes=_is_given(settings, "mfa_credential"),
    )


def _is_given(settings: Mapping[str, Any], option: str) -> bool:
    return any(settings.get(option + source) not in (None, "") for source in _SOURCES)


def _find_method(settings: Mapping[str, Any]) -> str:
    for method in METHODS:
        if any(_is_given(settings, option) for option in _OF_METHOD[method]):
            return method
    return DEFAULT


def _wrong(option: str, what: str, remedy: str, *shown: str) -> NoReturn:
    raise InvalidConfiguration(what, option=option, remedy=remedy.format(*shown))


def _check_role(settings: Mapping[str, Any], method: str) -> None:
    role, duration = settings.get("role_arn"), settings.get("role_duration")
    for option in _OF_ROLE:
        if _is_given(settings, option) and not role:
            _wrong(option, "it is given without 'role_arn'", "Name the role too, or remove it.")
        if method == WEB_IDENTITY and option in _NOT_WITH_TOKEN and _is_given(settings, option):
            _wrong(option, "it is not used with 'login_method: {0}'".format(method), "Remove it.")
    if role and not _ROLE.match(role):
        _wrong("role_arn", "it is not the ARN of a role", "Write it as 'arn:aws:iam::123456789012:role/deploy'.")
    if settings.get("role_session_name") and not _SESSION_NAME.match(settings["role_session_name"]):
        _wrong("role_session_name", "it is no name of a session", "2 to 64 of the characters a-z, A-Z, 0-9 and _+=,.@- are allowed.")
    if duration is not None and not SHORTEST <= duration <= LONGEST:
        _wrong("role_duration", "{0} is not allowed".format(duration), "Give {0} to {1} seconds.", str(SHORTEST), str(LONGEST))
    codes = [option for option in _CODES if _is_given(settings, option)]
    if len(codes) > 1:
        _wrong(codes[1], "'{0}' is given, too".format(codes[0]), "Give one of them.")
    if _is_given(settings, "mfa_serial") != bool(codes):
        missing, there = ("mfa_serial", codes[0]) if codes else ("mfa_code", "mfa_serial")
        _wrong(missing, "it is missing", "'{0}' needs it.", there)


def _read_region(settings: Mapping[str, Any]) -> Optional[str]:
    region: Optional[str] = settings.get("region")
    if region and not _REGION.match(region):
        _wrong("region", "{0} is not the name of a region".format(ascii(region)[:80]), "Write it as 'eu-central-1'.")
    return region or None


def _read_endpoint(settings: Mapping[str, Any]) -> Optional[str]:
    text: Optional[str] = settings.get("endpoint_url")
    if not text:
        return None
    parts = split_url(text)
    if parts is not None and parts.username is not None:
        _wrong("endpoint_url", "it holds a login", "Remove it; the keys sign each request.")
    if parts is None or parts.scheme not in ("http", "https") or not parts.hostname or parts.query or not is_encoded(parts):
        _wrong("endpoint_url", "it is not the address of a server", "Write it as 'https://secretsmanager.eu-central-1.amazonaws.com'.")
    if parts.scheme == "http" and not settings.get("allow_insecure_transport") and not is_loopback(parts.hostname):
        remedy = "Use https, or also write 'allow_insecure_transport: true'."
        _wrong("endpoint_url", "plain HTTP would show the secrets to the network", remedy)
    return text.rstrip("/")
