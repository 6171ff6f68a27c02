"""Run all tests of the reference platform, including those that need a store, with the race detector.

PostgreSQL and ClickHouse are containers on the engine, from the images that the step `images` of test.sh builds. The
pinned version of ClickHouse is an engine in a process.
"""

import os
import sys
import tempfile
from pathlib import Path

import go_tests
import stores
from pinned_clickhouse import Pinned

PLATFORM = stores.ROOT / "files" / "platform"
PASSWORD = "development"


def addresses(postgres: stores.Store, clickhouse: stores.Store, pinned: Pinned) -> dict[str, str]:
    """The variables with the addresses of the stores."""
    return {
        "TEST_DATABASE_URL": f"postgres://cloudlab:{PASSWORD}@127.0.0.1:{postgres.port('sql')}/cloudlab",
        "TEST_CLICKHOUSE_ADDR": f"127.0.0.1:{clickhouse.port('native')}",
        "TEST_CLICKHOUSE_USER": "cloudlab",
        "TEST_CLICKHOUSE_PASSWORD": PASSWORD,
        "TEST_CLICKHOUSE_PINNED_ADDR": f"127.0.0.1:{pinned.port('http')}",
    }


def create_administrator(postgres: stores.Store) -> None:
    """Create the administrator and the database, as the role does."""
    done = stores.run_action(
        "postgres_objects",
        {
            "port": postgres.port("sql"),
            "container": postgres.name,
            "admin_user": "cloudlab",
            "admin_password": PASSWORD,
            "database": "cloudlab",
            "health_role": "healthcheck",
            "services": [],
        },
    )
    if done.get("failed"):
        raise RuntimeError(done["msg"])


def main() -> int:
    """Start the stores, run the tests, and return the exit status."""
    with (
        tempfile.TemporaryDirectory() as directory,
        stores.Store("postgres", Path(directory, "postgres"), postgres_password=PASSWORD) as postgres,
        stores.Store("clickhouse", Path(directory, "clickhouse"), clickhouse_password=PASSWORD) as clickhouse,
        Pinned(Path(directory, "pinned")) as pinned,
    ):
        postgres.wait_healthy()
        create_administrator(postgres)
        clickhouse.wait_healthy()
        environ = os.environ | addresses(postgres, clickhouse, pinned)
        report = go_tests.run(PLATFORM, "-race", "-count=1", go_tests.WITH_STORES, environ=environ)
    print(report)
    return 0 if report.ok else 1


if __name__ == "__main__":
    sys.exit(main())
