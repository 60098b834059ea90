# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Access keys of a user of AWS IAM as a target. IAM makes them, and a user has two at most.

A key of IAM carries no mark. So a key that may have been made for a rotation whose response was lost is deleted only if the user
of this collection says that nobody else makes keys for that user.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import Any, Dict, Iterator, Mapping, Optional

from ansible_collections.nebula.credential.plugins.module_utils.context import deadline
from ansible_collections.nebula.credential.plugins.module_utils.errors import (
    AccessDenied,
    CredentialError,
    InvalidInput,
    LoginFailed,
    NotFound,
    Unavailable,
)
from ansible_collections.nebula.credential.plugins.module_utils.logins.aws import AwsConnection
from ansible_collections.nebula.credential.plugins.module_utils.logins.aws_errors import KeyRefused, Refused
from ansible_collections.nebula.credential.plugins.module_utils.model.record import Fields
from ansible_collections.nebula.credential.plugins.module_utils.model.secret import Secret
from ansible_collections.nebula.credential.plugins.module_utils.rotation.targets import steps
from ansible_collections.nebula.credential.plugins.module_utils.rotation.targets.base import (
    MULTI,
    NATIVE,
    SERVICE,
    Held,
    Made,
    Modules,
    Requirement,
    Target,
    TargetTraits,
    Value,
)
from ansible_collections.nebula.credential.plugins.module_utils.rotation.targets.options import Option
from ansible_collections.nebula.credential.plugins.module_utils.types import aws_login
from ansible_collections.nebula.credential.plugins.module_utils.types.aws import Aws
from ansible_collections.nebula.credential.plugins.module_utils.types.base import read_texts

SLOTS = 2
"""IAM's own limit of access keys for one user."""
LIMIT = 20
"""Seconds that one request may take."""
MAX_PROPAGATION = 240
_GONE = "NoSuchEntity"
_ANYWHERE = "us-east-1"
"""IAM has one address for all regions of a partition; this region is in the partition of most."""
_KEY_ID, _SECRET = "access_key_id", "secret_access_key"
_PAGES = 5


class AwsIam(Target):
    """The access key of an IAM user."""

    kind = "aws_iam"
    summary = "V(aws_iam) has AWS make an access key of an IAM user, and deletes the old one."
    about = (
        "The user whose access key changes. The controller sends the requests, by C(botocore).",
        (
            "A user has two access keys at most. If it has two before the rotation, the rotation is refused and names them, and no key is"
            " made. The old key works until it is deleted after the grace period."
        ),
    )
    options = {
        "user": Option("str", ("The name of the IAM user.",), required=True, aliases=("user_name",)),
        "admin_credential": Option(
            "str",
            (
                (
                    "A credential of type C(aws) in the same store whose key, or whose role, may make, list and delete the user's keys."
                    " If it is not given, the current key does that itself."
                ),
            ),
            no_log=False,
            credential=True,
        ),
        "sole_owner": Option(
            "bool",
            (
                "Only rotations of this credential make keys of the user. So a key that appeared while a response was lost is deleted.",
                "Without this, the rotation stops and names the key, because it may be another party's.",
            ),
            default=False,
        ),
        "propagation": Option(
            "int", ("Seconds until AWS accepts a new key everywhere. The first probe waits for it; at most 240.",), default=15
        ),
        "region": Option(
            "str", ("The region. Defaults to the field C(region) of the key that is used, else V(us-east-1).",), aliases=("aws_region",)
        ),
        "endpoint_url": Option("str", ("The address of IAM and of STS, if it is not AWS's own.",), aliases=("aws_endpoint_url",)),
        "ca_cert": Option(
            "path", ("A file with the authorities that sign the certificate of O(aws_iam.endpoint_url).",), aliases=("aws_ca_bundle",)
        ),
    }
    requires = (Requirement("python", "botocore", "pip install 'botocore >= 1.34'", parts=("botocore",)),)

    def __init__(self, options: Mapping[str, Any], current: Value) -> None:
        self._options = options
        self._current = current

    @property
    def traits(self) -> TargetTraits:
        return TargetTraits(
            overlap=MULTI,
            rollback=NATIVE,
            probe="the new key signs a request for its own identity, and a random wrong secret does not",
            max_request_life=120,
            maker=SERVICE,
            slots=SLOTS,
            sole_owner=bool(self._options["sole_owner"]),
            propagation=self._options["propagation"],
        )

    def check(self) -> None:
        if self._current.primary != _SECRET or _KEY_ID not in self._current.fields:
            what = "the credential is no access key of AWS"
            raise InvalidInput(what, option="name", remedy="Rotate a credential of type 'aws', with 'access_key_id'.")
        if not 0 <= self._options["propagation"] <= MAX_PROPAGATION:
            raise _invalid("propagation", "it is not between 0 and {0}".format(MAX_PROPAGATION), "Give seconds.")
        admin = self._options.get("admin_credential")
        if admin is not None and _KEY_ID not in admin:
            raise _invalid("admin_credential", "it is no access key of AWS", "Name a credential of type 'aws'.")
        self._connect(self._admin, "iam").close()

    def describe(self) -> Dict[str, Any]:
        return {name: self._options[name] for name in ("user", "endpoint_url") if self._options.get(name)}

    def precheck(self, modules: Modules) -> None:
        """Check that botocore is there, and that the administrator may list the user's keys.

        Raises:
            MissingLibrary, NotFound, AccessDenied, LoginFailed, Unavailable: as the class says.
        """
        try:
            self._read_keys(modules)
        except Refused as refused:
            if refused.refusal != _GONE:
                raise
            what = "there is no IAM user '{0}'".format(self._options["user"])
            raise NotFound(what, option="aws_iam.user", remedy="Nothing was changed. Correct its name.") from None

    def apply(self, modules: Modules, value: Value, place: str = "") -> str:
        return steps.REFUSED

    def make(self, modules: Modules, base: Value, mark: str) -> Made:
        try:
            answer = self._call_as_admin(modules, "create_access_key", "CreateAccessKey", writing=True)
        except CredentialError as error:
            return Made(_read_failure(modules, error))
        key = answer.get("AccessKey") or {}
        if not (isinstance(key.get("AccessKeyId"), str) and isinstance(key.get("SecretAccessKey"), str)):
            modules.note("the response of AWS holds no key")
            return Made(steps.UNKNOWN)
        fields = {_KEY_ID: Secret(key["AccessKeyId"]), _SECRET: Secret(key["SecretAccessKey"])}
        return Made(steps.APPLIED, Value(fields, {steps.ID: key["AccessKeyId"]}, _SECRET))

    def list_held(self, modules: Modules) -> Optional[Dict[str, Held]]:
        try:
            return self._read_keys(modules)
        except CredentialError as error:
            modules.note(error.what)
            return None

    def _read_keys(self, modules: Modules) -> Dict[str, Held]:
        found: Dict[str, Held] = {}
        page: Dict[str, Any] = {}
        for _each in range(_PAGES):
            answer = self._call_as_admin(modules, "list_access_keys", "ListAccessKeys", **page)
            for key in answer["AccessKeyMetadata"]:
                found[str(key["AccessKeyId"])] = Held(created=int(key["CreateDate"].timestamp()))
            if not answer.get("IsTruncated"):
                return found
            page = {"Marker": answer["Marker"]}
        raise Unavailable("AWS did not end its list of access keys", remedy="Run it again.")

    def probe(self, modules: Modules, value: Value, place: str = "") -> str:
        try:
            answer = self._call(modules, value.fields, "sts", "get_caller_identity", "GetCallerIdentity")
        except KeyRefused as error:
            modules.note(error.what)
            return steps.REFUSED
        except CredentialError as error:
            modules.note(error.what)
            return steps.UNAVAILABLE
        arn = str(answer.get("Arn") or "")
        if ":user/" in arn and arn.rpartition("/")[2] == self._options["user"]:
            return steps.ACCEPTED
        modules.note("AWS accepts the key, which is not one of the user '{0}'".format(self._options["user"]))
        return steps.UNAVAILABLE

    def retire(self, modules: Modules, value: Value, place: str = "") -> str:
        known = value.fields.get(_KEY_ID)
        # The identity is metadata, which others may be able to change. It is needed for a key that is not stored.
        key_id = known.expose().decode("utf-8") if known is not None else value.identity.get(steps.ID, "")
        try:
            self._call_as_admin(modules, "delete_access_key", "DeleteAccessKey", writing=True, AccessKeyId=key_id)
        except CredentialError as error:
            is_gone = isinstance(error, Refused) and error.refusal == _GONE
            return steps.APPLIED if is_gone else _read_failure(modules, error)
        return steps.APPLIED

    @property
    def _admin(self) -> Fields:
        admin = self._options.get("admin_credential")
        return self._current.fields if admin is None else admin

    def _call_as_admin(self, modules: Modules, method: str, action: str, *, writing: bool = False, **parameters: Any) -> Dict[str, Any]:
        named = {"UserName": self._options["user"], **parameters}
        return self._call(modules, self._admin, "iam", method, action, writing=writing, **named)

    def _call(
        self, modules: Modules, key: Fields, service: str, method: str, action: str, *, writing: bool = False, **parameters: Any
    ) -> Dict[str, Any]:
        left = min(LIMIT, max(modules.time_left(), deadline.LEAST))
        with deadline.within(left, "the request of the rotation"), self._open_connection(key, service) as connection:
            return connection.call(method, action, str(parameters.get("UserName", "")), writing=writing, **parameters)

    @contextmanager
    def _open_connection(self, key: Fields, service: str) -> Iterator[AwsConnection]:
        connection = self._connect(key, service)
        try:
            yield connection
        finally:
            connection.close()

    def _connect(self, key: Fields, service: str) -> AwsConnection:
        """Return a connection that logs in with a key, or with the role that the key's credential names. Opens nothing.

        Raises:
            InvalidInput: the options or the fields do not fit.
        """
        kind, texts = Aws(), read_texts(key)
        own = {"region": self._options.get("region") or texts.get("region") or _ANYWHERE}
        own.update({name: self._options[name] for name in ("endpoint_url", "ca_cert") if self._options.get(name)})
        names = {field.name for field in aws_login.LOGIN_FIELDS} | {"lifetime"}
        login = {name: text for name, text in texts.items() if name in names}
        settings = {**aws_login.build_settings(kind, login), **own}
        return AwsConnection(settings, service, read_secret=aws_login.build_reader(login), warn=_ignore)


def _ignore(_text: str) -> None:
    """Drop a warning about the region: the request shows what is wrong with it."""


def _read_failure(modules: Modules, error: CredentialError) -> str:
    """Return the outcome of a change that failed, and keep its cause for the report."""
    modules.note(error.what)
    if error.outcome_unknown:
        return steps.UNKNOWN
    return steps.REFUSED if isinstance(error, (AccessDenied, LoginFailed, Refused)) else steps.UNAVAILABLE


def _invalid(option: str, what: str, remedy: str) -> InvalidInput:
    return InvalidInput(what, option="aws_iam." + option, remedy=remedy)
