# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A store with a credential of type `oauth2`, and a token endpoint whose answers a test writes."""

from __future__ import annotations

import traceback
from contextlib import contextmanager
from datetime import datetime, timedelta, timezone
from urllib.parse import parse_qs

from ansible_collections.nebula.credential.plugins.module_utils.model.secret import Secret
from ansible_collections.nebula.credential.plugins.module_utils.store.desired import DesiredCredential
from ansible_collections.nebula.credential.plugins.module_utils.store.manager import CredentialManager
from ansible_collections.nebula.credential.plugins.module_utils.store.open import open_store
from ansible_collections.nebula.credential.plugins.module_utils.types import registry
from tests.servers import scripted
from tests.servers.scripted import Answer

KIND = registry.type_named("oauth2", {})
NAME = "api"
CANARY = "c4n4ry-of-many-words"
ROBOT = {"client_id": "robot", "client_secret": CANARY}
APP = {"client_id": "app", "refresh_token": CANARY}
HOUR = timedelta(hours=1)


def secrets(**fields):
    return {name: Secret(value) for name, value in fields.items()}


def text(secret):
    return secret.expose().decode()


def checked(**fields):
    """Fields as they are stored."""
    return KIND.validate(secrets(**fields))


def token(number=1, **members):
    """A response with a token that lives so many hours."""
    return Answer(200, {"access_token": "a-{0}".format(number), "token_type": "Bearer", "expires_in": 3600 * number, **members})


def refusal(code, status=400, **members):
    """A response of the token endpoint that refuses."""
    return Answer(status, {"error": code, **members})


def form_of(request):
    """The form in a request: one value for each name."""
    return {name: value for name, (value,) in parse_qs(request.content.decode(), strict_parsing=True).items()}


@contextmanager
def endpoint(*answers):
    """A token endpoint that gives these answers, and the last one for all that come later."""
    left = list(answers)
    with scripted.running(lambda _request: left.pop(0) if len(left) > 1 else left[0]) as server:
        server.token_url = server.url + "/token"
        yield server


class World:
    """A store whose clock is moved."""

    def __init__(self, config=None):
        self.ahead = timedelta(0)
        self.warnings = []
        self.opened = open_store({"audit": "off", "backend": "memory", **(config or {})}, name="prod", warn=self.warnings.append)
        self.manager = CredentialManager(self.opened.backend, store="prod", clock=lambda: datetime.now(timezone.utc) + self.ahead)

    def write(self, **fields):
        return self.manager.ensure(DesiredCredential(NAME, type="oauth2", fields=secrets(**fields)))

    def token(self, field=None):
        return text(self.manager.get(NAME).token(field))

    @property
    def stored(self):
        return self.manager.inspect(NAME)


@contextmanager
def world(config=None):
    made = World(config)
    yield made
    made.opened.close()


def show(error):
    """All that Python may print of an error."""
    return "".join(traceback.format_exception(error)) + repr(error) + repr(vars(error))
