# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""pass, the standard Unix password manager: one entry for each object, encrypted by GnuPG.

`environment: [PASSWORD_STORE_DIR, GNUPGHOME]` of the store if they are set. The first line is the password, as `pass` has it; other fields
are lines `name: value`; the last line is what the collection adds. gpg-agent must be able to open the key without a person.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
from typing import Any, Dict, List, Optional

from nebula_command import Parts, Place, Refused, find_files, serve

MARK = "nebula: "
FIRST = ("password", "value")
NAME = re.compile(r"[A-Za-z0-9_.-]+\Z")


class Pass(Place):
    """One entry per object."""

    @property
    def location(self) -> str:
        return os.path.realpath(os.environ.get("PASSWORD_STORE_DIR") or os.path.expanduser("~/.password-store"))

    @property
    def lock_path(self) -> str:
        if not os.path.isfile(os.path.join(self.location, ".gpg-id")):
            raise Refused("invalid_configuration", "there is no password store at {0}: run 'pass init'".format(self.location))
        return os.path.join(self.location, ".nebula-lock")

    def read(self, path: str) -> Optional[Parts]:
        if not os.path.isfile(os.path.join(self.location, path + ".gpg")):
            return None
        return parse_entry(_run("show", path).decode("utf-8"))

    def write(self, path: str, parts: Parts) -> None:
        # gpg writes its file in place: one that is killed would leave half of it. The rename is whole.
        beside = "{0}/.nebula-new".format(os.path.dirname(path) or ".")
        _run("insert", "--multiline", "--force", beside, given=format_entry(parts).encode("utf-8"))
        os.replace(os.path.join(self.location, beside + ".gpg"), os.path.join(self.location, path + ".gpg"))
        if os.path.isdir(os.path.join(self.location, ".git")):
            _run("git", "add", "--all", ".")
            _run("git", "commit", "--quiet", "--message", "Write {0}".format(path))

    def remove(self, path: str) -> None:
        _run("rm", "--force", path)

    def paths(self) -> List[str]:
        return find_files(self.location, ".gpg")


def _run(*arguments: str, given: bytes = b"") -> bytes:
    done = subprocess.run(["pass", *arguments], input=given, capture_output=True, check=False)
    if done.returncode != 0:
        is_locked = b"No secret key" in done.stderr or b"pinentry" in done.stderr.lower() or b"decryption failed" in done.stderr
        raise Refused("interaction_required" if is_locked else "unavailable", "'pass {0}' failed".format(arguments[0]))
    return done.stdout


def format_entry(parts: Parts) -> str:
    """Return an object as the text of an entry."""
    fields: Dict[str, Any] = dict(parts["fields"])
    lines = {name: value for name, value in fields.items() if isinstance(value, str) and not re.search(r"[\r\n]", value)}
    first = next((name for name in (*FIRST, *lines) if name in lines), None)
    plain = {name: value for name, value in lines.items() if NAME.match(name) and name not in (first, MARK[:-2])}
    more = {name: value for name, value in fields.items() if name != first and name not in plain}
    added = {"first": first, "more": more, "private": parts["private"], "public": parts["public"]}
    texts = [lines[first] if first is not None else "", *("{0}: {1}".format(*each) for each in plain.items()), MARK + json.dumps(added)]
    return "\n".join(texts) + "\n"


def parse_entry(text: str) -> Parts:
    """Return the object in the text of an entry, which `pass edit` may have changed, or a person written."""
    first, *rest = text.rstrip("\n").split("\n")
    added = json.loads(rest.pop()[len(MARK) :]) if rest and rest[-1].startswith(MARK) else None
    fields = {name: value for name, colon, value in (line.partition(": ") for line in rest) if colon and NAME.match(name)}
    notes = [line for line in rest if not NAME.match(line.partition(": ")[0]) or ": " not in line]
    if added is None:
        return {"fields": {FIRST[0]: first, **fields, **({"notes": "\n".join(notes)} if notes else {})}}
    own = {} if added["first"] is None else {added["first"]: first}
    return {"fields": {**own, **fields, **added["more"]}, "private": added["private"], "public": added["public"]}


if __name__ == "__main__":
    serve(Pass)
