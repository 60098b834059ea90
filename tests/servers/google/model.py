# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Secrets and versions as Secret Manager keeps them: states, etags, aliases, limits. What it would not take is refused."""

from __future__ import annotations

import re
import threading
from datetime import datetime, timedelta, timezone
from typing import Any, Dict, List, Optional, Tuple

from google.cloud.secretmanager_v1 import types

ENABLED, DISABLED, DESTROYED = (types.SecretVersion.State[name] for name in ("ENABLED", "DISABLED", "DESTROYED"))
MAX_PAYLOAD = 65536
MAX_ANNOTATIONS = 16 * 1024
MAX_LABELS = 64
MAX_ALIASES = 50
MAX_PAGE = 25000
_ID = re.compile(r"[A-Za-z0-9_-]{1,255}\Z")
_ALIAS = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,62}\Z")
_LABEL_KEY = re.compile(r"[a-z][a-z0-9_-]{0,62}\Z")
_LABEL_VALUE = re.compile(r"[a-z0-9_-]{0,63}\Z")
_ANNOTATION = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]{0,61}[A-Za-z0-9])?\Z")
_SECRET = re.compile(r"projects/(?P<project>[^/]+)(?:/locations/(?P<location>[^/]+))?/secrets/(?P<secret>[^/]+)\Z")
_VERSION = re.compile(r"(?P<secret>projects/.+/secrets/[^/]+)/versions/(?P<version>[^/]+)\Z")
_PARENT = re.compile(r"projects/(?P<project>[^/]+)(?:/locations/(?P<location>[^/]+))?\Z")
_KEY = re.compile(r"projects/[^/]+/locations/(?P<location>[^/]+)/keyRings/[^/]+/cryptoKeys/[^/]+\Z")
_MASKED = ("labels", "annotations", "version_aliases")


class Refusal(Exception):
    """A status of gRPC instead of a response."""

    def __init__(self, code: str, text: str, retry_after: Optional[float] = None) -> None:
        """Take the status's name, the text, and the seconds to wait."""
        super().__init__(text)
        self.code = code
        self.text = text
        self.retry_after = retry_after


class Version:
    """One version: its message, and its payload until it is destroyed."""

    def __init__(self, name: str, data: bytes, checksum: int, etag: str) -> None:
        """Take what it begins with; it is enabled."""
        self.message = types.SecretVersion(name=name, create_time=now(), state=ENABLED, etag=etag, client_specified_payload_checksum=True)
        self.data = data
        self.checksum = checksum


class Secret:
    """One secret: its message, and its versions by their number."""

    def __init__(self, message: types.Secret) -> None:
        """Take the message, complete."""
        self.message = message
        self.former: Dict[str, int] = {}
        self.versions: Dict[int, Version] = {}


class Model:
    """All secrets, by their name. Every method is one request."""

    def __init__(self) -> None:
        """Begin without any."""
        self._secrets: Dict[str, Secret] = {}
        self._lock = threading.RLock()
        self._etags = 0
        self.is_late = False
        """Whether reads by alias follow the aliases before the last update, as Google allows itself for a while."""

    def create_secret(self, request: Any) -> types.Secret:
        """CreateSecret."""
        parent = _match(_PARENT, request.parent)
        require(bool(_ID.match(request.secret_id)), "Secret id has a bad form.")
        wanted = request.secret
        require(not wanted.name and not wanted.etag and not wanted.version_aliases, "A new secret has no name, etag or aliases.")
        _check_replication(wanted, parent["location"])
        check_labels(wanted)
        name = "{0}/secrets/{1}".format(request.parent, request.secret_id)
        with self._lock:
            if name in self._secrets:
                raise Refusal("ALREADY_EXISTS", "Secret [{0}] already exists.".format(name))
            message = types.Secret(wanted)
            message.name, message.create_time, message.etag = name, now(), self._next_etag()
            self._secrets[name] = Secret(message)
            return types.Secret(message)

    def has_secret(self, name: str) -> bool:
        """Whether there is a secret."""
        with self._lock:
            return name in self._secrets

    def get_secret(self, request: Any) -> types.Secret:
        """GetSecret."""
        with self._lock:
            return types.Secret(self._find(request.name).message)

    def update_secret(self, request: Any) -> types.Secret:
        """UpdateSecret: labels, annotations and aliases."""
        paths = list(request.update_mask.paths)
        require(bool(paths) and set(paths) <= set(_MASKED), "update_mask names what cannot be updated.")
        check_labels(request.secret)
        with self._lock:
            secret = self._find(request.secret.name)
            self._compare(request.secret.etag, secret.message.etag)
            if "version_aliases" in paths:
                _check_aliases(request.secret.version_aliases, secret)
            secret.former = dict(secret.message.version_aliases)
            for path in paths:
                setattr(secret.message, path, dict(getattr(request.secret, path)))
            secret.message.etag = self._next_etag()
            return types.Secret(secret.message)

    def delete_secret(self, request: Any) -> Any:
        """DeleteSecret."""
        with self._lock:
            secret = self._find(request.name)
            self._compare(request.etag, secret.message.etag)
            del self._secrets[request.name]

    def list_secrets(self, request: Any) -> types.ListSecretsResponse:
        """ListSecrets, with the filter `name:TEXT`."""
        _match(_PARENT, request.parent)
        wanted = ""
        if request.filter:
            require(request.filter.startswith("name:") and " " not in request.filter, "The filter is not supported.")
            wanted = request.filter[len("name:") :]
        with self._lock:
            inside = request.parent + "/secrets/"
            names = sorted(name for name in self._secrets if name.startswith(inside) and wanted in name[len(inside) :])
            page, token = _cut_page(names, request.page_size, request.page_token)
            return types.ListSecretsResponse(
                secrets=[self._secrets[name].message for name in page], next_page_token=token, total_size=len(names)
            )

    def add_secret_version(self, request: Any) -> types.SecretVersion:
        """AddSecretVersion. Its number follows the last one, destroyed ones included; the secret's etag stays."""
        data, checksum = request.payload.data, request.payload.data_crc32c
        require(len(data) <= MAX_PAYLOAD, "The payload is too large.")
        require("data_crc32c" in request.payload, "This server requires the checksum.")
        require(compute_checksum(data) == checksum, "The checksum does not match the payload.")
        with self._lock:
            secret = self._find(request.parent)
            number = max(secret.versions, default=0) + 1
            version = Version("{0}/versions/{1}".format(request.parent, number), data, checksum, self._next_etag())
            secret.versions[number] = version
            return types.SecretVersion(version.message)

    def access_secret_version(self, request: Any) -> types.AccessSecretVersionResponse:
        """AccessSecretVersion: by number, alias or `latest`."""
        with self._lock:
            version = self._find_version(request.name)
            if version.message.state != ENABLED:
                raise Refusal(
                    "FAILED_PRECONDITION", "Secret Version [{0}] is in {1} state.".format(request.name, version.message.state.name)
                )
            payload = {"data": version.data, "data_crc32c": version.checksum}
            return types.AccessSecretVersionResponse(name=version.message.name, payload=payload)

    def get_secret_version(self, request: Any) -> types.SecretVersion:
        """GetSecretVersion."""
        with self._lock:
            return types.SecretVersion(self._find_version(request.name).message)

    def list_secret_versions(self, request: Any) -> types.ListSecretVersionsResponse:
        """ListSecretVersions, newest first, with the filter `state:ENABLED`."""
        require(request.filter in ("", "state:ENABLED"), "The filter is not supported.")
        with self._lock:
            secret = self._find(request.parent)
            numbers = sorted(secret.versions, reverse=True)
            numbers = [number for number in numbers if not request.filter or secret.versions[number].message.state == ENABLED]
            page, token = _cut_page(numbers, request.page_size, request.page_token)
            versions = [secret.versions[number].message for number in page]
            return types.ListSecretVersionsResponse(versions=versions, next_page_token=token, total_size=len(numbers))

    def disable_secret_version(self, request: Any) -> types.SecretVersion:
        """DisableSecretVersion."""
        return self._change_state(request, DISABLED)

    def enable_secret_version(self, request: Any) -> types.SecretVersion:
        """EnableSecretVersion."""
        return self._change_state(request, ENABLED)

    def destroy_secret_version(self, request: Any) -> types.SecretVersion:
        """DestroySecretVersion: at once, or disabled until `version_destroy_ttl` is over."""
        with self._lock:
            ttl = self._find(_match(_VERSION, request.name)["secret"]).message.version_destroy_ttl
            if ttl and ttl.total_seconds():
                changed = self._change_state(request, DISABLED)
                self._find_version(request.name).message.scheduled_destroy_time = now() + ttl
                return changed
            changed = self._change_state(request, DESTROYED)
            version = self._find_version(request.name)
            version.data, version.message.destroy_time = b"", now()
            return changed

    def _change_state(self, request: Any, state: Any) -> types.SecretVersion:
        number = _match(_VERSION, request.name)["version"]
        require(number.isdigit(), "A version is changed by its number.")
        with self._lock:
            version = self._find_version(request.name)
            self._compare(request.etag, version.message.etag)
            if version.message.state == DESTROYED:
                raise Refusal("FAILED_PRECONDITION", "Secret Version [{0}] is in DESTROYED state.".format(request.name))
            version.message.state, version.message.etag = state, self._next_etag()
            return types.SecretVersion(version.message)

    def _find(self, name: str) -> Secret:
        _match(_SECRET, name)
        if name not in self._secrets:
            raise Refusal("NOT_FOUND", "Secret [{0}] not found.".format(name))
        return self._secrets[name]

    def _find_version(self, name: str) -> Version:
        parts = _match(_VERSION, name)
        secret, wanted = self._find(parts["secret"]), parts["version"]
        if wanted == "latest":
            number = max(secret.versions, default=0)
        else:
            number = int(wanted) if wanted.isdigit() else (secret.former if self.is_late else secret.message.version_aliases).get(wanted, 0)
        if number not in secret.versions:
            raise Refusal("NOT_FOUND", "Secret [{0}] not found or has no versions.".format(name))
        return secret.versions[number]

    def _next_etag(self) -> str:
        self._etags += 1
        return '"{0:x}"'.format(0x62000000000 + self._etags)

    def _compare(self, given: str, stored: str) -> None:
        require(not given or (given.startswith('"') and given.endswith('"')), "An etag has quotes.")
        if given and given != stored:
            raise Refusal("FAILED_PRECONDITION", "The etag does not match.")


def now() -> datetime:
    """The time."""
    return datetime.now(timezone.utc)


def require(condition: bool, text: str) -> None:
    """Refuse a request that is not as it has to be."""
    if not condition:
        raise Refusal("INVALID_ARGUMENT", text)


def compute_checksum(data: bytes) -> int:
    """CRC32C, bit by bit as RFC 3720 has it: not by the code that is tested."""
    checksum = 0xFFFFFFFF
    for byte in data:
        checksum ^= byte
        for _bit in range(8):
            checksum = (checksum >> 1) ^ (0x82F63B78 & -(checksum & 1))
    return checksum ^ 0xFFFFFFFF


def find_resource(name: str) -> Tuple[str, Optional[str]]:
    """The resource on which IAM decides (a secret, or what has secrets), and its location."""
    version = _VERSION.match(name)
    resource = version["secret"] if version else name
    found = _SECRET.match(resource) or _PARENT.match(resource)
    require(found is not None, "The name of the resource has a bad form.")
    assert found is not None
    return resource, found["location"]


def _match(form: Any, name: str) -> Any:
    found = form.match(name)
    require(found is not None, "The name of the resource has a bad form.")
    return found


def _check_replication(wanted: Any, location: Optional[str]) -> None:
    kind = types.Secret.pb(wanted).replication.WhichOneof("replication")
    key = wanted.customer_managed_encryption.kms_key_name
    if location is not None:
        require(kind is None, "A regional secret has no replication.")
        require(not key or _match(_KEY, key)["location"] == location, "The key is not in the secret's location.")
        return
    require(kind is not None, "A global secret needs a replication.")
    require(not key, "customer_managed_encryption belongs into the replication.")
    if kind == "automatic":
        key = wanted.replication.automatic.customer_managed_encryption.kms_key_name
        require(not key or _match(_KEY, key)["location"] == "global", "The key is not global.")
        return
    replicas = list(wanted.replication.user_managed.replicas)
    require(bool(replicas) and len({each.location for each in replicas}) == len(replicas), "Each replica has a location of its own.")
    keys = [each.customer_managed_encryption.kms_key_name for each in replicas]
    require(all(keys) or not any(keys), "All replicas have a key, or none.")
    for replica, key in zip(replicas, keys):
        require(not key or _match(_KEY, key)["location"] == replica.location, "The key is not in the replica's location.")


def check_labels(wanted: Any) -> None:
    """Check labels, annotations and the time before destruction of a secret."""
    require(len(wanted.labels) <= MAX_LABELS, "There are too many labels.")
    for key, value in wanted.labels.items():
        require(bool(_LABEL_KEY.match(key) and _LABEL_VALUE.match(value)), "A label has a bad form.")
    size = sum(len(key.encode()) + len(value.encode()) for key, value in wanted.annotations.items())
    require(size <= MAX_ANNOTATIONS, "The annotations are too large.")
    require(all(_ANNOTATION.match(key) for key in wanted.annotations), "The key of an annotation has a bad form.")
    ttl = wanted.version_destroy_ttl
    require(not ttl or timedelta(days=1) <= ttl <= timedelta(days=1000), "version_destroy_ttl is out of range.")


def _check_aliases(aliases: Any, secret: Secret) -> None:
    require(len(aliases) <= MAX_ALIASES, "There are too many aliases.")
    for alias, number in aliases.items():
        require(bool(_ALIAS.match(alias)) and alias.lower() not in ("latest", "new"), "An alias has a bad form.")
        require(number in secret.versions, "An alias names a version that does not exist.")
        require(secret.versions[number].message.state != DESTROYED, "An alias names a version that is destroyed.")


def _cut_page(found: List[Any], size: int, token: str) -> Tuple[List[Any], str]:
    require(0 <= size <= MAX_PAGE, "The page is too large.")
    require(not token or token.isdigit(), "The page token is not one of ours.")
    first = int(token or 0)
    last = first + (size or MAX_PAGE)
    return found[first:last], str(last) if last < len(found) else ""
