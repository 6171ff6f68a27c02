"""The types of single values in declarations. `expected` describes a valid value in messages."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta

Text = Annotated[str, Meta(min_length=1, extra={"expected": "a non-empty string"})]
Secret = Annotated[str, Meta(min_length=1, extra={"expected": "a non-empty string", "secret": True})]
Name = Annotated[
    str,
    Meta(
        pattern=r"^[a-z][a-z0-9-]{0,30}$",
        extra={"expected": "a name of up to 31 lower-case letters, digits and dashes, beginning with a letter"},
    ),
]
PortNumber = Annotated[int, Meta(ge=1, le=65535, extra={"expected": "a port from 1 to 65535"})]
Count = Annotated[int, Meta(ge=1, extra={"expected": "a whole number from 1"})]
SettingName = Annotated[
    str,
    Meta(
        pattern=r"^(?!(compose|docker|secret|ansible)_)[a-z][a-z0-9]*(_[a-z0-9]+)+$",
        extra={
            "expected": "a name of at least two lower-case words, joined by underscores, such as shop_currency (the "
            "first one cannot be compose, docker, secret or ansible)"
        },
    ),
]
PortSetting = Annotated[
    str,
    Meta(
        pattern=r"^(?!(compose|docker|secret|ansible)_)[a-z][a-z0-9]*(_[a-z0-9]+)*_port$",
        extra={"expected": "a name that ends with _port, such as order_service_port"},
    ),
]
UrlPath = Annotated[str, Meta(pattern="^/", extra={"expected": "a path that begins with /"})]
Directory = Annotated[str, Meta(pattern="^/", extra={"expected": "an absolute path in the container"})]
Duration = Annotated[
    str,
    Meta(
        pattern=r"^(0|(\d+(\.\d+)?(ns|us|µs|ms|s|m|h))+)$",
        extra={"expected": "a duration such as 500ms, 10s or 1m30s"},
    ),
]
Seconds = Annotated[float, Meta(ge=0, extra={"expected": "a number of seconds"})]
Memory = Annotated[
    str,
    Meta(
        pattern=r"^\d+(\.\d+)?\s*[bkmgtBKMGT]?([iI]?[bB])?$",
        extra={"expected": "an amount of memory such as 512m or 2g"},
    ),
]
Cpus = Annotated[int | float, Meta(description="CPUs that it may use.", extra={"expected": "a number of CPUs"})]
# YAML reads an unquoted `yes` or `1.10` as something else than what was written.
Value = Annotated[
    str | int,
    Meta(extra={"expected": "a string or a whole number (put other values in quotes)", "secret": True}),
]
Method = Literal["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]
Methods = Annotated[
    list[Method], Meta(min_length=1, extra={"expected": "a non-empty list of methods (without it, all are allowed)"})
]
Auth = Literal["required", "optional", "none"]
Retries = Annotated[int, Meta(ge=0, le=5, extra={"expected": "a whole number from 0 to 5"})]
Prefix = Annotated[
    str,
    Meta(
        pattern=r"^/([A-Za-z0-9\-._~!$&'()*+,;=:@]+/)*[A-Za-z0-9\-._~!$&'()*+,;=:@]*$",
        extra={"expected": "a path that begins with /, without empty parts, query or escapes"},
    ),
]
GrpcService = Annotated[
    str,
    Meta(
        pattern=r"^[A-Za-z_]\w*(\.[A-Za-z_]\w*)*$",
        extra={"expected": "the full name of a gRPC service, such as shop.order.v1.OrderService"},
    ),
]
