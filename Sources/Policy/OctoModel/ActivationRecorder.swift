/// Keeps what the layers of one inference put out, under the names of the recorded cases (`tok.…`, `group.….in`,
/// `block.0`, …), to be compared with the official code's.
package final class ActivationRecorder {
    /// The output of one layer.
    package struct Activation: Equatable, Sendable {
        package var shape: [Int]
        /// The numbers, row-major.
        package var values: [Float]
    }
    package private(set) var activations: [String: Activation] = [:]

    package init() {}

    func record(_ name: String, _ shape: [Int], _ values: [Float]) {
        precondition(shape.reduce(1, *) == values.count, "'\(name)': \(values.count) numbers are not \(shape)")
        activations[name] = Activation(shape: shape, values: values)
    }

    /// Adds rows to an activation that comes in parts: the first dimension grows.
    func append(_ name: String, rowShape: [Int], _ values: [Float]) {
        var all = activations[name] ?? Activation(shape: [0] + rowShape, values: [])
        precondition(Array(all.shape.dropFirst()) == rowShape, "'\(name)': rows of one shape")
        all.shape[0] += 1
        all.values += values
        activations[name] = all
    }
}
