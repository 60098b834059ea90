# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Clients of a real authorization server that registered themselves, for the suite of targets. A proxy is in between."""

from __future__ import annotations

import contextlib
from typing import Any, Mapping, Tuple

import requests

from tests.servers import once, proxy
from tests.targets.harness import Plain, TargetService

DIRECT = {"http": ""}
_NOT_SENT = ("registration_client_uri", "registration_access_token", "client_secret_expires_at", "client_id_issued_at")


class RegisteredClient(TargetService):
    """A client whose record brings a new secret with each update."""

    kind = "oauth2_client"
    makes = True

    def start(self) -> None:
        self.server = once.oidc_provider()
        self._clean_up = contextlib.ExitStack()
        self._between = self._clean_up.enter_context(proxy.running(self.server.host, self.server.port))
        self.record = self.server.register()
        self._headers = {"Authorization": "Bearer " + self.record["registration_access_token"]}

    def stop(self) -> None:
        self._clean_up.close()

    def _reach(self, url: str) -> str:
        """Return the address at the proxy."""
        return url.replace(":{}/".format(self.server.port), ":{}/".format(self._between.port))

    def options(self) -> Mapping[str, Any]:
        return {
            "api": "registration",
            "url": self._reach(self.record["registration_client_uri"]),
            "token_url": self._reach(self.server.token_url),
            "admin_credential": "admin",
            "keeps_registration_token": True,
        }

    def credentials(self) -> Mapping[str, Tuple[str, Plain]]:
        return {"admin": ("api_key", {"api_key": self.record["registration_access_token"]})}

    def fields(self) -> Plain:
        return {"username": self.record["client_id"], "password": self.record["client_secret"]}

    def opens(self, fields: Plain) -> bool:
        login = (str(fields["username"]), str(fields["password"]))
        form = {"grant_type": "client_credentials"}
        return requests.post(self.server.token_url, data=form, auth=login, timeout=60, proxies=DIRECT).ok

    def show(self) -> Plain:
        record = self._read()
        return {"username": record["client_id"], "password": record["client_secret"]}

    def _read(self) -> dict[str, Any]:
        answer = requests.get(self.record["registration_client_uri"], headers=self._headers, timeout=60, proxies=DIRECT)
        assert answer.ok, answer.text
        return dict(answer.json())

    def shut(self) -> None:
        self._between.mode = proxy.REFUSE

    def reopen(self) -> None:
        self._between.mode = proxy.PASS

    def change_elsewhere(self) -> None:
        kept = {name: part for name, part in self._read().items() if name not in _NOT_SENT}
        answer = requests.put(self.record["registration_client_uri"], json=kept, headers=self._headers, timeout=60, proxies=DIRECT)
        assert answer.ok, answer.text
