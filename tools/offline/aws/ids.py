"""Who and what an account of AWS's is, and ids as AWS makes them."""

import secrets

ACCOUNT_ID = "123456789012"
CALLER = f"arn:aws:iam::{ACCOUNT_ID}:user/deployer"
"""Who makes everything; who makes a cluster may be its administrator."""


def new_id(prefix: str) -> str:
    """An id as EC2 makes them."""
    return f"{prefix}-0{secrets.token_hex(8)}"
