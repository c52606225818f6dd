"""What is said of a resource type of Azure, beside what is said of any cloud's."""

from dataclasses import dataclass

from tools.offline.cloud.kinds import Kind, Name

GROUP = "/subscriptions/{subscription}/resourceGroups/{resourceGroupName}"


@dataclass(frozen=True, kw_only=True)
class AzureKind(Kind):
    """A resource type of Azure.

    Attributes:
        arm_type: Azure's own name of it: `Microsoft.Network/virtualNetworks`.
        parent: the token of what it is a part of, and goes with; empty for what stands in a resource group or scope.
        model: the class of its API model, where there is one (`model.py`).
        fixed: paths that the provider would change in place and the API refuses to change.
        is_singleton: whether it is always there with its parent, and its creation only changes it.
    """

    arm_type: str
    parent: str = ""
    model: str = ""
    fixed: tuple[str, ...] = ()
    is_singleton: bool = False

    @property
    def is_named_anew(self) -> bool:
        """Whether the provider makes a new name for a successor, so that it can stand beside its predecessor."""
        return self.name is not None and self.name.digits > 0


def random_name(property_name: str, most: int = 80) -> Name:
    """The resource's name and eight hex digits: what stands directly in a group is named so.

    https://github.com/pulumi/pulumi-azure-native/blob/master/provider/pkg/resources/resources.go (AutoNamer)
    """
    return Name(property=property_name, most=most, separator="", digits=8)


def copied_name(property_name: str, most: int = 80) -> Name:
    """The resource's name itself: what is a part of something is named so."""
    return Name(property=property_name, most=most, separator="", digits=0)
