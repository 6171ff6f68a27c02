-- +goose Up
CREATE TABLE orders (
    id         uuid        PRIMARY KEY,
    tenant     text        NOT NULL,
    user_id    text        NOT NULL,
    email      text        NOT NULL DEFAULT '',
    total      bigint      NOT NULL CHECK (total >= 0),
    currency   text        NOT NULL,
    lines      jsonb       NOT NULL,
    card_token text        NOT NULL,
    state      text        NOT NULL,
    reason     text        NOT NULL DEFAULT '',
    history    jsonb       NOT NULL DEFAULT '[]',
    -- State of the saga: failed attempts at the current step, time of the next one, and headers of the original request.
    attempts   integer     NOT NULL DEFAULT 0,
    entered_at timestamptz NOT NULL DEFAULT now(),
    next_at    timestamptz NOT NULL DEFAULT now(),
    headers    jsonb       NOT NULL DEFAULT '{}',
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX orders_of_user ON orders (user_id, id);
CREATE INDEX orders_unfinished ON orders (next_at) WHERE state NOT IN ('confirmed', 'cancelled');

CREATE TABLE idempotency_keys (
    user_id    text        NOT NULL,
    key        text        NOT NULL,
    request    bytea       NOT NULL, -- SHA-256 of the body, to detect a different request with the same key
    order_id   uuid        NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (user_id, key)
);

-- +goose Down
DROP TABLE idempotency_keys;
DROP TABLE orders;
