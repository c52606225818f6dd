"""The types of IAM and KMS.

What replaces them: the schemas of https://github.com/hashicorp/terraform-provider-aws (internal/service/iam and kms).
"""

from tools.offline.aws.kinds import Call, Kind, Name, Reference

ROLE = "aws:iam/role:Role"
ROLE_POLICY = "aws:iam/rolePolicy:RolePolicy"
INSTANCE_PROFILE = "aws:iam/instanceProfile:InstanceProfile"
ROLE_POLICY_ATTACHMENT = "aws:iam/rolePolicyAttachment:RolePolicyAttachment"
KEY = "aws:kms/key:Key"
ALIAS = "aws:kms/alias:Alias"

KINDS = (
    Kind(
        token=ROLE,
        service="IAM",
        id_format="{name}",
        arn="arn:aws:iam::{account}:role{path}{id}",
        name=Name(most=64),
        unique=("name",),
        replace=("name", "namePrefix", "path"),
        in_use=("DeleteConflict", "Cannot delete entity, must remove roles from instance profile first."),
        call=Call(
            service="iam",
            operation="CreateRole",
            renamed={"name": "RoleName", "assumeRolePolicy": "AssumeRolePolicyDocument"},
            apart=("namePrefix", "forceDetachPolicies", "inlinePolicies", "managedPolicyArns", "region"),
        ),
        outputs=("createDate", "uniqueId", "managedPolicyArns"),
        filled={"path": "/", "maxSessionDuration": 3600, "forceDetachPolicies": False},
    ),
    Kind(
        token=ROLE_POLICY,
        service="IAM",
        id_format="{role}:{name}",
        name=Name(most=128),
        unique=("role", "name"),
        replace=("name", "namePrefix", "role"),
        references=(Reference(path="role", to=ROLE),),
        call=Call(
            service="iam",
            operation="PutRolePolicy",
            renamed={"name": "PolicyName", "policy": "PolicyDocument", "role": "RoleName"},
            apart=("namePrefix", "region"),
        ),
    ),
    Kind(
        token=ROLE_POLICY_ATTACHMENT,
        service="IAM",
        id_format="{role}/{policyArn}",
        unique=("role", "policyArn"),
        replace=("role", "policyArn"),
        references=(Reference(path="role", to=ROLE),),
        call=Call(service="iam", operation="AttachRolePolicy", renamed={"role": "RoleName"}, apart=("region",)),
        delete_first=True,
    ),
    Kind(
        token=INSTANCE_PROFILE,
        service="IAM",
        id_format="{name}",
        arn="arn:aws:iam::{account}:instance-profile{path}{id}",
        name=Name(most=128),
        unique=("name",),
        replace=("name", "namePrefix", "path"),
        references=(Reference(path="role", to=ROLE, holds=True),),
        call=Call(
            service="iam",
            operation="CreateInstanceProfile",
            renamed={"name": "InstanceProfileName"},
            apart=("namePrefix", "role", "region"),
        ),
        outputs=("createDate", "uniqueId"),
        filled={"path": "/"},
    ),
    Kind(
        token=KEY,
        service="KMS",
        arn="arn:aws:kms:{region}:{account}:key/{id}",
        replace=("customKeyStoreId", "customerMasterKeySpec", "keyUsage", "multiRegion", "xksKeyId"),
        call=Call(
            service="kms",
            operation="CreateKey",
            renamed={"customerMasterKeySpec": "KeySpec"},
            apart=("deletionWindowInDays", "enableKeyRotation", "isEnabled", "rotationPeriodInDays", "tags", "region"),
        ),
        outputs=("keyId", "policy", "multiRegion", "rotationPeriodInDays"),
        filled={"customerMasterKeySpec": "SYMMETRIC_DEFAULT", "isEnabled": True, "keyUsage": "ENCRYPT_DECRYPT"},
    ),
    Kind(
        token=ALIAS,
        service="KMS",
        id_format="{name}",
        arn="arn:aws:kms:{region}:{account}:{id}",
        name=Name(prefix="alias/"),
        unique=("name",),
        replace=("name", "namePrefix"),
        references=(Reference(path="targetKeyId", to=KEY),),
        call=Call(
            service="kms", operation="CreateAlias", renamed={"name": "AliasName"}, apart=("namePrefix", "region")
        ),
        outputs=("targetKeyArn",),
    ),
)
