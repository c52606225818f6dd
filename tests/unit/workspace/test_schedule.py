from typing import Any

import pytest

from modelyard.errors import ConfigError
from modelyard.spec import spec, validate
from modelyard.workspace.schedule import Schedule, TimeZone

GOOD = [
    "0 2 * * *", "*/5 * * * *", "0 9-17 * * mon-fri", "0 0 1,15 * *", "0 0 ? * *", "5/15 * * * *", "0 0 29 2 *",
    "0 0 31 4 sun", "0 0 28 2 *", "0 0 1-31/7 2 *", "0 0 29,30 4 ?", "59 23 31 12 6",
    "0 0 * JAN-MAR Mon", "@daily", "@hourly",
]  # fmt: skip
BAD = [
    ("0 2 * *", "is no cron line"),  # four fields
    ("0 0 2 * * *", "is no cron line"),  # six: with seconds
    ("", "is no cron line"),
    ("@every 5m", "is no cron line"),
    ("@reboot", "is no cron line"),
    ("60 * * * *", "'60' in '60 * * * *' is no minute; use 0 to 59, *"),
    ("* 24 * * *", "'24' in '* 24 * * *' is no hour"),
    ("0 0 0 * *", "is no day of the month; use 1 to 31"),
    ("0 0 * 13 *", "is no month; use 1 to 12, jan to dec"),
    ("0 0 * * 7", "is no day of the week; use 0 to 6, sun to sat"),  # Sunday elsewhere
    ("0 22-2 * * *", "'22-2' in '0 22-2 * * *' is no hour"),  # over midnight
    ("*/0 * * * *", "is no minute"),
    ("0 0 L * *", "is no day of the month"),  # the last one elsewhere
    ("0 0 * * mon#1", "is no day of the week"),  # the first one elsewhere
    ("H * * * *", "is no minute"),  # Jenkins
    ("1,,2 * * * *", "is no minute"),
    ("1- * * * *", "is no minute"),
    ("٣ * * * *", "is no minute"),
    ("0 0 30 2 *", "never comes; name a day that exists in one of its months"),
    ("0 0 31 2,4,6 ?", "never comes"),
    ("0 0 30,31 feb *", "never comes"),
    ("CRON_TZ=UTC 0 2 * * *", "names a time zone; remove it and set time_zone"),
]


@spec
class When:
    schedule: Schedule = "@daily"
    time_zone: TimeZone = "Etc/UTC"


def problem(**fields: Any) -> str:
    with pytest.raises(ConfigError) as caught:
        validate(When(**fields))
    return str(caught.value)


@pytest.mark.parametrize("schedule", GOOD)
def test_a_schedule_that_comes_is_let_pass(schedule: str) -> None:
    assert validate(When(schedule=schedule)).schedule == schedule


@pytest.mark.parametrize(("schedule", "why"), BAD)
def test_a_schedule_that_kubernetes_refuses_or_that_never_comes_is_refused(schedule: str, why: str) -> None:
    assert why in problem(schedule=schedule)


@pytest.mark.parametrize("zone", ["Europe/Berlin", "Etc/UTC", "UTC", "America/Argentina/Ushuaia"])
def test_a_zone_of_the_iana_database_is_let_pass(zone: str) -> None:
    assert validate(When(time_zone=zone)).time_zone == zone


@pytest.mark.parametrize(
    ("zone", "fix"),
    [
        ("Europe/Berlim", "did you mean Europe/Berlin?"),
        ("europe/berlin", "did you mean Europe/Berlin?"),
        ("Europe/berlin", "did you mean Europe/Berlin?"),
        ("Europe/", "did you mean Europe/"),
        ("America/Argentina", "did you mean America/Argentina/"),  # a folder
        ("localtime", ""),
        ("", "write one such as Europe/Berlin"),
        ("../../etc/passwd", "write one such as Europe/Berlin"),
    ],
)
def test_another_zone_is_refused(zone: str, fix: str) -> None:
    found = problem(time_zone=zone)
    assert "is no time zone" in found
    assert fix in found
