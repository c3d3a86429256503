"""The control API beneath ``/_hamms/``: resources that any server may serve, without sockets."""

from hamms_trio.control.api import Control as Control
