# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The programs that log in to a database, one for each client library. Each runs in a process of its own and prints a `Finding`.

A program reads `given`: `string` (the connection string), `parts` (the credential's fields, with its mappings), `seconds`, `authorities` (a
file of trusted CA certificates, or None). It sets `found` to one of the words below, and `code` if the server or the client named a code.
No text of a client or a server leaves the process.
"""

from __future__ import annotations

from typing import Dict

OK, REFUSED, NO_DATABASE, BUSY, UNREACHABLE, NO_TLS, SETTINGS, OUTDATED, FAILED = (
    "ok",
    "refused",
    "no database",
    "busy",
    "unreachable",
    "no tls",
    "settings",
    "outdated",
    "failed",
)
"""What came of it. `SETTINGS`: the client does not take a part, which `code` names if it is known."""

BEGIN = r"""
import json, os, re, resource, signal, ssl, sys

given = json.load(sys.stdin)
# A server may send without end, and who started this may be killed while a server is silent.
resource.setrlimit(resource.RLIMIT_AS, (given["memory"], given["memory"]))
signal.alarm(int(given["seconds"]) + 2)
sys.path[:] = given["path"]
parts, seconds, authorities = given["parts"], given["seconds"], given["authorities"]
patience = min(10, seconds / 3)  # for clients that repeat a connection that is refused
parameters, mode = parts.get("parameters", {}), parts.get("ssl_mode")
found, code = "failed", ""

def list_causes(error):
    causes = [error]
    for cause in causes:
        more = [cause.__cause__, cause.__context__, *cause.args, getattr(cause, "original_exception", None)]
        causes += [each for each in more if isinstance(each, BaseException) and each not in causes]
    return causes

def is_about_tls(error):
    return any(isinstance(cause, ssl.SSLError) for cause in list_causes(error))

"""
END = r"""
json.dump({"found": found, "code": code}, sys.stdout)
"""

_POSTGRESQL = r"""
import psycopg
from psycopg.conninfo import conninfo_to_dict, make_conninfo

def reach(**changed):
    settings = dict(known, **changed, user="nobody", dbname="nobody")
    return psycopg.pq.PGconn.ping(make_conninfo(**{name: value for name, value in settings.items() if name not in private}).encode())

private, ping = ("password", "sslcert", "sslkey", "service"), psycopg.pq.Ping

def is_named(name, text):
    return bool(name) and re.search(r"(?<!\w)" + re.escape(name) + r"(?!\w)", text) is not None

def find_reason(error):
    # libpq shows no code of the server, and its text is in any language. It quotes the login or the database that is refused.
    if error.pgconn is None:
        return "unreachable"
    state = reach()
    if state == ping.OK:
        said = str(error).partition(":  ")[2]
        if error.pgconn.needs_password or is_named(parts.get("username"), said):
            return "refused"
        return "no database" if is_named(parts.get("database"), said) else "busy"
    if state == ping.NO_RESPONSE and mode != "disable" and reach(sslmode="disable", sslrootcert="") in (ping.OK, ping.REJECT):
        return "no tls"
    return {ping.REJECT: "busy", ping.NO_ATTEMPT: "settings"}.get(state, "unreachable")

try:
    known = conninfo_to_dict(given["string"])
except psycopg.ProgrammingError:
    found = "settings"
else:
    if authorities and mode in ("verify-ca", "verify-full"):
        known.setdefault("sslrootcert", authorities)
    known.setdefault("connect_timeout", max(2, int(patience)))
    try:
        psycopg.connect(**known).close()
        found = "ok"
    except psycopg.Error as error:
        found = find_reason(error)
"""

_MYSQL = r"""
import pymysql

FILES = ("ssl-ca", "ssl-capath", "ssl-cert", "ssl-key")

def build_context():
    context = ssl.create_default_context(cafile=parameters.get("ssl-ca"), capath=parameters.get("ssl-capath"))
    context.check_hostname = mode == "verify-full"
    context.verify_mode = ssl.CERT_NONE if mode == "require" else ssl.CERT_REQUIRED
    if "ssl-cert" in parameters:
        context.load_cert_chain(parameters["ssl-cert"], parameters.get("ssl-key"))
    return context

def log_in():
    arguments = {"user": parts["username"], "password": parts["password"], "database": parts.get("database")}
    if "/" in parts["host"]:
        arguments["unix_socket"] = parts["host"]
    else:
        arguments.update(host=parts["host"], port=int(parts.get("port", 3306)))
    if "charset" in parameters:
        arguments["charset"] = parameters["charset"]
    if mode == "disable":
        arguments["ssl_disabled"] = True
    elif is_required:
        arguments["ssl"] = build_context()
    pymysql.connect(connect_timeout=seconds, read_timeout=seconds, write_timeout=seconds, **arguments).close()

MEANINGS = {
    "refused": (1045, 1130, 1698, 1820, 1862, 3118, 3955, 4151),
    "no database": (1044, 1049),
    "busy": (1040, 1041, 1053, 1077, 1079, 1080, 1129, 1203, 1226),
    "unreachable": (2002, 2003, 2005, 2006, 2013),
    "no tls": (2026,),
}
is_required = mode in ("require", "verify-ca", "verify-full")
unusable = [name for name in parameters if name != "charset" and not (is_required and name in FILES)]
if unusable:
    found, code = "settings", unusable[0]
elif is_required and pymysql.VERSION[:2] < (1, 2):
    found = "outdated"  # Earlier versions continue without TLS, and send the password, if a server says that it has none.
else:
    try:
        log_in()
        found = "ok"
    except pymysql.MySQLError as error:
        number = error.args[0] if error.args else 0
        named = [meaning for meaning, numbers in MEANINGS.items() if number in numbers]
        found, code = "no tls" if is_about_tls(error) else named[0] if named else "failed", str(number)
    except (OSError, ValueError, LookupError):
        found = "settings"
"""

_REDIS = r"""
import redis
from redis import exceptions
from redis.backoff import NoBackoff
from redis.retry import Retry

limits = {"socket_connect_timeout": seconds, "socket_timeout": seconds, "retry": Retry(NoBackoff(), 0)}
try:
    client = redis.Redis.from_url(given["string"], **limits)
    client.ping()
    found = "ok"
except exceptions.NoPermissionError:
    found = "ok"  # It is logged in, and may do something else.
except (exceptions.BusyLoadingError, exceptions.MaxConnectionsError):
    found = "busy"
except exceptions.AuthenticationError:
    found = "refused"
except (exceptions.ConnectionError, exceptions.TimeoutError) as error:
    found = "no tls" if is_about_tls(error) else "unreachable"
except exceptions.ResponseError as error:
    found = "no database" if "DB index" in str(error) else "busy" if "max number of clients" in str(error) else "failed"
except (exceptions.RedisError, TypeError, ValueError, OSError, AttributeError):
    found = "settings"
"""

_MONGODB = r"""
import warnings
import pymongo
from pymongo import errors

def find_reason(error):
    if isinstance(error, errors.OperationFailure):
        return {18: "refused", 8000: "refused"}.get(error.code, "failed"), str(error.code or "")
    if isinstance(error, (errors.ConfigurationError, errors.InvalidURI)):
        return "settings", ""
    return "no tls" if re.search("SSL|TLS|certificate", str(error)) else "unreachable", ""

names = {name.lower() for name in parameters}
limits = {"serverSelectionTimeoutMS": patience, "connectTimeoutMS": patience, "socketTimeoutMS": seconds}
limits = {name: int(limit * 1000) for name, limit in limits.items() if name.lower() not in names}

def log_in():
    with warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)  # of a parameter that it does not know
        client = pymongo.MongoClient(given["string"], **limits)
    try:
        client.admin.command("ping")
    finally:
        client.close()

try:
    log_in()
    found = "ok"
except errors.PyMongoError as error:
    found, code = find_reason(error)
except (UserWarning, TypeError, ValueError, OSError):
    found = "settings"
"""

_SQLSERVER = r"""
import mssql_python

WORDS = {"server": "Server", "database": "Database", "username": "UID", "password": "PWD"}
TLS = {
    "disable": {"Encrypt": "no"},
    "require": {"Encrypt": "yes", "TrustServerCertificate": "yes"},
    "verify-full": {"Encrypt": "yes", "TrustServerCertificate": "no"},
}
KNOWN = "ApplicationIntent HostNameInCertificate IPAddressPreference MultiSubnetFailover PacketSize ServerCertificate ServerSPN".split()

def write(name, value):
    return name + "={" + value.replace("}", "}}") + "}"

server = parts["host"] + ("," + parts["port"] if "port" in parts else "")
written = {"Server": server, "UID": parts["username"], "PWD": parts["password"], **TLS[mode or "verify-full"]}
if "database" in parts:
    written["Database"] = parts["database"]
unusable = [name for name in parameters if name.replace(" ", "").lower() not in [each.lower() for each in KNOWN]]
if unusable:
    found, code = "settings", unusable[0]
else:
    written.update({name.replace(" ", ""): value for name, value in parameters.items()})
    try:
        mssql_python.connect(";".join(write(*each) for each in written.items()), timeout=max(1, int(patience))).close()
        found = "ok"
    except mssql_python.Error as error:
        said = str(error)
        found = "refused" if "Invalid authorization specification" in said else "unreachable"
        if re.search("SSL Provider|certificate", said):
            found = "no tls"
        elif "requested by the login" in said:
            found = "no database"
    except Exception:
        found = "settings"
"""

_ORACLE = r"""
import oracledb

MEANINGS = {
    "refused": ("ORA-01017", "ORA-01045", "ORA-28000", "ORA-28001", "ORA-28009"),
    "no database": ("ORA-12505", "ORA-12514", "DPY-6001", "DPY-6003"),
    "busy": ("ORA-00018", "ORA-00020", "ORA-01033", "ORA-01034", "ORA-01035", "ORA-12516", "ORA-12520", "ORA-12528"),
    "unreachable": ("DPY-4011", "DPY-6000", "DPY-6005"),
}

def find_reason(error):
    said = error.args[0] if error.args else None
    named = re.match(r"[A-Z]{3}-[0-9]{5}|DPY-[0-9]{4}", getattr(said, "full_code", None) or "")
    number = named.group() if named else ""
    if is_about_tls(error) or re.search("SSL|certificate", str(said)):
        return "no tls", number
    return next((meaning for meaning, numbers in MEANINGS.items() if number in numbers), "failed"), number

try:
    place = {"host": parts["host"], "port": int(parts.get("port", 1521)), "service_name": parts.get("database")}
    limits = {"tcp_connect_timeout": patience, "retry_count": 0}
    oracledb.connect(user=parts["username"], password=parts["password"], **dict(limits, **parameters), **place).close()
    found = "ok"
except oracledb.Error as error:
    found, code = find_reason(error)
except (TypeError, ValueError, OSError):
    found = "settings"
"""

PROGRAMS: Dict[str, str] = {
    "postgresql": _POSTGRESQL,
    "mysql": _MYSQL,
    "redis": _REDIS,
    "mongodb": _MONGODB,
    "mongodb+srv": _MONGODB,
    "sqlserver": _SQLSERVER,
    "oracle": _ORACLE,
}
"""The program of each engine. It runs between `BEGIN` and `END`."""
