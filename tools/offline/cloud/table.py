"""Every resource type that a simulated cloud knows: those that the library registers, and no other."""

from collections.abc import Iterable

from tools.offline.cloud.kinds import Kind


class UnknownTypeError(LookupError):
    """A type that the library does not register."""


class Table(dict[str, Kind]):
    """A cloud's types by token."""

    def __init__(self, cloud: str, folder: str, kinds: Iterable[Kind]) -> None:
        """`cloud` is its name, `folder` that of its tables in tools/offline: both for the message."""
        super().__init__({kind.token: kind for kind in kinds})
        self._cloud, self._folder = cloud, folder

    def of_program(self, token: str) -> Kind:
        """What is said of a type.

        Raises:
            UnknownTypeError: it is not one that a program may make here.
        """
        kind = self.get(token)
        if kind is None or kind.internal:
            raise UnknownTypeError(
                f"{token} is no type that the simulated {self._cloud} knows: it knows exactly those that modelyard "
                f"registers; a new one goes into tools/offline/{self._folder}/kinds_*.py"
            )
        return kind
