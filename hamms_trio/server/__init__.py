"""The well-behaved HTTP/1.1 server: routes in, truthful responses out."""

from hamms_trio.server.limits import ServerLimits as ServerLimits
from hamms_trio.server.request import Request as Request
from hamms_trio.server.response import (
    FileBody as FileBody,
    Response as Response,
    error as error,
    json_response as json_response,
    text as text,
)
from hamms_trio.server.routing import Router as Router
from hamms_trio.server.service import Service as Service
