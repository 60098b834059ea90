# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A migration of all credentials says which secrets of other tools it leaves behind, because no credential can have their names."""

from __future__ import annotations

import pytest

from ansible_collections.nebula.credential.plugins.module_utils.model.secret import Secret
from ansible_collections.nebula.credential.plugins.module_utils.store.desired import DesiredCredential
from ansible_collections.nebula.credential.plugins.module_utils.store.open import open_store
from tests.integration.aws_parameter_store import ParameterStore
from tests.integration.aws_store import AwsStore
from tests.integration.gcp_store import GoogleStore
from tests.integration.migrated import CALLER, migrate
from tests.integration.vault_store import VaultStore
from tests.servers import once

pytestmark = pytest.mark.server
VALUE = "not to be shown"


def on_vault():
    store = VaultStore(once.server("openbao"))
    for name in ("app/odd one", "app/folder of theirs/db"):
        store.server.call("POST", store.path(name), {"data": {"password": VALUE}})
    return store.manager, ["app/folder of theirs/", "app/odd one"]


def on_secrets_manager():
    store = AwsStore(once.server("moto"))
    for name in ("app/odd+one", "app/you@example.com!"):
        store.server.client().create_secret(Name=store.secret(name), SecretString=VALUE)
    return open_aws(store), ["app/odd+one", "app/you@example.com!"]


def open_aws(store):
    return lambda warn: open_store({"backend": "aws", "audit": "off", **store.options}, name="prod", warn=warn)


def on_parameter_store():
    store = ParameterStore("moto")
    store.put("app/.odd", VALUE)
    where = {"backend": "aws", "service": "ssm", "prefix": store.prefix, "audit": "off", "single_writer": True, **store.server.login}
    return (lambda warn: open_store(where, name="prod", warn=warn)), ["app/.odd"]


def on_google():
    store = GoogleStore(once.server("secret_manager"))
    store.theirs().make("nebula-app__odd")
    store.theirs().add("nebula-app__odd", VALUE.encode())
    return store.manager, ["app__odd"]


@pytest.fixture(params=[on_vault, on_secrets_manager, on_parameter_store, on_google], ids=lambda way: way.__name__[3:])
def found(request):
    """A source with one credential of ours, which was deleted once, the names of theirs, and the warnings of the source."""
    warnings = []
    open_source, others = request.param()
    source = open_source(warnings.append)
    for value in ("deleted", "one", "two"):
        source.ensure(DesiredCredential("app/db", value=Secret(value)), CALLER)
        if value == "deleted":
            source.delete("app/db", context=CALLER)
    del warnings[:]
    yield source, others, warnings
    source.close()


@pytest.fixture
def destination():
    return open_store({"backend": "memory", "audit": "off"}, name="new")


@pytest.mark.parametrize("selection", [{"all": True}, {"prefix": "app", "all": False}, {"all": True, "step": "select"}], ids=str)
def test_what_no_listing_shows_is_named_once_and_no_value_of_it(found, destination, selection):
    source, others, warnings = found
    migrate(source, destination, **selection)
    said = [warning for warning in warnings if "no credentials' names" in warning]
    assert len(said) == 1
    assert "{0} names".format(len(others)) in said[0]
    assert all(repr(name) in said[0] for name in others)
    assert VALUE not in said[0]


def test_what_was_not_selected_is_no_loss(found, destination):
    source, _others, warnings = found
    migrate(source, destination, prefix="app/d", all=False)
    migrate(source, destination, names=["app/db"])
    assert warnings == []
    assert [row.name for row in destination.list(context=CALLER)] == ["app/db"]
