module modelyard.dev/toolchain/modelyard-pause

go 1.25.0
