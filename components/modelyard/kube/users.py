"""The users that containers run as, by number. Imports no Pulumi package."""

DEFAULT_USER_ID = 10001
"""Above 10000, where no user of a node's operating system is. It is always set as a number, because the kubelet cannot
tell whether an image's user that is given by name is root, and then refuses to start it."""

ROOT = 0
"""The only user whom an added capability has an effect for: https://github.com/kubernetes/enhancements/issues/2763"""
