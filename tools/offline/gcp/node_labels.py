"""The labels that GKE puts on nodes, by which the simulation finds them.

https://cloud.google.com/kubernetes-engine/docs/concepts/node-pools and, of accelerators,
https://cloud.google.com/kubernetes-engine/docs/how-to/gpus and …/how-to/tpus
"""

CLUSTER_LABEL = "simulation.modelyard.dev/cluster"
"""The nodes of a cluster; GKE itself has no such label."""
BUILD_LABEL = "simulation.modelyard.dev/build"
"""What nodes are made of: where it changes, they are made anew."""
SLICE_LABEL = "simulation.modelyard.dev/slice"
POOL_LABEL = "cloud.google.com/gke-nodepool"
ACCELERATOR_LABEL = "cloud.google.com/gke-accelerator"
TPU_LABEL = "cloud.google.com/gke-tpu-accelerator"
TPU_TOPOLOGY_LABEL = "cloud.google.com/gke-tpu-topology"
COMPUTE_CLASS_LABEL = "cloud.google.com/compute-class"
NETWORKS_LABEL = "cloud.google.com/gke-networking-dra-driver"
"""Nodes whose fast networks pods claim: https://cloud.google.com/kubernetes-engine/docs/how-to/allocate-network-resources-dra"""
