"""Entry of the plugin: the engine runs `pulumi-resource-azure-native <engine address>` and reads the port."""

import sys

from tools.offline.common.protocol import use_protocol_only

use_protocol_only("pulumi-resource-azure-native")

from tools.offline.azure.server import serve  # noqa: E402  (the line above must come first)

if __name__ == "__main__":
    serve(sys.argv[1:])
