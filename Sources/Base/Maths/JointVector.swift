/// One number per joint of an arm: positions, velocities or limits. At most eight joints, stored in place, so that a
/// control loop can copy it without allocating.
package struct JointVector: Equatable, Sendable, BitwiseCopyable {
    /// The largest number of joints an arm can have here.
    package static let capacity = 8

    /// The numbers; lanes at and beyond `count` are zero.
    package var lanes: SIMD8<Double>
    /// How many joints there are, 0...8.
    package let count: Int

    /// Makes a vector of `count` copies of `value`.
    package init(repeating value: Double, count: Int) {
        precondition((0...Self.capacity).contains(count), "an arm has 0 to 8 joints, not \(count)")
        lanes = .zero
        self.count = count
        for joint in 0..<count { lanes[joint] = value }
    }

    /// The elements of `values`, of which there are at most eight.
    package init(_ values: some Collection<Double>) {
        self.init(repeating: 0, count: values.count)
        for (joint, value) in values.enumerated() { lanes[joint] = value }
    }

    package subscript(joint: Int) -> Double {
        get {
            precondition(joint < count, "joint index out of range")
            return lanes[joint]
        }
        set {
            precondition(joint < count, "joint index out of range")
            lanes[joint] = newValue
        }
    }

    package var array: [Double] { (0..<count).map { lanes[$0] } }
    /// Whether every element is finite.
    package var isFinite: Bool {
        for joint in 0..<count where !lanes[joint].isFinite { return false }
        return true
    }
    /// The largest absolute value, 0 when there are no joints.
    package var magnitude: Double {
        var largest = 0.0
        for joint in 0..<count { largest = max(largest, abs(lanes[joint])) }
        return largest
    }

    package static func + (a: Self, b: Self) -> Self { a.combined(a.lanes + b.lanes, with: b) }
    package static func - (a: Self, b: Self) -> Self { a.combined(a.lanes - b.lanes, with: b) }
    package static func * (a: Self, factor: Double) -> Self { a.combined(a.lanes * factor, with: a) }

    private func combined(_ lanes: SIMD8<Double>, with other: Self) -> Self {
        precondition(count == other.count, "joint vectors of different arms")
        var result = self
        result.lanes = lanes
        return result
    }
}

extension JointVector: ExpressibleByArrayLiteral {
    package init(arrayLiteral elements: Double...) { self.init(elements) }
}
