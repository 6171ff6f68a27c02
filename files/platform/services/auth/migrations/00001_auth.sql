-- +goose Up
CREATE TABLE tenants (
    id         text        PRIMARY KEY,
    created_at timestamptz NOT NULL DEFAULT now()
);
INSERT INTO tenants (id) VALUES ('platform'), ('default');

CREATE TABLE roles (
    name        text   PRIMARY KEY,
    permissions text[] NOT NULL
);
INSERT INTO roles (name, permissions) VALUES
    ('admin', '{*}'),
    ('owner', '{orders.place,media.write,users.manage,catalogue.write,inventory.write,analytics.read}'),
    ('customer', '{orders.place,media.write}'),
    ('service', '{users.read,inventory.reserve,payments.charge}');

CREATE TABLE users (
    id            uuid        PRIMARY KEY,
    tenant        text        NOT NULL REFERENCES tenants,
    email         text        NOT NULL UNIQUE CHECK (email = lower(email)),
    name          text        NOT NULL,
    phone         text        NOT NULL DEFAULT '',
    password_hash text        NOT NULL,
    roles         text[]      NOT NULL,
    disabled      boolean     NOT NULL DEFAULT false,
    created_at    timestamptz NOT NULL DEFAULT now()
);

-- The newest key signs. Older keys remain published, so that the tokens that they signed can be verified.
CREATE TABLE signing_keys (
    id          text        PRIMARY KEY,
    private_key bytea       NOT NULL,
    created_at  timestamptz NOT NULL DEFAULT now()
);

-- +goose Down
DROP TABLE signing_keys;
DROP TABLE users;
DROP TABLE roles;
DROP TABLE tenants;
