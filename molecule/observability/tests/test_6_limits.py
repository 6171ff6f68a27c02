"""A full log store drops its oldest lines."""

import datetime
import secrets

from lab import wait_until

DAYS = 6


def test_a_full_disk_drops_the_oldest(lab, logs):
    lab.playbook("dev", "--tags", "victorialogs", "-e", "observability_log_disk=2MiB")
    lab.wait_until_healthy("victorialogs")
    today = datetime.datetime.now(datetime.UTC)
    for age in range(DAYS, -1, -1):
        day = (today - datetime.timedelta(days=age)).isoformat()
        logs.add({"_time": day, "_msg": f"filler {age} {secrets.token_hex(4096)}"} for _ in range(150))

    def days():
        found = logs.find('_time:8d filler | extract "filler <age> " | stats by (age) count() n')
        return {int(row["age"]) for row in found}

    wait_until(lambda: 0 in days(), "what was written today is there", 20)
    wait_until(lambda: DAYS not in days(), "what was written first is gone", 60)
    assert 0 in days(), "the newest must stay"
