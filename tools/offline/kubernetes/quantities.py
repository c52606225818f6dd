"""Kubernetes quantities in the form in which the API server stores them: `0.5` as `500m`, `1024Mi` as `1Gi`.

https://kubernetes.io/docs/reference/kubernetes-api/common-definitions/quantity/
"""

import re
from decimal import ROUND_CEILING, Decimal

_FORM = re.compile(r"([+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+))(?:([eE])([+-]?[0-9]+)|([numkMGTPE]|[KMGTPE]i)?)$")
_DECIMAL = {"n": -9, "u": -6, "m": -3, "": 0, "k": 3, "M": 6, "G": 9, "T": 12, "P": 15, "E": 18}
_DECIMAL_SUFFIXES = {power: suffix for suffix, power in _DECIMAL.items()}
_BINARY = ("", "Ki", "Mi", "Gi", "Ti", "Pi", "Ei")
_NANO = Decimal("1e-9")


def canonical(value: str | int | float) -> str:
    """The canonical form of a quantity; text that is no quantity comes back as it is, for the server to refuse."""
    text = str(value)
    match = _FORM.match(text.strip())
    if match is None:
        return text
    number, exponent_mark, exponent, suffix = match.groups()
    if suffix in _BINARY[1:]:
        amount = Decimal(number) * 1024 ** _BINARY.index(suffix)
        if amount == amount.to_integral_value() and abs(amount) >= 1024:
            return _binary(int(amount))
        return _decimal(amount)
    power = int(exponent) if exponent_mark else _DECIMAL[suffix or ""]
    return _decimal(Decimal(number).scaleb(power), exponent_mark)


def _binary(amount: int) -> str:
    index = 0
    while amount % 1024 == 0 and index + 1 < len(_BINARY):
        amount //= 1024
        index += 1
    return f"{amount}{_BINARY[index]}"


def _decimal(amount: Decimal, exponent_mark: str | None = None) -> str:
    """The largest suffix that needs no fraction; beyond nano the server rounds up."""
    amount = amount.quantize(_NANO, rounding=ROUND_CEILING) if amount % _NANO else amount
    if amount == 0:
        return "0"
    for power in sorted(_DECIMAL_SUFFIXES, reverse=True):
        scaled = amount.scaleb(-power)
        if scaled == scaled.to_integral_value():
            suffix = f"e{power}" if exponent_mark and power else _DECIMAL_SUFFIXES[power]
            return f"{int(scaled)}{suffix}"
    return str(amount)
