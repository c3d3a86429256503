"""The tables of a state file, its versions, and the refusal of files that are not ours."""

from __future__ import annotations

import sqlite3
from pathlib import Path

from hamms_trio.errors import StateUnusable, reason_of

APPLICATION_ID = 0x48414D54  # "HAMT", which file(1) and we look for
MEMORY = ":memory:"
# The narrow table of 100 000 requests fits, so that a filter reads no disk.
CACHE_KIBIBYTES = 32 * 1024
BUSY_SECONDS = 2.0  # the wait for another process that holds the file's lock

_BUCKETS = ", ".join(f"lat_bucket_{number} INTEGER NOT NULL" for number in range(11))

TRENDS_TABLE = f"""metric_trends (
        bucket_start INTEGER NOT NULL, route_key TEXT NOT NULL, request_count INTEGER NOT NULL,
        status_4xx INTEGER NOT NULL, status_5xx INTEGER NOT NULL, {_BUCKETS},
        PRIMARY KEY (bucket_start, route_key))"""

# Each script leads from one version to the next; a script that was released never changes.
MIGRATIONS = (
    f"""
    CREATE TABLE records (
        position INTEGER PRIMARY KEY AUTOINCREMENT, kind TEXT NOT NULL, id TEXT NOT NULL,
        document BLOB NOT NULL, UNIQUE (kind, id));
    CREATE TABLE history (
        number INTEGER PRIMARY KEY AUTOINCREMENT, at_ms INTEGER NOT NULL, request_id TEXT NOT NULL,
        method TEXT NOT NULL, path TEXT NOT NULL, status INTEGER NOT NULL, octets INTEGER NOT NULL);
    CREATE INDEX history_by_request_id ON history (request_id);
    CREATE TABLE history_documents (number INTEGER PRIMARY KEY, document BLOB NOT NULL);
    CREATE TABLE counters (name TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;
    CREATE TABLE armed (
        position INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, fault TEXT NOT NULL,
        match TEXT NOT NULL, times INTEGER NOT NULL, until_ms INTEGER NOT NULL);
    CREATE TABLE events (first INTEGER PRIMARY KEY, last INTEGER NOT NULL, documents BLOB NOT NULL);
    CREATE TABLE {TRENDS_TABLE};
    """,
)
VERSION = len(MIGRATIONS)


def connect(path: str) -> sqlite3.Connection:
    """Open a state file, create it if it is missing, and bring it to the present version.

    Raises:
        StateUnusable: the file is not ours, is newer than this program, is damaged, or can't be opened.
    """
    try:
        if path != MEMORY:
            prepare_file(Path(path))
        connection = sqlite3.connect(
            path, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False
        )
    except (OSError, sqlite3.Error) as error:
        raise StateUnusable(
            f"the state file {path} can't be opened: {reason_of(error)}; name another, or :memory: for none"
        ) from error
    try:
        _check(connection, path)
        _migrate(connection)
    except sqlite3.Error as error:
        connection.close()
        raise StateUnusable(f"the state file {path} can't be used: {error}") from error
    except StateUnusable:
        connection.close()
        raise
    return connection


def prepare_file(path: Path, *, noun: str = "state file") -> None:
    """Create the folder of a file that does not exist yet, and refuse a file that is not SQLite's."""
    if path.is_dir():
        raise StateUnusable(f"the {noun} {path} is a folder: name a file")
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch(mode=0o600)  # only the owner may read recorded bodies
        return
    with path.open("rb") as file:
        beginning = file.read(16)
    if beginning and beginning != b"SQLite format 3\0":
        instead = ", or import a JSON state file with hamms-trio import"
        raise StateUnusable(
            f"the {noun} {path} is not a file of SQLite: name another file"
            + (instead if noun == "state file" else "")
        )


def _check(connection: sqlite3.Connection, path: str) -> None:
    application = connection.execute("PRAGMA application_id").fetchone()[0]
    tables = connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()[0]
    if application != APPLICATION_ID and (application or tables):
        raise StateUnusable(f"the state file {path} belongs to another program: name another file")
    version = connection.execute("PRAGMA user_version").fetchone()[0]
    if version > VERSION:
        raise StateUnusable(
            f"the state file {path} has version {version}, and this program reads versions up to "
            f"{VERSION}: use a newer hamms-trio, or name another file"
        )


def _migrate(connection: sqlite3.Connection) -> None:
    connection.execute("PRAGMA journal_mode = WAL")
    # A commit survives the end of the process; only a power cut may cost the latest ones.
    connection.execute("PRAGMA synchronous = NORMAL")
    connection.execute(f"PRAGMA cache_size = -{CACHE_KIBIBYTES}")
    version = connection.execute("PRAGMA user_version").fetchone()[0]
    for number, script in enumerate(MIGRATIONS[version:], version + 1):
        connection.executescript(
            f"BEGIN IMMEDIATE; {script} PRAGMA application_id = {APPLICATION_ID};"
            f"PRAGMA user_version = {number}; COMMIT;"
        )
