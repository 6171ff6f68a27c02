"""Redis: it answers those who know the password, and nobody else."""

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from cloudlab.validate import OK, Check, converge, unreachable, verdict

STORE = "redis"
SECONDS = 3


def checks(host: str, port: int, password: str) -> list[Check]:
    """Asks the server."""
    with _client(host, port, password) as client:
        try:
            client.ping()
        except redis.RedisError as error:
            return unreachable(STORE, str(error))
        keys = client.dbsize()
    found = [Check(STORE, "answers", OK, f"{keys} keys")]
    with _client(host, port, None) as stranger:
        try:
            stranger.ping()
            fault = "anybody may log in"
        except redis.AuthenticationError:
            fault = ""
        except redis.RedisError as error:
            fault = str(error)
    return [*found, verdict(STORE, "asks for a password", fault, converge(STORE))]


def _client(host: str, port: int, password: str | None) -> redis.Redis:
    return redis.Redis(
        host,
        port,
        password=password,
        protocol=2,  # every version speaks it
        retry=Retry(NoBackoff(), 0),  # a refused password is an answer, not a lost connection
        socket_timeout=SECONDS,
        socket_connect_timeout=SECONDS,
    )
