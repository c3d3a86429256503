"""The well-behaved HTTP/1.1 server: routes in, truthful responses out."""

from hamms_trio.http.limits import ServerLimits as ServerLimits
from hamms_trio.http.request import Request as Request
from hamms_trio.http.response import (
    FileBody as FileBody,
    Response as Response,
    error as error,
    json_response as json_response,
    text as text,
)
from hamms_trio.http.routing import Router as Router
from hamms_trio.http.service import Service as Service
