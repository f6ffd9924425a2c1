import Goals
import Messages

/// Goals in memory.
final class MemoryStore: GoalStore {
    var records: [String: GoalRecord] = [:]
    /// What lies outside of the library.
    var outside: Result<Goal, GoalError> = .success(.none)
    var saveError: GoalLibraryError?

    func path(of name: String) -> String { "/goals/\(name)" }
    func load(_ name: String) throws(GoalLibraryError) -> GoalRecord {
        guard let record = records[name] else {
            throw .missing(name: name, folder: "/goals", known: records.keys.sorted())
        }
        return record
    }
    func load(_ source: GoalSource) throws(GoalError) -> Goal { try outside.get() }
    func save(_ record: GoalRecord, replaces: Bool) throws(GoalLibraryError) -> String {
        if let saveError { throw saveError }
        if !replaces, records[record.name] != nil { throw .exists(name: record.name, path: path(of: record.name)) }
        records[record.name] = record
        return path(of: record.name)
    }
}
