"""MLServer: https://docs.seldon.ai/mlserver/api-reference."""

from collections.abc import Mapping
from typing import ClassVar, Literal

from modelyard.kube.images import Image
from modelyard.serving.runtimes.load_metrics import LoadMetrics
from modelyard.serving.runtimes.runtime import CONTAINER_STARTUP_SECONDS, Runtime, Served, Server
from modelyard.spec import Count, spec
from modelyard.versions import MLSERVER_IMAGE
from modelyard.workspace.words import MODEL_PATH

_PORT, _GRPC_PORT, _METRICS_PORT = 8080, 8081, 8082
_TEMPORARY = "/tmp"  # noqa: S108  # in the container, where every pod may write

Framework = Literal["sklearn", "xgboost", "lightgbm", "catboost", "mlflow"]
_IMPLEMENTATIONS: Mapping[Framework, str] = {
    "sklearn": "mlserver_sklearn.SKLearnModel",
    "xgboost": "mlserver_xgboost.XGBoostModel",
    "lightgbm": "mlserver_lightgbm.LightGBMModel",
    "catboost": "mlserver_catboost.CatboostModel",
    "mlflow": "mlserver_mlflow.MLflowRuntime",
}
"""https://github.com/SeldonIO/MLServer/tree/1.7.1/runtimes"""


@spec
class MlserverSpec(Runtime):
    """Seldon's MLServer: models of scikit-learn, XGBoost, LightGBM, CatBoost and MLflow, on CPUs.

    It serves the Open Inference Protocol by HTTP and gRPC.
    """

    NAME: ClassVar[str] = "mlserver"
    READS_HUGGINGFACE: ClassVar[bool] = False
    USER_ID: ClassVar[int | None] = 1000
    """The user `mlserver` that the image brings."""
    DEFAULT_IMAGE: ClassVar[str | None] = MLSERVER_IMAGE
    ARCHITECTURES: ClassVar[tuple[str, ...]] = ("amd64",)
    STARTUP_SECONDS: ClassVar[int] = CONTAINER_STARTUP_SECONDS
    # Of its REST server, without the probes, which ask by GET.
    # https://docs.seldon.ai/mlserver/user-guide/metrics
    LOAD_METRICS: ClassVar[LoadMetrics] = LoadMetrics(
        running="rest_server_requests_in_progress",
        latency="rest_server_request_duration_seconds",
        matchers='method="POST"',
    )

    image: Image = MLSERVER_IMAGE
    """The server's image, with the frameworks in it."""
    framework: Framework | None = None
    """What reads the model: `sklearn` a `model.joblib`, `model.pickle` or `model.pkl`; `xgboost` a `model.bst`,
    `model.json` or `model.ubj`; `lightgbm` a `model.bst`; `catboost` a `model.cbm` or `model.bin`; `mlflow` a model's
    folder. Left out: what the files `model-settings.json` in the model's folders say."""
    workers: Count = 1
    """Processes that compute. More than one CPU computes only with more than one, or in libraries with threads."""

    def server(self, served: Served) -> Server:
        """`mlserver start`. It is ready when all of its models are."""
        return Server(
            image=self.image,
            command=["mlserver", "start", MODEL_PATH],
            env={
                "MLSERVER_HTTP_PORT": str(_PORT),
                "MLSERVER_GRPC_PORT": str(_GRPC_PORT),
                "MLSERVER_METRICS_PORT": str(_METRICS_PORT),
                "MLSERVER_PARALLEL_WORKERS": str(self.workers),
                "MLSERVER_DEBUG": "false",
                # In its working folder by default, which is read only.
                "MLSERVER_ENVIRONMENTS_DIR": f"{_TEMPORARY}/environments",
                "MLSERVER_METRICS_DIR": f"{_TEMPORARY}/metrics",
                "NUMBA_CACHE_DIR": f"{_TEMPORARY}/numba",
                **self._model(served),
            },
            port=_PORT,
            grpc_port=_GRPC_PORT,
            ready_path="/v2/health/ready",
            live_path="/v2/health/live",
            metrics_path="/metrics",
            metrics_port=_METRICS_PORT,
        )

    def _model(self, served: Served) -> dict[str, str]:
        if not self.framework:
            return {}
        return {
            "MLSERVER_MODEL_NAME": served.name,
            "MLSERVER_MODEL_IMPLEMENTATION": _IMPLEMENTATIONS[self.framework],
            "MLSERVER_MODEL_URI": MODEL_PATH,
        }
