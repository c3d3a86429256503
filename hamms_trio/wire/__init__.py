"""HTTP/1.1 messages as octets, without sockets, clock or trio."""

from hamms_trio.wire.fields.dates import imf_fixdate as imf_fixdate
from hamms_trio.wire.fields.forms import (
    MAX_FORM_OCTETS as MAX_FORM_OCTETS,
    parse_form as parse_form,
)
from hamms_trio.wire.fields.negotiation import best_match as best_match, quality as quality
from hamms_trio.wire.http1.body import UNLIMITED as UNLIMITED, BodyReader as BodyReader
from hamms_trio.wire.http1.build import (
    Field as Field,
    chunk as chunk,
    connection_field as connection_field,
    connection_lines as connection_lines,
    field_lines as field_lines,
    head as head,
    last_chunk as last_chunk,
    response as response,
    status_line as status_line,
)
from hamms_trio.wire.http1.request import (
    MAX_HEAD_OCTETS as MAX_HEAD_OCTETS,
    Oddity as Oddity,
    RequestHead as RequestHead,
    malformed_head as malformed_head,
    parse_head as parse_head,
    parse_if_whole as parse_if_whole,
)
from hamms_trio.wire.http1.request_reader import RequestReader as RequestReader
from hamms_trio.wire.http1.response import ResponseHead as ResponseHead
from hamms_trio.wire.http1.response_reader import ResponseReader as ResponseReader
from hamms_trio.wire.http1.section import scan_for as scan_for
from hamms_trio.wire.status import (
    REASON_PHRASES as REASON_PHRASES,
    is_interim as is_interim,
    reason_phrase as reason_phrase,
)
