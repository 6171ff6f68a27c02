"""PostgreSQL as its role runs it: the first start, health, and the convergence of roles, schemas and privileges."""

import time

import psycopg
import pytest
import stores

ODD_PASSWORD = "a$HOME' \"%s#`\\ü: z "
ORDER = {"name": "order", "role": "order", "password": "o'rd\\er $1 %s", "schema": "order"}
CART = {"name": "cart", "role": "cart-role", "password": "påss ½", "schema": 'Cart "x"'}
BILLING = {"name": "billing", "role": "billing", "password": "b", "database": "billing"}
BILLING_BASE = {"name": "billing", "owner": "billing", "extensions": [{"name": "citext", "schema": "extensions"}]}

pytestmark = pytest.mark.skipif(not stores.has_engine(), reason="no engine")


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    with stores.Store("postgres", tmp_path_factory.mktemp("postgres")) as store:
        store.wait_healthy()
        yield store


def connect(store, user="cloudlab", password=ODD_PASSWORD, database="cloudlab"):
    return psycopg.connect(
        host="127.0.0.1", port=store.port("sql"), user=user, password=password, dbname=database, autocommit=True
    )


def query(store, sql, **login):
    with connect(store, **login) as connection:
        answer = connection.execute(sql)
        return answer.fetchall() if answer.description else None


def as_(service):
    return {"user": service["role"], "password": service["password"], "database": service.get("database", "cloudlab")}


def converge(store, *services, check=False, **arguments):
    arguments = {
        "port": store.port("sql"),
        "container": store.name,
        "admin_user": "cloudlab",
        "admin_password": ODD_PASSWORD,
        "database": "cloudlab",
        "health_role": "healthcheck",
        "services": list(services),
    } | arguments
    return stores.run_action("postgres_objects", arguments, check=check)


def denied(store, sql, **login):
    with pytest.raises((psycopg.errors.InsufficientPrivilege, psycopg.errors.UndefinedTable)):
        query(store, sql, **login)
    return True


def refused(store, **login):
    with pytest.raises(psycopg.OperationalError):
        connect(store, **login)
    return True


def test_check_mode_on_a_new_server_changes_nothing(store):
    would = converge(store, ORDER, check=True)
    assert would["changed"]
    assert "schema order: absent -> owned by order" in would["applied"]
    assert refused(store)


def test_first_converge_makes_everything_and_the_second_nothing(store):
    done = converge(store, ORDER, extensions=[{"name": "pg_trgm"}])
    assert "failed" not in done, done
    assert done["admin_password_set"]
    again = converge(store, ORDER, extensions=[{"name": "pg_trgm"}])
    assert again["applied"] == []
    assert not again["changed"]
    assert not converge(store, ORDER, check=True)["changed"]
    for secret in (ODD_PASSWORD, ORDER["password"], "SCRAM-SHA-256"):
        assert secret not in str(done)
    assert query(store, "show search_path", **as_(ORDER)) == [('"order", public',)]


def test_a_service_added_later_gets_its_schema_and_nobody_reads_the_others(store):
    query(store, "create table secret (n int); insert into secret values (1)", **as_(ORDER))
    done = converge(store, ORDER, CART)
    assert {line.split(":")[0] for line in done["applied"]} == {
        "role cart-role",
        "database cloudlab, may connect",
        'schema Cart "x"',
        "role cart-role, search_path in cloudlab",
    }
    query(store, "create table mine (n int)", **as_(CART))
    assert query(store, "select n from secret", **as_(ORDER)) == [(1,)]
    assert denied(store, 'select * from "order".secret', **as_(CART))
    assert denied(store, 'insert into "order".secret values (2)', **as_(CART))
    assert denied(store, 'select * from "Cart ""x""".mine', **as_(ORDER))
    assert denied(store, "create table public.t (n int)", **as_(CART))
    assert denied(store, "create schema other", **as_(CART))
    assert denied(store, "select rolpassword from pg_authid", **as_(CART))
    for database in ("postgres", "template1"):
        assert refused(store, **as_(CART) | {"database": database})


def test_a_database_of_its_own(store):
    done = converge(store, ORDER, CART, BILLING, databases=[BILLING_BASE])
    assert "database billing: absent -> owned by billing" in done["applied"]
    assert not converge(store, ORDER, CART, BILLING, databases=[BILLING_BASE])["changed"]
    query(store, "create schema s; create table s.t (email extensions.citext)", **as_(BILLING))
    assert refused(store, **as_(BILLING) | {"database": "cloudlab"})
    assert refused(store, **as_(ORDER) | {"database": "billing"})


@pytest.mark.parametrize(
    ("drift", "change"),
    [
        ('grant usage on schema "order" to public', "schema order: open to everybody"),
        ('grant all on schema "order" to "cart-role"', "schema order: open to cart-role"),
        ('alter role "order" superuser createdb', "role order: superuser, createdb"),
        ('alter role "order" nologin', "role order: may not log in"),
        ("alter role \"order\" password 'x'", "role order, password: another one"),
        ('grant pg_read_all_data to "order"', "role order: member of pg_read_all_data"),
        ('grant "cart-role" to "order"', "role order: member of cart-role"),
        ('alter schema "order" owner to cloudlab', "schema order: owned by cloudlab"),
        ("grant create on schema public to public", "schema public: everybody may create in it"),
        ("grant connect on database postgres to public", "database postgres, may connect: everybody"),
        ('alter role "order" in database cloudlab reset search_path', "role order, search_path in cloudlab: default"),
        ('revoke connect on database cloudlab from "order"', "database cloudlab, may connect: not order"),
    ],
)
def test_drift_is_fixed_once(store, drift, change):
    services = (ORDER, CART, BILLING)
    converge(store, *services, databases=[BILLING_BASE])
    query(store, drift)
    done = converge(store, *services, databases=[BILLING_BASE])
    [line] = done["applied"]
    assert line.startswith(change)
    assert not converge(store, *services, databases=[BILLING_BASE])["changed"]
    assert query(store, "select count(*) from secret", **as_(ORDER)) == [(1,)]


def test_what_nobody_declares_is_reported_and_kept(store):
    query(store, "create schema attic; create role guest; grant usage on schema attic to guest")
    report = converge(store, ORDER, CART, BILLING, databases=[BILLING_BASE])
    assert not report["changed"]
    assert report["unmanaged_schemas"] == {"cloudlab": ["attic"], "billing": ["s"]}
    query(store, "drop schema attic; drop role guest")


def test_a_changed_administrator_password_is_applied_to_the_existing_volume(store):
    would = converge(store, ORDER, CART, admin_password="new", check=True)
    assert would["admin_password_set"]
    assert would["applied"] == ["role cloudlab, password: not accepted -> as declared; superuser"]
    assert refused(store, password="new")
    done = converge(store, ORDER, CART, admin_password="new")
    assert done["admin_password_set"]
    assert query(store, 'select count(*) from "order".secret', password="new") == [(1,)]
    assert not converge(store, ORDER, CART, admin_password="new")["changed"]
    assert converge(store, ORDER, CART)["admin_password_set"]


def test_an_extension_that_the_image_lacks_is_named_and_nothing_is_half_done(store):
    failed = converge(
        store, ORDER, CART | {"name": "new", "role": "new", "schema": "new"}, extensions=[{"name": "postgis"}]
    )
    assert 'extension postgis: extension "postgis" is not available' in failed["msg"]
    assert query(store, "select count(*) from pg_namespace where nspname = 'new'") == [(0,)]


def test_a_declaration_that_cannot_be_is_refused_whole(store):
    failed = converge(store, ORDER, ORDER | {"name": "twin"}, ORDER | {"role": "cloudlab"}, ORDER | {"role": "pg_x"})
    for fault in (
        "role order is declared 2 times",
        "belongs to the administrator",
        "name pg_x",
        "schema cloudlab.order",
    ):
        assert fault in failed["msg"]


def test_health_is_a_query_of_a_role_that_can_do_nothing(store):
    assert store.execute("/usr/local/bin/cloudlab-health") == (0, "")
    assert refused(store, user="healthcheck", password="", database="postgres")
    inspected = str(store.api.inspect_container(store.name))
    assert ODD_PASSWORD not in inspected
    assert "SCRAM" not in inspected


def test_committed_rows_survive_kill_and_re_creation(store):
    query(store, "insert into secret values (2)", **as_(ORDER))
    store.kill()
    store.recreate(postgres_settings={"log_line_prefix": "it's \\ %m "})
    took = store.wait_healthy()
    assert query(store, "select count(*) from secret", **as_(ORDER)) == [(2,)]
    assert query(store, "show log_line_prefix") == [("it's \\ %m ",)]
    assert took < 20


def test_a_server_that_is_not_there(store):
    begun = time.monotonic()
    store.api.stop(store.name, timeout=20)
    assert time.monotonic() - begun < 10  # a fast shutdown
    message = converge(store, ORDER)["msg"]
    assert f"container {store.name} is not running: it exited without an error" in message
    assert "database system is shut down" in message
    would = converge(store, ORDER, check=True)
    assert "database cloudlab: absent -> owned by cloudlab" in would["applied"]
    store.start()
    assert not converge(store, ORDER, CART)["changed"]  # waits for the server by itself


def test_a_major_version_that_does_not_fit_is_refused_with_the_way_out(store):
    store.execute("sh", "-c", "echo 16 >$PGDATA/PG_VERSION")
    store.api.stop(store.name, timeout=20)
    store.start()
    message = converge(store, ORDER, timeout=20)["msg"]
    assert "the volume was written by PostgreSQL 16, this image is PostgreSQL 17" in message
    assert f"docker exec {store.name} pg_dumpall" in message
    assert "crash loop" in message


@pytest.mark.parametrize("delay", [0.05, 0.3, 0.6, 0.9, 1.3])
def test_a_first_start_that_is_killed_is_completed(tmp_path, delay):
    with stores.Store("postgres", tmp_path) as store:
        time.sleep(delay)
        if store.state()["Running"]:
            store.kill()
        store.start()
        assert converge(store, ORDER)["applied"]  # waits for the server
        assert not converge(store, ORDER)["changed"]
        assert store.execute("ls", "/var/lib/postgresql/data") == (0, "pgdata\n")
