"""The one error that the toolchain shows to people."""


class ToolchainError(Exception):
    """Something that the person at the terminal can fix. The message says what, why and how."""
