"""The Docker Engine: connection, facts, state, ports, lock."""

from cloudlab.engine.client import Engine, EngineError, connect

__all__ = ["Engine", "EngineError", "connect"]
