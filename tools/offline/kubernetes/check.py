"""Check: the program's inputs made complete, with name, namespace and normal form."""

from pulumi.runtime.proto import provider_pb2

from tools.offline.common.engine import Reporter
from tools.offline.common.errors import ProviderError
from tools.offline.common.values import UNKNOWN, Json, as_map, marshal, unmarshal
from tools.offline.kubernetes.naming import adopt_old_name, assign_name, has_generate_name
from tools.offline.kubernetes.normalize import normalize
from tools.offline.kubernetes.objects import AUTONAMED, name_of, pluck, set_metadata
from tools.offline.kubernetes.session import Session
from tools.offline.kubernetes.state import mark_secrets, to_object
from tools.offline.kubernetes.tokens import Urn, is_crd, is_list, is_patch, kind_of_object, kind_of_token, parse_urn

_HELM_HOOK = "helm.sh/hook"


def check(session: Session, request: provider_pb2.CheckRequest) -> provider_pb2.CheckResponse:
    """Completes the inputs of one object.

    Raises:
        ProviderError: the inputs cannot become an object, whatever the cluster.
    """
    urn = parse_urn(request.urn)
    reporter = session.reporter(request.urn)
    if session.client is None and session.settings.skip_update_unreachable:
        reporter.warning("Cluster is unreachable but skipUpdateUnreachable flag is set to true, skipping...")
        return provider_pb2.CheckResponse(inputs=request.olds)
    if is_list(urn):
        raise ProviderError(
            f"{urn.type} cannot be created: a list exists only to read YAML that contains one. "
            "Use the type of its items instead"
        )
    news = unmarshal(request.news)
    new = _identified(normalize(to_object(news)), urn)
    old = to_object(unmarshal(request.olds))
    _warn_about_annotations(session, reporter, new)
    if is_patch(urn, new["kind"]) and not name_of(new) and pluck(new, "metadata", "name") is not UNKNOWN:
        raise ProviderError("patch resources require the `.metadata.name` field to be set")
    if old:
        adopt_old_name(new, old)
    else:
        autonaming = request.autonaming if request.HasField("autonaming") else None
        assign_name(new, urn.name, seed=request.randomSeed, autonaming=autonaming)
    if has_generate_name(new):
        raise ProviderError(
            "the `.metadata.generateName` field is not supported in Server-Side Apply mode; "
            "leave it out, and the object is named after the resource"
        )
    _set_default_namespace(session, new)
    if is_crd(new):
        session.remember_crd(new)
    mark_secrets(new, news)
    return provider_pb2.CheckResponse(inputs=marshal(new))


def _identified(obj: Json, urn: Urn) -> Json:
    """`obj` with the apiVersion and kind of its resource type where it states none."""
    gvk = kind_of_token(urn.type)
    obj.setdefault("apiVersion", gvk.api_version)
    if obj["apiVersion"] == "core/v1":
        obj["apiVersion"] = "v1"
    obj.setdefault("kind", gvk.kind)
    return obj


def _set_default_namespace(session: Session, obj: Json) -> None:
    namespace = pluck(obj, "metadata", "namespace")
    if session.default_namespace and not namespace and session.is_namespaced(kind_of_object(obj)):
        set_metadata(obj, "namespace", session.default_namespace)


def _warn_about_annotations(session: Session, reporter: Reporter, obj: Json) -> None:
    for key in as_map(pluck(obj, "metadata", "annotations")):
        if key.startswith(AUTONAMED):
            reporter.warning(f'ignoring user-specified value for internal annotation "{key}"')
        if key.startswith(_HELM_HOOK) and not session.settings.suppress_helm_hook_warnings:
            reporter.warning(
                "This resource contains Helm hooks, which Pulumi does not support. The resource will be created, but "
                "any hooks will not be executed. The provider's suppressHelmHookWarnings turns this warning off"
            )
