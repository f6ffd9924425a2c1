/// How the actions of one data set were normalised for training. One number per action dimension, in the data set's
/// units.
package struct ActionStatistics: Equatable, Sendable {
    /// Mean and standard deviation of each dimension, in the data set's units.
    package var mean: [Float]
    package var std: [Float]
    /// Mask of the dimensions, false for those that were left as they are (the gripper); all true when the file says
    /// nothing.
    package var mask: [Bool]
    /// The 1st and 99th percentile; needed for `.bounds` only.
    package var p01: [Float]?
    package var p99: [Float]?
    package var normalization = Normalization.normal
    /// The data set's gripper, the last of seven numbers, goes from -1 (closed) to 1 (open) and not from 0, as in
    /// models of December 2023: seen by the smallest and largest number that it has.
    package var hasSignedGripper = false

    package init(mean: [Float], std: [Float], mask: [Bool]? = nil, p01: [Float]? = nil, p99: [Float]? = nil) {
        precondition(mean.count == std.count, "one mean and one std per dimension")
        self.mean = mean
        self.std = std
        self.mask = mask ?? mean.map { _ in true }
        self.p01 = p01
        self.p99 = p99
        precondition(self.mask.count == mean.count, "one mask entry per dimension")
    }

    package var dimension: Int { mean.count }

    /// Which numbers the training subtracted and divided by.
    package enum Normalization: String, Sendable, CaseIterable {
        /// The mean became 0 and the std 1.
        case normal
        /// p01...p99 became -1...1.
        case bounds
    }

    /// Turns the network's numbers into the data set's units (`unnormalize_action` of the official code, commit
    /// 241fb35).
    ///
    /// - Parameters:
    ///   - chunk: `[actionHorizon, actionDimension]`, normalised.
    ///   - actionDimension: the network's; at least this data set's.
    ///   - normalization: the way in which actions were normalised; nil takes the statistics' own.
    /// - Returns: `[actionHorizon, dimension]`: cut to the dimensions this data set has. nil for `.bounds` without
    ///   percentiles.
    package func unnormalise(
        _ chunk: [Float], actionDimension: Int, _ normalization: Normalization? = nil
    ) -> [Float]? {
        precondition(
            actionDimension >= dimension && chunk.count % actionDimension == 0,
            "a chunk of \(chunk.count) numbers with \(actionDimension) dimensions, statistics have \(dimension)")
        let scale: [Float]
        let offset: [Float]
        switch normalization ?? self.normalization {
        case .normal:
            // The plain std: training divided by std + 1e-8, the official way back does not.
            (scale, offset) = (std, mean)
        case .bounds:
            guard let p01, let p99 else { return nil }
            scale = zip(p01, p99).map { ($1 - $0) / 2 }
            offset = zip(p01, scale).map { $0 + $1 }
        }
        var result: [Float] = []
        result.reserveCapacity(chunk.count / actionDimension * dimension)
        for row in stride(from: 0, to: chunk.count, by: actionDimension) {
            for d in 0..<dimension {
                let value = chunk[row + d]
                result.append(mask[d] ? value * scale[d] + offset[d] : value)
            }
        }
        return result
    }
}

extension ActionStatistics {
    /// Whether a gripper's numbers, smallest and largest, are those of -1...1.
    static func isSigned(_ smallest: Float, _ largest: Float) -> Bool {
        abs(smallest + 1) < 0.02 && abs(largest - 1) < 0.02
    }

    /// Turns actions in the data set's units into those with the gripper from 0 (closed) to 1 (open).
    /// - Parameter actions: `[count, dimension]`.
    package func withGripperFromZero(_ actions: [Float]) -> [Float] {
        guard hasSignedGripper else { return actions }
        var result = actions
        for index in stride(from: dimension - 1, to: actions.count, by: dimension) {
            result[index] = (actions[index] + 1) / 2
        }
        return result
    }
}

/// How the proprioception of one data set was normalised for training. One number per dimension, in the data set's
/// units.
package struct ProprioStatistics: Equatable, Sendable {
    /// The official code's, so that a joint that never moved divides by something.
    private static let epsilon = 1e-8

    package let mean: [Float]
    package let std: [Float]
    /// Mask of the dimensions, false for those that were left as they are; all true when the file says nothing.
    package let mask: [Bool]
    /// The 1st and 99th percentile; needed for `.bounds` only.
    package let p01: [Float]?
    package let p99: [Float]?
    package var normalization = ActionStatistics.Normalization.normal

    package init(mean: [Float], std: [Float], mask: [Bool]? = nil, p01: [Float]? = nil, p99: [Float]? = nil) {
        self.mean = mean
        self.std = std
        self.p01 = p01
        self.p99 = p99
        self.mask = mask ?? mean.map { _ in true }
        precondition(std.count == mean.count && self.mask.count == mean.count, "one mean, std and mask per dimension")
    }

    package var dimension: Int { mean.count }

    /// Turns the robot's numbers into the network's where the mask says so: `(x - mean) / (std + 1e-8)`
    /// (`NormalizeProprio` of the official code, commit 241fb35), or `2 (x - p01) / (p99 - p01 + 1e-8) - 1` cut to
    /// -1...1 (its `normalize_action_and_proprio` for bounds).
    /// - Parameter proprio: `[timesteps, dimension]` in the data set's units.
    /// - Returns: the same shape.
    package func normalise(_ proprio: [Float]) -> [Float] {
        precondition(proprio.count % dimension == 0, "\(proprio.count) numbers are not rows of \(dimension)")
        return proprio.indices.map { index in
            let d = index % dimension
            guard mask[d] else { return proprio[index] }
            let value = Double(proprio[index])
            if normalization == .bounds, let p01, let p99 {
                let range = Double(p99[d]) - Double(p01[d]) + Self.epsilon
                return Float(min(max(2 * (value - Double(p01[d])) / range - 1, -1), 1))
            }
            return Float((value - Double(mean[d])) / (Double(std[d]) + Self.epsilon))
        }
    }
}
