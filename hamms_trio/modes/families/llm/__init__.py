"""Answers of language models that break off, fall silent, fail inside a 200, or are refused."""

from hamms_trio.modes.families.llm.answers import (
    llm_drop_post as llm_drop_post,
    llm_error_200 as llm_error_200,
    llm_error_event as llm_error_event,
    llm_nonstream as llm_nonstream,
    llm_quota as llm_quota,
    llm_status as llm_status,
)
from hamms_trio.modes.families.llm.streams import (
    llm_after_end as llm_after_end,
    llm_bad_event as llm_bad_event,
    llm_cut as llm_cut,
    llm_drip as llm_drip,
    llm_heartbeat as llm_heartbeat,
    llm_no_finish as llm_no_finish,
    llm_no_terminal as llm_no_terminal,
    llm_ok as llm_ok,
    llm_repeat as llm_repeat,
    llm_slow_first as llm_slow_first,
    llm_stall as llm_stall,
    llm_tool_cut as llm_tool_cut,
)
