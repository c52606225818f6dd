"""Stand-in for Pulumi's `kubernetes` provider plugin, for machines that cannot download the real one.

It speaks the engine's provider protocol (`pulumirpc.ResourceProvider`) and manages objects on a real Kubernetes API
server the way the real provider does: client-side create, server-side apply on update, foreground delete, the same
names, replacement rules, waits and state. What it leaves out is listed in docs/kubernetes-stand-in.md.
"""
