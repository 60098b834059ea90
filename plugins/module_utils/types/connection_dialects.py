# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the connection strings of each kind of database have of their own: schemes, TLS and pool parameters, and the checks of them."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any, Dict, Mapping, Optional, Tuple

from ansible_collections.nebula.credential.plugins.module_utils.errors import InvalidInput

Parameters = Mapping[str, str]

_NAME = re.compile(r"[A-Za-z](?:[\w .-]*[\w.-])?\Z", re.ASCII)
_SECRET = re.compile("pass|pwd|secret|token|mechanismproperties", re.IGNORECASE)
_IN_A_FIELD = ("user", "username", "host", "port", "dbname", "db", "sid", "dsn")
_YES_AND_NO = {"yes": "true", "mandatory": "true", "no": "false", "optional": "false"}


@dataclass(frozen=True)
class Dialect:
    """The connection strings of one kind of database.

    Attributes:
        schemes: those that are read; the first one is written.
        tls_scheme: the scheme of a connection with TLS, where that is another one.
        tls: the parameters of each mode. A mode that is not there cannot be written. Of two alike the first one is read.
        switch: the parameter that turns TLS on, in lower case. If it is false, the others do not matter.
        implies_tls: whether TLS is on if the switch is missing and another TLS parameter is there.
        defaults: values that are the same as a missing parameter, by name in lower case.
        pool: the parameter of each pool setting, and how many of its units are one of ours.
        aliases: other names of parameters, all in lower case.
        service: the parameter that names the database, where the path does not.
        hosts: whether it has lists of hosts.
        sockets: whether a path can be the host.
    """

    schemes: Tuple[str, ...]
    tls: Mapping[str, Parameters]
    tls_scheme: str = ""
    switch: str = ""
    implies_tls: bool = False
    defaults: Parameters = field(default_factory=dict)
    pool: Mapping[str, Tuple[str, int]] = field(default_factory=dict)
    aliases: Parameters = field(default_factory=dict)
    service: str = ""
    hosts: bool = False
    sockets: bool = False

    def name_of(self, parameter: str) -> str:
        """Return the name of a parameter in lower case, with other names of it replaced."""
        name = parameter.lower()
        return self.aliases.get(name, name)

    def is_tls(self, parameter: str) -> bool:
        """Return True if a parameter is one that `ssl_mode` stands for."""
        return self.name_of(parameter) in {name.lower() for each in self.tls.values() for name in each}

    def read_tls(self, given: Parameters, scheme: str) -> Optional[str]:
        """Return the mode that TLS parameters stand for; None if there are none and the scheme says nothing."""
        found = {self.name_of(name): _YES_AND_NO.get(value.lower(), value.lower()) for name, value in given.items() if self.is_tls(name)}
        modes = self.tls
        if self.tls_scheme:
            modes = {mode: each for mode, each in modes.items() if (mode == "disable") == (scheme != self.tls_scheme)}
        elif not found:
            return None
        elif self.implies_tls:
            found.setdefault(self.switch, "true")
        if self.switch and found.get(self.switch) == "false":
            return "disable"
        found = {name: value for name, value in found.items() if self.defaults.get(name) != value}
        for mode, each in modes.items():
            if found == {name.lower(): value.lower() for name, value in each.items()}:
                return mode
        raise invalid_string("has an unknown TLS setting in {0}".format(", ".join(sorted(found)) or scheme))

    def find_setting(self, parameter: str) -> Optional[str]:
        """Return the pool setting that a parameter is; None if it is none."""
        return next((setting for setting, (name, _factor) in self.pool.items() if name.lower() == self.name_of(parameter)), None)

    def read_pool(self, parameter: str, value: str) -> Optional[Tuple[str, int]]:
        """Return the pool setting that a parameter is, and its value; None if it is none, or zero, or no whole number of our units."""
        setting = self.find_setting(parameter)
        if setting is None or not value.isascii() or not value.isdigit() or len(value) > 12:
            return None
        count, rest = divmod(int(value), self.pool[setting][1])
        is_kept = not rest and str(int(value)) == value and (count or setting == "min_connections")
        return (setting, count) if is_kept else None

    def write_parameters(self, parts: Mapping[str, Any]) -> Dict[str, str]:
        """Return all parameters: the service, those of TLS and of the pool, then the others."""
        written = {self.service: parts["database"]} if self.service and "database" in parts else {}
        written.update(self.tls[parts["ssl_mode"]] if "ssl_mode" in parts else {})
        for setting, count in parts.get("pool", {}).items():
            if setting in self.pool:
                name, factor = self.pool[setting]
                written[name] = str(count * factor)
        return dict(written, **parts.get("parameters", {}))

    def read_parameters(self, given: Parameters, scheme: str = "") -> Dict[str, Any]:
        """Return the parts that parameters stand for: any of database, ssl_mode, pool and parameters.

        Raises:
            InvalidInput: one cannot be kept.
        """
        found: Dict[str, Any] = {"ssl_mode": self.read_tls(given, scheme), "pool": {}, "parameters": {}}
        for name, value in given.items():
            setting = self.read_pool(name, value)
            if setting is not None:
                found["pool"][setting[0]] = setting[1]
            elif self.service and name == self.service:
                found["database"] = value
            elif not self.is_tls(name):
                if not is_kept(name):
                    raise invalid_string("has a parameter that is not kept: {0}".format(ascii(name)))
                found["parameters"][name] = value
        return {name: value for name, value in found.items() if value}


def is_kept(parameter: str) -> bool:
    """Return True if a parameter is kept as it is: its name is one, says nothing of a secret, and is that of no field."""
    return bool(_NAME.match(parameter)) and not _SECRET.search(parameter) and parameter.lower() not in _IN_A_FIELD


def invalid_string(what: str) -> InvalidInput:
    """Return the error about a connection string, which is not shown."""
    remedy = (
        "Write engine://username:password@host:port/database, each part percent-encoded, or give the parts as fields. SQL Server: "
        "Server=host,port;Database=…;User ID=…;Password=…"
    )
    return InvalidInput("the connection string {0}".format(what), option="fields.connection_string", remedy=remedy)


_POSTGRESQL_MODES = ("disable", "allow", "prefer", "require", "verify-ca", "verify-full")
_MONGODB = Dialect(
    ("mongodb",),
    {
        "disable": {"tls": "false"},
        "require": {"tls": "true", "tlsAllowInvalidCertificates": "true"},
        "verify-ca": {"tls": "true", "tlsAllowInvalidHostnames": "true"},
        "verify-full": {"tls": "true"},
    },
    switch="tls",
    defaults={"tlsallowinvalidcertificates": "false", "tlsallowinvalidhostnames": "false"},
    pool={
        "min_connections": ("minPoolSize", 1),
        "max_connections": ("maxPoolSize", 1),
        "connection_timeout": ("waitQueueTimeoutMS", 1000),
        "idle_timeout": ("maxIdleTimeMS", 1000),
    },
    aliases={"ssl": "tls", "tlsinsecure": "tlsallowinvalidcertificates"},
    hosts=True,
    sockets=True,
)

DIALECTS: Mapping[str, Dialect] = {
    "postgresql": Dialect(("postgresql", "postgres"), {mode: {"sslmode": mode} for mode in _POSTGRESQL_MODES}, hosts=True, sockets=True),
    "mysql": Dialect(
        ("mysql",),
        {
            "disable": {"ssl-mode": "DISABLED"},
            "prefer": {"ssl-mode": "PREFERRED"},
            "allow": {"ssl-mode": "PREFERRED"},  # MySQL has no mode that tries plain first
            "require": {"ssl-mode": "REQUIRED"},
            "verify-ca": {"ssl-mode": "VERIFY_CA"},
            "verify-full": {"ssl-mode": "VERIFY_IDENTITY"},
        },
        sockets=True,
    ),
    "mongodb": _MONGODB,
    "mongodb+srv": Dialect(
        ("mongodb+srv",),
        _MONGODB.tls,
        switch="tls",
        implies_tls=True,
        defaults=_MONGODB.defaults,
        pool=_MONGODB.pool,
        aliases=_MONGODB.aliases,
    ),
    "redis": Dialect(
        ("redis", "rediss"),
        {
            "disable": {},
            "require": {"ssl_cert_reqs": "none"},
            "verify-ca": {"ssl_check_hostname": "false"},
            "verify-full": {},
        },
        tls_scheme="rediss",
        defaults={"ssl_cert_reqs": "required", "ssl_check_hostname": "true"},
        pool={"max_connections": ("max_connections", 1)},
    ),
    "sqlserver": Dialect(
        (),
        {
            "disable": {"Encrypt": "False"},
            "require": {"Encrypt": "True", "TrustServerCertificate": "True"},
            "verify-full": {"Encrypt": "True"},
        },
        switch="encrypt",
        implies_tls=True,
        defaults={"trustservercertificate": "false"},
        pool={
            "min_connections": ("Min Pool Size", 1),
            "max_connections": ("Max Pool Size", 1),
            "connection_timeout": ("Connect Timeout", 1),
            "max_lifetime": ("Load Balance Timeout", 1),
        },
        aliases={
            "trust server certificate": "trustservercertificate",
            "connection timeout": "connect timeout",
            "timeout": "connect timeout",
            "connection lifetime": "load balance timeout",
        },
    ),
    "oracle": Dialect(("oracle+oracledb", "oracle"), {}, service="service_name"),
}
