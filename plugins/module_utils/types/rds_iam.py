# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Passwords of databases in Amazon RDS and Aurora, signed with an access key: IAM database authentication."""

from __future__ import annotations

import re
from datetime import datetime, timedelta, timezone
from typing import Dict

from ansible_collections.nebula.credential.plugins.module_utils.errors import check_packages
from ansible_collections.nebula.credential.plugins.module_utils.model.record import Fields
from ansible_collections.nebula.credential.plugins.module_utils.model.secret import Secret
from ansible_collections.nebula.credential.plugins.module_utils.types import aws_login
from ansible_collections.nebula.credential.plugins.module_utils.types.base import (
    Field,
    RefreshAnswer,
    read_texts,
)
from ansible_collections.nebula.credential.plugins.module_utils.types.connection_checks import is_port
from ansible_collections.nebula.credential.plugins.module_utils.types.issued_token import TOKEN, IssuedTokenType

LIFETIME = timedelta(minutes=15)
"""How long AWS accepts a token for new connections."""
_HOST = re.compile(r"[A-Za-z0-9.-]{1,253}\Z")


class RdsIam(IssuedTokenType):
    """An access key, and the database and user that its tokens are for. A token is signed here; only a role needs a request."""

    name = "rds_iam"
    description = "the tokens by which a database in Amazon RDS is logged in to"
    primary = "secret_access_key"
    packages = (aws_login.BOTOCORE,)
    without_token = "no token was signed yet"
    ended_by = "a token ends after 15 minutes."
    fields = (
        *aws_login.LOGIN_FIELDS,
        Field("host", required=True, identifies=True, description="The database's own host name, as AWS names it."),
        Field("port", required=True, description="Its port, for example C(5432)."),
        Field("username", required=True, identifies=True, description="The database user."),
    )

    def validate(self, fields: Fields) -> Dict[str, Secret]:
        """Check the fields.

        Raises:
            InvalidInput: as `CredentialType.validate`; or a part of the key, the role, the region or the place does not fit.
            MissingLibrary: botocore is not installed.
        """
        complete = super().validate(fields)
        texts = read_texts(complete)
        aws_login.check_login(self, texts)
        if "region" not in texts:
            self.refuse("region", "is missing", "Name the region of the database.")
        if not _HOST.match(texts["host"]):
            self.refuse("host", "is no host name", "Give the endpoint that AWS shows, without a port. An alias is not accepted by RDS.")
        if not is_port(texts["port"]):
            self.refuse("port", "is no port", "Give a number of 1 to 65535.")
        check_packages(self.packages)
        return complete

    def refresh(self, fields: Fields, state: Fields) -> RefreshAnswer:
        """Sign a token. One request if a role has to be assumed, else none.

        Raises:
            LoginFailed: AWS does not let the key assume the role.
            Unavailable, Timeout: there was no response about the role.
        """
        from ansible_collections.nebula.credential.plugins.module_utils.logins import aws_session

        texts = read_texts(fields)
        login = aws_login.build_login(self, texts)
        read_secret = aws_login.build_reader(texts)
        with aws_session.open_session(login, read_secret) as session:
            if login.role_arn:
                keys = aws_session.assume_role(session, login, read_secret)
                session.set_credentials(keys.access_key, keys.secret_key, keys.token)
            # The end is reckoned from before the signature, so it is never later than AWS's.
            ends_at = datetime.now(timezone.utc) + LIFETIME
            client = aws_session.build_client(session, login, "rds")
            token = client.generate_db_auth_token(DBHostname=texts["host"], Port=int(texts["port"]), DBUsername=texts["username"])
        return RefreshAnswer({TOKEN: Secret(token)}, ends_at)
