-- +goose Up
CREATE TABLE payments (
    id         uuid        PRIMARY KEY,
    order_id   uuid        NOT NULL UNIQUE,
    user_id    text        NOT NULL DEFAULT '',
    tenant     text        NOT NULL DEFAULT '',
    amount     bigint      NOT NULL DEFAULT 0 CHECK (amount >= 0),
    currency   text        NOT NULL DEFAULT '',
    state      text        NOT NULL CHECK (state IN ('pending', 'approved', 'declined', 'refunded', 'voided')),
    reason     text        NOT NULL DEFAULT '',
    attempts   integer     NOT NULL DEFAULT 0,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX payments_of_user ON payments (user_id, id);

-- The mocked provider's records: at most one charge and one refund per payment.
CREATE TABLE provider_book (
    payment_id uuid        NOT NULL,
    entry      text        NOT NULL CHECK (entry IN ('charge', 'refund')),
    amount     bigint      NOT NULL,
    currency   text        NOT NULL,
    at         timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (payment_id, entry)
);

-- +goose Down
DROP TABLE provider_book;
DROP TABLE payments;
