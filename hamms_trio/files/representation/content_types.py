"""Content-Type by file name extension.

This table replaces the mimetypes module, whose table depends on the version of Python and on files of the
machine. The answer to a request must depend on neither.
"""

from __future__ import annotations

OCTET_STREAM = "application/octet-stream"

_BY_EXTENSION = {
    # text
    "css": "text/css",
    "csv": "text/csv",
    "htm": "text/html",
    "html": "text/html",
    "ics": "text/calendar",
    "js": "text/javascript",  # RFC 9239
    "log": "text/plain",
    "md": "text/markdown",
    "mjs": "text/javascript",
    "py": "text/x-python",
    "txt": "text/plain",
    "vtt": "text/vtt",
    # structured
    "atom": "application/atom+xml",
    "geojson": "application/geo+json",
    "json": "application/json",
    "jsonld": "application/ld+json",
    "map": "application/json",
    "rss": "application/rss+xml",
    "toml": "application/toml",
    "wasm": "application/wasm",
    "webmanifest": "application/manifest+json",
    "xhtml": "application/xhtml+xml",
    "xml": "application/xml",
    "yaml": "application/yaml",  # RFC 9512
    "yml": "application/yaml",
    # images
    "apng": "image/apng",
    "avif": "image/avif",
    "bmp": "image/bmp",
    "gif": "image/gif",
    "ico": "image/vnd.microsoft.icon",
    "jpeg": "image/jpeg",
    "jpg": "image/jpeg",
    "png": "image/png",
    "svg": "image/svg+xml",
    "tif": "image/tiff",
    "tiff": "image/tiff",
    "webp": "image/webp",
    # audio and video
    "aac": "audio/aac",
    "flac": "audio/flac",
    "m4a": "audio/mp4",
    "mov": "video/quicktime",
    "mp3": "audio/mpeg",
    "mp4": "video/mp4",
    "oga": "audio/ogg",
    "ogg": "audio/ogg",
    "ogv": "video/ogg",
    "opus": "audio/ogg",
    "wav": "audio/wav",
    "weba": "audio/webm",
    "webm": "video/webm",
    # fonts
    "otf": "font/otf",
    "ttf": "font/ttf",
    "woff": "font/woff",
    "woff2": "font/woff2",
    # documents and archives
    "7z": "application/x-7z-compressed",
    "bz2": "application/x-bzip2",
    "docx": "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    "epub": "application/epub+zip",
    "gz": "application/gzip",
    "pdf": "application/pdf",
    "rtf": "application/rtf",
    "tar": "application/x-tar",
    "tgz": "application/gzip",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "xz": "application/x-xz",
    "zip": "application/zip",
    "zst": "application/zstd",
}


def content_type(name: bytes) -> str:
    """Find the media type of a file by its name; text has a charset."""
    _, dot, extension = name.rpartition(b".")
    found = _BY_EXTENSION.get(extension.lower().decode("latin-1")) if dot else None
    if found is None:
        return OCTET_STREAM
    return f"{found}; charset=utf-8" if found.startswith("text/") else found
