"""gRPC through the gateway: the method of the order service that is exposed."""

from __future__ import annotations

import sys

import grpc

from communication.gateway import TIMEOUT_SECONDS, Gateway, traceparent
from communication.instance import ROOT

# protos_and_services searches the module path.
sys.path.append(str(ROOT / "files" / "platform" / "api"))
messages, services = grpc.protos_and_services("order/v1/order.proto")

# The gateway is on this machine.
OPTIONS = (("grpc.enable_http_proxy", 0),)


class CallFailed(AssertionError):
    """A call ended with a status other than OK; `code` is its name."""

    def __init__(self, error: grpc.RpcError, request_id: str):
        self.code = error.code().name
        super().__init__(f"gRPC {self.code} (request ID {request_id}): {error.details()}")


class OrderCalls:
    """order.v1.OrderService through the gateway. Call close at the end."""

    def __init__(self, gateway: Gateway):
        self._gateway = gateway
        self._channel = grpc.insecure_channel(gateway.address, OPTIONS)
        self._stub = services.OrderServiceStub(self._channel)

    def get_order(self, order_id: str, token: str = "", request_id: str = ""):
        """Return the message Order. Raises CallFailed."""
        request_id = request_id or self._gateway.new_request_id()
        metadata = [("x-request-id", request_id), ("traceparent", traceparent(request_id))]
        if token:
            metadata.append(("authorization", f"Bearer {token}"))
        try:
            return self._stub.GetOrder(
                messages.GetOrderRequest(id=order_id), metadata=metadata, timeout=TIMEOUT_SECONDS
            )
        except grpc.RpcError as error:
            raise CallFailed(error, request_id) from error

    def code_of(self, order_id: str, token: str = "") -> str:
        """Return the name of the status of the call."""
        try:
            self.get_order(order_id, token)
        except CallFailed as error:
            return error.code
        return "OK"

    def close(self) -> None:
        """Close the connection."""
        self._channel.close()
