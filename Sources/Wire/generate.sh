#!/usr/bin/env bash
# Writes Generated/*.pb.swift from Protos/*.proto. Run it after changing a .proto; the result is committed, so that
# building needs neither protoc nor the plugin.
#
# Needs Debian's protobuf-compiler, and the package resolved (swift package resolve) for swift-protobuf's checkout, from
# which the plugin is built: its version then matches the runtime library's.
set -euo pipefail
cd "$(dirname "$0")"
checkout=../../.build/checkouts/swift-protobuf
plugin=${PROTOC_GEN_SWIFT:-}
if [ -z "$plugin" ]; then
    scratch=$(realpath ../../.build)/protoc-gen-swift
    swift build -c release --package-path "$checkout" --scratch-path "$scratch" --product protoc-gen-swift
    plugin=$scratch/release/protoc-gen-swift
fi
protoc --plugin=protoc-gen-swift="$plugin" --swift_opt=Visibility=Internal --swift_out=Generated \
    -I Protos -I "$checkout/Protos/Sources/SwiftProtobuf" Protos/*.proto
