# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A play with the types that talk to a service: a login by SAML, refreshes by a command and a request, a login that is tried."""

from __future__ import annotations

import json
import sys

from tests.canary import canaries
from tests.canary.channels import everywhere
from tests.canary.sandbox import Sandbox
from tests.canary.search import Searcher
from tests.servers import identity_provider, mongodb_wire, scripted
from tests.servers.scripted import Answer
from tests.unit.types.samples import make_certificate, make_rsa_key

RENEW = """
import json, sys
given = json.load(sys.stdin)["fields"]
if sys.argv[1:]:
    print(given["password"], file=sys.stderr)
    json.dump({"error": {"code": "refresh_failed", "message": given["password"]}}, sys.stdout)
else:
    json.dump({"fields": {"session": open("PLACE").read()}, "expires_in": 3600}, sys.stdout)
"""


def write_recipes(sandbox, url):
    """A store whose values a command and a request renew, or refuse to renew in words that quote what they got; return its file."""
    directory = sandbox.path("given")
    (directory / "renew.py").write_text(RENEW.replace("PLACE", str(directory / "session")))
    command = [sys.executable, str(directory / "renew.py")]
    request = {"url": url, "json": {"password": "{password}"}, "fields": {"session": "/session"}, "lifetime": "1h"}
    recipes = {"door": {"command": command}, "broken": {"command": [*command, "broken"]}, "portal": request}
    recipes["refused"] = {**request, "url": url + "/refused"}
    path, key = sandbox.path("store") / "credentials", {"source": "key_file", "path": str(directory / "key")}
    store = {"backend": "local", "path": str(path), "key_sources": [key]}
    file = directory / "nebula.yml"
    file.write_text(json.dumps({"stores": {"team": {**store, "refreshes": recipes}}}))
    file.chmod(0o600)
    return file


def test_no_secret_shows_in_logins_and_refreshes_of_types(tmp_path, collection_root):
    sandbox = Sandbox(tmp_path / "run", collection_root)
    given = {name: canaries.make_plain() for name in ("plain_canary", "session_canary", "person_canary")}
    given["canary"] = canaries.make()
    (sandbox.path("given") / "session").write_text(given["session_canary"])
    key, certificate = make_rsa_key(), make_certificate()

    def answer(request):
        is_refused = request.path.endswith("/refused")
        return Answer(403, {"detail": request.json["password"]}) if is_refused else Answer(200, {"session": given["session_canary"]})

    with identity_provider.running() as people, scripted.running(answer) as service, mongodb_wire.running() as database:
        people.person = given["person_canary"]
        saml = {"saml_key": key, "saml_certificate": certificate, "saml_provider": people.metadata.decode()}
        known = {"saml_services": people.url + "/services", "server_host": database.host, "server_port": database.port}
        file = write_recipes(sandbox, service.url)
        ended = sandbox.play("types.yml", {**given, **saml, **known}, ["--diff"], {"NEBULA_CREDENTIAL_CONFIG": str(file)})
    said = sandbox.output[-3000:].decode("utf-8", "replace")
    private = "".join(key.splitlines()[1:-1])[216:256]
    assert Searcher(dict(given, private=private)).hits(everywhere(sandbox)) == []
    assert ended == 0, said
    assert [words for words in (b"refuses the login", b"rescued=1", b"responded with status 403") if words not in sandbox.output] == [], (
        said
    )
