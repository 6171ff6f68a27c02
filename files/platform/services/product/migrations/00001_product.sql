-- +goose Up
CREATE TABLE categories (
    slug   text PRIMARY KEY,
    name   text NOT NULL,
    parent text REFERENCES categories
);
INSERT INTO categories (slug, name, parent) VALUES
    ('electronics', 'Electronics', NULL), ('audio', 'Audio', 'electronics'), ('computers', 'Computers', 'electronics'),
    ('home', 'Home', NULL), ('kitchen', 'Kitchen', 'home'), ('clothing', 'Clothing', NULL), ('books', 'Books', NULL),
    ('sports', 'Sports', NULL), ('toys', 'Toys', NULL);

CREATE TABLE products (
    id          uuid        PRIMARY KEY,
    tenant      text        NOT NULL,
    name        text        NOT NULL,
    description text        NOT NULL DEFAULT '',
    brand       text        NOT NULL DEFAULT '',
    category    text        NOT NULL REFERENCES categories,
    active      boolean     NOT NULL DEFAULT true,
    version     bigint      NOT NULL DEFAULT 1,
    created_at  timestamptz NOT NULL DEFAULT now(),
    updated_at  timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX products_of_category ON products (category, id);

CREATE TABLE variants (
    sku        text    PRIMARY KEY,
    product_id uuid    NOT NULL REFERENCES products ON DELETE CASCADE,
    position   integer NOT NULL,
    name       text    NOT NULL,
    price      bigint  NOT NULL CHECK (price >= 0),
    currency   text    NOT NULL,
    -- what inventory said last; may lag by a moment
    available  bigint  NOT NULL DEFAULT 0
);
CREATE INDEX variants_of_product ON variants (product_id, position);

-- +goose Down
DROP TABLE variants;
DROP TABLE products;
DROP TABLE categories;
