"""The Python language host and the launcher of dynamic resources, where Pulumi's own cannot be installed."""
