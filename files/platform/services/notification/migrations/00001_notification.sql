-- +goose Up
CREATE TABLE notifications (
    id         uuid        PRIMARY KEY,
    tenant     text        NOT NULL,
    user_id    text        NOT NULL,
    kind       text        NOT NULL,
    subject_id text        NOT NULL,
    title      text        NOT NULL,
    body       text        NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    read_at    timestamptz
);
CREATE INDEX notifications_of_user ON notifications (user_id, id);

CREATE TABLE deliveries (
    notification_id uuid        NOT NULL REFERENCES notifications ON DELETE CASCADE,
    channel         text        NOT NULL,
    address         text        NOT NULL,
    state           text        NOT NULL CHECK (state IN ('sent', 'failed', 'skipped')),
    detail          text        NOT NULL DEFAULT '',
    at              timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (notification_id, channel)
);

CREATE TABLE preferences (
    user_id  text   PRIMARY KEY,
    channels text[] NOT NULL,
    webhook  text   NOT NULL DEFAULT ''
);

-- +goose Down
DROP TABLE preferences;
DROP TABLE deliveries;
DROP TABLE notifications;
