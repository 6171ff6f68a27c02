-- +goose Up
CREATE TABLE warehouses (
    code text PRIMARY KEY,
    name text NOT NULL
);
INSERT INTO warehouses (code, name) VALUES ('main', 'Main warehouse'), ('north', 'Warehouse North');

-- The SKUs of the catalogue and their owners.
CREATE TABLE skus (
    sku        text PRIMARY KEY,
    tenant     text NOT NULL,
    product_id uuid
);

CREATE TABLE stock (
    sku       text   NOT NULL REFERENCES skus,
    warehouse text   NOT NULL REFERENCES warehouses,
    on_hand   bigint NOT NULL DEFAULT 0 CHECK (on_hand >= 0),
    reserved  bigint NOT NULL DEFAULT 0 CHECK (reserved >= 0 AND reserved <= on_hand),
    PRIMARY KEY (sku, warehouse)
);

CREATE TABLE reservations (
    order_id   uuid        PRIMARY KEY,
    state      text        NOT NULL CHECK (state IN ('held', 'committed', 'released', 'expired')),
    expires_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX reservations_due ON reservations (expires_at) WHERE state = 'held';

CREATE TABLE reservation_items (
    order_id  uuid   NOT NULL REFERENCES reservations ON DELETE CASCADE,
    sku       text   NOT NULL,
    warehouse text   NOT NULL,
    quantity  bigint NOT NULL CHECK (quantity > 0),
    PRIMARY KEY (order_id, sku, warehouse)
);

-- +goose Down
DROP TABLE reservation_items;
DROP TABLE reservations;
DROP TABLE stock;
DROP TABLE skus;
DROP TABLE warehouses;
