-- Three roles for the register of Shroff: one that makes the tables, one for the service, one for backups.
-- Run once as an administrator of the server, before the first start:  psql -f postgresql.sql
-- Passwords, or certificates, are yours to set: \password shroff_service
CREATE ROLE shroff_owner LOGIN;
CREATE ROLE shroff_service LOGIN;
CREATE ROLE shroff_backup LOGIN;
CREATE DATABASE shroff OWNER shroff_owner ENCODING 'UTF8' TEMPLATE template0;
REVOKE ALL ON DATABASE shroff FROM PUBLIC;
GRANT CONNECT ON DATABASE shroff TO shroff_service, shroff_backup;
\connect shroff
REVOKE ALL ON SCHEMA public FROM PUBLIC;
GRANT USAGE, CREATE ON SCHEMA public TO shroff_owner;
GRANT USAGE ON SCHEMA public TO shroff_service, shroff_backup;
ALTER DEFAULT PRIVILEGES FOR ROLE shroff_owner IN SCHEMA public
  GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO shroff_service;
ALTER DEFAULT PRIVILEGES FOR ROLE shroff_owner IN SCHEMA public
  GRANT SELECT ON TABLES TO shroff_backup;
