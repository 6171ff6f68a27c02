-- +goose Up
CREATE TABLE tenants (
    id         text        PRIMARY KEY,
    name       text        NOT NULL,
    updated_at timestamptz NOT NULL DEFAULT now()
);
INSERT INTO tenants (id, name) VALUES ('platform', 'Platform'), ('default', 'Default');

CREATE TABLE profiles (
    id         uuid        PRIMARY KEY,
    tenant     text        NOT NULL,
    email      text        NOT NULL,
    name       text        NOT NULL,
    phone      text        NOT NULL DEFAULT '',
    locale     text        NOT NULL DEFAULT 'en',
    version    bigint      NOT NULL DEFAULT 1,
    updated_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX profiles_of_tenant ON profiles (tenant, id);

-- A second line of defense in addition to the conditions of queries: a transaction sees only the tenant in app.tenant; '*'
-- is the service itself, handling events or requests of other services.
ALTER TABLE profiles ENABLE ROW LEVEL SECURITY;
ALTER TABLE profiles FORCE ROW LEVEL SECURITY;
CREATE POLICY own_tenant ON profiles
    USING (current_setting('app.tenant', true) IN (tenant, '*'));

-- +goose Down
DROP TABLE profiles;
DROP TABLE tenants;
