"""HTTP/1.1 messages as bytes. No sockets, no clock, no trio."""

from hamms_trio.wire.body import BodyReader as BodyReader
from hamms_trio.wire.memory import Memory as Memory, Sightings as Sightings
from hamms_trio.wire.message import (
    Field as Field,
    chunk as chunk,
    connection_field as connection_field,
    field_lines as field_lines,
    head as head,
    last_chunk as last_chunk,
    response as response,
    status_line as status_line,
)
from hamms_trio.wire.negotiation import best_match as best_match, quality as quality
from hamms_trio.wire.reader import RequestReader as RequestReader
from hamms_trio.wire.request import (
    MAX_FORM_OCTETS as MAX_FORM_OCTETS,
    MAX_HEAD_OCTETS as MAX_HEAD_OCTETS,
    MEMORY_HEAD_OCTETS as MEMORY_HEAD_OCTETS,
    RequestHead as RequestHead,
    is_request_id as is_request_id,
    parse_form as parse_form,
    parse_head as parse_head,
    recall_head as recall_head,
    split_request_id as split_request_id,
)
from hamms_trio.wire.request_line import Oddity as Oddity
from hamms_trio.wire.response_reader import (
    ResponseHead as ResponseHead,
    ResponseReader as ResponseReader,
)
from hamms_trio.wire.status import (
    REASON_PHRASES as REASON_PHRASES,
    is_interim as is_interim,
    reason_phrase as reason_phrase,
)
