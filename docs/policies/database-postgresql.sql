-- Copyright (c) 2026, the nebula.credential authors
-- GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
-- SPDX-License-Identifier: GPL-3.0-or-later
--
-- What a store of the backend `database` needs on PostgreSQL and CockroachDB, and nothing more. An administrator creates the tables first, with a login that owns
-- the schema: ansible localhost -m nebula.credential.store_schema (a store with that login). Set `migration: manual` in the stores.

-- For plays that write, rotate and delete. They can append to the trail, but neither read nor change it.
CREATE ROLE nebula_writer LOGIN PASSWORD 'change me';
GRANT CONNECT ON DATABASE nebula TO nebula_writer;
GRANT USAGE ON SCHEMA public TO nebula_writer;
GRANT SELECT, INSERT, UPDATE, DELETE ON cred_credentials, cred_versions TO nebula_writer;
GRANT SELECT, INSERT, UPDATE ON cred_tombstones, cred_store TO nebula_writer;
GRANT INSERT ON cred_audit_log TO nebula_writer;

-- For plays that read: lookups, credential_info.
CREATE ROLE nebula_reader LOGIN PASSWORD 'change me';
GRANT CONNECT ON DATABASE nebula TO nebula_reader;
GRANT USAGE ON SCHEMA public TO nebula_reader;
GRANT SELECT ON cred_credentials, cred_versions, cred_tombstones, cred_store TO nebula_reader;
GRANT INSERT ON cred_audit_log TO nebula_reader;
