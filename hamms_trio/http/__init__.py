"""The well-behaved HTTP/1.1 server: routes, and correct responses to every request."""

from hamms_trio.http.limits.limits import ServerLimits as ServerLimits
from hamms_trio.http.routes.request import Request as Request
from hamms_trio.http.routes.response import (
    BodyBroken as BodyBroken,
    FileBody as FileBody,
    GivenAway as GivenAway,
    Response as Response,
    SizedBody as SizedBody,
    error as error,
    json_response as json_response,
    text as text,
)
from hamms_trio.http.routes.router import Router as Router
from hamms_trio.http.serving.service import Service as Service
