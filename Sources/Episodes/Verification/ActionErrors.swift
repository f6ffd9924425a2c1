import Time

/// How far actions are from others, per number of the action and per step of the chunk.
package struct ActionErrors: Equatable, Sendable {
    /// The sum of errors in one number of an action, in that number's unit.
    package struct Sum: Equatable, Sendable {
        package fileprivate(set) var count = 0
        fileprivate var absolute = 0.0
        fileprivate var squared = 0.0
        package fileprivate(set) var maximum = 0.0

        package var meanAbsolute: Double { count == 0 ? 0 : absolute / Double(count) }
        package var rootMeanSquare: Double { count == 0 ? 0 : (squared / Double(count)).squareRoot() }

        fileprivate mutating func add(_ error: Double) {
            count += 1
            absolute += abs(error)
            squared += error * error
            maximum = max(maximum, abs(error))
        }
    }

    /// Errors by number of the action, over all steps.
    package private(set) var byElement: [Sum] = []
    /// Errors by step of the chunk and number of the action.
    package private(set) var byStep: [[Sum]] = []
    /// Errors of each chunk's first action in each number: computed minus logged.
    package private(set) var firstActions: [[Double]] = []
    /// Time of each chunk's observation.
    package private(set) var times: [MonotonicTime] = []

    package init() {}

    /// Adds the errors of one chunk.
    /// - Parameters:
    ///   - computed: the computed chunk, `[horizon, dimension]`.
    ///   - time: time of the chunk's observation.
    ///   - logged: the logged chunk, `[horizon, dimension]`; where one has more steps, those that both have are
    ///     compared.
    package mutating func add(_ computed: [Float], _ logged: [Float], dimension: Int, at time: MonotonicTime) {
        guard dimension > 0 else { return }
        let steps = min(computed.count, logged.count) / dimension
        while byElement.count < dimension { byElement.append(Sum()) }
        while byStep.count < steps { byStep.append([]) }
        for step in 0..<steps {
            while byStep[step].count < dimension { byStep[step].append(Sum()) }
            for element in 0..<dimension {
                let error = Double(computed[step * dimension + element]) - Double(logged[step * dimension + element])
                byElement[element].add(error)
                byStep[step][element].add(error)
            }
        }
        if steps > 0 {
            times.append(time)
            firstActions.append((0..<dimension).map { Double(computed[$0]) - Double(logged[$0]) })
        }
    }
}
