# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""SOPS: one encrypted JSON file for each object, whose values `sops` encrypts for the keys of `.sops.yaml` or of its variables.

`options: {directory: …}`, and `environment: [SOPS_AGE_KEY_FILE, SOPS_AGE_RECIPIENTS]` or what the keys in use need. The fields of a file
are those of the credential. `nebula_unencrypted` in it is not secret, so a listing decrypts nothing.
"""

from __future__ import annotations

import json
import os
import subprocess
from typing import Any, List, Optional

from nebula_command import Parts, Place, Refused, find_files, serve, write_file

PRIVATE, PUBLIC = "nebula", "nebula_unencrypted"


class Sops(Place):
    """One file per object."""

    @property
    def location(self) -> str:
        return os.path.realpath(self.need("directory"))

    @property
    def lock_path(self) -> str:
        os.makedirs(self.location, mode=0o700, exist_ok=True)
        return os.path.join(self.location, ".nebula-lock")

    def _file(self, path: str) -> str:
        return os.path.join(self.location, path + ".json")

    def read(self, path: str) -> Optional[Parts]:
        if not os.path.isfile(self._file(path)):
            return None
        found = json.loads(self._run("decrypt", "--output-type", "json", self._file(path)))
        return split_parts(found)

    def write(self, path: str, parts: Parts) -> None:
        whole = {**parts["fields"], PRIVATE: json.dumps(parts["private"]), PUBLIC: json.dumps(parts["public"])}
        types = ("--input-type", "json", "--output-type", "json")
        given = json.dumps(whole).encode()
        write_file(self._file(path), self._run("encrypt", *types, "--filename-override", self._file(path), given=given))

    def remove(self, path: str) -> None:
        os.unlink(self._file(path))

    def paths(self) -> List[str]:
        return find_files(self.location, ".json")

    def read_public(self, path: str) -> Any:
        with open(self._file(path), encoding="utf-8") as file:
            found = json.load(file).get(PUBLIC)
        return None if found is None else json.loads(found)

    def _run(self, action: str, *arguments: str, given: bytes = b"") -> bytes:
        # In the directory, so that sops finds its .sops.yaml.
        done = subprocess.run(["sops", action, *arguments], input=given, capture_output=True, check=False, cwd=self.location)
        if done.returncode != 0:
            code = {128: "login_failed", 25: "damaged", 51: "damaged", 52: "damaged"}.get(done.returncode, "unavailable")
            raise Refused(code, "'sops {0}' failed with status {1}".format(action, done.returncode))
        return done.stdout


def split_parts(found: Any) -> Parts:
    """Return the object in a decrypted file, which `sops edit` may have changed, or another tool written."""
    private, public = found.pop(PRIVATE, None), found.pop(PUBLIC, None)
    if private is None or public is None:
        return {"fields": found}
    return {"fields": found, "private": json.loads(private), "public": json.loads(public)}


if __name__ == "__main__":
    serve(Sops)
