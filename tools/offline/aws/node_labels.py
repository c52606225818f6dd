"""The labels by which the simulation finds nodes of AWS's."""

CLUSTER_LABEL = "alpha.eksctl.io/cluster-name"
"""The nodes of a cluster; eksctl uses it for the same."""
GROUP_LABEL = "eks.amazonaws.com/nodegroup"
