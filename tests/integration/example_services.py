# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Services that documented examples need and that belong to no backend: each takes a page's text, and prepares what it names."""

from __future__ import annotations

import json
import secrets
import sys
from contextlib import ExitStack
from pathlib import Path
from typing import Optional

from cryptography.hazmat.primitives import serialization

from tests.backends.harness import Example
from tests.servers import awx, github, identity_provider, krb5, mongodb_wire, nginx, once, sshd
from tests.unit.types.samples import make_rsa_key

API = "https://github.example.com/api/v3"
PROVIDER = "https://idp.example.com"
BROWSER = """\
#!{python}
import html, pathlib, re, sys, urllib.request
described = pathlib.Path("service-metadata.xml").read_bytes()
urllib.request.urlopen("{url}/services", described, timeout=60).close()
page = urllib.request.urlopen(sys.argv[1], timeout=60).read().decode()
pathlib.Path("saml-response.txt").write_text(html.unescape(re.findall('name="SAMLResponse" value="([^"]*)"', page)[0]))
"""


def take_github(text: str, directory: Path, running: ExitStack) -> Optional[Example]:
    """GitHub's API, and the key of an app that it knows."""
    if API not in text:
        return None
    key = directory / "release-bot.pem"
    key.touch(mode=0o600)
    key.write_text(make_rsa_key(), encoding="ascii")
    public = serialization.load_pem_private_key(make_rsa_key().encode(), None).public_key()
    hub = running.enter_context(github.running(public))
    return Example({}, addresses={API: hub.url, "'release-bot.pem'": "'{0}'".format(key)})


def take_awx(text: str, directory: Path, running: ExitStack) -> Optional[Example]:
    """An AWX, and the login to it."""
    if "role: nebula.credential.awx" not in text:
        return None
    controller = running.enter_context(awx.running())
    login = {"CONTROLLER_HOST": controller.url, "CONTROLLER_USERNAME": "admin", "CONTROLLER_PASSWORD": controller.password}
    return Example(login)


def take_sshd(text: str, directory: Path, running: ExitStack) -> Optional[Example]:
    """A web server whose account is the user's own, with a file for its keys."""
    if "target: ssh_key" not in text:
        return None
    server = once.sshd()
    line = server.inventory_line("web1", server.port)
    settings = "ansible_python_interpreter={0} ansible_ssh_args='-o ControlMaster=no'".format(sys.executable)
    inventory = directory / "hosts.ini"
    inventory.write_text("[web]\n{0} {1}\n".format(line, settings), encoding="utf-8")
    keys = "${0}/authorized_keys".format(sshd.DIRECTORY_VARIABLE)
    block = "user: {0}\n        path: {1}\n        manage_dir: false\n".format(server.user, keys)
    places = {"user: deploy\n": block, "{user: deploy,": "{{user: {0}, path: {1},".format(server.user, keys)}
    return Example({"ANSIBLE_INVENTORY": str(inventory)}, addresses=places)


def take_linux_host(text: str, directory: Path, running: ExitStack) -> Optional[Example]:
    """A host with the account `operator`, reached as root."""
    if "target: linux_user" not in text:
        return None
    host = once.linux_host()
    host.add("operator", "a password that is not stored")
    options = "-F none -o ControlMaster=no -o UserKnownHostsFile={0}/known_hosts".format(host.directory)
    way = "ansible_host={0} ansible_port={1} ansible_user=root ansible_become=false".format(host.host, host.port)
    key = "ansible_ssh_private_key_file={0} ansible_ssh_args='{1}'".format(host.admin_key, options)
    inventory = directory / "hosts.ini"
    inventory.write_text("db1 ansible_connection=ssh {0} {1}\n".format(way, key), encoding="utf-8")
    return Example({"ANSIBLE_INVENTORY": str(inventory)})


def take_nginx(text: str, directory: Path, running: ExitStack) -> Optional[Example]:
    """A web server whose link the page names."""
    if "target: certificate" not in text:
        return None
    server = running.enter_context(nginx.running())
    more = {"directory": str(server.directory), "port": server.port, "address": server.host, "owner": server.owner}
    lines = "\n          ".join("{0}: '{1}'".format(*each) for each in more.items())
    inventory = directory / "hosts.ini"
    inventory.write_text("web1 ansible_connection=local ansible_become=false\n", encoding="utf-8")
    documented = "directory: {0}/project/etc/nginx/tls/shop".format(directory)  # /etc is a directory of the test already
    places = {documented: lines, "[systemctl, reload, nginx]": json.dumps(server.reload())}
    return Example({"ANSIBLE_INVENTORY": str(inventory)}, addresses=places)


def take_slapd(text: str, directory: Path, running: ExitStack) -> Optional[Example]:
    """A directory, the authority of its certificate, and the account of the example."""
    if "'directory-ca.pem'" not in text:
        return None
    server, password = once.slapd(), secrets.token_urlsafe(24)
    server.add_person("rotated" if "uid=rotated," in text else "reader, night", password)
    authority = directory / "directory-ca.pem"
    authority.write_text(server.ca_cert, encoding="ascii")
    addresses = {"ldaps://ldap.example.com": server.ldaps_url, "'directory-ca.pem'": "'{0}'".format(authority)}
    return Example({"READER_PASSWORD": password, "ADMIN_PASSWORD": server.password}, addresses=addresses)


def take_identity_provider(text: str, directory: Path, running: ExitStack) -> Optional[Example]:
    """An identity provider, and a person with a browser: the program that opens an address registers the service and logs in there."""
    if PROVIDER not in text:
        return None
    provider = running.enter_context(identity_provider.running())
    programs = directory / "browser"
    programs.mkdir()
    browser = programs / "xdg-open"
    browser.write_text(BROWSER.format(python=sys.executable, url=provider.url), encoding="utf-8")
    browser.chmod(0o700)
    return Example({}, addresses={PROVIDER: provider.url}, programs=programs)


def take_databases(text: str, directory: Path, running: ExitStack) -> Optional[Example]:
    """A database of each kind, with the account that the page names."""
    if "pg.example.com" not in text:
        return None
    password = secrets.token_urlsafe(24)
    postgresql, mariadb, valkey = once.postgresql(), once.mariadb(), once.valkey()
    mongodb = running.enter_context(mongodb_wire.running())
    postgresql.run("DROP ROLE IF EXISTS shop_reader")
    postgresql.run("CREATE ROLE shop_reader LOGIN PASSWORD '{0}'".format(password))
    mariadb.run("CREATE OR REPLACE USER blog_reader@'%' IDENTIFIED BY '{0}'".format(password))
    mariadb.run("GRANT SELECT ON {0}.* TO blog_reader@'%'".format(mariadb.database))
    valkey.ask("AUTH default " + valkey.password, "ACL SETUSER queue_reader on >{0} +ping +select".format(password))
    mongodb.put("events_reader", password)
    servers = {"pg": postgresql, "maria": mariadb, "valkey": valkey, "mongo": mongodb}
    places = {
        "host: {0}.example.com".format(name): "host: {0}, port: {1}".format(server.host, server.port) for name, server in servers.items()
    }
    return Example({name + "_PASSWORD": password for name in ("SHOP", "BLOG", "QUEUE", "EVENTS")}, addresses=places)


def take_kdc(text: str, directory: Path, running: ExitStack) -> Optional[Example]:
    """A KDC, the keytab of the robot, and the service."""
    if "base64 robot.keytab" not in text or "kdc: kdc.example.com" not in text:
        return None
    server, keytab = once.krb5(), directory / "robot.keytab"
    for name in ("robot/deploy.example.com", "HTTP/web.example.com"):
        server.add_principal(name)
    keytab.touch(mode=0o600)
    keytab.write_bytes(server.write_keytab("robot/deploy.example.com"))
    places = {"base64 robot.keytab": "base64 {0}".format(keytab), "kdc: kdc.example.com": "kdc: " + server.kdc}
    return Example({}, addresses={**places, "@EXAMPLE.COM": "@" + krb5.REALM})


SERVICES = (take_awx, take_databases, take_kdc, take_github, take_slapd, take_identity_provider, take_sshd, take_linux_host, take_nginx)
