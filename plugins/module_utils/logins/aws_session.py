# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""botocore: the login, the client of a service, and the errors of both. Import this at the first request; it takes a while to load."""

from __future__ import annotations

import logging
import ssl
from contextlib import contextmanager
from datetime import datetime, timezone
from typing import Any, Callable, Dict, Iterator, NamedTuple, NoReturn, Optional

from ansible_collections.nebula.credential.plugins.module_utils.context import deadline
from ansible_collections.nebula.credential.plugins.module_utils.errors import (
    AccessDenied,
    CredentialError,
    Damaged,
    InvalidConfiguration,
    LoginFailed,
    MissingLibrary,
    StorageError,
    Unavailable,
    pip_install,
)
from ansible_collections.nebula.credential.plugins.module_utils.filesystem.home import find_in_home
from ansible_collections.nebula.credential.plugins.module_utils.filesystem.reading import read_file
from ansible_collections.nebula.credential.plugins.module_utils.logins.aws_errors import Call, Refused, translate
from ansible_collections.nebula.credential.plugins.module_utils.logins.aws_options import BOTOCORE, INSTANCE, PROFILE, STATIC, WEB_IDENTITY
from ansible_collections.nebula.credential.plugins.module_utils.logins.aws_settings import Login
from ansible_collections.nebula.credential.plugins.module_utils.model.secret import Secret
from ansible_collections.nebula.credential.plugins.module_utils.network import http_failures
from ansible_collections.nebula.credential.plugins.module_utils.network.exception_chain import exception_chain, why_unreachable
from ansible_collections.nebula.credential.plugins.module_utils.network.http_deadline import LARGEST_OF_SDK, PROGRESS
from ansible_collections.nebula.credential.plugins.module_utils.network.http_pool import build_pool
from ansible_collections.nebula.credential.plugins.module_utils.network.proxies import proxy_for
from ansible_collections.nebula.credential.plugins.module_utils.network.tls import Tls, build_context
from ansible_collections.nebula.credential.plugins.module_utils.network.tokens import is_token
from ansible_collections.nebula.credential.plugins.module_utils.network.urls import host_and_port, split_url

try:
    import botocore.exceptions
    import botocore.session
    from botocore import UNSIGNED
    from botocore.awsrequest import AWSResponse
    from botocore.config import Config
    from botocore.credentials import ContainerProvider, CredentialResolver, InstanceMetadataFetcher, InstanceMetadataProvider
    from botocore.parsers import ResponseParserError
    from urllib3.exceptions import HTTPError
except ImportError:
    botocore = None

_TALKATIVE = ("botocore.endpoint", "botocore.hooks", "botocore.parsers", "botocore.auth", "botocore.retryhandler", "botocore.httpsession")
"""The loggers of botocore that write requests and responses, with their secrets, if a program logs at the level DEBUG."""
for _logger in _TALKATIVE:
    logging.getLogger(_logger).setLevel(logging.INFO)
PARTITIONS = ("aws", "aws-cn", "aws-us-gov")
"""The partitions whose regions botocore lists."""
_METADATA_SECONDS = 1.0
"""How long the metadata service of a machine may take to respond. It is next to the machine, or absent."""
_METADATA_SETTINGS = ("ec2_metadata_service_endpoint", "ec2_metadata_service_endpoint_mode", "ec2_metadata_v1_disabled")
_MOST_OF_A_TOKEN = 65536
"""Bytes of the token of a web identity."""
_ROLE_ENDS = 60.0
"""Seconds before their end at which the keys of a role are replaced."""
_LOADERS: Dict[Optional[str], Any] = {}
"""What reads botocore's descriptions of services, by the directories of further ones. It takes long, so each is read once in a process."""
ReadSecret = Callable[[str], Optional[Secret]]


class Keys(NamedTuple):
    """Keys of a role, and their end (aware, UTC)."""

    access_key: str
    secret_key: str
    token: str
    ends_at: datetime

    @property
    def renew_at(self) -> float:
        """When to replace them (a UNIX time)."""
        return self.ends_at.timestamp() - _ROLE_ENDS


def check_library() -> None:
    """Check that botocore is there.

    Raises:
        MissingLibrary: it is not installed.
    """
    try:
        import botocore.session  # noqa: F401  # again: a package may be gone since this file was loaded
    except ImportError:
        raise MissingLibrary("the Python package botocore is not installed", remedy="Run: {0}".format(pip_install(BOTOCORE))) from None


class Transport:
    """The connections to AWS: bounded by the deadline of the operation, TLS 1.2 or later. Threads may share it."""

    def __init__(self, ca_cert: Optional[str]) -> None:
        """Take a file of authorities, or None for those of the system. Opens no connection."""
        self._tls: ssl.SSLContext = build_context(Tls(ca_file=ca_cert))
        self._pools: Dict[Optional[str], Any] = {}

    def __call__(self, request: Any, **_named: Any) -> Any:
        """Send a request that botocore has signed, and return the response: a handler of botocore's event `before-send`.

        Raises:
            Timeout, Unavailable, StorageError, InvalidConfiguration: there was no response.
        """
        host = host_and_port(split_url(request.url))  # type: ignore[arg-type]
        if deadline.is_over():
            raise deadline.timeout_error(server=host)
        PROGRESS.sent = False
        try:
            return self._send(request)
        except (HTTPError, OSError) as problem:
            _raise_for(problem, host)

    def _send(self, request: Any) -> Any:
        proxy = proxy_for(request.url)
        pool = self._pools.get(proxy)
        if pool is None:
            pool = self._pools.setdefault(proxy, build_pool(self._tls, None, proxy, LARGEST_OF_SDK))
        headers = {name: value.decode("latin-1") if isinstance(value, bytes) else value for name, value in request.headers.items()}
        response = pool.request(
            request.method, request.url, body=request.body, headers=headers, retries=False, redirect=False, decode_content=False
        )
        length = response.headers.get("Content-Length", "")
        if length.isascii() and length.isdigit() and len(response.data) < int(length):
            raise OSError
        return AWSResponse(request.url, response.status, response.headers, _Body(response.data))

    def close(self) -> None:
        """Close the connections."""
        for pool in list(self._pools.values()):
            pool.clear()


class _Body:
    """A body that has arrived, as botocore reads one."""

    def __init__(self, content: bytes) -> None:
        self._content = content

    def stream(self) -> Iterator[bytes]:
        yield self._content


def _raise_for(problem: BaseException, host: str) -> NoReturn:
    reason, sent = http_failures.reason_of(problem), PROGRESS.sent
    if reason == http_failures.LATE:
        raise deadline.timeout_error(outcome_unknown=sent, server=host) from None
    if reason in (http_failures.NOT_TRUSTED, http_failures.NO_TLS, http_failures.SPEAKS_PLAIN):
        remedy = "Check 'endpoint_url', and 'ca_cert' if it has an authority of its own."
        raise StorageError("{0}: {1}".format(host, reason), remedy=remedy) from None
    if reason == http_failures.CUT:
        error = Unavailable("{0}: {1}".format(host, reason), remedy="Repeat it.")
        raise error.annotate(outcome_unknown=sent) from None
    what = "{0}: {1}".format(host, why_unreachable(exception_chain(problem)))
    raise Unavailable(what, remedy="Check the network, and 'region'.") from None


def build_session(login: Login, transport: Transport) -> Any:
    """Return a session of botocore that uses our connections, and repeats nothing.

    Raises:
        InvalidConfiguration: there is no such profile.
    """
    with in_our_words(Call("sts")):
        session = botocore.session.Session(profile=login.profile if login.method == PROFILE else None)
        session.set_default_client_config(Config(retries={"total_max_attempts": 1, "mode": "standard"}))
        session.set_config_variable("metadata_service_timeout", _METADATA_SECONDS)
        session.set_config_variable("metadata_service_num_attempts", 1)
        session.register("before-send", transport)
        _share_loader(session)
        return session


def _share_loader(session: Any) -> None:
    """Give a session what an earlier one has read of botocore's descriptions of services."""
    known = _LOADERS.setdefault(session.get_config_variable("data_path"), session.get_component("data_loader"))
    session.register_component("data_loader", known)


def add_keys(session: Any, login: Login, read_secret: ReadSecret) -> None:
    """Give a session its first keys, unless AWS's chain has to find them."""
    if login.method == STATIC:
        token = read_secret("session_token")
        keys = _read(read_secret, "access_key"), _read(read_secret, "secret_key")
        session.set_credentials(*keys, token and token.expose().decode("utf-8"))
    elif login.method == INSTANCE:
        settings = {name: session.get_config_variable(name) for name in _METADATA_SETTINGS}
        fetcher = InstanceMetadataFetcher(timeout=_METADATA_SECONDS, num_attempts=1, user_agent=session.user_agent(), config=settings)
        session.register_component("credential_provider", CredentialResolver([ContainerProvider(), InstanceMetadataProvider(fetcher)]))


def _read(read_secret: ReadSecret, option: str) -> str:
    found = read_secret(option)
    if found is None:
        raise InvalidConfiguration("it is missing", option=option)
    return found.expose().decode("utf-8")


def assume_role(session: Any, login: Login, read_secret: ReadSecret) -> Keys:
    """Return the keys of the role, from the session's own keys or from the token of a web identity. One request.

    Raises:
        LoginFailed: the role's trust policy does not allow it, or the token or code is not accepted.
        Unavailable, Timeout: there was no response, or none with keys.
    """
    named: Dict[str, Any] = {"RoleArn": login.role_arn, "RoleSessionName": login.session_name, "DurationSeconds": login.duration}
    unsigned = Config(signature_version=UNSIGNED) if login.method == WEB_IDENTITY else None
    client = build_client(session, login, "sts", unsigned)
    method, call = client.assume_role, Call("sts:AssumeRole", str(login.role_arn))
    if login.method == WEB_IDENTITY:
        method, call = client.assume_role_with_web_identity, Call("sts:AssumeRoleWithWebIdentity", str(login.role_arn))
        named["WebIdentityToken"] = _read_token(str(login.token_file))
    elif login.mfa_serial:
        named.update(SerialNumber=login.mfa_serial, TokenCode=_read(read_secret, "mfa_code").strip())
    if login.external_id:
        named["ExternalId"] = login.external_id
    try:
        with in_our_words(call):
            keys = method(**named)["Credentials"]
            ends_at = keys["Expiration"].astimezone(timezone.utc)
            access_key, secret_key, token = (keys[name] for name in ("AccessKeyId", "SecretAccessKey", "SessionToken"))
    except (AccessDenied, Refused):
        raise _build_role_error(login) from None
    except (KeyError, TypeError, AttributeError):
        raise build_incomplete(call) from None
    if not all(map(is_token, (access_key, secret_key, token))):
        raise build_incomplete(call)
    return Keys(access_key, secret_key, token, ends_at)


@contextmanager
def open_session(login: Login, read_secret: ReadSecret) -> Iterator[Any]:
    """Yield a session with the first keys of a login, whose connections end with the `with` block.

    Raises:
        MissingLibrary: botocore is not installed.
        InvalidConfiguration: the login cannot be used.
    """
    check_library()
    transport = Transport(login.ca_cert)
    try:
        session = build_session(login, transport)
        add_keys(session, login, read_secret)
        yield session
    finally:
        transport.close()


def _build_role_error(login: Login) -> LoginFailed:
    used = [option for option, value in (("external_id", login.external_id), ("mfa_serial", login.mfa_serial)) if value]
    what = "AWS does not let this login assume the role {0}".format(login.role_arn)
    remedy = "The role's trust policy must allow sts:AssumeRole to it"
    remedy += ", with this {0}".format(" and ".join(used)) if used else ", without an external id or an MFA device"
    return LoginFailed(what, option="role_arn", remedy=remedy + (". A code of a device works once." if login.mfa_serial else "."))


def _read_token(path: str) -> str:
    try:
        return read_file(find_in_home(path) or path, _MOST_OF_A_TOKEN).decode("ascii").strip()
    except (OSError, ValueError, Damaged):
        raise LoginFailed(
            "the token cannot be read from {0}".format(path), option="web_identity_token_file", remedy="Name the file of the token."
        ) from None


def build_client(session: Any, login: Login, service: str, config: Any = None) -> Any:
    """Return a client. Loads the session's keys, which may need requests of botocore's own.

    Raises:
        InvalidConfiguration: there is no region.
        LoginFailed: a source of keys failed.
    """
    with in_our_words(Call(service)):
        return session.create_client(service, region_name=login.region, endpoint_url=login.endpoint_url, config=config)


@contextmanager
def in_our_words(call: Call) -> Iterator[None]:
    """Raise the errors of botocore as errors of ours, without their text."""
    try:
        yield
    except CredentialError as problem:
        if not call.writing:
            problem.outcome_unknown = False
        raise
    except botocore.exceptions.ClientError as problem:
        raise translate(problem, call) from None
    except ResponseParserError:
        raise build_incomplete(call) from None
    except botocore.exceptions.ProfileNotFound:
        remedy = "'aws configure list-profiles' shows them."
        raise InvalidConfiguration("there is no such profile", option="profile", remedy=remedy) from None
    except (botocore.exceptions.NoRegionError, botocore.exceptions.InvalidRegionError):
        raise InvalidConfiguration("it is missing", option="region", remedy="Write it as 'eu-central-1', or set AWS_REGION.") from None
    except botocore.exceptions.BotoCoreError as problem:
        raise _translate_local(problem) from None


def build_incomplete(call: Call) -> CredentialError:
    """Return the error for a response that lacks a part which it always has: it was cut on its way."""
    error = Unavailable("the response to {0} was not complete".format(call), remedy="Repeat it.")
    return error.annotate(outcome_unknown=call.writing)


_NO_KEYS = ("NoCredentialsError", "PartialCredentialsError", "CredentialRetrievalError", "MetadataRetrievalError", "ConfigParseError")


def _translate_local(problem: BaseException) -> CredentialError:
    """Return the error for what botocore found out by itself. Its class is named: most are about sources of keys."""
    kind = type(problem).__name__
    if kind == "NoCredentialsError":
        return build_no_keys()
    if kind in _NO_KEYS or "SSO" in kind or "Token" in kind or "Login" in kind:
        return LoginFailed("a source of keys of AWS failed ({0})".format(kind), remedy="Log in again, or check the profile.")
    return StorageError("botocore cannot make the request ({0})".format(kind), remedy="Check the options of the store.")


def build_no_keys() -> LoginFailed:
    """Return the error for a machine on which AWS's chain finds no keys."""
    return LoginFailed(
        "AWS has no credentials here",
        option="access_key",
        remedy="Give 'access_key' and 'secret_key', a 'profile', or give this process an identity of AWS.",
    )


def find_region(session: Any, login: Login) -> Optional[str]:
    """Return the region of the options, else that of AWS's own configuration; None if there is none."""
    with in_our_words(Call("sts")):
        found: Optional[str] = login.region or session.get_config_variable("region")
        return found


def find_known_regions(session: Any, service: str) -> frozenset[str]:
    """Return the regions in which botocore knows the service."""
    with in_our_words(Call(service)):
        return frozenset(region for each in PARTITIONS for region in session.get_available_regions(service, partition_name=each))


def read_default_keys() -> Optional[Any]:
    """Return the frozen keys that AWS's own chain finds (environment, profile, container, instance); None if there are none.

    Raises:
        MissingLibrary: botocore is not installed.
        LoginFailed: a source of keys failed.
    """
    check_library()
    with in_our_words(Call("sts")):
        found = botocore.session.get_session().get_credentials()
        return None if found is None else found.get_frozen_credentials()


def now() -> float:
    """Return the time as `Keys.renew_at` has it."""
    return datetime.now(timezone.utc).timestamp()
