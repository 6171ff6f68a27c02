"""The action kibana_data_views against a server that answers as Kibana does."""

import kibanas
import pytest
from stores import run_action

VIEWS = [{"title": "*", "id": "all", "name": "All indices"}, {"title": "orders-*", "time_field": "placed_at"}]


@pytest.fixture
def server():
    with kibanas.Kibana() as running:
        yield running


def converge(server, *views, **options):
    arguments = {"url": server.url, "container": "test-no-such-container", "data_views": list(views), "timeout": 5}
    return run_action("kibana_data_views", arguments, **options)


def test_a_second_run_changes_nothing(server):
    first = converge(server, *VIEWS)
    assert first["changed"]
    assert first["applied"] == ["all", "orders-*"]
    assert not converge(server, *VIEWS)["changed"]
    assert server.puts == 2


def test_only_what_differs_is_put(server):
    converge(server, *VIEWS)
    renamed = converge(server, VIEWS[0] | {"name": "Everything"}, VIEWS[1])
    assert renamed["applied"] == ["all"]
    assert "All indices" in renamed["diff"]["before"]
    assert "Everything" in renamed["diff"]["after"]
    assert server.puts == 3


def test_check_mode_puts_nothing(server):
    assert converge(server, *VIEWS, check=True)["applied"] == ["all", "orders-*"]
    assert server.puts == 0


def test_a_server_without_a_container_is_not_waited_for(server):
    server.level = "degraded"
    failed = converge(server, *VIEWS)
    assert failed["failed"]
    assert "container test-no-such-container does not exist. Converge its component" in failed["msg"]
