"""What a cluster needs before workloads: operators with the kinds they bring, and where their charts come from.

Belongs here: anything that is installed once for a whole cluster. Does not: what one operator is set up to do (metrics
stand in `observability`), or what a team's namespace holds (`workspace`). Only
`operator.py` imports Pulumi packages.
"""
