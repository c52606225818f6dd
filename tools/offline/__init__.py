"""Stand-ins for Pulumi plugins that cannot be downloaded: tools to run and test stacks with, never a dialect."""
