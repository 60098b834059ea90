# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The kinds of objects of the AWX of the tests: their fields, and what may be associated with them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Dict, Mapping, Optional, Tuple


class Refused(Exception):
    """A request that AWX refuses."""

    def __init__(self, status: int, body: Dict[str, Any]) -> None:
        """Set the status and the body of the response."""
        super().__init__(status)
        self.status, self.body = status, body


@dataclass(frozen=True)
class Field:
    """A field of an object: its type, the kinds of objects whose id it holds, its choices, and whether it must be given."""

    type: Optional[type] = str
    refers_to: Tuple[str, ...] = ()
    choices: Tuple[Any, ...] = ()
    required: bool = False


_NAME = Field(required=True)
_TEXT, _MAP, _FLAG, _NUMBER = Field(), Field(dict), Field(bool), Field(int)
_TEMPLATES = ("job_templates", "workflow_job_templates", "projects", "workflow_approval_templates")


def _refer(*kinds: str, required: bool = False) -> Field:
    return Field(None, kinds, required=required)


FIELDS: Mapping[str, Mapping[str, Field]] = {
    "organizations": {"name": _NAME, "description": _TEXT},
    "inventories": {"name": _NAME, "organization": _refer("organizations", required=True)},
    "projects": {"name": _NAME, "organization": _refer("organizations")},
    "execution_environments": {"name": _NAME, "image": _NAME, "organization": _refer("organizations")},
    "credential_types": {
        "name": _NAME,
        "description": _TEXT,
        "kind": Field(choices=("cloud", "net"), required=True),
        "managed": Field(bool, choices=(False,)),
        "inputs": _MAP,
        "injectors": _MAP,
    },
    "credentials": {
        "name": _NAME,
        "description": _TEXT,
        "organization": _refer("organizations"),
        "credential_type": _refer("credential_types", required=True),
        "inputs": _MAP,
    },
    "notification_templates": {
        "name": _NAME,
        "organization": _refer("organizations", required=True),
        "notification_type": Field(choices=("email", "slack", "webhook"), required=True),
        "notification_configuration": Field(dict, required=True),
    },
    "job_templates": {
        "name": _NAME,
        "description": _TEXT,
        "organization": _refer("organizations"),
        "job_type": Field(choices=("run", "check"), required=True),
        "inventory": _refer("inventories"),
        "project": _refer("projects", required=True),
        "playbook": Field(choices=("provision.yml", "rotate.yml", "migrate.yml"), required=True),
        "execution_environment": _refer("execution_environments"),
        "survey_enabled": _FLAG,
    },
    "workflow_job_templates": {
        "name": _NAME,
        "description": _TEXT,
        "organization": _refer("organizations"),
        "inventory": _refer("inventories"),
    },
    "workflow_job_template_nodes": {
        "identifier": _NAME,
        "workflow_job_template": _refer("workflow_job_templates", required=True),
        "unified_job_template": _refer(*_TEMPLATES),
    },
    "workflow_approval_templates": {"name": _NAME, "description": _TEXT, "timeout": _NUMBER},
    "schedules": {
        "name": _NAME,
        "rrule": _NAME,
        "unified_job_template": _refer(*_TEMPLATES, required=True),
        "extra_data": _MAP,
        "enabled": _FLAG,
    },
}
"""By kind, the fields that a request may hold. The playbooks are those of the project that the tests give it."""

_NOTIFICATIONS = {"notification_templates_" + event: "notification_templates" for event in ("started", "success", "error")}
ASSOCIATIONS: Mapping[str, Mapping[str, str]] = {
    "job_templates": {"credentials": "credentials", **_NOTIFICATIONS},
    "workflow_job_templates": {**_NOTIFICATIONS, "notification_templates_approvals": "notification_templates"},
    "workflow_job_template_nodes": dict.fromkeys(("success_nodes", "failure_nodes", "always_nodes"), "workflow_job_template_nodes"),
}
"""By kind and association, the kind that is associated."""
