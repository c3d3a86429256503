"""The result of a load, and how two results compare."""

from hamms_trio.load.result.numbers import (
    RESULT_SCHEMA as RESULT_SCHEMA,
    Result as Result,
    Spread as Spread,
    as_json as as_json,
    combine as combine,
)
