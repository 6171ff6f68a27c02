"""No password is printed by a dry run with --diff, whatever file or option would hold it."""

import json
import os
import shutil
from urllib.parse import quote
from xml.sax.saxutils import escape

import pytest
from lab import ROOT, Lab

INSTANCE = "test-secrets"
OFFSET = 20620
# A quote, so that it is written in another form where a syntax escapes it.
PASSWORDS = {
    f"{name}_PASSWORD": f'{name.lower()}-hunter"22&' for name in ("POSTGRES", "REDIS", "CLICKHOUSE", "ELASTICSEARCH")
}


@pytest.fixture(scope="module")
def lab():
    """An instance that is only ever planned."""
    settings = {"CLOUDLAB_ENV_FILE": "", "CLOUDLAB_INSTANCE": INSTANCE, "PORT_OFFSET": str(OFFSET)}
    found = Lab(dict(os.environ) | settings)
    yield found
    shutil.rmtree(ROOT / ".cloudlab" / INSTANCE, ignore_errors=True)


def test_a_dry_run_with_diff_shows_no_password(lab):
    run = lab.playbook("dev", "--check", "--diff", ELASTICSEARCH_SECURITY_ENABLED="true", **PASSWORDS)
    # The table of addresses and credentials is there to show them.
    planned, table, _ = run.output.partition("\ncomponent ")
    assert table
    # The files that hold them are part of the diff.
    for file in ("health.curlrc", "redis.conf", "users.xml"):
        assert f"/{file}" in planned
    for password in PASSWORDS.values():
        for form in (password, json.dumps(password)[1:-1], escape(password), quote(password, safe="")):
            assert form not in planned
