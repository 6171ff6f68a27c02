-- +goose Up
CREATE TABLE outbox (
    id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    event_id    uuid        NOT NULL UNIQUE,
    topic       text        NOT NULL,
    type        text        NOT NULL,
    key         text        NOT NULL,
    tenant      text        NOT NULL,
    occurred_at timestamptz NOT NULL,
    data        jsonb       NOT NULL,
    headers     jsonb       NOT NULL
);
-- Finds an older event of the same aggregate.
CREATE INDEX outbox_order ON outbox (topic, key, id);

CREATE TABLE inbox (
    event_id   uuid        PRIMARY KEY,
    handled_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX inbox_age ON inbox (handled_at);

-- +goose Down
DROP TABLE inbox;
DROP TABLE outbox;
