# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Services that documented examples need and that belong to no backend: each takes a page's text, and prepares what it names."""

from __future__ import annotations

import secrets
import sys
from contextlib import ExitStack
from pathlib import Path
from typing import Optional

from cryptography.hazmat.primitives import serialization

from tests.backends.harness import Example
from tests.servers import github, identity_provider, once
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


SERVICES = (take_github, take_slapd, take_identity_provider)
