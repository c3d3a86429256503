"""``python -m bench.peers.twisted_flask``: Flask in Twisted's thread pool, as the first hamms was built."""

from __future__ import annotations

from flask import Flask, Response
from twisted.internet import reactor
from twisted.web.server import Site
from twisted.web.wsgi import WSGIResource

from bench.peers.answer import GREETING, TYPE
from bench.peers.listening import BACKLOG

application = Flask("bench")


@application.route("/")  # type: ignore[untyped-decorator]  # Flask is untyped to us
def answer() -> Response:
    return Response(GREETING, mimetype=TYPE)


if __name__ == "__main__":
    site = Site(WSGIResource(reactor, reactor.getThreadPool(), application))
    site.noisy = False
    port = reactor.listenTCP(0, site, backlog=BACKLOG, interface="127.0.0.1")
    reactor.callWhenRunning(lambda: print(port.getHost().port, flush=True))
    reactor.run()
