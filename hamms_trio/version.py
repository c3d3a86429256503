"""The version, as a constant: asking the installed metadata costs more than starting the server."""

VERSION = "0.1.0"
