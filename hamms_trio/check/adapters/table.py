"""The adapters that come with hamms-trio.

Each client runs with its defaults, except that redirects and content codings are on where one setting does that,
and that wget tries once.
"""

from __future__ import annotations

import sys

from hamms_trio.check.adapters.adapter import Adapter, Runtime

PYTHON = Runtime(
    command=sys.executable,
    install="install Python",
    arguments=("{program}",),
    program="python_clients.py",
)
NODE = Runtime(
    command="node",
    install="install Node, such as apt-get install nodejs",
    # Evaluated code finds packages in the working folder, and a file would look beside itself.
    arguments=(
        "--input-type=module",
        "--eval=globalThis.loadPackage = (name) => import(name); await import(process.argv[1]);",
        "{program}",
    ),
    program="node_clients.mjs",
    in_folder=True,
)
RUBY = Runtime(
    command="ruby",
    install="install Ruby, such as apt-get install ruby",
    arguments=("{program}",),
    program="ruby_clients.rb",
)
PERL = Runtime(
    command="perl",
    install="install Perl",
    arguments=("{program}",),
    program="perl_clients.pl",
)
PHP = Runtime(
    command="php",
    install="install PHP, such as apt-get install php-cli",
    arguments=("{program}",),
    program="php_clients.php",
)
GO = Runtime(
    command="go",
    install="install Go, such as apt-get install golang-go",
    arguments=(),
    program="go_clients.go",
    build=("go", "build", "-o", "{built}/client", "{program}"),
)
JAVA = Runtime(
    command="java",
    install="install a JDK, such as apt-get install default-jdk-headless",
    arguments=("-cp", "{built}", "JavaClients"),
    program="JavaClients.java",
    build=("javac", "-d", "{built}", "{program}"),
)

EACH_READ = "the connection and each read"
WHOLE_EXCHANGE = "the whole exchange"


def _of(runtime: Runtime, name: str, timeout: str, install: str = "", shape: str = "") -> Adapter:
    return Adapter(name=name, runtime=runtime, timeout=timeout, install=install, shape=shape)


_ALL = (
    Adapter(
        name="curl",
        command=(
            *("curl", "-sSfL", "--compressed", "--max-time", "{timeout}", "-H", "{header}"),
            *("-w", '%{stderr}HAMMS:{"status":%{http_code}}\\n', "{url}"),
        ),
        timeout=WHOLE_EXCHANGE,
        install="apt-get install curl",
    ),
    Adapter(
        name="wget",
        command=(
            "wget",
            "-q",
            "--compression=auto",
            "--ca-certificate={ca}",
            "-O",
            "-",
            "--timeout",
            "{timeout}",
            "--tries=1",  # the usual twenty, with pauses of up to ten seconds, would hide all else
            "--header",
            "{header}",
            "{url}",
        ),
        timeout="name look-up, connection and each read, of the only attempt",
        install="apt-get install wget",
    ),
    _of(PYTHON, "http.client", EACH_READ),
    _of(PYTHON, "urllib3", EACH_READ, "pip install urllib3"),
    _of(PYTHON, "requests", EACH_READ, "pip install requests"),
    _of(PYTHON, "niquests", EACH_READ, "pip install niquests, in an environment of its own"),
    _of(PYTHON, "httpx", "the connection, each read and each write", "pip install httpx"),
    _of(PYTHON, "aiohttp", WHOLE_EXCHANGE, "pip install aiohttp"),
    _of(PYTHON, "httplib2", EACH_READ, "pip install httplib2"),
    _of(PYTHON, "pycurl", WHOLE_EXCHANGE, "pip install pycurl"),
    _of(NODE, "node-fetch", WHOLE_EXCHANGE),
    _of(NODE, "node-http", "silence of the socket"),
    _of(
        NODE, "undici", "the connection, the head, and each read of the body", "npm install undici"
    ),
    _of(NODE, "axios", "the answer", "npm install axios"),
    _of(NODE, "got", WHOLE_EXCHANGE, "npm install got"),
    _of(RUBY, "ruby", EACH_READ),
    _of(PERL, "perl-lwp", EACH_READ, "apt-get install libwww-perl liblwp-protocol-https-perl"),
    _of(PHP, "php", EACH_READ),
    _of(GO, "go", WHOLE_EXCHANGE),
    _of(JAVA, "java", "the head of the answer"),
    _of(PYTHON, "openai", EACH_READ, "pip install openai", shape="chat"),
    _of(PYTHON, "anthropic", EACH_READ, "pip install anthropic", shape="messages"),
    _of(PYTHON, "httpx-sse", EACH_READ, "pip install httpx-sse", shape="plain"),
)

ADAPTERS: dict[str, Adapter] = {adapter.name: adapter for adapter in _ALL}
