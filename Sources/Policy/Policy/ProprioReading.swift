import Messages
import OctoModel

/// What the network reads of the arm: which numbers in which order, the observation key they go by, and how training
/// normalised them.
package struct ProprioReading: Equatable, Sendable {
    /// The checkpoint's observation key.
    package let key: String
    /// One for each number of a timestep.
    package let fields: [ProprioField]
    /// The arm's, without the gripper.
    package let joints: Int
    package let statistics: ProprioStatistics

    /// Makes a reading of what another machine found of a checkpoint.
    /// - Parameter statistics: one number each for every field; joints among the fields are the arm's.
    package init(key: String, fields: [ProprioField], joints: Int, statistics: ProprioStatistics) {
        precondition(statistics.dimension == fields.count, "one statistic for each field")
        self.key = key
        self.fields = fields
        self.joints = joints
        self.statistics = statistics
    }

    /// Fits the checkpoint to the arm; nil for a checkpoint that reads images alone.
    /// - Parameters:
    ///   - statistics: proprioception statistics of the data set whose robot this is; nil when the checkpoint has none.
    ///   - layout: layout in which that data set writes the arm's state; nil when nobody said.
    ///   - joints: number of the arm's joints, without the gripper; nil when the program gives the policy no state of
    ///     an arm.
    /// - Throws: `ProprioError` that says what does not fit.
    package init?(
        of model: ModelDescription, statistics: ProprioStatistics?, layout: ProprioLayout?, joints: Int?
    ) throws(ProprioError) {
        let keys = model.lowdimKeys
        guard let (key, count) = keys.first else { return nil }
        guard keys.count == 1 else { throw .severalKeys(keys.map(\.name)) }
        guard let joints else { throw .noArm(key: key) }
        guard let statistics else { throw .noStatistics(key: key, count: count) }
        guard statistics.dimension == count else {
            throw .wrongStatistics(key: key, found: statistics.dimension, expected: count)
        }
        let fitting = [ProprioLayout.bridge, .joints].filter {
            $0.variants(joints: joints).contains { $0.count == count }
        }
        .map(\.description)
        guard let layout else { throw .noLayout(key: key, count: count, fitting: fitting) }
        let variants = layout.variants(joints: joints)
        guard let fields = variants.first(where: { $0.count == count }) else {
            throw .wrongLength(
                layout: layout.description, found: variants.map(\.count), key: key, expected: count, fitting: fitting)
        }
        for case .joint(let joint) in fields where joint >= joints {
            throw .noSuchJoint(field: ProprioField.joint(joint).name, joints: joints)
        }
        self.key = key
        self.fields = fields
        self.joints = joints
        self.statistics = statistics
    }

    /// The mean of the training data: what an arm says that is nowhere in particular.
    package var typical: [Float] { statistics.mean }

    /// The numbers as the network takes them.
    /// - Parameter numbers: `[timesteps, fields]`, in the fields' units.
    /// - Returns: the same shape; nil unless the rows are whole, as in the recording of another policy.
    func normalised(_ numbers: [Float]) -> [Float]? {
        numbers.count.isMultiple(of: fields.count) ? statistics.normalise(numbers) : nil
    }
}

/// Why the network cannot read this arm's state.
package enum ProprioError: Error, Equatable, Sendable {
    case severalKeys([String])
    case noArm(key: String)
    case noStatistics(key: String, count: Int)
    case wrongStatistics(key: String, found: Int, expected: Int)
    case noLayout(key: String, count: Int, fitting: [String])
    case wrongLength(layout: String, found: [Int], key: String, expected: Int, fitting: [String])
    case noSuchJoint(field: String, joints: Int)
}

extension ProprioError: CustomStringConvertible {
    package var description: String {
        switch self {
        case .severalKeys(let keys):
            "fitting the checkpoint to the arm: it reads [\(keys.joined(separator: ", "))] beside its images, "
                + "expected one key: the statistics of a data set have one 'proprio'. Use a checkpoint that was "
                + "trained with the arm's state under a single key."
        case .noArm(let key):
            "fitting the checkpoint to the arm: it reads '\(key)' beside its images, this program gives the policy no "
                + "state of an arm. Use a checkpoint that was trained with images alone."
        case .noStatistics(let key, let count):
            "fitting the checkpoint to the arm: it reads \(count) numbers as '\(key)', its dataset_statistics.json "
                + "has no 'proprio' of this data set, expected mean and std of \(count). Set policy.dataset to the "
                + "arm's data set, or take the statistics from the training."
        case .wrongStatistics(let key, let found, let expected):
            "fitting the checkpoint to the arm: its dataset_statistics.json has 'proprio' of \(found) numbers for "
                + "this data set, the network reads \(expected) as '\(key)'. Set policy.dataset to the one the "
                + "checkpoint was fine-tuned on."
        case .noLayout(let key, let count, let fitting):
            "fitting the checkpoint to the arm: it reads \(count) numbers as '\(key)' beside its images, the manifest "
                + "does not say which. \(Self.mend(count, fitting))"
        case .wrongLength(let layout, let found, let key, let expected, let fitting):
            "fitting the checkpoint to the arm: policy.proprio \(layout) gives "
                + "\(found.map(String.init).joined(separator: " or ")) numbers on this arm, the checkpoint reads "
                + "\(expected) as '\(key)'. \(Self.mend(expected, fitting))"
        case .noSuchJoint(let field, let joints):
            "fitting the checkpoint to the arm: policy.proprio has \"\(field)\", the arm has \(joints) joints. Name "
                + "joints from 1 to \(joints)."
        }
    }

    private static func mend(_ count: Int, _ fitting: [String]) -> String {
        let named = fitting.isEmpty ? "" : fitting.joined(separator: " or ") + " if its data set is like that, else to "
        return "Set policy.proprio to \(named)a list of \(count) fields in the data set's order, out of "
            + ProprioField.all.map(\.name).joined(separator: " ") + "."
    }
}
