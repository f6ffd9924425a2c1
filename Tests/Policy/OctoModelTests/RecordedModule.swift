import OctoModel
import TestSupport
import Testing

/// One module of `units.safetensors`: its parameters under the names a reader asks for.
struct RecordedModule: ParameterSource {
    let module: String
    let recorded: SafetensorsFile

    init(_ module: String) throws {
        self.module = module
        recorded = try SafetensorsFile(path: Fixture.url("octo/units/units.safetensors").path)
    }

    var file: String { recorded.file }
    var names: [String] {
        let prefix = "\(module).param."
        return recorded.names.filter { $0.hasPrefix(prefix) }.map { "m/" + $0.dropFirst(prefix.count) }
    }
    private func recordedName(_ name: String) -> String { "\(module).param.\(name.dropFirst("m/".count))" }
    func shape(of name: String, askedFor shape: [Int]?) -> [Int]? { recorded[recordedName(name)]?.shape }
    func floats(_ name: String, shape: [Int]) -> [Float]? { try? recorded.floats(recordedName(name)) }

    /// Builds the module, with everything it needs found in the file, and nothing left over in it.
    func build<Module>(_ make: (inout ParameterReader) -> Module) throws -> Module {
        var reader = ParameterReader(self, copies: true)
        let result = make(&reader)
        try #require(reader.problems == [])
        #expect(Set(names) == reader.names)
        return result
    }

    func floats(_ part: String) throws -> [Float] { try recorded.floats("\(module).\(part)") }
    func shape(_ part: String) throws -> [Int] { try recorded.shape("\(module).\(part)") }
}

/// The largest difference between two lists; infinite if one is longer or anything is not a number.
func largestDifference(_ a: [Float], _ b: [Float]) -> Float {
    guard a.count == b.count, !a.isEmpty else { return .infinity }
    return zip(a, b).reduce(0) { largest, pair in
        let difference = abs(pair.0 - pair.1)
        return difference.isNaN ? .infinity : max(largest, difference)
    }
}

/// The `index`-th of equally long parts.
func part<Element>(_ index: Int, of list: [Element], size: Int) -> [Element] {
    Array(list[index * size..<(index + 1) * size])
}
