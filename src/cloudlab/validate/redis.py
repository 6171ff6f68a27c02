"""Redis: it answers those who know the password, and nobody else."""

from cloudlab.stores import redis
from cloudlab.stores.readiness import NotYetError
from cloudlab.validate import OK, Check, converge, unreachable, verdict

STORE = "redis"


def checks(host: str, port: int, password: str) -> list[Check]:
    """Ask the server with the password and without."""
    server = redis.Server(host, port, password)
    try:
        server.ready()
        keys = server.client.dbsize()
    except (NotYetError, redis.RefusedError) as error:
        return unreachable(STORE, str(error))
    finally:
        server.close()
    return [Check(STORE, "answers", OK, f"{keys} keys"), _asks_for_password(host, port)]


def _asks_for_password(host: str, port: int) -> Check:
    anybody = redis.Server(host, port)
    fault = "anybody may log in"
    try:
        anybody.ready()
    except redis.RefusedError:
        fault = ""
    except NotYetError as error:
        fault = str(error)
    finally:
        anybody.close()
    return verdict(STORE, "asks for a password", fault, converge(STORE))
