"""Every spec with every kind of value that it takes."""

import pulumi

from modelyard import (
    AbTestSpec,
    AbVariantSpec,
    AdapterSpec,
    AksApiEndpointSpec,
    AksEncryptionSpec,
    AksExistingVnetSpec,
    AksSpec,
    AksUpgradeSpec,
    AksVnetSpec,
    AnalysisSpec,
    ApiKeysSpec,
    ArtifactSpec,
    AutomaticSpec,
    AutomaticStepSpec,
    AutoscalingSpec,
    BatchJobSpec,
    BlueGreenSpec,
    CanarySpec,
    CapacityBlockSpec,
    ChartsSpec,
    ClusterSpec,
    ConfigSpec,
    ContainerSpec,
    EgressSpec,
    EksApiEndpointSpec,
    EksEncryptionSpec,
    EksExistingVpcSpec,
    EksSpec,
    EksUpgradeSpec,
    EksVpcSpec,
    ExistingSpec,
    ExpectJsonSpec,
    ExpectSpec,
    FabricSpec,
    GatewaySpec,
    GatewayTlsSpec,
    GkeApiEndpointSpec,
    GkeBootDiskSpec,
    GkeEncryptionSpec,
    GkeExistingVpcSpec,
    GkeMaintenanceSpec,
    GkeSpec,
    GkeUpgradeSpec,
    GkeVpcSpec,
    GpuSliceSpec,
    HuggingFaceSpec,
    ImageBuildSpec,
    InitContainerSpec,
    JwtSpec,
    LocalSpec,
    MembersSpec,
    MetricsSpec,
    MlflowModelSpec,
    MlserverSpec,
    ModelCacheSpec,
    ModelChangeSpec,
    ModelServiceSpec,
    ModelSpec,
    MountSpec,
    NetworkSpec,
    ObservabilitySpec,
    OidcSpec,
    PlatformSpec,
    PoolSpec,
    PrefillSpec,
    PreviewSpec,
    PrioritySpec,
    PrometheusCheckSpec,
    PrometheusTargetSpec,
    QueueQuotaSpec,
    QueueSpec,
    QuotaSpec,
    RateLimitSpec,
    ReadArtifactSpec,
    ReleaseSpec,
    ReplicasSpec,
    ReservationSpec,
    RetrySpec,
    RouteSpec,
    RuntimeSpec,
    ScalingScheduleSpec,
    ScheduledJobSpec,
    SecretSpec,
    SglangSpec,
    ShadowSpec,
    SharingSpec,
    SidecarSpec,
    StackSpec,
    TaintSpec,
    TargetSpec,
    TrainingJobSpec,
    TritonSpec,
    VariantSpec,
    VerifyRequestSpec,
    VerifySpec,
    VllmSpec,
    VolumeSpec,
    WorkspaceSpec,
    WorkspaceStackSpec,
)

other = pulumi.StackReference("org/registry/prod")
image: pulumi.Output[str] = other.require_output("image").apply(str)

pools = {
    "system": PoolSpec(cpus=8, memory_gib=32.5, min_nodes=1, max_nodes=3),
    "h100": PoolSpec(
        accelerator="h100",
        gpus_per_node=8,
        node_labels={"example.org/rack": "a"},
        taints=[TaintSpec(key="dedicated", value="training", effect="NoExecute")],
    ),
    "named": PoolSpec(machine_type="g2-standard-4"),
    "shared": PoolSpec(accelerator="l4", capacity="spot", sharing=SharingSpec(mps=ReplicasSpec(replicas=4))),
    "slices": PoolSpec(accelerator="h100", gpus_per_node=8, sharing=SharingSpec(mig="1g.10gb")),
    "mixed": PoolSpec(accelerator="h100", gpus_per_node=8, sharing=SharingSpec(mig={"3g.40gb": 1, "1g.10gb": 4})),
    "reserved": PoolSpec(
        accelerator="h100",
        gpus_per_node=8,
        fabric="rdma",
        capacity=ReservationSpec(reservation="cr-0123456789abcdef0"),
        zones=["us-east-1a"],
    ),
    "block": PoolSpec(accelerator="h200", gpus_per_node=8, capacity=CapacityBlockSpec(capacity_block="cr-1")),
}

assistant = ModelServiceSpec(
    pool="h100",
    gpus=1,
    model=ModelSpec(huggingface="Qwen/Qwen2.5-7B-Instruct", revision="main", token_secret="hf-token"),
    runtime=RuntimeSpec(vllm=VllmSpec(max_model_len=8192, extra_args=["--enable-prefix-caching"])),
    autoscaling=AutoscalingSpec(
        min_replicas=0,
        max_replicas=8,
        target=TargetSpec(
            cpu_percent=70,
            queued_requests=4,
            latency_seconds=0.5,
            latency_percentile=90,
            requests_per_second=2.5,
            prometheus=PrometheusTargetSpec(query="sum(queue)", threshold=5, counts_without_pods=True),
        ),
        schedules=[ScalingScheduleSpec(start="0 8 * * *", end="0 18 * * *", time_zone="Europe/Berlin", replicas=2)],
    ),
    spare_replicas=1,
    env={"LOG_LEVEL": "info", "ENDPOINT": pulumi.Output.concat("https://", image)},
    env_from_secrets={"TOKEN": "hf-token"},
)
fraud = ModelServiceSpec(
    pool="system",
    runtime=RuntimeSpec(container=ContainerSpec(image=image, port=8080, ready_path="/healthz")),
    replicas=2,
    cpus=0.5,
    memory_gib=2,
    drain_seconds=0,
)
ranker = ModelServiceSpec(
    pool="h100",
    gpus=1,
    model=ModelSpec(volume="models", folder="ranker/3", size_gib=0.5),
    runtime=RuntimeSpec(triton=TritonSpec(models=["ranker"], extra_args=[image])),
    route=RouteSpec(path="/ranker", timeout_seconds=30),
)
coder = ModelServiceSpec(
    pool="h100",
    gpus=8,
    model=ModelSpec(huggingface="Qwen/Qwen3-8B", size_gib=15.3),
    runtime=RuntimeSpec(sglang=SglangSpec(tensor_parallel=4, pipeline_parallel=2)),
)
embedder = ModelServiceSpec(
    pool="system",
    model=ModelSpec(huggingface="Qwen/Qwen3-Embedding-0.6B"),
    runtime=RuntimeSpec(huggingface=HuggingFaceSpec(pooling="mean")),
)
scorer = ModelServiceSpec(
    pool="system",
    model=ModelSpec(artifact="train"),
    runtime=RuntimeSpec(mlserver=MlserverSpec(framework="xgboost", workers=2)),
)
verified = VerifySpec(
    requests=[
        VerifyRequestSpec(path="/v1/models", headers={"authorization": "Bearer $(KEY)"}),
        VerifyRequestSpec(
            path="/predict",
            json={"image": [0, 1]},
            expect=ExpectSpec(latency_seconds=0.5, json={"/digit": ExpectJsonSpec(equals=7)}),
        ),
    ],
    env_from_secrets={"KEY": "chat-key"},
)
releases = {
    "canary": ReleaseSpec(
        canary=CanarySpec(model=ModelChangeSpec(revision="b1c2d3e"), weight_percent=10, header={"x-next": "1"}),
        verify=verified,
    ),
    "blue_green": ReleaseSpec(
        blue_green=BlueGreenSpec(live="green", green=VariantSpec(image=image), preview=PreviewSpec(path="/next"))
    ),
    "ab_test": ReleaseSpec(
        ab_test=AbTestSpec(variants={"b": AbVariantSpec(env={"B": image}, weight_percent=20)}, sticky_seconds=3600)
    ),
    "shadow": ReleaseSpec(shadow=ShadowSpec(gpus=2, percent=5)),
    "automatic": ReleaseSpec(
        automatic=AutomaticSpec(
            steps=[AutomaticStepSpec(weight_percent=10, pause_seconds=600)],
            analysis=AnalysisSpec(latency_seconds=0.5, prometheus=PrometheusCheckSpec(query="up", at_least=1)),
        )
    ),
}
cached = ModelServiceSpec(
    pool="h100",
    gpus=1,
    model=ModelSpec(huggingface="a/b", revision="a09a354", cache=ModelCacheSpec(volume="models", pool="system")),
    runtime=RuntimeSpec(vllm=VllmSpec()),
    adapters={"sql": AdapterSpec(huggingface="a/sql")},
    prefill=PrefillSpec(replicas=4, pool="h100-eight", gpus=GpuSliceSpec(mig="1g.10gb"), min_uncached_tokens=2048),
    priority="production",
    sidecars=[SidecarSpec(image=image, port=6565, ready_path="/ok")],
    init_containers=[InitContainerSpec(image=image, command=["prepare"])],
    route=RouteSpec(
        path="/sql",
        header={"x-team": "search"},
        retry=RetrySpec(attempts=1),
        rate_limit=RateLimitSpec(requests_per_minute=600),
        api_keys=ApiKeysSpec(clients={"search": "search-key"}),
    ),
)
known_clients = RouteSpec(
    jwt=JwtSpec(issuer="https://a.example.org", audiences=["b"], jwks_uri="https://a.example.org/c")
)
people = RouteSpec(oidc=OidcSpec(issuer="https://a.example.org", client_id="chat", client_secret="oidc"))
registered = ModelSpec(mlflow=MlflowModelSpec(tracking_uri="https://mlflow.example.org", model="fraud", alias="live"))
priorities = {"production": PrioritySpec(value=1000, preempts=False)}
gateway = GatewaySpec(hostname="models.example.org", tls=GatewayTlsSpec(cluster_issuer="corporate"))
queues = {"research": QueueSpec(pools={"h100": QueueQuotaSpec(gpus=16)}, cohort="gpus", lends=False, priority=100)}
embed = BatchJobSpec(pool="system", image="registry.example.org/embed:1.0.0", command=("embed", image), retries=0)
sliced = BatchJobSpec(pool="slices", image=image, gpus=GpuSliceSpec(mig="1g.10gb", count=2))
nightly = ScheduledJobSpec(pool="system", image=image, schedule="0 2 * * *", concurrency="replace")
finetune = TrainingJobSpec(pool="h100", image=image, nodes=2, gpus_per_node=8, fatal_exit_codes=[2])

workspace = WorkspaceSpec(
    quota=QuotaSpec(gpus=0, cpus=64, memory_gib=512.0),
    members=MembersSpec(edit=["group:ml"], view=("group:all",)),
    secrets={"hf-token": SecretSpec(from_="config/hf-token")},
    network=NetworkSpec(allow_internet=False, allow_egress=[EgressSpec(cidr="10.0.0.0/8", ports=[5432])]),
)

stack = StackSpec(
    cluster=ClusterSpec(local=LocalSpec(engine="kwok", kubernetes_version="1.35")),
    pools=pools,
    platform=PlatformSpec(
        charts=ChartsSpec(mirror="oci://registry.example.org/charts"), gateway=gateway, queues=queues
    ),
    observability=ObservabilitySpec(metrics=MetricsSpec(retention_days=7)),
    workspaces={
        "chat": WorkspaceStackSpec(
            services={"assistant": assistant, "fraud": fraud},
            jobs={"embed": embed, "nightly": nightly},
            training={"finetune": finetune},
        )
    },
)
elsewhere = StackSpec(cluster=ClusterSpec(existing=ExistingSpec(context="on-prem", storage_class="ceph-rbd")))

local = LocalSpec(engine="host", images={"registry.example.org/digits": ImageBuildSpec(context="../examples/digits")})
train = BatchJobSpec(
    pool="system", image=image, artifact=ArtifactSpec(volume="models", folder="digits/1"), await_completion=True
)
score = ScheduledJobSpec(pool="system", image=image, schedule="@daily", model=ReadArtifactSpec(artifact="train"))
files = WorkspaceStackSpec(
    config={"prompts": ConfigSpec(values={"system.txt": image})},
    volumes={"models": VolumeSpec(size_gib=500, shared=True, storage_class="fast")},
    jobs={"train": train, "score": score},
    services={
        "digits": ModelServiceSpec(
            pool="system",
            model=ModelSpec(artifact="train"),
            runtime=RuntimeSpec(container=ContainerSpec(image=image, port=8080, ready_path="/readyz")),
            mounts=[MountSpec(path="/data", volume="models", folder="a", read_only=True)],
        )
    },
)

eks = EksSpec(
    region="us-east-1",
    network=EksVpcSpec(cidr="10.20.0.0/16", zones=["us-east-1a", "us-east-1b"], nat="single"),
    api_endpoint=EksApiEndpointSpec(public_cidrs=["203.0.113.0/24"]),
    upgrade=EksUpgradeSpec(support="extended"),
    encryption=EksEncryptionSpec(),
    provisioner="karpenter",
)
elsewhere_in_aws = ClusterSpec(
    eks=EksSpec(
        region="us-east-1",
        network=EksExistingVpcSpec(
            vpc_id="vpc-0123456789abcdef0", private_subnet_ids={"us-east-1a": "subnet-01234567"}
        ),
    )
)
gke = GkeSpec(
    project="ml-prod-4711",
    region="us-central1",
    zones=["us-central1-a", "us-central1-b"],
    network=GkeVpcSpec(pods_cidr="10.24.0.0/14"),
    api_endpoint=GkeApiEndpointSpec(dns=False, public_cidrs=["203.0.113.0/24"]),
    upgrade=GkeUpgradeSpec(channel="stable", maintenance=GkeMaintenanceSpec(days=["sunday"])),
    encryption=GkeEncryptionSpec(),
    provisioner="node_auto_provisioning",
)
elsewhere_in_google_cloud = ClusterSpec(
    gke=GkeSpec(
        project="ml-prod-4711",
        region="us-central1",
        network=GkeExistingVpcSpec(network="shared", subnetwork="nodes", pods_range="pods", services_range="services"),
        secondary_boot_disks={"l4": [GkeBootDiskSpec(image="global/images/models")]},
    )
)
aks = AksSpec(
    subscription_id="00000000-0000-0000-0000-000000000000",
    region="eastus2",
    admins=["11111111-1111-1111-1111-111111111111"],
    network=AksVnetSpec(cidr="10.20.0.0/16"),
    api_endpoint=AksApiEndpointSpec(public_cidrs=["203.0.113.0/24"]),
    upgrade=AksUpgradeSpec(channel="none", day="monday"),
    encryption=AksEncryptionSpec(),
    provisioner="node_auto_provisioning",
)
elsewhere_in_azure = ClusterSpec(
    aks=AksSpec(
        subscription_id="00000000-0000-0000-0000-000000000000",
        region="eastus2",
        admins=["11111111-1111-1111-1111-111111111111"],
        network=AksExistingVnetSpec(node_subnet_id="nodes", api_server_subnet_id="api-server", way_out="route"),
    )
)
slice_of_chips = PoolSpec(machine_type="ct5lp-hightpu-4t", tpu_topology="4x4", max_nodes=4, placement="compact")
far = WorkspaceStackSpec(fabric=FabricSpec(quota=QuotaSpec(gpus=16)), training={"finetune": finetune})
