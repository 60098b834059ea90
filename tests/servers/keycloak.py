# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Keycloak as a server process, on 127.0.0.1 and a random port, with one realm and one person: an identity provider, and OAuth 2.0.

It takes half a minute to start and half a GiB of memory, so only tests of the long profile use it: `with running() as server: …`.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
import time
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import requests

from tests.servers import processes
from tests.servers.processes import LOOPBACK, ServerUnavailable

VERSION = "26.7.3"
ARCHIVE = "keycloak-quarkus-dist-{0}.zip".format(VERSION)
CACHE = Path(__file__).resolve().parents[2] / ".cache" / "servers"
REALM, PERSON, ADMIN = "tests", "ada", "admin"
DIRECT = {"http": "", "https": ""}


@dataclass(frozen=True)
class Server:
    """A running server. The password is that of the person and of the administrator."""

    url: str
    password: str = field(repr=False)
    log: Path

    @property
    def realm_url(self) -> str:
        """The address of the realm: the issuer, and the name of the identity provider."""
        return "{0}/realms/{1}".format(self.url, REALM)

    @property
    def saml_metadata(self) -> str:
        """The metadata of the identity provider."""
        answer = requests.get(self.realm_url + "/protocol/saml/descriptor", timeout=60, proxies=DIRECT)
        answer.raise_for_status()
        return answer.text

    def administer(self, method: str, path: str, **content: Any) -> requests.Response:
        """Send a request to the API of administrators, below `/admin/realms`."""
        login = {"grant_type": "password", "client_id": "admin-cli", "username": ADMIN, "password": self.password}
        token = requests.post(self.url + "/realms/master/protocol/openid-connect/token", data=login, timeout=60, proxies=DIRECT)
        headers = {"Authorization": "Bearer " + token.json()["access_token"], **content.pop("headers", {})}
        answer = requests.request(method, self.url + "/admin/realms" + path, headers=headers, timeout=60, proxies=DIRECT, **content)
        answer.raise_for_status()
        return answer

    def register(self, metadata: str, **attributes: str) -> None:
        """Register a service of SAML by its metadata, as Keycloak itself reads it."""
        path, headers = "/{0}/client-description-converter".format(REALM), {"Content-Type": "application/xml"}
        client = self.administer("POST", path, data=metadata.encode(), headers=headers).json()
        client["attributes"].update(attributes)
        shown = {"user.attribute": "email", "attribute.name": "email", "attribute.nameformat": "Basic"}
        mapper = {"name": "email", "protocol": "saml", "protocolMapper": "saml-user-property-mapper", "config": shown}
        client["protocolMappers"] = [mapper]
        self.administer("POST", "/{0}/clients".format(REALM), json=client)


def find_archive() -> Path:
    """The distribution.

    Raises:
        ServerUnavailable: there is none, or no Java.
    """
    for directory in (os.environ.get("NEBULA_TEST_SERVERS", "/nonexistent"), CACHE):
        if (Path(directory) / ARCHIVE).is_file() and shutil.which("java"):
            return Path(directory) / ARCHIVE
    raise ServerUnavailable("no Keycloak, or no Java, on this machine. Run: NEBULA_TEST_PROFILE=long bash tests/servers/prepare.sh")


@contextlib.contextmanager
def running() -> Iterator[Server]:
    """Start a server, make its realm, hand it out, and end it.

    Raises:
        ServerUnavailable: there is none, or it did not start.
    """
    account, archive = processes.unprivileged_account(), find_archive()
    with processes.private_directory("keycloak", account) as directory:
        with zipfile.ZipFile(archive) as packed:
            packed.extractall(directory)
        home, log, port = directory / "keycloak-{0}".format(VERSION), directory / "server.log", processes.free_port()
        give_away(directory, account)
        password = secrets.token_urlsafe(24)
        environment = {
            "KC_BOOTSTRAP_ADMIN_USERNAME": ADMIN,
            "KC_BOOTSTRAP_ADMIN_PASSWORD": password,
            "JAVA_OPTS_KC_HEAP": "-Xms64m -Xmx512m",
            "HOME": str(directory),
        }
        listens = ["--http-host={0}".format(LOOPBACK), "--http-port={0}".format(port), "--cache=local"]
        command = ["bash", str(home / "bin" / "kc.sh"), "start-dev", *listens]
        process = processes.start(command, account=account, log=log, directory=directory, environment=environment)
        server = Server("http://{0}:{1}".format(LOOPBACK, port), password, log)
        try:
            processes.wait_until(lambda: is_ready(server), process=process, within=900)
        except ServerUnavailable as error:
            raise ServerUnavailable("Keycloak did not start: {0}. Its log: {1}".format(error, processes.keep_log(log))) from None
        with processes.ended_with(process, log):
            make_realm(server)
            yield server


def give_away(directory: Path, account: processes.Account) -> None:
    """Make all below a directory the account's: Keycloak writes beside its program."""
    if account.uid is not None and account.gid is not None:
        for path in directory.rglob("*"):
            os.chown(path, account.uid, account.gid)


def is_ready(server: Server) -> bool:
    """Whether it responds. It is asked twice a second."""
    time.sleep(0.5)
    try:
        return requests.get(server.url + "/realms/master", timeout=60, proxies=DIRECT).ok
    except requests.RequestException:
        return False


def make_realm(server: Server) -> None:
    """Make the realm and its person. A refresh token works once there."""
    person = {
        "username": PERSON,
        "enabled": True,
        "email": "ada@example.com",
        "firstName": "Ada",
        "lastName": "L",
        "emailVerified": True,
        "credentials": [{"type": "password", "value": server.password, "temporary": False}],
    }
    realm = {
        "realm": REALM,
        "enabled": True,
        "sslRequired": "none",
        "revokeRefreshToken": True,
        "refreshTokenMaxReuse": 0,
        "users": [person],
    }
    server.administer("POST", "", json=realm)
