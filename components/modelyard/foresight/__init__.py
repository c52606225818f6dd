"""What can be said of a stack before anything is made: pure functions over specs and tables.

Belongs here: what is planned, fits, costs. Does not: anything that imports a component or Pulumi.
"""
