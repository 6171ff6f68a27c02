"""The types of single values in declarations."""

from typing import Annotated, Literal

from cloudlab.model.schema import doc, valid

Text = Annotated[str, valid("a non-empty string", min_length=1)]
Secret = Annotated[str, valid("a non-empty string", secret=True, min_length=1)]
Name = Annotated[
    str,
    valid(
        "a name of up to 31 lower-case letters, digits and dashes, beginning with a letter",
        pattern=r"^[a-z][a-z0-9-]{0,30}$",
    ),
]
PortNumber = Annotated[int, valid("a port from 1 to 65535", ge=1, le=65535)]
Count = Annotated[int, valid("a whole number from 1", ge=1)]
# At least two words, because a variable of one word in the process environment may have another meaning.
SettingName = Annotated[
    str,
    valid(
        "a name of at least two lower-case words, joined by underscores, such as shop_currency (the first one cannot "
        "be compose, docker, secret or ansible)",
        pattern=r"^(?!(compose|docker|secret|ansible)_)[a-z][a-z0-9]*(_[a-z0-9]+)+$",
    ),
]
PortSetting = Annotated[
    str,
    valid(
        "a name that ends with _port, such as billing_service_port",
        pattern=r"^(?!(compose|docker|secret|ansible)_)[a-z][a-z0-9]*(_[a-z0-9]+)*_port$",
    ),
]
UrlPath = Annotated[str, valid("a path that begins with /", pattern="^/")]
Directory = Annotated[str, valid("an absolute path in the container", pattern="^/")]
Duration = Annotated[
    str, valid("a duration such as 500ms, 10s or 1m30s", pattern=r"^(0|(\d+(\.\d+)?(ns|us|µs|ms|s|m|h))+)$")
]
Seconds = Annotated[float, valid("a number of seconds", ge=0)]
Memory = Annotated[
    str, valid("an amount of memory such as 512m or 2g", pattern=r"^\d+(\.\d+)?\s*[bkmgtBKMGT]?([iI]?[bB])?$")
]
Cpus = Annotated[int | float, valid("a number of CPUs"), doc("CPUs that it may use.")]
# YAML reads an unquoted `yes` or `1.10` as another type than the writer meant.
Value = Annotated[str | int, valid("a string or a whole number (put other values in quotes)", secret=True)]
Auth = Literal["required", "optional", "none"]
Method = Literal["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]
Methods = Annotated[list[Method], valid("a non-empty list of methods (without it, all are allowed)", min_length=1)]
Retries = Annotated[int, valid("a whole number from 0 to 5", ge=0, le=5)]
Prefix = Annotated[
    str,
    valid(
        "a path that begins with /, without empty parts, query or escapes",
        pattern=r"^/([A-Za-z0-9\-._~!$&'()*+,;=:@]+/)*[A-Za-z0-9\-._~!$&'()*+,;=:@]*$",
    ),
]
GrpcService = Annotated[
    str,
    valid(
        "the full name of a gRPC service, such as shop.billing.v1.BillingService",
        pattern=r"^[A-Za-z_]\w*(\.[A-Za-z_]\w*)*$",
    ),
]
