-- After the first start as shroff_owner, which made the tables, and after each upgrade:
--   psql -U shroff_owner -d shroff -f postgresql-tables.sql
-- The service adds to the audit trail and to the logs of cases, and never changes what is there.
REVOKE UPDATE, DELETE ON audit, case_log FROM shroff_service;
REVOKE INSERT, UPDATE, DELETE ON _sqlx_migrations FROM shroff_service;
