"""
`make up` and `make destroy`: Pulumi's own commands, with what a person would do before and after them.

Belongs here: choosing the stack, a lock or a pending create that a killed engine left, the table of what runs where.
Everything that also matters to a plain `pulumi up` belongs to the library. Runs in `.venv`, with the toolchain's
environment.
"""
