import Foundation
import OctoModel
import TestSupport
import Testing

@Suite struct MessagePackTests {
    private func parse(_ bytes: [UInt8]) throws(MessagePackError) -> MessagePackValue {
        let result = bytes.withUnsafeBytes { raw in
            Result { () throws(MessagePackError) in
                var parser = MessagePackParser(raw)
                return try parser.parseValue()
            }
        }
        return try result.get()
    }

    @Test(
        arguments: [
            ([0x07], .int(7)), ([0xff], .int(-1)), ([0xe0], .int(-32)), ([0xcc, 0xff], .int(255)),
            ([0xcd, 0x01, 0x00], .int(256)), ([0xce, 0xff, 0xff, 0xff, 0xff], .int(4_294_967_295)),
            ([0xcf, 0, 0, 0, 1, 0, 0, 0, 0], .int(4_294_967_296)), ([0xd0, 0x80], .int(-128)),
            ([0xd1, 0xff, 0x00], .int(-256)),
            ([0xd2, 0xff, 0xff, 0xff, 0xfe], .int(-2)), ([0xd3] + [UInt8](repeating: 0xff, count: 8), .int(-1)),
            ([0xc0], .null), ([0xc2], .bool(false)), ([0xc3], .bool(true)), ([0xca, 0x3f, 0xc0, 0, 0], .double(1.5)),
            ([0xcb, 0x3f, 0xf8, 0, 0, 0, 0, 0, 0], .double(1.5)), ([0xa2, 0x68, 0x69], .string("hi")),
            ([0xd9, 1, 0x61], .string("a")), ([0xda, 0, 1, 0x61], .string("a")),
            ([0xdb, 0, 0, 0, 1, 0x61], .string("a")),
            ([0xc4, 2, 9, 9], .binary(2..<4)), ([0xc5, 0, 1, 9], .binary(3..<4)), ([0xc6, 0, 0, 0, 0], .binary(5..<5)),
            ([0x92, 1, 2], .array([.int(1), .int(2)])), ([0xdc, 0, 1, 5], .array([.int(5)])),
            ([0xdd, 0, 0, 0, 1, 5], .array([.int(5)])),
            ([0x81, 0xa1, 0x61, 1], .map([.init(key: "a", value: .int(1))])),
            ([0xde, 0, 1, 0xa1, 0x61, 1], .map([.init(key: "a", value: .int(1))])),
            ([0xd4, 5, 0], .ext(type: 5, payload: 2..<3)),
            ([0xd8, 0xff] + [UInt8](repeating: 0, count: 16), .ext(type: -1, payload: 2..<18)),
            ([0xc7, 1, 3, 0], .ext(type: 3, payload: 3..<4)), ([0xc8, 0, 1, 3, 0], .ext(type: 3, payload: 4..<5)),
        ] as [([UInt8], MessagePackValue)])
    func readsEveryForm(bytes: [UInt8], value: MessagePackValue) throws {
        #expect(try parse(bytes) == value)
    }

    @Test(
        arguments: [
            ([], "left"), ([0xc1], "0xc1"), ([0xcd, 1], "left"), ([0xa5, 0x61], "left"), ([0xa1, 0xff], "UTF-8"),
            ([0xc6, 0xff, 0xff, 0xff, 0xff], "left"), ([0xdd, 0xff, 0xff, 0xff, 0xff, 1], "elements"),
            ([0xdf, 0x7f, 0xff, 0xff, 0xff], "elements"), ([0xc9, 0xff, 0xff, 0xff, 0xff, 1], "left"),
            ([0x81, 0x01, 0x01], "key"), ([0xcf] + [UInt8](repeating: 0xff, count: 8), "large"),
        ] as [([UInt8], String)])
    func refusesWhatIsNotThere(bytes: [UInt8], complaint: String) {
        #expect { try parse(bytes) } throws: { ($0 as? MessagePackError)?.problem.contains(complaint) == true }
    }

    @Test func nestingIsBounded() {
        #expect { try parse([UInt8](repeating: 0x91, count: 100_000)) } throws: {
            ($0 as? MessagePackError)?.problem.contains("nesting") == true
        }
    }

    @Test func theNumberOfValuesIsBounded() {
        let bytes = [0xdd] + MessagePackWriter.bigEndian(UInt32(2_000_000)) + [UInt8](repeating: 0, count: 2_000_000)
        #expect { try parse(bytes) } throws: { ($0 as? MessagePackError)?.problem.contains("more values") == true }
    }

    @Test func randomBytesNeverTrap() {
        var random = SeededGenerator(seed: SeededGenerator.freshSeed())
        for _ in 0..<20_000 {
            let bytes = (0..<Int.random(in: 0...40, using: &random)).map { _ in
                UInt8.random(in: 0...255, using: &random)
            }
            _ = try? parse(bytes)
            _ = try? FlaxArchive(Data(bytes), file: "random")
        }
    }
}

@Suite struct FlaxArchiveTests {
    private func archive(_ members: [(String, [UInt8])]) throws -> FlaxArchive {
        try FlaxArchive(Data(MessagePackWriter.map(members)), file: "made")
    }

    @Test func namesAreJoinedAndNumbersConverted() throws {
        let numbers: [Float] = [1, -2.5, 0.125, 65504]
        let halves = numbers.flatMap { withUnsafeBytes(of: Float16($0).bitPattern) { Array($0) } }
        let brains = numbers.flatMap { number in
            withUnsafeBytes(of: UInt16(truncatingIfNeeded: number.bitPattern >> 16)) { Array($0) }
        }
        let found = try archive([
            (
                "a",
                MessagePackWriter.map([
                    ("b", MessagePackWriter.array([2, 2], "float32", MessagePackWriter.floats(numbers)))
                ])
            ),
            ("half", MessagePackWriter.array([4], "float16", halves)),
            ("brain", MessagePackWriter.array([4], "bfloat16", brains)),
            ("whole", MessagePackWriter.array([1], "int32", [1, 0, 0, 0])),
            ("setting", MessagePackWriter.integer(3)),
        ])
        #expect(found.shape(of: "a/b") == [2, 2])
        #expect(found.floats("a/b") == numbers)
        #expect(found.floats("half") == numbers)
        // Eight bits of mantissa: 65504 is cut to 65280.
        #expect(found.floats("brain") == [1, -2.5, 0.125, 65280])
        #expect(found.floats("whole") == nil)
        #expect(found.floats("nothing") == nil)
        #expect(!found.entries.keys.contains("setting"))
    }

    @Test func chunkedArraysAreJoinedInNumericOrder() throws {
        func chunk(_ numbers: [Float]) -> [UInt8] {
            MessagePackWriter.array([numbers.count], "float32", MessagePackWriter.floats(numbers))
        }
        // Eleven chunks, written in the order of text ("10" before "2").
        let keys = (0..<11).map(String.init).sorted()
        let chunked = MessagePackWriter.map([
            ("__msgpack_chunked_array__", [0xc3]),
            (
                "shape",
                MessagePackWriter.map([("0", MessagePackWriter.integer(2)), ("1", MessagePackWriter.integer(11))])
            ),
            ("chunks", MessagePackWriter.map(keys.map { ($0, chunk([Float($0) ?? -1, 0.5])) })),
        ])
        let found = try archive([("big", chunked)])
        #expect(found.shape(of: "big") == [2, 11])
        #expect(found.floats("big") == (0..<11).flatMap { [Float($0), 0.5] })
    }

    @Test(
        arguments: [
            (MessagePackWriter.array([3], "float32", MessagePackWriter.floats([1, 2])), "shape"),
            (MessagePackWriter.array([-2, -1], "float32", MessagePackWriter.floats([1, 2])), "shape"),
            (MessagePackWriter.array([1 << 40, 1 << 40], "float32", []), "shape"),
            (MessagePackWriter.array([1], "complex64", [0, 0, 0, 0, 0, 0, 0, 0]), "complex64"),
            (MessagePackWriter.ext(1, [0x92, 0x90, 0xa0]), "not an array"),
            (MessagePackWriter.map([("__msgpack_chunked_array__", [0xc3])]), "chunks"),
            (
                MessagePackWriter.map([("__msgpack_chunked_array__", [0xc3]), ("shape", [0x80]), ("chunks", [0x80])]),
                "chunks"
            ),
        ] as [([UInt8], String)])
    func brokenArraysAreRefused(leaf: [UInt8], complaint: String) {
        #expect { try archive([("w", leaf)]) } throws: { error in
            guard case CheckpointError.corruptFile(let path, _, let problem)? = error as? CheckpointError else {
                return false
            }
            return path == "made" && problem.contains(complaint)
        }
    }

    @Test func aNameMayNotStandTwice() {
        let leaf = MessagePackWriter.array([1], "float32", MessagePackWriter.floats([1]))
        #expect { try archive([("w", leaf), ("w", leaf)]) } throws: { "\($0)".contains("second time") }
    }

    @Test func bytesBehindTheEndAreNoticed() {
        let bytes = MessagePackWriter.map([]) + [0]
        #expect { try FlaxArchive(Data(bytes), file: "made") } throws: { "\($0)".contains("should end") }
    }

    @Test func placeholdersPointElsewhere() throws {
        #expect(try archive([("w", MessagePackWriter.string("PLACEHOLDER://w"))]).refersToOtherFiles)
        #expect(try !archive([("w", MessagePackWriter.string("hello"))]).refersToOtherFiles)
    }
}
