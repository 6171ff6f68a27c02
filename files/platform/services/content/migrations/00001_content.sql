-- +goose Up
-- The content, stored once per hash. Media is already compressed.
CREATE TABLE blobs (
    sha256 bytea PRIMARY KEY,
    data   bytea NOT NULL
);
ALTER TABLE blobs ALTER COLUMN data SET STORAGE EXTERNAL;

CREATE TABLE media (
    id         uuid        PRIMARY KEY,
    tenant     text        NOT NULL,
    owner      text        NOT NULL,
    subject    text        NOT NULL DEFAULT '',
    filename   text        NOT NULL DEFAULT '',
    alt        text        NOT NULL DEFAULT '',
    type       text        NOT NULL,
    size       bigint      NOT NULL,
    sha256     bytea       NOT NULL REFERENCES blobs,
    public     boolean     NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX media_of_subject ON media (subject, id);
CREATE INDEX media_of_blob ON media (sha256);

-- +goose Down
DROP TABLE media;
DROP TABLE blobs;
