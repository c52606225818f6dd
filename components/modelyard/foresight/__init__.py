"""What can be said of a stack before anything is made, without an engine, a cluster or an account.

Belongs here: what is planned, fits, costs, as pure functions over specs and tables; and what the components register,
in the one module that imports them and Pulumi (`registered`).
"""
