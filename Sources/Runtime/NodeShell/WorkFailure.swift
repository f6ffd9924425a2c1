import ArgumentParser

/// What a command was given can be used, but its work failed, or what it asked about is not so: `runProgram` tells it
/// in one line and ends with exit code 1.
package struct WorkFailure: Error, Equatable, CustomStringConvertible {
    package let description: String

    package init(_ description: String) { self.description = description }
}

/// Does the work of a command that was given all it needs: what goes wrong from here on is no fault of its input.
/// - Parameter isWorks: whether an error is the work's; the others, of input that is met on the way, come as they are.
/// - Throws: `ExitCode` and `ValidationError` as they come, everything else as a `WorkFailure`.
package func working<Result>(
    where isWorks: (any Error) -> Bool = { _ in true }, _ work: () throws -> Result
) throws -> Result {
    do {
        return try work()
    } catch let error where error is ExitCode || error is ValidationError || !isWorks(error) {
        throw error
    } catch {
        throw WorkFailure("\(error)")
    }
}
