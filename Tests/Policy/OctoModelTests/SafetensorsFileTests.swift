import Foundation
import OctoModel
import Testing

@Suite struct SafetensorsFileTests {
    private func file(_ header: String, _ data: [UInt8] = []) throws(SafetensorsError) -> SafetensorsFile {
        let length = withUnsafeBytes(of: UInt64(header.utf8.count).littleEndian) { Array($0) }
        return try SafetensorsFile(Data(length + Array(header.utf8) + data), file: "made")
    }

    @Test func readsEachTypeInTheOrderOfTheHeader() throws {
        let found = try file(
            """
            {"__metadata__": {"a": "b"}, "z": {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]},
             "a": {"dtype": "U8", "shape": [1, 3], "data_offsets": [8, 11]},
             "i": {"dtype": "I32", "shape": [], "data_offsets": [11, 15]},
             "d": {"dtype": "F64", "shape": [1], "data_offsets": [15, 23]},
             "o": {"dtype": "BOOL", "shape": [2], "data_offsets": [23, 25]}}
            """,
            [0, 0, 0x80, 0x3f, 0, 0, 0, 0xc0, 7, 8, 9, 0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0, 0, 0, 0xf0, 0x3f, 1, 0])
        #expect(found.names == ["z", "a", "i", "d", "o"])
        #expect(try found.floats("z") == [1, -2])
        #expect(try found.uint8("a") == [7, 8, 9] && found.shape("a") == [1, 3])
        #expect(try found.int32("i") == [-1] && found.shape("i") == [])
        #expect(try found.doubles("d") == [1])
        #expect(try found.uint8("o") == [1, 0])
        #expect(found["nothing"] == nil)
        #expect(throws: SafetensorsError.noSuchTensor(file: "made", name: "nothing")) { try found.floats("nothing") }
        #expect(throws: SafetensorsError.wrongType(file: "made", name: "a", found: "U8", expected: "F32")) {
            try found.floats("a")
        }
    }

    @Test(arguments: [
        #"{"a": {"dtype": "F32", "shape": [2], "data_offsets": [0, 4]}}"#,
        #"{"a": {"dtype": "F32", "shape": [1], "data_offsets": [0, 40]}}"#,
        #"{"a": {"dtype": "F32", "shape": [1], "data_offsets": [4, 0]}}"#,
        #"{"a": {"dtype": "F32", "shape": [-1], "data_offsets": [0, 4]}}"#,
        #"{"a": {"dtype": "F32", "shape": [4611686018427387904, 4611686018427387904], "data_offsets": [0, 4]}}"#,
        #"{"a": {"dtype": "F32", "shape": [1], "data_offsets": [9223372036854775807, 9223372036854775807]}}"#,
        #"{"a": {"dtype": "X", "shape": [1], "data_offsets": [0, 4]}}"#, #"{"a": 3}"#, #"[]"#, #"{"a""#,
    ])
    func headersThatDoNotFitAreRefused(header: String) {
        #expect { try file(header, [0, 0, 0, 0]) } throws: { error in
            guard case SafetensorsError.damaged(let name, _)? = error as? SafetensorsError else { return false }
            return name == "made"
        }
    }

    @Test func aHeaderLongerThanTheFileIsRefused() {
        #expect(throws: SafetensorsError.self) {
            try SafetensorsFile(Data([UInt8](repeating: 0xff, count: 64)), file: "made")
        }
    }

    @Test func aFileThatIsNotThereIsNamed() {
        #expect { try SafetensorsFile(path: "/nonexistent/io.safetensors") } throws: {
            "\($0)".contains("/nonexistent/io.safetensors")
        }
    }
}
