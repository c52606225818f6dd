"""What a cluster needs before workloads, once for a whole cluster.

Belongs here: what makes its accelerators usable, and what workspaces share, as its queues. Does not: how an operator is
installed (`operators`), what a cluster's own nodes need to come and go (`cluster`), or what a team's namespace holds
(`workspace`).
"""
