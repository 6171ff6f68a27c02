"""The Docker Engine: connection, facts, state, ports, lock."""

from cloudlab.engine.client import DEFAULT_ADDRESS, Client, Engine, EngineError, connect

__all__ = ["DEFAULT_ADDRESS", "Client", "Engine", "EngineError", "connect"]
