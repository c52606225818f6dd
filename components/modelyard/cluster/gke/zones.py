"""Regions and zones of Google Cloud as far as their names tell, so that nothing has to be looked up."""

import re

REGION = r"[a-z]+-[a-z]+\d{1,2}"
"""What names of regions look like; new ones appear every year, so they are not listed."""

# Regions whose zones are not a, b and c. Zones for AI (us-central1-ai1a) are no zones of control planes, but of nodes.
# https://cloud.google.com/compute/docs/regions-zones#available
_LETTERS = {
    "europe-west1": "bcd",
    "us-central1": "abcf",
    "us-east1": "bcd",
}
_USUAL_LETTERS = "abc"


def zones_of(region: str) -> tuple[str, ...]:
    """The names of a region's zones, in order."""
    return tuple(f"{region}-{letter}" for letter in _LETTERS.get(region, _USUAL_LETTERS))


def is_zone_of(zone: str, region: str) -> bool:
    """Whether a name can be that of a zone in the region, also of one for AI.

    https://cloud.google.com/compute/docs/regions-zones/ai-zones
    """
    return bool(re.fullmatch(rf"{re.escape(region)}-(ai\d+)?[a-z]", zone))


def is_ai_zone(zone: str) -> bool:
    """Whether it is a zone of accelerators alone, in which no control plane can be."""
    return bool(re.search(r"-ai\d+[a-z]$", zone))
