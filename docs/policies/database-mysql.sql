-- Copyright (c) 2026, the nebula.credential authors
-- GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
-- SPDX-License-Identifier: GPL-3.0-or-later
--
-- What a store of the backend `database` needs on MariaDB and MySQL, and nothing more. An administrator creates the tables first, with a login that may CREATE and
-- INDEX: ansible localhost -m nebula.credential.store_schema (a store with that login). Set `migration: manual` in the stores.

-- For plays that write, rotate and delete. They can append to the trail, but neither read nor change it.
CREATE USER nebula_writer@'%' IDENTIFIED BY 'change me';
GRANT SELECT, INSERT, UPDATE, DELETE ON nebula.cred_credentials TO nebula_writer@'%';
GRANT SELECT, INSERT, UPDATE, DELETE ON nebula.cred_versions TO nebula_writer@'%';
GRANT SELECT, INSERT, UPDATE ON nebula.cred_tombstones TO nebula_writer@'%';
GRANT SELECT, INSERT, UPDATE ON nebula.cred_store TO nebula_writer@'%';
GRANT INSERT ON nebula.cred_audit_log TO nebula_writer@'%';

-- For plays that read: lookups, credential_info.
CREATE USER nebula_reader@'%' IDENTIFIED BY 'change me';
GRANT SELECT ON nebula.cred_credentials TO nebula_reader@'%';
GRANT SELECT ON nebula.cred_versions TO nebula_reader@'%';
GRANT SELECT ON nebula.cred_tombstones TO nebula_reader@'%';
GRANT SELECT ON nebula.cred_store TO nebula_reader@'%';
GRANT INSERT ON nebula.cred_audit_log TO nebula_reader@'%';
