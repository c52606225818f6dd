"""A cluster that exists already: it is used, and nothing of it is made, changed or removed."""
