# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The client libraries by themselves, as somebody without this collection would call them."""

from __future__ import annotations

import base64
from typing import Any, Protocol


class Bare(Protocol):
    """One value by name."""

    def write(self, name: str, value: str) -> object:
        """Make it, or replace it."""

    def read(self, name: str) -> object:
        """Its value."""

    def list(self) -> object:
        """All names."""

    def close(self) -> None:
        """Release what it holds."""


class Table:
    """SQLAlchemy Core on a table of its own: name and value."""

    def __init__(self, url: str) -> None:
        """Make the table. Each statement commits by itself, which is the fewest round trips there are."""
        import sqlalchemy

        self._sqlalchemy = sqlalchemy
        self._engine = sqlalchemy.create_engine(url, isolation_level="AUTOCOMMIT")
        columns = (sqlalchemy.Column("name", sqlalchemy.String(200), primary_key=True), sqlalchemy.Column("value", sqlalchemy.String(200)))
        self._table = sqlalchemy.Table("bare_values", sqlalchemy.MetaData(), *columns)
        self._table.create(self._engine)

    def write(self, name: str, value: str) -> object:
        """An update, or an insert where there is none."""
        table = self._table
        with self._engine.connect() as connection:
            if connection.execute(table.update().where(table.c.name == name).values(value=value)).rowcount == 0:
                connection.execute(table.insert().values(name=name, value=value))
        return None

    def read(self, name: str) -> object:
        """A select."""
        with self._engine.connect() as connection:
            return connection.execute(self._sqlalchemy.select(self._table.c.value).where(self._table.c.name == name)).scalar_one()

    def list(self) -> object:
        """A select of all names."""
        with self._engine.connect() as connection:
            return connection.execute(self._sqlalchemy.select(self._table.c.name)).scalars().all()

    def close(self) -> None:
        """Close the pool."""
        self._engine.dispose()


class KeyValue:
    """hvac on KV version 2, below a prefix of its own."""

    def __init__(self, client: Any) -> None:
        """Take a hvac.Client."""
        self._client = client
        self._kv = client.secrets.kv.v2

    def write(self, name: str, value: str) -> object:
        """create_or_update_secret."""
        return self._kv.create_or_update_secret(path="bare/" + name, secret={"username": "app", "password": value})

    def read(self, name: str) -> object:
        """read_secret_version."""
        return self._kv.read_secret_version(path="bare/" + name, raise_on_deleted_version=True)["data"]["data"]

    def list(self) -> object:
        """list_secrets, folder by folder."""
        return [self._kv.list_secrets(path="bare/" + folder) for folder in self._kv.list_secrets(path="bare")["data"]["keys"]]

    def close(self) -> None:
        """Close its connections."""
        self._client.adapter.close()


class Secrets:
    """The official client of Kubernetes, in one namespace."""

    def __init__(self, api: Any, namespace: str) -> None:
        """Take a CoreV1Api."""
        self._api = api
        self._namespace = namespace

    def write(self, name: str, value: str) -> object:
        """replace_namespaced_secret, or create_namespaced_secret where there is none."""
        from kubernetes.client.exceptions import ApiException

        data = {"username": base64.b64encode(b"app").decode(), "password": base64.b64encode(value.encode()).decode()}
        body = {"metadata": {"name": _object(name), "labels": {"bare": "yes"}}, "data": data}
        try:
            return self._api.replace_namespaced_secret(_object(name), self._namespace, body)
        except ApiException as refused:
            if refused.status != 404:
                raise
            return self._api.create_namespaced_secret(self._namespace, body)

    def read(self, name: str) -> object:
        """read_namespaced_secret."""
        return self._api.read_namespaced_secret(_object(name), self._namespace).data["password"]

    def list(self) -> object:
        """list_namespaced_secret, those of ours left out."""
        return self._api.list_namespaced_secret(self._namespace, label_selector="bare=yes").items

    def close(self) -> None:
        """Close its connections."""
        self._api.api_client.close()


def _object(name: str) -> str:
    return "bare-" + name.replace("/", "-")
