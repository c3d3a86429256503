"""The representations of a file, and the answer that is made of one."""
