"""The grammar that heads, the values of fields, and the documents about them share."""

from __future__ import annotations

import re

TOKEN = r"[!#$%&'*+\-.^_`|~0-9A-Za-z]++"  # RFC 9110 §5.6.2
FIELD_NAME = re.compile(TOKEN)  # RFC 9110 §5.1
