# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The command by hand: no value is in arguments, environments, messages, temporary files, the home or git's objects."""

from __future__ import annotations

import json
import re
import sys

from tests.canary import canaries
from tests.canary.channels import everywhere
from tests.canary.sandbox import Sandbox
from tests.canary.search import Searcher

COMMAND = "{python} -m ansible_collections.nebula.credential.plugins.plugin_utils.command"
DAY = """
set -eu
export NEBULA_CREDENTIAL_STORE='{store}' VISUAL='{python} {editor}' HISTFILE=$HOME/history
n() {{ {command} "$@"; }}
n set --fields --type basic a <given/fields.json
n set b <given/value
n edit a
n get a --fields >rendered/fields.json
n diff a
n history a --json
n ls --long
n get a --field nothing || true
n set a --fields <given/value || true
n run --stdin b -- cat >rendered/value
n rotate b --target none
cd store
git init -q . && git add . && git -c user.name=n -c user.email=n@example.com commit -q -m n
for file in *.enc; do n textconv "$file"; done
"""


LEFT_ABOUT = """
set -eu
export NEBULA_CREDENTIAL_STORE='{store}' VISUAL='{python} {editor}'
n() {{ {command} "$@"; }}
n set b <given/value
cp given/value rendered/plain
base64 <given/value >rendered/encoded
cd rendered
git init -q . && git add . && git -c user.name=n -c user.email=n@example.com commit -q -m n
n scan --git --look-alikes . || test $? = 10
n scan --git --json . || test $? = 10
n scan --staged plain encoded || test $? = 10
"""


def work(sandbox: Sandbox, script: str) -> dict[str, str]:
    """Do a day's work with the command, and return the canaries."""
    given = {"typed": canaries.make(), "field": canaries.make()}
    place = sandbox.path("given")
    (place / "value").write_text(given["typed"])
    (place / "fields.json").write_text(json.dumps({"username": "of-the-form", "password": given["field"]}))
    editor = place / "editor.py"
    editor.write_text('import sys\np = sys.argv[1]\nt = open(p).read()\nopen(p, "w").write(t.replace("of-the-form", "of-the-editor"))\n')
    store = json.dumps({"backend": "local", "path": str(sandbox.path("store"))})
    command = COMMAND.format(python=sys.executable)
    text = script.format(python=sys.executable, editor=editor, command=command, store=store)
    sandbox.run(["/bin/bash", "-c", text], {"PYTHONPATH": str(sandbox.collection_root), "ANSIBLE_DEBUG": "0"})
    return given


def test_no_value_shows_in_a_day_of_work_by_hand(sandbox: Sandbox) -> None:
    given = work(sandbox, DAY)
    assert sandbox.status == 0, sandbox.output[-3000:].decode("utf-8", "replace")
    rendered = json.loads((sandbox.path("rendered") / "fields.json").read_text())
    assert rendered == {"username": "of-the-editor", "password": given["field"]}
    assert (sandbox.path("rendered") / "value").read_text() == given["typed"]
    assert b"encrypted, " in sandbox.output
    assert Searcher(given).hits(everywhere(sandbox)) == []


def test_no_value_shows_where_values_that_lie_about_are_found(sandbox: Sandbox) -> None:
    given = work(sandbox, LEFT_ABOUT)
    assert sandbox.status == 0, sandbox.output[-3000:].decode("utf-8", "replace")
    assert set(re.findall(rb"plain:1|base64", sandbox.output)) == {b"plain:1", b"base64"}
    assert Searcher(given).hits(everywhere(sandbox)) == []


def test_a_value_that_somebody_types_as_an_argument_would_be_found(sandbox: Sandbox) -> None:
    given = work(sandbox, 'printf "%s" "$(cat given/value)" | {python} -c "import sys" "$(cat given/value)"\n: {store} {editor} {command}')
    assert Searcher(given).hits(everywhere(sandbox))
