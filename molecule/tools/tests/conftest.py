"""The web tools, with a catalogue in PostgreSQL and a session in Redis to show."""

import browser
import components
import probes
import pytest
from lab import ROOT

# What blanks, quotes, colons and backslashes mean to files and URLs must not show.
PASSWORD = "a b:c\\d\"e'f,g@h"
SESSION = "auth:session:5f0c"


@pytest.fixture(scope="session")
def tools():
    """The tools that run without a registry."""
    return sorted(components.named("tool", profile="tools"))


@pytest.fixture(scope="session", autouse=True)
def converged(lab, tools):
    """The one converge that all tests look at, with passwords that have to be escaped everywhere."""
    lab.environ |= {"POSTGRES_PASSWORD": PASSWORD, "REDIS_PASSWORD": PASSWORD}
    assert lab.instance  # refuses any but a test's
    return lab.converge(*tools)


@pytest.fixture(scope="session")
def catalogue(lab):
    """The product service's own tables as its migration makes and fills them: the keys of the categories."""
    migration = ROOT / "files/platform/services/product/migrations/00001_product.sql"
    up = migration.read_text(encoding="utf-8").partition("-- +goose Down")[0]
    with probes.Postgres().connect(lab) as connection:
        connection.execute("SET search_path TO product")
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
