#!/usr/bin/env bash
# Writes Generated/*.pb.swift from Protos/*.proto, and Generated/DescriptorSet.swift, which tells recordings what their
# messages are made of. Run it after changing a .proto; the result is committed, so that
# building needs neither protoc nor the plugin.
#
# Needs Debian's protobuf-compiler, and the package resolved (swift package resolve) for swift-protobuf's checkout, from
# which the plugin is built: its version then matches the runtime library's.
set -euo pipefail
cd "$(dirname "$0")"
checkout=../../../.build/checkouts/swift-protobuf
plugin=${PROTOC_GEN_SWIFT:-}
if [ -z "$plugin" ]; then
    scratch=$(realpath ../../../.build)/protoc-gen-swift
    swift build -c release --package-path "$checkout" --scratch-path "$scratch" --product protoc-gen-swift
    plugin=$scratch/release/protoc-gen-swift
fi
protoc --plugin=protoc-gen-swift="$plugin" --swift_opt=Visibility=Internal --swift_out=Generated \
    -I Protos -I "$checkout/Protos/Sources/SwiftProtobuf" Protos/*.proto

set=$(mktemp)
trap 'rm -f "$set"' EXIT
protoc --descriptor_set_out="$set" --include_imports -I Protos -I "$checkout/Protos/Sources/SwiftProtobuf" \
    Protos/*.proto Protos/foxglove/*.proto
{
    echo '// Made by generate.sh from Protos: do not edit.'
    echo
    echo '/// A google.protobuf.FileDescriptorSet of all files in Protos with what they import, in base64.'
    echo 'let descriptorSetBase64 = """'
    base64 -w 116 "$set" | sed 's/^/    /; s/$/\\/' | sed '$ s/\\$//'
    echo '    """'
} > Generated/DescriptorSet.swift
