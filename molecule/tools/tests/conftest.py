"""The web tools, with a catalogue in PostgreSQL and a session in Redis to show."""

import browser
import probes
import pytest
from lab import ROOT

SESSION = "auth:session:5f0c"


@pytest.fixture(scope="session")
def catalogue(lab):
    """The product service's own tables as its migration makes and fills them: the keys of the categories."""
    migration = ROOT / "files/platform/services/product/migrations/00001_product.sql"
    up = migration.read_text(encoding="utf-8").partition("-- +goose Down")[0]
    with probes.Postgres().connect(lab) as connection:
        connection.execute("SET search_path TO product")
        # `molecule verify` can be repeated.
        if connection.execute("SELECT to_regclass('categories')").fetchone() == (None,):
            connection.execute(up)
        return [slug for (slug,) in connection.execute("SELECT slug FROM categories")]


@pytest.fixture(scope="session")
def session(lab):
    """A session as the auth service keeps one."""
    probes.Redis().connect(lab).hset(SESSION, mapping={"user": "ada@example.org"})
    return SESSION


@pytest.fixture
def page():
    """A page of a browser that nobody has used before."""
    with browser.page() as opened:
        yield opened
