# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The rotation target `acme.vaulty.appliance`: an appliance that keeps the one password it accepts in a file.

Copy this file, and replace what it does to the file by what your service needs.
"""

from __future__ import annotations

import os
import pathlib

from ansible_collections.nebula.credential.plugins.module_utils.errors import NotFound
from ansible_collections.nebula.credential.plugins.module_utils.rotation.targets import base, steps
from ansible_collections.nebula.credential.plugins.module_utils.rotation.targets.options import Option


class Appliance(base.Target):
    """The password of one appliance."""

    kind = "acme.vaulty.appliance"
    summary = "An appliance."
    about = ("Where it is.",)
    options = {
        "place": Option("path", ("Its file.",), required=True),
        "pin": Option("str", ("Its PIN.",), no_log=True),
    }
    # It accepts one value at a time, and a request takes a minute at most. Say what is true of your service: the suite checks it.
    traits = base.TargetTraits(base.OVERLAP_NONE, base.REAPPLY, "reads the file", 60)

    def __init__(self, options, current):
        self._place = pathlib.Path(options["place"])

    def describe(self):
        return {"place": str(self._place)}

    def precheck(self, modules):
        if not self._place.exists():
            raise NotFound("the appliance is not there", option="target_options.place")

    def apply(self, modules, value, place=""):
        if not self._place.exists():
            return steps.UNAVAILABLE
        if self._place.with_suffix(".locked").exists():
            return steps.REFUSED
        new = self._place.with_suffix(".new")
        new.write_bytes(value.fields[value.primary].expose())
        os.replace(new, self._place)
        return steps.APPLIED

    def probe(self, modules, value, place=""):
        if not self._place.exists():
            return steps.UNAVAILABLE
        return steps.ACCEPTED if self._place.read_bytes() == value.fields[value.primary].expose() else steps.REFUSED


TARGET = Appliance
