"""Mistakes in specs that a type checker shows before the program runs."""

import pulumi

from modelyard import (
    BatchJobSpec,
    ContainerSpec,
    ExistingSpec,
    LocalSpec,
    ModelServiceSpec,
    PoolSpec,
    RuntimeSpec,
    ScheduledJobSpec,
    SharingSpec,
    TaintSpec,
    TrainingJobSpec,
)

runtime = RuntimeSpec(container=ContainerSpec(image="a:1", port=8080, ready_path="/"))
number: pulumi.Output[int] = pulumi.Output.from_input(1)

PoolSpec(max_node=2)  # error: reportCallIssue
PoolSpec("l4")  # error: reportCallIssue
PoolSpec(max_nodes="2")  # error: reportArgumentType
PoolSpec(max_nodes=2.5)  # error: reportArgumentType
PoolSpec(taints=[{"key": "dedicated"}])  # error: reportArgumentType
PoolSpec(accelerator="l4", capacity="spott")  # error: reportArgumentType
PoolSpec(accelerator="l4", sharing="half")  # error: reportArgumentType
PoolSpec(accelerator="l4", sharing={"mps": {"replicas": 4}})  # error: reportArgumentType
PoolSpec(accelerator="l4", fabric="efa")  # error: reportArgumentType
SharingSpec(mig={"1g.10gb": "2"})  # error: reportArgumentType
TaintSpec(key="dedicated", effect="NoEntry")  # error: reportArgumentType
LocalSpec(engine="docker")  # error: reportArgumentType
LocalSpec(kubernetes_version=1.35)  # error: reportArgumentType
ExistingSpec()  # error: reportCallIssue
ModelServiceSpec(pool="l4")  # error: reportCallIssue
ModelServiceSpec(pool="l4", runtime={"vllm": {}})  # error: reportArgumentType
# What decides which resources exist is a plain value.
ModelServiceSpec(pool="l4", runtime=runtime, replicas=number)  # error: reportArgumentType
BatchJobSpec(pool="l4", image=number)  # error: reportArgumentType
BatchJobSpec(pool="l4", image="a:1", command="run")  # fine for a type checker: text is a sequence of texts
BatchJobSpec(pool="l4", image="a:1", schedule="0 2 * * *")  # error: reportCallIssue
ScheduledJobSpec(pool="l4", image="a:1")  # error: reportCallIssue
TrainingJobSpec(pool="l4", image="a:1", gpus=1)  # error: reportCallIssue

PoolSpec().max_nodes = 2  # error: reportAttributeAccessIssue
