"""A client of a Redis server."""

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from cloudlab.stores.base import RefusedError
from cloudlab.stores.readiness import NotYetError

SECONDS = 3


class Server:
    """A server at `host`:`port`; without a password, requests are anonymous."""

    def __init__(self, host: str, port: int, password: str | None = None):
        self._address = f"{host}:{port}"
        self.client = redis.Redis(
            host,
            port,
            password=password,
            protocol=2,  # supported by every version
            retry=Retry(NoBackoff(), 0),  # a refused password is an answer, not a lost connection
            socket_timeout=SECONDS,
            socket_connect_timeout=SECONDS,
        )

    def ready(self) -> bool:
        """True when it answers. Raises NotYetError until then, and RefusedError."""
        try:
            return bool(self.client.ping())
        except redis.AuthenticationError as error:
            raise RefusedError(f"Redis at {self._address} refuses the password: {error}") from None
        except redis.RedisError as error:
            raise NotYetError(str(error)) from None

    def close(self) -> None:
        """Close the connection."""
        self.client.close()
