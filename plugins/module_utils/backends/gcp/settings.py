# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A store's options, checked: where its secrets are, and how new ones are replicated and encrypted. Uses no network."""

from __future__ import annotations

import re
from typing import Any, Dict, List, Mapping, NamedTuple, NoReturn, Optional

from ansible_collections.nebula.credential.plugins.module_utils.backends.gcp.options import (
    LOGIN,
    MOST_VERSIONS,
    SPEC,
)
from ansible_collections.nebula.credential.plugins.module_utils.backends.gcp.secret_names import check_prefix
from ansible_collections.nebula.credential.plugins.module_utils.backends.traits import FROM_FILE, FROM_VARIABLE
from ansible_collections.nebula.credential.plugins.module_utils.errors import InvalidConfiguration
from ansible_collections.nebula.credential.plugins.module_utils.network.urls import readable_path, split_url

GLOBAL = "https://secretmanager.googleapis.com"
REGIONAL = "https://secretmanager.{0}.rep.googleapis.com"
_PROJECT = re.compile(r"(?:[a-z][a-z0-9.-]*:)?[a-z0-9][a-z0-9-]{0,62}\Z")
_LOCATION = re.compile(r"[a-z][a-z0-9-]{1,62}\Z")
_EMAIL = re.compile(r"[A-Za-z0-9_.+-]+@[A-Za-z0-9.-]+\Z")
_KEY = re.compile(r"projects/[^/\s]+/locations/[^/\s]+/keyRings/[^/\s]+/cryptoKeys/[^/\s]+\Z")
_LEAST_TTL, _MOST_TTL = 86400, 86400000


class Place(NamedTuple):
    """The project, and the location of regional secrets."""

    project: str
    location: Optional[str]

    @property
    def parent(self) -> str:
        """The resource that has the secrets."""
        found = "projects/{0}".format(self.project)
        return found if self.location is None else "{0}/locations/{1}".format(found, self.location)

    def secret(self, secret: str) -> str:
        """Return the resource of a secret."""
        return "{0}/secrets/{1}".format(self.parent, secret)

    def version(self, secret: str, version: str) -> str:
        """Return the resource of a version, by its number or alias."""
        return "{0}/versions/{1}".format(self.secret(secret), version)


class Settings(NamedTuple):
    """The checked options.

    Attributes:
        place: where the secrets are.
        endpoint: the address of the API.
        prefix: that of the secrets' names.
        replica_locations: where new secrets are replicated; empty for automatic replication.
        kms_key, kms_keys: the keys that encrypt new secrets, for one place or by location.
        version_destroy_ttl: the seconds for which a destroyed version stays.
    """

    place: Place
    endpoint: str
    prefix: str
    replica_locations: List[str]
    kms_key: Optional[str]
    kms_keys: Mapping[str, str]
    version_destroy_ttl: Optional[int]

    @classmethod
    def of(cls, options: Mapping[str, Any]) -> Settings:
        """Check a store's options.

        Raises:
            InvalidConfiguration: the error names the option, what is wrong and what is allowed.
        """
        _check_login(options)
        place = _read_place(options)
        locations, keys = list(options.get("replica_locations") or ()), dict(options.get("kms_keys") or {})
        _check_replication(options, place, locations, keys)
        ttl = options.get("version_destroy_ttl")
        if ttl is not None and not _LEAST_TTL <= ttl <= _MOST_TTL:
            _refuse("version_destroy_ttl", "the value is out of range", "Use {0} to {1}.".format(_LEAST_TTL, _MOST_TTL))
        if (options.get("keep_versions") or 0) > MOST_VERSIONS:
            _refuse("keep_versions", "a secret has room for fewer aliases", "Give {0} at most.".format(MOST_VERSIONS))
        prefix = options.get("prefix")
        default = GLOBAL if place.location is None else REGIONAL.format(place.location)
        return cls(
            place,
            (options.get("endpoint") or default).rstrip("/"),
            check_prefix(str(SPEC["prefix"]["default"] if prefix is None else prefix)),
            locations,
            options.get("kms_key"),
            keys,
            ttl,
        )

    def build_new_secret(self) -> Dict[str, Any]:
        """Return the fields of a new secret that the options decide. A regional secret has no replication."""
        ttl: Dict[str, Any] = {} if self.version_destroy_ttl is None else {"version_destroy_ttl": {"seconds": self.version_destroy_ttl}}
        key: Dict[str, Any] = {} if self.kms_key is None else {"customer_managed_encryption": {"kms_key_name": self.kms_key}}
        if self.place.location is not None:
            return {**ttl, **key}
        if not self.replica_locations:
            return {**ttl, "replication": {"automatic": key}}
        return {**ttl, "replication": {"user_managed": {"replicas": [self._build_replica(each) for each in self.replica_locations]}}}

    def _build_replica(self, location: str) -> Dict[str, Any]:
        key = self.kms_keys.get(location)
        return {"location": location, **({} if key is None else {"customer_managed_encryption": {"kms_key_name": key}})}


def _read_place(options: Mapping[str, Any]) -> Place:
    project, location = options.get("project"), options.get("location")
    if not project:
        _refuse("project", "it is not given, and is never looked up", "Give the id of the project, or set GOOGLE_CLOUD_PROJECT.")
    if not _PROJECT.match(str(project)):
        _refuse("project", "it is not the id or number of a project", "Use lower case letters, digits and '-'.")
    if location is not None and not _LOCATION.match(location):
        _refuse("location", "it is not a location", "Write it as 'europe-west3'.")
    return Place(str(project), location)


def _check_login(options: Mapping[str, Any]) -> None:
    kinds = [option for option in LOGIN if any(options.get(option + ending) for ending in ("", FROM_FILE, FROM_VARIABLE))]
    if len(kinds) > 1:
        _refuse("access_token", "'credentials' is given too", "Give one login.")
    for option in ("endpoint", "iam_endpoint"):
        _check_endpoint(option, options.get(option))
    email = options.get("impersonate")
    if email is not None and not _EMAIL.match(email):
        _refuse("impersonate", "it is not the e-mail address of a service account", "Write it as 'name@project.iam.gserviceaccount.com'.")
    if options.get("iam_endpoint") and email is None:
        _refuse("iam_endpoint", "it is given without 'impersonate', which alone uses it", "Give both, or none.")
    if options.get("ca_cert"):
        readable_path("ca_cert", options["ca_cert"])


def _check_endpoint(option: str, address: Optional[str]) -> None:
    parts = None if address is None else split_url(address)
    plain = parts is not None and parts.username is None and not parts.query and parts.path in ("", "/")
    if address is not None and not (plain and parts is not None and parts.scheme == "https" and parts.hostname):
        _refuse(option, "it is not the address of an endpoint", "Write it as 'https://host' or 'https://host:port'.")


def _check_replication(options: Mapping[str, Any], place: Place, locations: List[str], keys: Mapping[str, Any]) -> None:
    if locations and place.location is not None:
        _refuse("replica_locations", "a regional secret is not replicated", "Give 'location' or 'replica_locations'.")
    if keys and set(keys) != set(locations):
        _refuse("kms_keys", "it has not one key for each of 'replica_locations'", "Give a key for each of them, and no other.")
    if options.get("kms_key") and locations:
        _refuse("kms_key", "each of 'replica_locations' has a key of its own", "Give them in 'kms_keys', by location.")
    for option, key in (("kms_key", options.get("kms_key")), *(("kms_keys", each) for each in keys.values())):
        if key is not None and not (isinstance(key, str) and _KEY.match(key)):
            remedy = "Write it as 'projects/…/locations/…/keyRings/…/cryptoKeys/…', without a version."
            _refuse(option, "it is not the name of a key of Cloud KMS", remedy)


def _refuse(option: str, what: str, remedy: str) -> NoReturn:
    raise InvalidConfiguration(what, option=option, remedy=remedy)
