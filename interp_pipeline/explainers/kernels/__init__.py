"""Compiled code: arrays in, arrays out; nothing here knows a library, a name or a file."""
