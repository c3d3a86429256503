"""Files as answers to requests: decisions and open files, without connections and without trio.

The functions here wait for the disk and for nothing else: not for a FIFO, not for a terminal.
"""

from hamms_trio.files.codecrafters import (
    echo as echo,
    read_file as read_file,
    user_agent as user_agent,
    write_file as write_file,
)
from hamms_trio.files.disk.root import OutsideRoot as OutsideRoot, Root as Root
from hamms_trio.files.representation.answer import (
    BodyPart as BodyPart,
    FileAnswer as FileAnswer,
    Slice as Slice,
)
from hamms_trio.files.tree import FileTree as FileTree
