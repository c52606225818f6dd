"""Regions and zones by the form of their names, and which zones offer a GPU as far as the library knows."""

import re

_ZONE = re.compile(r"([a-z]+-[a-z]+\d+)-[a-z]+\d?[a-z]?")
_REGION = re.compile(r"[a-z]+-[a-z]+\d+")


def is_zone(name: str) -> bool:
    """Whether a name has the form of a zone's: `us-central1-a`, or of a zone of accelerators, `us-central1-ai1a`."""
    return _ZONE.fullmatch(name) is not None


def is_region(name: str) -> bool:
    """Whether a name has the form of a region's."""
    return _REGION.fullmatch(name) is not None


def region_of(place: str) -> str:
    """The region of a zone, or the region itself."""
    found = _ZONE.fullmatch(place)
    return found[1] if found else place


def default_zones(place: str) -> list[str]:
    """The zones that GKE takes where a program names none: the zone itself, or three of the region."""
    return [place] if is_zone(place) else [f"{place}-{letter}" for letter in "abc"]
