import TestSupport

/// Memory for C, aligned to a cache line, freed with the last reference.
final class Memory {
    let address: UnsafeMutableRawPointer

    init(bytes: Int) {
        address = .allocate(byteCount: max(bytes, 64), alignment: 64)
        address.initializeMemory(as: UInt8.self, repeating: 0, count: max(bytes, 64))
    }

    deinit { address.deallocate() }
}

/// Floats for C.
final class Floats {
    let address: UnsafeMutablePointer<Float>
    let count: Int

    init(_ values: [Float]) {
        count = values.count
        address = .allocate(capacity: max(count, 1))
        address.initialize(repeating: 0, count: max(count, 1))
        for (i, value) in values.enumerated() { address[i] = value }
    }

    convenience init(count: Int, value: Float) { self.init([Float](repeating: value, count: count)) }

    deinit { address.deallocate() }

    var values: [Float] { Array(UnsafeBufferPointer(start: address, count: count)) }

    subscript(_ index: Int) -> Float { address[index] }
}

extension SeededGenerator {
    /// Uniform in -1 ... 1.
    mutating func floats(_ count: Int, scale: Float = 1) -> [Float] {
        (0..<count).map { _ in Float.random(in: -scale...scale, using: &self) }
    }
}

/// The largest absolute difference; infinite if any is not a number.
func largestDifference(_ found: [Float], _ expected: [Double]) -> Double {
    var largest = found.count == expected.count ? 0 : Double.infinity
    for (a, b) in zip(found, expected) {
        let difference = abs(Double(a) - b)
        largest = difference <= largest ? largest : (difference.isNaN ? .infinity : difference)
    }
    return largest
}
